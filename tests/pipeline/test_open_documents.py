"""What people have open in a gopls holds an eviction of its pod back, as long as a look at its pages says so."""

from __future__ import annotations

import asyncio

import pytest

from leakwarden.adapters.store import SqliteStore
from leakwarden.core.gopls_info import GoplsInfo
from leakwarden.core.gopls_pages import GoplsState
from leakwarden.core.parts import IDENTITY
from leakwarden.core.readings import Failure, Reading
from leakwarden.core.targets import Target
from tests.core.judge.builders import MI, goroutines, heap
from tests.pipeline.build import INTERVAL, leaks, owned, policy, refused, rests
from tests.pipeline.fakes import until
from tests.pipeline.world import World

WS1 = owned("ws-1", "one")
FOUND_BY = 240.0
"""Seconds within which a leak from the first sample on is found and told."""
TWO = [{"name": "app", "port": 6060}, {"name": "gopls", "port": 6061}]


@pytest.fixture
def world(store: SqliteStore) -> World:
    return World(store)


def gopls(documents: int | None) -> GoplsInfo:
    """A gopls that tells so; None: its pages do not."""
    state = None if documents is None else GoplsState(sessions=1, documents=documents)
    return GoplsInfo(7, 0.0, "golang.org/x/tools/gopls v0.22.0", "go1.26.8", state)


@pytest.mark.parametrize(
    ("documents", "says"), [(4, "documents are open in the gopls of pod demo/ws-1"), (None, "is not known")]
)
async def test_a_pod_in_whose_gopls_documents_are_open_is_evicted_once_they_are_closed(
    world: World, documents: int | None, says: str
) -> None:
    world.add(WS1)
    evicting = policy("gopls", mode="Evict")
    world.put(evicting)
    world.sampler.scripts["ws-1"] = leaks()
    world.sampler.gopls["ws-1"] = gopls(documents)
    async with world.operator() as process:
        await asyncio.sleep(FOUND_BY + 5 * INTERVAL)
        assert process.verdicts(evicting.key) == {"ws-1": "Leaking"}
        (decided,) = world.status_of(evicting)["decisions"]
        assert decided["reason"] == "OpenDocuments"
        assert says in decided["message"]
        assert world.live.asked == []
        world.sampler.gopls["ws-1"] = gopls(0)
        await asyncio.sleep(4 * INTERVAL)
    assert world.live.evicted == ["ws-1"]


async def test_the_policy_may_ignore_what_is_open(world: World) -> None:
    world.add(WS1)
    world.put(policy("gopls", mode="Evict", openDocuments="Ignore"))
    world.sampler.scripts["ws-1"] = leaks()
    world.sampler.gopls["ws-1"] = gopls(4)
    async with world.operator():
        await until(lambda: world.live.evicted == ["ws-1"])


async def test_what_is_open_in_one_process_of_a_pod_holds_back_an_eviction_for_another(world: World) -> None:
    world.add(WS1)
    evicting = policy("gopls", mode="Evict", endpoints=TWO)
    world.put(evicting)
    world.sampler.scripts["ws-1"] = lambda target, number: (leaks() if target.endpoint.name == "app" else rests())(
        target, number
    )
    world.sampler.gopls["ws-1/gopls"] = gopls(1)
    async with world.operator():
        await asyncio.sleep(FOUND_BY + 5 * INTERVAL)
        (decided,) = world.status_of(evicting)["decisions"]
    assert (decided["reason"], world.live.asked) == ("OpenDocuments", [])
    assert "(endpoint gopls)" in decided["message"]


async def test_a_look_from_before_a_restart_of_the_operator_is_not_believed_for_long(world: World) -> None:
    """Nothing was open then; until there is a new look, what is open now is unknown."""
    world.add(WS1)
    evicting = policy("gopls", mode="Evict", pausedUntil="2099-01-01T00:00:00Z")
    world.put(evicting)
    world.sampler.scripts["ws-1"] = leaks()
    world.sampler.gopls["ws-1"] = gopls(0)
    async with world.operator() as process:
        await until(lambda: process.verdicts(evicting.key) == {"ws-1": "Leaking"})
    del world.sampler.gopls["ws-1"]
    world.put(policy("gopls", mode="Evict", generation=2))
    await asyncio.sleep(20 * INTERVAL)
    async with world.operator():
        await asyncio.sleep(25 * INTERVAL)
        reasons = {one["reason"] for one in world.status_of(evicting)["decisions"]}
    assert reasons == {"OpenDocuments"}
    assert world.live.asked == []


@pytest.mark.parametrize(("mode", "every"), [("Evict", 1), ("Observe", 5)])
async def test_a_gopls_that_leaks_is_looked_at_with_each_round_where_an_eviction_may_follow(
    world: World, mode: str, every: int
) -> None:
    world.add(WS1)
    world.put(policy("gopls", mode=mode))
    world.sampler.scripts["ws-1"] = leaks()
    world.sampler.gopls["ws-1"] = gopls(4)
    async with world.operator():
        await asyncio.sleep(FOUND_BY + 20 * INTERVAL)
    looks = [IDENTITY in asked.wanted for asked in world.sampler.of("ws-1")[-15:]]
    assert looks.count(True) == 15 // every


async def test_a_gopls_is_looked_at_with_each_round_while_another_process_of_its_pod_leaks(world: World) -> None:
    """What somebody opens there counts for the pod, so its look must be as fresh."""
    world.add(WS1)
    world.put(policy("gopls", mode="Evict", endpoints=TWO))
    world.sampler.scripts["ws-1"] = lambda target, number: (leaks() if target.endpoint.name == "app" else rests())(
        target, number
    )
    world.sampler.gopls["ws-1/gopls"] = gopls(4)
    async with world.operator():
        await asyncio.sleep(FOUND_BY + 20 * INTERVAL)
    looks = [IDENTITY in asked.wanted for asked in world.sampler.of("ws-1") if asked.target.endpoint.name == "gopls"]
    assert looks[-15:] == [True] * 15


GOROUTINES = {
    "name": "goroutines", "signal": "Goroutines", "growth": {"atLeast": 50, "window": "90s"}, "for": "0s",
    "severity": "Critical",
}  # fmt: skip


@pytest.mark.parametrize("endpoint", ["app", "gopls"])
@pytest.mark.parametrize("opened_after", range(1, 12))
async def test_what_was_opened_since_the_last_look_holds_an_eviction_that_needs_no_confirmation(
    world: World, endpoint: str, opened_after: int
) -> None:
    """Whichever round it is opened before: an eviction waits for a look in the latest reading."""
    world.add(WS1)
    endpoints = TWO if endpoint == "app" else TWO[1:]
    world.put(policy("gopls", mode="Evict", endpoints=endpoints, rules=[GOROUTINES]))
    world.sampler.gopls["ws-1/gopls"] = gopls(0)
    rounds = {"app": 0, "gopls": 0}

    def answer(target: Target, _: int) -> Reading:
        number = rounds[target.endpoint.name] = rounds[target.endpoint.name] + 1
        if target.endpoint.name == "gopls" and number == opened_after:
            world.sampler.gopls["ws-1/gopls"] = gopls(1)
        grown = 100 * number if target.endpoint.name == endpoint else 0
        return Reading(heap(100 * MI, alloc=number * MI, mark=f"gc-{number}"), goroutines(50 + grown))

    world.sampler.scripts["ws-1"] = answer
    evicted_before = []
    world.live.on_ask = lambda *_: evicted_before.append(rounds["gopls"])
    async with world.operator():
        await asyncio.sleep(FOUND_BY)
    assert all(at < opened_after for at in evicted_before)


async def test_a_look_that_failed_holds_an_eviction_until_the_next(world: World) -> None:
    world.add(WS1)
    evicting = policy("gopls", mode="Evict", rules=[GOROUTINES], minReadyPeers=5)
    world.put(evicting)
    world.sampler.scripts["ws-1"] = lambda _, number: Reading(
        heap(100 * MI, alloc=number * MI, mark=f"gc-{number}"), goroutines(50 + 100 * number)
    )
    world.sampler.gopls["ws-1"] = gopls(0)
    async with world.operator():
        await asyncio.sleep(FOUND_BY)
        world.sampler.gopls["ws-1"] = gopls(None)
        await asyncio.sleep(2 * INTERVAL)
        world.put(policy("gopls", mode="Evict", rules=[GOROUTINES], generation=2))
        await asyncio.sleep(INTERVAL)
        (decided,) = world.status_of(evicting)["decisions"]
        assert (decided["reason"], world.live.asked) == ("OpenDocuments", [])
        world.sampler.gopls["ws-1"] = gopls(0)
        await asyncio.sleep(2 * INTERVAL)
    assert world.live.evicted == ["ws-1"]


async def test_where_a_gopls_was_a_new_process_whose_pages_do_not_tell_is_one_too(world: World) -> None:
    """An editor starts its gopls anew within the container; the pages of the new one are out of reach."""
    world.add(WS1)
    evicting = policy("gopls", mode="Evict", endpoints=TWO, rules=[GOROUTINES], minReadyPeers=5)
    world.put(evicting)
    anew = False

    def answer(target: Target, number: int) -> Reading:
        allocated = number * MI if target.endpoint.name == "app" or not anew else (number - 40) * MI / 100
        grown = 100 * number if target.endpoint.name == "app" else 0
        return Reading(heap(100 * MI, alloc=allocated, mark=f"gc-{number}"), goroutines(50 + grown))

    world.sampler.scripts["ws-1"] = answer
    world.sampler.gopls["ws-1/gopls"] = gopls(0)
    async with world.operator() as process:
        await asyncio.sleep(FOUND_BY)
        anew = True
        del world.sampler.gopls["ws-1/gopls"]
        await asyncio.sleep(2 * INTERVAL)
        (other,) = (w for w in process.fleet.watches(evicting.key) if w.key.endpoint == "gopls")
        assert other.report is not None
        assert other.report.gopls is None
        world.put(policy("gopls", mode="Evict", endpoints=TWO, rules=[GOROUTINES], generation=2))
        await asyncio.sleep(3 * INTERVAL)
        (decided,) = world.status_of(evicting)["decisions"]
    assert (decided["reason"], world.live.asked) == ("OpenDocuments", [])


async def test_where_a_gopls_was_and_nothing_listens_any_more_nothing_is_open(world: World) -> None:
    world.add(WS1)
    evicting = policy("gopls", mode="Evict", endpoints=TWO, rules=[GOROUTINES])
    world.put(evicting)
    ended = False

    def answer(target: Target, number: int) -> Reading | Failure:
        if target.endpoint.name == "gopls" and ended:
            return refused()
        grown = 100 * number if target.endpoint.name == "app" else 0
        return Reading(heap(100 * MI, alloc=number * MI, mark=f"gc-{number}"), goroutines(50 + grown))

    world.sampler.scripts["ws-1"] = answer
    world.sampler.gopls["ws-1/gopls"] = gopls(4)
    async with world.operator():
        await asyncio.sleep(FOUND_BY)
        assert world.live.asked == []
        ended = True
        await asyncio.sleep(10 * INTERVAL)
    assert world.live.evicted == ["ws-1"]


@pytest.mark.parametrize("leaking", ["app", "gopls"])
async def test_where_nothing_is_open_nobody_is_told_that_it_is_not_known(world: World, leaking: str) -> None:
    """What grows is looked at with each round before it is called a leak."""
    world.add(WS1)
    world.put(policy("gopls", mode="Evict", endpoints=TWO, rules=[GOROUTINES]))
    rounds = {"app": 0, "gopls": 0}

    def answer(target: Target, _: int) -> Reading:
        number = rounds[target.endpoint.name] = rounds[target.endpoint.name] + 1
        grown = 100 * number if target.endpoint.name == leaking else 0
        return Reading(heap(100 * MI, alloc=number * MI, mark=f"gc-{number}"), goroutines(50 + grown))

    world.sampler.scripts["ws-1"] = answer
    world.sampler.gopls["ws-1/gopls"] = gopls(0)
    async with world.operator():
        await until(lambda: world.live.evicted == ["ws-1"])
        await asyncio.sleep(2)
    assert "ActionRefused" not in world.told(WS1)
