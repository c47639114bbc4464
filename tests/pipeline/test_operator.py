"""The operator as a whole, in virtual time: what it notices, what it survives, and how it stops."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import pytest

from leakwarden.adapters.store import SqliteStore
from leakwarden.api import OPT_OUT_ANNOTATION, SUMMARY_ANNOTATION
from leakwarden.api.words import Verdict
from leakwarden.core.records import Step, StoredTarget
from leakwarden.core.targets import TargetKey
from leakwarden.errors import ApiForbidden, ApiUnavailable, StoreError
from leakwarden.pipeline.operator import POLICY_CHECK
from tests.pipeline.build import LIVE_HEAP, leaks, owned, pod, policy, rests
from tests.pipeline.fakes import LoopClock, until
from tests.pipeline.world import World

GOPLS = policy("gopls")
WS1, WS2 = owned("ws-1", "one"), owned("ws-2", "two")
FOUND_BY = 240.0
"""Seconds within which a leak from the first sample on is found and told, with one check of the policies before."""


@pytest.fixture
def world(store: SqliteStore) -> World:
    made = World(store)
    for name in ("ws-1", "ws-2", "ws-3"):
        made.sampler.scripts[name] = rests()
    return made


async def test_from_a_policy_to_a_finding_in_status_and_events(world: World) -> None:
    world.add(WS1, WS2)
    world.sampler.scripts["ws-1"] = leaks()
    async with world.operator() as process:
        world.put(GOPLS)
        await asyncio.sleep(FOUND_BY)
        assert process.verdicts(GOPLS.key) == {"ws-1": "Leaking", "ws-2": "Healthy"}
    assert (world.told(WS1), world.told(WS2)) == (["LeakDetected"], [])
    (finding,) = world.status_of(GOPLS)["findings"]
    assert finding["signature"] == "memory/main.keep"
    assert world.live.asked == []


async def test_a_policy_that_the_watch_missed_is_found_by_the_check(world: World) -> None:
    world.add(WS1)
    async with world.operator() as process:
        await asyncio.sleep(1)
        world.put(GOPLS, tell=False)
        await asyncio.sleep(POLICY_CHECK + 1)
        assert process.watched(GOPLS.key) == {"ws-1"}
        world.put(policy("gopls", generation=2, labels={"app": "other"}), tell=False)
        await asyncio.sleep(POLICY_CHECK + 1)
        assert process.watched(GOPLS.key) == set()


async def test_a_policy_deleted_unseen_is_removed_by_the_check_and_forgotten_by_the_store(world: World) -> None:
    world.add(WS1)
    world.put(GOPLS)
    async with world.operator() as process:
        await until(lambda: bool(world.sampler.of("ws-1")))
        await asyncio.sleep(1)
        assert await world.store.targets(GOPLS.uid)
        world.delete(GOPLS, tell=False)
        await asyncio.sleep(POLICY_CHECK + 1)
        assert process.fleet.policies == {}
        assert await world.store.targets(GOPLS.uid) == []
        asked = len(world.sampler.asked)
        await asyncio.sleep(60)
        assert len(world.sampler.asked) == asked


async def test_rows_of_a_policy_deleted_while_no_operator_was_there_are_swept(world: World) -> None:
    key = TargetKey("uid-x", "pprof")
    await world.store.save(Step("gone", key, StoredTarget("gone", key, "{}", "{}", 1.0), outbox=("{}",)))
    world.put(GOPLS)
    async with world.operator():
        await asyncio.sleep(5)
        assert "gone" not in await world.store.policies()


async def test_a_policy_deleted_and_made_anew_starts_anew(world: World) -> None:
    world.add(WS1)
    world.sampler.scripts["ws-1"] = leaks()
    async with world.operator() as process:
        world.put(GOPLS)
        await asyncio.sleep(FOUND_BY)
        anew = policy("gopls", uid="another")
        world.put(anew)
        await asyncio.sleep(15)
        assert process.verdicts(GOPLS.key) == {"ws-1": "Learning"}
        assert await world.store.targets(GOPLS.uid) == []
        process.operator.policy_gone(GOPLS.key, GOPLS.uid)  # the old one's end, heard late
        await asyncio.sleep(5)
        assert process.watched(GOPLS.key) == {"ws-1"}


async def test_an_old_list_never_undoes_what_the_watch_has_said(world: World) -> None:
    world.add(WS1, WS2)
    world.put(GOPLS, tell=False)
    world.policies.slow = 5.0
    edited, newcomer = policy("gopls", generation=2, labels={"app": "other"}), policy("newcomer")
    async with world.operator() as process:
        await asyncio.sleep(6)
        await asyncio.sleep(POLICY_CHECK)
        world.put(edited)
        world.put(newcomer)
        await asyncio.sleep(6)
        assert process.fleet.policies[GOPLS.key].generation == 2
        assert process.watched(newcomer.key) == {"ws-1", "ws-2"}
        process.operator.policy_seen(GOPLS)
        await asyncio.sleep(1)
        assert process.fleet.policies[GOPLS.key].generation == 2


async def test_a_policy_deleted_during_a_list_does_not_come_back(world: World) -> None:
    world.add(WS1)
    world.put(GOPLS)
    world.policies.slow = 5.0
    async with world.operator() as process:
        await asyncio.sleep(30)
        world.put(policy("gopls", generation=2), tell=False)
        await until(lambda: world.policies.lists == 2)
        world.delete(GOPLS)
        await asyncio.sleep(20)
        assert process.fleet.policies == {}


async def test_it_is_ready_only_when_policies_and_their_pods_were_listed(world: World) -> None:
    world.policies.refuse = ApiUnavailable("no answer")
    world.put(GOPLS)
    async with world.operator() as process:
        process.pods.unsynced.add("demo")
        await asyncio.sleep(10)
        assert not process.operator.ready
        world.policies.refuse = None
        await asyncio.sleep(POLICY_CHECK)
        assert process.fleet.policies
        assert not process.operator.ready
        process.pods.unsynced.clear()
        process.pods.tell("demo")
        await asyncio.sleep(1)
        assert process.operator.ready


async def test_it_is_not_ready_while_listed_policies_are_still_being_taken_up(world: World) -> None:
    world.put(GOPLS)
    async with world.operator() as process:
        waiting, gate = process.store.hold("targets")
        await waiting.wait()
        await asyncio.sleep(1)
        assert not process.operator.ready
        gate.set()
        await until(lambda: process.operator.ready)
        assert set(process.fleet.policies) == {GOPLS.key}


async def test_a_namespace_that_may_not_be_read_does_not_keep_it_from_being_ready(world: World) -> None:
    world.put(GOPLS)
    async with world.operator() as process:
        process.pods.troubles["demo"] = ApiForbidden("cannot list pods in namespace demo", 403)
        process.pods.tell("demo")
        await asyncio.sleep(5)
        assert process.operator.ready
        late = policy("late")
        world.put(late)
        await asyncio.sleep(5)
        for each in (GOPLS, late):
            (ready,) = [c for c in world.status_of(each)["conditions"] if c["type"] == "Ready"]
            assert (ready["reason"], ready["message"][:16]) == ("Forbidden", "cannot list pods")
        del process.pods.troubles["demo"]
        process.pods.tell("demo")
        await asyncio.sleep(5)
        (ready,) = [c for c in world.status_of(late)["conditions"] if c["type"] == "Ready"]
        assert ready["reason"] != "Forbidden"


async def test_nothing_is_decided_before_everything_was_listed(world: World) -> None:
    world.add(WS1)
    world.sampler.scripts["ws-1"] = leaks()
    evicting = policy("gopls", mode="Evict")
    world.put(evicting)
    other = policy("older", namespace="slow")
    world.put(other)
    async with world.operator() as process:
        process.pods.unsynced.add("slow")
        await asyncio.sleep(FOUND_BY)
        assert process.verdicts(evicting.key) == {"ws-1": "Leaking"}
        assert (world.live.asked, world.statuses.written) == ([], [])
        process.pods.unsynced.clear()
        process.pods.tell("slow")
        await asyncio.sleep(20)  # one round more, for the confirmation
        assert world.live.evicted == ["ws-1"]


# -- pods -------------------------------------------------------------------------------------------------------------


async def test_pods_that_come_go_opt_out_or_change_are_followed(world: World) -> None:
    world.put(GOPLS)
    async with world.operator() as process:
        await asyncio.sleep(1)
        world.add(WS1, WS2)
        await asyncio.sleep(1)
        assert process.watched(GOPLS.key) == {"ws-1", "ws-2"}
        world.add(replace(WS2, annotations={OPT_OUT_ANNOTATION: "true"}))
        await asyncio.sleep(1)
        assert process.watched(GOPLS.key) == {"ws-1"}
        world.remove(WS1)
        await asyncio.sleep(1)
        assert process.watched(GOPLS.key) == set()
        await asyncio.sleep(20)
        assert await world.store.targets(GOPLS.uid) == []


async def test_a_leaking_pod_that_goes_is_told_as_gone_once(world: World) -> None:
    world.add(WS1)
    world.put(GOPLS)
    world.sampler.scripts["ws-1"] = leaks()
    async with world.operator():
        await asyncio.sleep(FOUND_BY)
        world.remove(WS1)
        await asyncio.sleep(30)
    async with world.operator():
        await asyncio.sleep(POLICY_CHECK)
    assert world.told(WS1) == ["LeakDetected", "LeakResolved"]
    assert world.status_of(GOPLS).get("findings", []) == []


async def test_an_end_that_the_store_would_not_take_is_recorded_when_it_does(world: World) -> None:
    world.add(WS1, WS2)
    world.put(GOPLS)
    world.sampler.scripts["ws-1"] = leaks()
    async with world.operator() as process:
        await asyncio.sleep(FOUND_BY)
        process.store.failing["save"] = StoreError("disk full")
        world.remove(WS1)
        await asyncio.sleep(30)
        assert world.told(WS1) == ["LeakDetected"]
        process.store.failing.clear()
        await asyncio.sleep(30)
        assert world.told(WS1) == ["LeakDetected", "LeakResolved"]
        assert [row.key.pod_uid for row in await world.store.targets(GOPLS.uid)] == [WS2.uid]


async def test_ends_that_wait_for_the_store_are_dropped_with_their_policy(world: World) -> None:
    world.add(WS1)
    world.put(GOPLS)
    world.sampler.scripts["ws-1"] = leaks()
    async with world.operator() as process:
        await asyncio.sleep(FOUND_BY)
        process.store.failing["save"] = StoreError("disk full")
        world.remove(WS1)
        await asyncio.sleep(5)
        world.delete(GOPLS)
        await asyncio.sleep(5)
        process.store.failing.clear()
        await asyncio.sleep(30)
    assert world.told(WS1) == ["LeakDetected"]
    assert await world.store.outbox() == []


# -- restarts ---------------------------------------------------------------------------------------------------------


async def test_a_restart_in_the_middle_loses_and_doubles_nothing(world: World) -> None:
    world.add(WS1, WS2)
    world.put(GOPLS)
    world.sampler.scripts["ws-1"] = leaks()
    for seconds in (45.0, 50.0, 40.0, 60.0, 60.0):
        async with world.operator():
            await asyncio.sleep(seconds)
    assert world.told(WS1) == ["LeakDetected"]


async def test_what_went_while_the_operator_was_down_has_gone_once_the_pods_are_listed(world: World) -> None:
    world.add(WS1, WS2)
    world.put(GOPLS)
    world.sampler.scripts["ws-1"] = leaks()
    async with world.operator():
        await asyncio.sleep(FOUND_BY)
    del world.pods[WS1.uid]
    async with world.operator() as process:
        process.pods.unsynced.add("demo")
        await asyncio.sleep(10)
        assert world.told(WS1) == ["LeakDetected"]
        process.pods.unsynced.clear()
        process.pods.tell("demo")
        await asyncio.sleep(10)
        assert world.told(WS1) == ["LeakDetected", "LeakResolved"]
    async with world.operator():
        await asyncio.sleep(10)
    assert world.told(WS1) == ["LeakDetected", "LeakResolved"]


async def test_events_of_open_findings_go_on_being_counted_after_a_restart(world: World) -> None:
    world.add(WS1)
    world.put(GOPLS)
    world.sampler.scripts["ws-1"] = leaks()
    async with world.operator():
        await asyncio.sleep(FOUND_BY)
    before = len(world.events.posted)
    async with world.operator():
        await asyncio.sleep(930)
    counted = world.events.posted[before:]
    assert {note.regarding.kind for note in counted} == {"Pod", "LeakPolicy"}
    assert {note.reason.value for note in counted} == {"LeakDetected"}
    assert {note.key for note in counted} <= {note.key for note in world.events.posted[:before]}


async def test_an_edited_rule_goes_on_with_the_series_that_is_there(world: World) -> None:
    world.add(WS1)
    world.put(policy("gopls", rules=[{**LIVE_HEAP, "growth": {"atLeast": "8Gi", "window": "90s"}}]))
    world.sampler.scripts["ws-1"] = leaks()
    async with world.operator() as process:
        await asyncio.sleep(FOUND_BY)
        assert process.verdicts(GOPLS.key) == {"ws-1": "Healthy"}
        world.put(policy("gopls", generation=2))
        await asyncio.sleep(30)
        assert process.verdicts(GOPLS.key) == {"ws-1": "Leaking"}


# -- acting -----------------------------------------------------------------------------------------------------------


async def test_a_leaking_pod_is_evicted_and_its_replacement_watched(world: World) -> None:
    world.add(WS1, WS2)
    evicting = policy("gopls", mode="Evict")
    world.put(evicting)
    world.sampler.scripts["ws-1"] = leaks()
    async with world.operator() as process:
        await until(lambda: world.live.evicted == ["ws-1"])
        world.remove(WS1)
        world.add(replace(owned("ws-3", "one"), created_at=LoopClock().now()))
        await asyncio.sleep(120)
        assert process.verdicts(evicting.key) == {"ws-2": "Healthy", "ws-3": "Healthy"}
    assert world.live.evicted == ["ws-1"]
    assert {"LeakDetected", "ActionTaken", "LeakResolved"} <= set(world.told(WS1))


async def test_annotations_of_a_deleted_policy_are_swept_and_its_namespace_left_alone_afterwards(world: World) -> None:
    marked = replace(WS1, annotations={SUMMARY_ANNOTATION: "Critical leak"})
    world.add(marked)
    world.policies.annotated = frozenset({"demo"})
    async with world.operator() as process:
        await asyncio.sleep(5)
        process.pods.tell("demo")
        await asyncio.sleep(5)
        assert world.live.done == [("unannotate", "ws-1")]
        assert process.pods.followed == {"demo"}
        world.add(WS1)
        await asyncio.sleep(5)
        assert process.pods.followed == frozenset()


async def test_a_deleted_policy_takes_its_annotations_along(world: World) -> None:
    noting = policy("gopls", mode="Annotate")
    world.add(WS1)
    world.put(noting)
    world.sampler.scripts["ws-1"] = leaks()
    async with world.operator() as process:
        await until(lambda: ("annotate", "ws-1") in world.live.done)
        world.add(replace(WS1, annotations={SUMMARY_ANNOTATION: world.live.texts[0]}))
        await asyncio.sleep(5)
        world.delete(noting)
        await asyncio.sleep(5)
        assert world.live.done[-1] == ("unannotate", "ws-1")
        world.add(WS1)
        await asyncio.sleep(5)
        assert process.pods.followed == frozenset()


# -- trouble and the end ----------------------------------------------------------------------------------------------


async def test_whatever_fails_for_a_while_is_tried_again(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """API and store fail in every way at once; when they are well again, everything comes right by itself."""
    caplog.set_level(logging.CRITICAL)
    world.add(WS1)
    world.put(GOPLS)
    world.sampler.scripts["ws-1"] = leaks()
    world.policies.refuse = world.statuses.refuse = world.events.refuse = ApiUnavailable("down")
    async with world.operator() as process:
        names = ("save", "targets", "outbox", "sent", "enqueue", "ended", "forget_policy", "policies")
        process.store.failing = dict.fromkeys(names, StoreError("disk full"))
        process.operator.policy_seen(GOPLS)
        await asyncio.sleep(300)
        assert world.statuses.written == []
        world.policies.refuse = world.statuses.refuse = world.events.refuse = None
        process.store.failing = {}
        await asyncio.sleep(FOUND_BY + POLICY_CHECK)
        assert process.verdicts(GOPLS.key) == {"ws-1": Verdict.LEAKING.value}
    assert world.told(WS1) == ["LeakDetected"]


async def test_a_bug_in_one_place_does_not_stop_the_rest(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    world.add(WS1)
    async with world.operator() as process:
        process.store.failing["targets"] = ZeroDivisionError("a bug")
        world.put(GOPLS)
        await asyncio.sleep(5)
        assert process.fleet.policies == {}
        process.store.failing.clear()
        await asyncio.sleep(POLICY_CHECK + 1)
        assert process.watched(GOPLS.key) == {"ws-1"}
        process.store.failing["save"] = ZeroDivisionError("another")
        world.remove(WS1)
        world.add(WS2)
        await asyncio.sleep(5)
        assert process.watched(GOPLS.key) == {"ws-2"}


async def test_it_stops_cleanly_in_the_midst_of_work(world: World) -> None:
    world.add(WS1, WS2, pod("ws-3"))
    world.put(GOPLS)
    world.sampler.latency = 4.0
    async with world.operator():
        await until(lambda: world.sampler.in_flight > 0)
    assert world.sampler.in_flight == 0
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert others == []
    asked = len(world.sampler.asked)
    await asyncio.sleep(60)
    assert len(world.sampler.asked) == asked


async def test_an_annotation_of_before_stays_until_the_pods_that_were_listed_were_looked_at(world: World) -> None:
    """The list is whole, and the operator has not come to it yet: that nothing is known of the pod means nothing."""
    annotating = policy("gopls", mode="Annotate")
    world.add(WS1)
    world.sampler.scripts["ws-1"] = leaks()
    world.put(annotating)
    async with world.operator():
        await until(lambda: ("annotate", "ws-1") in world.live.done)
    annotated = replace(WS1, annotations={SUMMARY_ANNOTATION: world.live.texts[-1]})
    world.live.asked.clear()
    world.remove(WS1)
    async with world.operator() as process:
        process.pods.unsynced.add("demo")
        await asyncio.sleep(5)
        process.pods.unsynced.clear()
        world.pods[WS1.uid] = annotated
        await asyncio.sleep(5)
        assert world.live.asked == []
        world.add(annotated)
        await asyncio.sleep(30)
        assert process.verdicts(annotating.key) == {"ws-1": "Leaking"}
    assert world.live.asked == []
