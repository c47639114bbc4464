"""Another operator, with nothing but what is in the API: no leak goes and comes back, nothing is told or done twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from leakwarden.adapters.store import SqliteStore
from leakwarden.core.policy import Policy
from tests.pipeline.build import leaks, owned, policy, rests
from tests.pipeline.fakes import LoopClock, until
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
