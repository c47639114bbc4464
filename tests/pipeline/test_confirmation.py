"""From a memory leak over a forced collection to an eviction, in virtual time; and where no collection is forced."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from leakwarden.adapters.store import SqliteStore
from leakwarden.api.words import FailureReason
from leakwarden.core.parts import HEAP_AFTER_GC, ROUTINE
from leakwarden.core.readings import PartFailure
from leakwarden.pipeline.forced_gc import EVERY, PER_MINUTE
from tests.core.judge.builders import MI, heap
from tests.pipeline.build import INTERVAL, leaks, owned, policy
from tests.pipeline.fakes import Asked, until
from tests.pipeline.world import World

WS1, WS2 = owned("ws-1", "one"), owned("ws-2", "two")
FOUND_BY = 240.0
"""Seconds within which a leak from the first sample on is found and told."""


@pytest.fixture
def world(store: SqliteStore) -> World:
    return World(store)


def forced(world: World) -> list[Asked]:
    return [asked for asked in world.sampler.asked if HEAP_AFTER_GC in asked.wanted]


def gaps(of: list[Asked]) -> list[float]:
    return [later.at - earlier.at for earlier, later in pairwise(of)]


async def test_a_leak_is_confirmed_by_one_forced_collection_and_then_acted_on(world: World) -> None:
    world.add(WS1, WS2)
    world.sampler.scripts["ws-1"] = leaks()
    world.put(policy("gopls", mode="Evict"))
    async with world.operator():
        await until(lambda: world.live.evicted == ["ws-1"])
    (only,) = forced(world)
    detected = world.events.times[[note.reason.value for note in world.events.posted].index("LeakDetected")]
    assert (only.target.pod, only.wanted >= ROUTINE) == ("ws-1", True)
    assert only.at - detected <= 1.5 * INTERVAL


async def test_garbage_is_never_acted_on_and_is_asked_about_again_ten_intervals_later(world: World) -> None:
    world.add(WS1)
    evicting = policy("gopls", mode="Evict")
    world.put(evicting)
    world.sampler.scripts["ws-1"] = leaks()
    world.sampler.after_gc = lambda _: heap(100 * MI)
    async with world.operator() as process:
        await asyncio.sleep(FOUND_BY + 25 * INTERVAL)
        assert process.verdicts(evicting.key) == {"ws-1": "Leaking"}
        status = world.status_of(evicting)
    assert len(forced(world)) in {3, 4}
    assert all((EVERY - 0.5) * INTERVAL <= gap <= (EVERY + 2.5) * INTERVAL for gap in gaps(forced(world)))
    assert world.live.asked == []
    (decided,) = status["decisions"]
    assert decided["reason"] == "NotConfirmed"
    assert "took back" in decided["message"]
    assert "a forced collection took most of it back" in status["findings"][0]["message"]


async def test_a_forced_collection_that_fails_leaves_the_pod_alone_and_says_why(world: World) -> None:
    world.add(WS1)
    evicting = policy("gopls", mode="Evict")
    world.put(evicting)
    world.sampler.scripts["ws-1"] = leaks()
    world.sampler.after_gc = lambda _: PartFailure(FailureReason.TIMEOUT, "no answer within 5 s")
    async with world.operator():
        await asyncio.sleep(FOUND_BY)
        (decided,) = world.status_of(evicting)["decisions"]
        assert (decided["reason"], world.live.asked) == ("NotConfirmed", [])
        assert "it failed with Timeout" in decided["message"]
        world.sampler.after_gc = lambda heap: heap
        await asyncio.sleep(EVERY * INTERVAL)
    assert world.live.evicted == ["ws-1"]


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({}, id="Observe"),
        pytest.param({"mode": "Annotate"}, id="Annotate"),
        pytest.param({"mode": "Evict", "pausedUntil": "2099-01-01T00:00:00Z"}, id="paused"),
        pytest.param({"mode": "Evict", "minReadyPeers": 3}, id="no peers"),
        pytest.param({"mode": "Evict", "confirmed_by": "Nothing"}, id="switched off"),
    ],
)
async def test_no_collection_is_forced_where_it_would_lead_to_nothing(world: World, spec: dict[str, Any]) -> None:
    world.add(WS1)
    watching = policy("gopls", **spec)
    world.put(watching)
    world.sampler.scripts["ws-1"] = leaks()
    async with world.operator() as process:
        await asyncio.sleep(FOUND_BY + 5 * INTERVAL)
        assert process.verdicts(watching.key) == {"ws-1": "Leaking"}
    assert forced(world) == []
    assert world.live.evicted == (["ws-1"] if "confirmed_by" in spec else [])


async def test_a_dry_run_asks_for_a_forced_collection_as_a_live_one_does(world: World) -> None:
    world.add(WS1)
    world.put(policy("gopls", mode="Evict", execution="DryRun"))
    world.sampler.scripts["ws-1"] = leaks()
    async with world.operator():
        await until(lambda: world.dry.evicted == ["ws-1"])
    assert [asked.target.pod for asked in forced(world)] == ["ws-1"]


async def test_a_process_near_its_memory_limit_is_not_asked_and_not_evicted(world: World) -> None:
    near = replace(WS1, containers=(replace(WS1.containers[0], memory_limit=int(200 * MI)),))
    world.add(near)
    evicting = policy("gopls", mode="Evict")
    world.put(evicting)
    world.sampler.scripts["ws-1"] = leaks()
    async with world.operator():
        await asyncio.sleep(FOUND_BY + 5 * INTERVAL)
        (decided,) = world.status_of(evicting)["decisions"]
    assert decided["reason"] == "NotConfirmed"
    assert "no collection is forced, since the process is near the limit" in decided["message"]
    assert forced(world) == []
    assert world.live.asked == []


async def test_in_the_whole_fleet_one_collection_is_forced_at_a_time_and_six_in_a_minute(world: World) -> None:
    pods = [owned(f"ws-{number}", f"owner-{number}") for number in range(20)]
    world.add(*pods)
    world.sampler.latency = 1.5
    for each in pods:
        world.sampler.scripts[each.name] = leaks()
    world.put(policy("gopls", mode="Evict", budget={"actions": 100}))
    async with world.operator():
        await asyncio.sleep(FOUND_BY + 15 * INTERVAL)
    assert len(forced(world)) >= 10
    assert min(gaps(forced(world))) >= 60.0 / PER_MINUTE
