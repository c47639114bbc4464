"""A muted leak stays in status, says nothing, and is told when the mute is over. Virtual time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from leakwarden.adapters.store import SqliteStore
from leakwarden.core.policy import Policy, parse_policy
from tests.core.decide.fleets import NOW
from tests.pipeline.build import LIVE_HEAP, body, leaks, owned
from tests.pipeline.world import World

WS1, WS2 = owned("ws-1", "one"), owned("ws-2", "two")
FOUND_BY = 240.0
KEEP = {"signature": "memory/main.keep", "reason": "fixed in v2"}


def policy(*mutes: dict[str, Any], generation: int = 1, **remediation: Any) -> Policy:
    spec = {
        "target": {"selector": {"matchLabels": {"app": "gopls"}}},
        "sampling": {"interval": "10s", "cadence": "Fixed", "startupGrace": "0s", "confirmedBy": "Nothing"},
        "rules": [LIVE_HEAP],
        "remediation": {"minReadyPeers": 0, "stormPercent": 100, **remediation},
        "mutes": list(mutes),
    }
    return parse_policy(body("gopls", spec, generation=generation))


def after(seconds: float) -> dict[str, Any]:
    return {**KEEP, "until": datetime.fromtimestamp(NOW + seconds, UTC).isoformat()}


@pytest.fixture
def world(store: SqliteStore) -> World:
    made = World(store)
    made.sampler.scripts["ws-1"] = made.sampler.scripts["ws-2"] = leaks()
    return made


def events(world: World) -> list[str]:
    return [f"{note.regarding.kind} {note.reason}" for note in world.events.posted]


async def test_a_muted_leak_is_shown_and_neither_told_nor_evicted(world: World) -> None:
    world.add(WS1)
    muted = policy(KEEP, mode="Evict")
    async with world.operator():
        world.put(muted)
        await asyncio.sleep(FOUND_BY)
    status = world.status_of(muted)
    (finding,) = status["findings"]
    assert (finding["decision"], finding["muted"]) == ("Muted", "for good: fixed in v2")
    assert [row["reason"] for row in status["decisions"]] == ["Muted"]
    assert status["targets"]["leaking"] == 1
    assert (events(world), world.live.asked) == ([], [])


async def test_it_is_evicted_and_told_once_nobody_mutes_it(world: World) -> None:
    world.add(WS1)
    async with world.operator():
        world.put(policy(KEEP, mode="Evict"))
        await asyncio.sleep(FOUND_BY)
        world.put(policy(mode="Evict", generation=2))
        await asyncio.sleep(10)
    assert {"Pod LeakDetected", "LeakPolicy LeakDetected", "Pod ActionTaken"} <= set(events(world))
    assert [what for what, *_ in world.live.asked] == ["evict"]


async def test_a_mute_ends_by_itself(world: World) -> None:
    world.add(WS1)
    muted = policy(after(FOUND_BY + 60))
    async with world.operator():
        world.put(muted)
        await asyncio.sleep(FOUND_BY)
        assert events(world) == []
        await asyncio.sleep(70)
        assert sorted(events(world)) == ["LeakPolicy LeakDetected", "Pod LeakDetected"]
        await asyncio.sleep(60)
    assert "muted" not in world.status_of(muted)["findings"][0]


async def test_a_leak_that_was_told_before_it_was_muted_is_the_same_event_afterwards(world: World) -> None:
    world.add(WS1)
    async with world.operator():
        world.put(policy())
        await asyncio.sleep(FOUND_BY)
        told = {note.key for note in world.events.posted}
        world.put(policy(KEEP, generation=2))
        await asyncio.sleep(3600)
        assert len(world.events.posted) == len(told) == 2
        world.put(policy(generation=3))
        await asyncio.sleep(10)
    assert {note.key for note in world.events.posted} == told
    assert len(world.events.posted) == 4


async def test_one_leak_muted_leaves_another_loud(world: World) -> None:
    world.add(WS1, WS2)
    world.sampler.scripts["ws-2"] = leaks("main.other")
    muted = policy(KEEP)
    async with world.operator():
        world.put(muted)
        await asyncio.sleep(FOUND_BY)
    assert (world.told(WS1), world.told(WS2)) == ([], ["LeakDetected"])
    assert [row["signature"] for row in world.status_of(muted)["findings"]] == ["memory/main.other", "memory/main.keep"]


async def test_the_end_of_a_muted_leak_is_not_told(world: World) -> None:
    world.add(WS1)
    async with world.operator():
        world.put(policy(KEEP))
        await asyncio.sleep(FOUND_BY)
        world.remove(WS1)
        await asyncio.sleep(10)
        world.put(policy(generation=2))
        await asyncio.sleep(10)
    assert events(world) == []
