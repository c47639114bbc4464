"""What `top` and `explain` are told, of a fleet that lives in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from leakwarden.adapters.store import SqliteStore
from leakwarden.core.judge.codec import from_json, to_json
from leakwarden.pipeline.inspecting import Inspecting
from tests.pipeline.build import BLOCKED, labelled, leaks, owned, pod, policy, refused, rests
from tests.pipeline.fakes import LoopClock
from tests.pipeline.world import Process, World

GOPLS = policy("gopls")
WS1, WS2, WS3 = owned("ws-1", "one"), owned("ws-2", "two"), owned("ws-3", "three")
FOUND_BY = 240.0


@pytest.fixture
def world(store: SqliteStore) -> World:
    made = World(store)
    made.sampler.scripts["ws-1"] = leaks()
    made.sampler.scripts["ws-2"] = rests()
    made.sampler.scripts["ws-3"] = lambda *_: refused()
    return made


def inspecting(process: Process) -> Inspecting:
    return Inspecting(process.fleet, process.recording, process.deciding, LoopClock())


async def test_the_fastest_growing_comes_first_and_what_is_not_read_last(world: World) -> None:
    world.add(WS1, WS2, WS3)
    async with world.operator() as process:
        world.put(GOPLS)
        await asyncio.sleep(FOUND_BY)
        found = inspecting(process).targets("", "", 10)
    first, second, third = found.targets
    assert [row.pod for row in found.targets] == ["ws-1", "ws-2", "ws-3"]
    assert (first.verdict, first.worst, first.muted) == ("Leaking", "memory/main.keep", False)
    assert first.heap_per_hour == pytest.approx(4 * 2**20 * 360, rel=0.1)
    assert (first.goroutines, second.heap_per_hour) == (50, 0.0)
    assert second.live_heap == 100 * 2**20
    assert (third.verdict, third.heap_per_hour, third.live_heap) == ("NotRunning", None, None)
    assert third.message.startswith("ConnectionRefused: nothing listens")


async def test_rows_are_of_the_namespace_and_policy_that_were_asked_for_and_no_more_than_that(world: World) -> None:
    world.add(WS1, WS2)
    world.put(GOPLS)
    world.put(policy("other", namespace="else"))
    world.put(policy("second"))
    async with world.operator() as process:
        await asyncio.sleep(90)
        view = inspecting(process)
        assert (view.targets("", "", 10).total, view.targets("", "", 1).total) == (4, 4)
        assert len(view.targets("", "", 1).targets) == 1
        assert view.targets("else", "", 10).total == 0
        assert {row.policy for row in view.targets("demo", "second", 10).targets} == {"second"}
        assert {target.row.policy for target in view.pod("demo", "ws-1").targets} == {"gopls", "second"}
        assert view.pod("", "ws-1").targets and not view.pod("else", "ws-1").targets
        assert view.pod("demo", "ws-9").targets == ()


async def test_a_leak_is_explained_with_its_rules_its_decision_and_what_stands_behind_that(world: World) -> None:
    world.add(WS1, WS2)
    async with world.operator() as process:
        world.put(policy("gopls", minReadyPeers=3))
        await asyncio.sleep(FOUND_BY)
        (target,) = inspecting(process).pod("demo", "ws-1").targets
    (rule,) = target.rules
    assert (rule.name, rule.state, rule.unit, rule.held) == ("live-heap", "Firing", "bytes", rule.held)
    assert rule.when == "LiveHeap grows by 8Mi in 90s, held for 0s"
    assert rule.growth is not None
    assert rule.growth > 8 * 2**20
    (finding,) = target.findings
    assert finding.action is None
    assert [one.reason for one in finding.obstacles] == ["ObserveOnly", "MinReadyPeers", "NotConfirmed"]
    assert finding.obstacles[1].remedy == "Run more replicas, or lower minReadyPeers."
    assert target.next == "if ObserveOnly were lifted, MinReadyPeers, then NotConfirmed would hold an action back"
    assert (target.mode, target.owner) == ("Observe", "ReplicaSet/one")
    assert target.readings > 8


async def test_values_of_labels_are_gone_as_soon_as_the_policy_hides_them(world: World) -> None:
    world.add(WS1)
    world.sampler.scripts["ws-1"] = lambda _, number: labelled(number)
    async with world.operator() as process:
        world.put(policy(rules=[BLOCKED]))
        await asyncio.sleep(FOUND_BY)
        before = str(inspecting(process).pod("demo", "ws-1"))
        world.put(policy(rules=[BLOCKED], label_values="Hide", generation=2))
        await asyncio.sleep(0.1)
        after = str(inspecting(process).pod("demo", "ws-1"))
    assert "doc_id=secret.go" in before
    assert "doc_id" in after and "secret" not in after


async def test_of_a_pod_that_is_fine_the_next_thing_is_the_next_look(world: World) -> None:
    world.add(WS2)
    world.put(GOPLS)
    async with world.operator() as process:
        await asyncio.sleep(FOUND_BY)
        (target,) = inspecting(process).pod("demo", "ws-2").targets
    assert (target.row.verdict, target.findings) == ("Healthy", ())
    assert target.next.startswith("looked at again ")


async def test_after_a_restart_there_are_no_rules_to_show_before_the_first_sample(world: World) -> None:
    world.add(WS1)
    world.put(GOPLS)
    async with world.operator():
        await asyncio.sleep(FOUND_BY)
    async with world.operator() as process:
        await asyncio.sleep(0.5)
        (target,) = inspecting(process).pod("demo", "ws-1").targets
        assert (target.row.verdict, target.findings[0].signature) == ("Leaking", "memory/main.keep")
        state = next(iter(process.fleet.all_watches())).state
        assert from_json(to_json(state)) == state


async def test_a_pod_that_is_never_sampled_is_explained_too(world: World) -> None:
    world.add(pod("node", host_network=True))
    world.put(GOPLS)
    async with world.operator() as process:
        await asyncio.sleep(90)
        (target,) = inspecting(process).pod("demo", "node").targets
    assert (target.row.verdict, target.rules, target.process_since) == ("Unreachable", (), None)
    assert target.row.message.startswith("HostNetwork: ")
