"""Another operator, with nothing but what is in the API: no leak goes and comes back, nothing is told or done twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from leakwarden.adapters.store import SqliteStore
from leakwarden.api import SUMMARY_ANNOTATION
from leakwarden.api.words import Outcome
from leakwarden.core.actions import Action, ActionState
from leakwarden.core.policy import Policy
from leakwarden.core.readings import Reading
from leakwarden.core.report.inherited import patience
from leakwarden.core.targets import PodFacts
from leakwarden.errors import ApiUnavailable
from tests.core.decide.fleets import NOW, evicted
from tests.core.judge.builders import MI, goroutines, heap
from tests.pipeline.build import leaks, owned, policy, quiet, rests
from tests.pipeline.fakes import LoopClock, until
from tests.pipeline.test_muting import policy as muting
from tests.pipeline.world import World

FOUND_BY = 240.0
WS1, WS2 = owned("ws-1", "one"), owned("ws-2", "two")


@pytest.fixture
async def other_store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "other")
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def world(store: SqliteStore) -> World:
    made = World(store)
    made.add(WS1, WS2)
    made.sampler.scripts["ws-1"] = leaks()
    made.sampler.scripts["ws-2"] = rests()
    return made


def take_over(world: World, store: SqliteStore, of: Policy) -> None:
    """What the next operator finds: the policy with its status, and a disk of its own."""
    world.store = store
    world.put(replace(of, status=world.status_of(of)), tell=False)


async def test_a_leak_stays_in_the_status_is_found_again_and_told_once(world: World, other_store: SqliteStore) -> None:
    gopls = policy("gopls")
    world.put(gopls)
    async with world.operator():
        await asyncio.sleep(FOUND_BY)
    (was,) = world.status_of(gopls)["findings"]
    written, posted = len(world.statuses.written), len(world.events.posted)
    take_over(world, other_store, gopls)
    async with world.operator() as process:
        await until(lambda: len(world.statuses.written) > written)
        assert process.verdicts(gopls.key)["ws-1"] != "Leaking"
        (inherited,) = world.status_of(gopls)["findings"]
        assert "decision" not in inherited
        assert {**inherited, "asOf": "", "decision": ""} == {**was, "asOf": "", "decision": ""}
        await asyncio.sleep(FOUND_BY)
        assert process.verdicts(gopls.key) == {"ws-1": "Leaking", "ws-2": "Healthy"}
    (again,) = world.status_of(gopls)["findings"]
    assert "asOf" not in again
    assert (again["signature"], again["firstSeen"]) == (was["signature"], was["firstSeen"])
    assert [[row["signature"] for row in status["findings"]] for _, _, status in world.statuses.written[written:]] == [
        [was["signature"]]
    ] * (len(world.statuses.written) - written)
    keys = {note.key for note in world.events.posted[:posted]}
    assert {note.key for note in world.events.posted[posted:]} <= keys
    assert world.told(WS1) == ["LeakDetected"]


async def test_nothing_is_done_about_it_before_it_is_found_again(world: World, other_store: SqliteStore) -> None:
    evicting = policy("gopls", mode="Evict")
    world.put(evicting)
    async with world.operator():
        await until(lambda: bool(world.statuses.written and world.status_of(evicting)["findings"]))
    world.live.asked.clear()
    world.journal.clear()  # it was killed before it had decided anything
    take_over(world, other_store, evicting)
    async with world.operator() as process:
        began = LoopClock().now()
        await until(lambda: bool(world.live.asked))
        assert LoopClock().now() - began > 80  # the rule's window
        assert process.verdicts(evicting.key)["ws-1"] == "Leaking"
    assert world.live.evicted == ["ws-1"]


async def test_what_is_in_the_journal_holds_the_new_one_back(world: World, other_store: SqliteStore) -> None:
    evicting = policy("gopls", mode="Evict", budget={"actions": 1, "window": "1h"}, cooldown="0s")
    world.put(evicting)
    async with world.operator():
        await until(lambda: world.live.evicted == ["ws-1"])
    world.remove(WS1)
    world.sampler.scripts["ws-2"] = leaks()
    take_over(world, other_store, evicting)
    async with world.operator():
        await asyncio.sleep(2 * FOUND_BY)
        assert [row["reason"] for row in world.status_of(evicting)["decisions"]] == ["BudgetSpent"]
    assert world.live.evicted == ["ws-1"]


GOROUTINES = {
    "name": "goroutines",
    "signal": "Goroutines",
    "growth": {"atLeast": "200", "window": "90s"},
    "for": "40s",
    "severity": "Critical",
}


def many(number: int, count: int) -> Reading:
    return Reading(heap(100 * MI, alloc=number * MI, mark=f"gc-{number}"), goroutines(count))


async def test_an_old_memory_of_a_leak_that_is_over_evicts_nobody(world: World) -> None:
    """Who led hours ago leads again, and finds its own finding open. The first sample shows that nothing is left."""
    world.sampler.scripts["ws-1"] = lambda _, number: many(number, 50 + 100 * number)
    before = policy("gopls", mode="Evict", rules=[GOROUTINES], minReadyPeers=5)
    world.put(before)
    async with world.operator() as process:
        await asyncio.sleep(FOUND_BY)
        assert process.verdicts(before.key)["ws-1"] == "Leaking"
    await asyncio.sleep(5 * 3600)
    world.sampler.scripts["ws-1"] = lambda _, number: many(number, 50)
    after = policy("gopls", mode="Evict", rules=[GOROUTINES], generation=2)
    world.put(replace(after, status=world.status_of(before)))
    async with world.operator() as process:
        await until(lambda: "Subsiding" in {row["reason"] for row in world.status_of(after)["decisions"]})
        await asyncio.sleep(FOUND_BY)
        assert process.verdicts(after.key)["ws-1"] != "Leaking"
    assert world.live.asked == []
    assert [reason for reason in world.told(WS1) if reason != "ActionRefused"] == ["LeakDetected", "LeakResolved"]


# -- what limits actions is in the API: each, with the disk lost ------------------------------------------------------

PEER = owned("ws-0", "one")
"""Of the same owner as the pod that leaks."""


@dataclass(frozen=True)
class Limit:
    """What an earlier operator left in the API, and the word by which it holds the next one back."""

    name: str
    reason: str
    policy: dict[str, Any] = field(default_factory=dict)
    journal: tuple[Action, ...] = ()
    mutes: tuple[dict[str, Any], ...] = ()


def recently(which: PodFacts, **changes: Any) -> Action:
    return evicted(which, **{"at": NOW - 3000.0, "settled_at": NOW - 3000.0, **changes})


LIMITS = [
    Limit("budget", "BudgetSpent", {"budget": {"actions": 1, "window": "6h"}}, (recently(owned("x", "other")),)),
    Limit("cooldown", "Cooldown", {"cooldown": "6h"}, (recently(PEER, pod_created_at=NOW - 9000.0),)),
    Limit("in flight", "ActionInFlight", {}, (recently(PEER, at=NOW - 60.0, state=ActionState.INTENDED),)),
    Limit(
        "circuit breaker",
        "CircuitBreaker",
        {"cooldown": "0s"},
        tuple(
            recently(owned(f"x-{n}", f"x-{n}"), outcome=Outcome.CAME_BACK, outcome_at=NOW - 60.0 + n)
            for n in range(3)
        ),
    ),
    Limit("pause", "Paused", {"pausedUntil": "2027-01-01T00:00:00Z"}),
    Limit("mute", "Muted", mutes=({"signature": "memory/main.keep", "reason": "known"},)),
]


@pytest.mark.parametrize("limit", LIMITS, ids=[limit.name for limit in LIMITS])
async def test_a_limit_outlives_the_disk(world: World, limit: Limit) -> None:
    gopls = muting(*limit.mutes, mode="Evict", **limit.policy)
    world.journal |= {entry.id: entry for entry in limit.journal}
    world.put(gopls)
    async with world.operator() as process:
        await asyncio.sleep(FOUND_BY)
        assert process.verdicts(gopls.key)["ws-1"] == "Leaking"
        assert [row["reason"] for row in world.status_of(gopls)["decisions"]] == [limit.reason]
    assert world.live.evicted == []


async def test_without_any_limit_it_would_have_been_evicted(world: World) -> None:
    world.put(policy("gopls", mode="Evict"))
    async with world.operator():
        await asyncio.sleep(FOUND_BY)
    assert world.live.evicted == ["ws-1"]


async def test_a_storm_outlives_the_disk_although_its_leaks_are_found_again_one_by_one(
    world: World, other_store: SqliteStore
) -> None:
    evicting = policy("gopls", mode="Evict", stormPercent=50)
    others = [f"ws-{n}" for n in range(2, 6)]
    world.add(*(owned(name, f"owner-{name}") for name in others[1:]))
    world.put(evicting)
    world.sampler.scripts |= dict.fromkeys(others, leaks())
    async with world.operator() as process:
        process.journal.refuse_load = ApiUnavailable("away")  # or the first that is found would go before the rest is
        await asyncio.sleep(FOUND_BY)
    assert suspended(world.status_of(evicting)) == "StormBrake"
    take_over(world, other_store, evicting)
    written = len(world.statuses.written)
    world.sampler.scripts |= dict.fromkeys(others, lambda *_: quiet(0))  # no second heap: nothing to learn from
    async with world.operator() as process:
        began = LoopClock().now()
        await until(lambda: process.verdicts(evicting.key).get("ws-1") == "Leaking")
        await asyncio.sleep(4)
        assert [row["reason"] for row in world.status_of(evicting)["decisions"]] == ["StormBrake"]
        assert {suspended(status) for _, _, status in world.statuses.written[written:]} == {"StormBrake"}
        await until(lambda: world.live.evicted == ["ws-1"])
        assert LoopClock().now() - began >= patience(evicting)
        await asyncio.sleep(4)
        assert suspended(world.status_of(evicting)) == "NotSuspended"


async def test_a_storm_of_before_is_none_under_an_edited_policy(world: World, other_store: SqliteStore) -> None:
    """Somebody has looked at it."""
    evicting = policy("gopls", mode="Evict", stormPercent=50)
    world.put(evicting)
    world.sampler.scripts["ws-2"] = leaks()
    async with world.operator() as process:
        process.journal.refuse_load = ApiUnavailable("away")
        await asyncio.sleep(FOUND_BY)
    assert suspended(world.status_of(evicting)) == "StormBrake"
    edited = policy("gopls", mode="Evict", stormPercent=60, generation=2, status=world.status_of(evicting))
    world.sampler.scripts["ws-2"] = lambda *_: quiet(0)
    world.store = other_store
    world.put(edited, tell=False)
    async with world.operator():
        await until(lambda: world.live.evicted == ["ws-1"])


def suspended(status: Mapping[str, Any]) -> str:
    return next(str(one["reason"]) for one in status["conditions"] if one["type"] == "Suspended")


async def test_an_annotation_stays_on_its_pod_while_its_leak_is_found_again(
    world: World, other_store: SqliteStore
) -> None:
    annotating = policy("gopls", mode="Annotate")
    world.put(annotating)
    async with world.operator():
        await until(lambda: ("annotate", "ws-1") in world.live.done)
    world.live.asked.clear()
    for each in (WS1, WS2):
        world.pods[each.uid] = replace(each, annotations={SUMMARY_ANNOTATION: world.live.texts[-1]})
    take_over(world, other_store, annotating)
    async with world.operator() as process:
        await asyncio.sleep(60)
        assert world.live.asked == []
        await asyncio.sleep(FOUND_BY)
        assert process.verdicts(annotating.key) == {"ws-1": "Leaking", "ws-2": "Healthy"}
    assert [asked for asked in world.live.asked if asked[0] == "unannotate"][:1] == [("unannotate", "ws-2")]
    assert ("unannotate", "ws-1") not in world.live.asked


async def test_what_is_muted_soon_after_a_start_loses_its_annotation_at_once(world: World) -> None:
    """Although the pod is older than this operator, and might have been annotated by the one before."""
    world.put(policy("gopls", mode="Annotate"))
    async with world.operator():
        await until(lambda: ("annotate", "ws-1") in world.live.done)
        world.pods[WS1.uid] = replace(WS1, annotations={SUMMARY_ANNOTATION: world.live.texts[-1]})
        muted = [{"signature": "memory/main.keep", "reason": "known"}]
        world.put(policy("gopls", mode="Annotate", generation=2, mutes=muted))
        await until(lambda: ("unannotate", "ws-1") in world.live.asked, 5)


async def test_a_leak_that_has_gone_meanwhile_goes_once_its_pod_is_healthy(
    world: World, other_store: SqliteStore
) -> None:
    gopls = policy("gopls")
    world.put(gopls)
    async with world.operator():
        await asyncio.sleep(FOUND_BY)
    world.sampler.scripts["ws-1"] = rests()
    take_over(world, other_store, gopls)
    async with world.operator() as process:
        await asyncio.sleep(60)
        assert [("asOf" in row) for row in world.status_of(gopls)["findings"]] == [True]
        await asyncio.sleep(FOUND_BY)
        assert process.verdicts(gopls.key)["ws-1"] == "Healthy"
        assert world.status_of(gopls)["findings"] == []
