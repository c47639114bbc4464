"""What is acted on is of now: not from before a gap, an edit or a clock that was set back, nor from a list of pods that
nobody can read any more."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from leakwarden.adapters.store import SqliteStore
from leakwarden.api.words import FailureReason
from leakwarden.core.actions import Refusal
from leakwarden.core.gopls_info import GoplsContext
from leakwarden.core.gopls_pages import GoplsState
from leakwarden.core.readings import Failure, Reading
from leakwarden.core.targets import Target
from leakwarden.errors import ApiForbidden, ApiUnavailable
from tests.core.judge.builders import MI, goroutines, heap
from tests.pipeline.build import INTERVAL, owned, pod, policy
from tests.pipeline.deciding_bench import Bench, annotating, evicting
from tests.pipeline.fakes import FailingStore, HandClock, MemoryJournal, Pods, until
from tests.pipeline.test_open_documents import TWO, gopls
from tests.pipeline.world import World

FOUND_BY = 240.0
WS1 = owned("ws-1", "one")
GOROUTINES = {
    "name": "goroutines", "signal": "Goroutines", "growth": {"atLeast": 50, "window": "90s"}, "for": "0s",
    "severity": "Critical",
}  # fmt: skip


@pytest.fixture
def bench(store: SqliteStore) -> Bench:
    return Bench(FailingStore(store), MemoryJournal(), Pods(), HandClock())


@pytest.fixture
def world(store: SqliteStore) -> World:
    return World(store)


def more(_: Target, number: int) -> Reading:
    """A hundred more goroutines with each sample: needs no confirmation."""
    return Reading(heap(100 * MI, alloc=number * MI, mark=f"gc-{number}"), goroutines(50 + 100 * number))


async def test_a_verdict_from_before_a_second_gap_is_not_of_now_however_long_the_first_was(world: World) -> None:
    """Hours of absence are no pace at which the target is sampled."""
    world.add(WS1)
    world.sampler.scripts["ws-1"] = more
    held = policy("gopls", mode="Evict", rules=[GOROUTINES], minReadyPeers=5)
    world.put(held)
    async with world.operator() as process:
        await until(lambda: process.verdicts(held.key) == {"ws-1": "Leaking"})
    await asyncio.sleep(10 * 3600)
    asked = len(world.sampler.of("ws-1"))
    async with world.operator():
        await until(lambda: len(world.sampler.of("ws-1")) > asked)
        await asyncio.sleep(1)
    await asyncio.sleep(3600)
    world.sampler.scripts["ws-1"] = lambda *_: None  # hangs: nothing new is known
    world.put(policy("gopls", mode="Evict", rules=[GOROUTINES], generation=2))
    async with world.operator():
        await asyncio.sleep(60)
    assert world.live.asked == []


async def test_a_verdict_from_a_time_that_is_yet_to_come_is_not_of_now(bench: Bench) -> None:
    """The clock was set back while nobody ran."""
    (watch,) = bench.leaking(evicting(), pod())
    assert watch.report is not None
    watch.report = replace(watch.report, last_attempt=bench.clock.at + 3600.0)
    await bench.deciding.once()
    assert (bench.decisions(), bench.live.asked) == ({"ws-1": Refusal.TARGET_NOT_SEEN}, [])


@pytest.mark.parametrize("answer", [None, Failure(FailureReason.TIMEOUT, "no answer in time")], ids=["hangs", "fails"])
@pytest.mark.parametrize("edit", ["rules", "port"])
async def test_a_finding_from_before_an_edit_is_not_acted_on_before_the_next_sample(
    world: World, edit: str, answer: Failure | None
) -> None:
    """It may be none by the rules as they are now, or of a process that is not meant any more."""
    world.add(WS1)
    world.sampler.scripts["ws-1"] = more
    world.put(policy("gopls", mode="Observe", rules=[GOROUTINES]))
    patient = {"atLeast": 100_000, "window": "600s"}
    edits: dict[str, dict[str, Any]] = {
        "rules": {"rules": [{**GOROUTINES, "growth": patient}]},
        "port": {"rules": [GOROUTINES], "endpoints": [{"name": "pprof", "port": 7070}]},
    }
    async with world.operator() as process:
        await until(lambda: process.verdicts(policy("gopls").key) == {"ws-1": "Leaking"})
        world.sampler.scripts["ws-1"] = lambda *_: answer
        world.put(policy("gopls", mode="Evict", generation=2, **edits[edit]))
        await asyncio.sleep(2 * INTERVAL)
    assert world.live.asked == []


async def test_an_edit_that_changes_no_rule_needs_no_new_sample(world: World) -> None:
    world.add(WS1)
    world.sampler.scripts["ws-1"] = more
    world.put(policy("gopls", mode="Observe", rules=[GOROUTINES]))
    async with world.operator() as process:
        await until(lambda: process.verdicts(policy("gopls").key) == {"ws-1": "Leaking"})
        world.put(policy("gopls", mode="Evict", rules=[GOROUTINES], generation=2))
        await asyncio.sleep(5)
    assert world.live.evicted == ["ws-1"]


async def test_a_storm_is_one_after_a_restart_before_all_its_targets_are_judged_anew(world: World) -> None:
    """They come back one by one, and the first must not look like a single pod."""
    names = [f"ws-{n}" for n in range(1, 7)]
    world.add(*(owned(name, f"owner-{name}") for name in names))
    world.sampler.scripts |= dict.fromkeys(names[:4], more)
    stormy = policy("gopls", mode="Evict", rules=[GOROUTINES], stormPercent=50)
    world.put(stormy)
    async with world.operator() as process:
        process.journal.refuse_load = ApiUnavailable("away")  # or the first that is found would go before the rest is
        await asyncio.sleep(FOUND_BY)
        assert sorted(process.verdicts(stormy.key).values()) == ["Healthy"] * 2 + ["Leaking"] * 4
    await asyncio.sleep(600)
    async with world.operator():
        await asyncio.sleep(FOUND_BY)
    assert world.live.asked == []


async def test_few_leaks_are_no_storm_after_a_restart(world: World) -> None:
    names = [f"ws-{n}" for n in range(1, 11)]
    world.add(*(owned(name, f"owner-{name}") for name in names))
    world.sampler.scripts |= dict.fromkeys(names[:1], more)
    held = policy("gopls", mode="Evict", rules=[GOROUTINES], stormPercent=50, minReadyPeers=5)
    world.put(held)
    async with world.operator():
        await asyncio.sleep(FOUND_BY)
    await asyncio.sleep(600)
    world.put(policy("gopls", mode="Evict", rules=[GOROUTINES], stormPercent=50, generation=2))
    async with world.operator():
        await asyncio.sleep(60)
    assert world.live.evicted == ["ws-1"]


async def test_what_was_open_in_a_gopls_that_is_not_seen_any_more_is_not_known(bench: Bench) -> None:
    """Its pod leaks at another endpoint: nothing was open an hour ago, which says nothing of now."""
    by = evicting(endpoints=[{"name": "app", "port": 6060}, {"name": "gopls", "port": 6061}])
    for watch in bench.leaking(by, pod()):
        if watch.key.endpoint == "gopls":
            nothing_open = GoplsContext(state=GoplsState(sessions=1, documents=0))
            assert watch.report is not None
            last = bench.clock.at - 3600.0
            watch.report = replace(watch.report, findings=(), gopls=nothing_open, last_attempt=last)
    await bench.deciding.once()
    assert (bench.decisions(), bench.live.asked) == ({"ws-1": Refusal.OPEN_DOCUMENTS}, [])


async def test_what_is_open_in_a_gopls_that_cannot_be_reached_is_not_known(world: World) -> None:
    """Attempts that fail tell nothing of what somebody opens meanwhile."""
    world.add(WS1)
    evicting = policy("gopls", mode="Evict", endpoints=TWO, rules=[GOROUTINES], pausedUntil="2099-01-01T00:00:00Z")
    world.put(evicting)
    silent = False

    def answer(target: Target, number: int) -> Reading | Failure:
        if target.endpoint.name == "app":
            return more(target, number)
        if silent:
            return Failure(FailureReason.TIMEOUT, "no answer in time")
        return Reading(heap(MI, mark=f"{number}"), goroutines(5))

    world.sampler.scripts["ws-1"] = answer
    world.sampler.gopls["ws-1/gopls"] = gopls(0)
    async with world.operator():
        await asyncio.sleep(FOUND_BY)
        silent = True
        await asyncio.sleep(20 * INTERVAL)
        world.put(policy("gopls", mode="Evict", endpoints=TWO, rules=[GOROUTINES], generation=2))
        await asyncio.sleep(20 * INTERVAL)
        reasons = {one["reason"] for one in world.status_of(evicting)["decisions"]}
    assert (reasons, world.live.asked) == ({"OpenDocuments"}, [])


async def test_before_the_pods_are_listed_whole_nothing_is_done_to_them(bench: Bench) -> None:
    """One that was evicted and is not gone yet may be among the rest."""
    bench.leaking(evicting(), pod())
    bench.pods.unsynced.add("demo")
    await bench.turn()
    assert (bench.decisions(), bench.live.asked) == ({"ws-1": Refusal.TARGET_NOT_SEEN}, [])


@pytest.mark.parametrize("made", [evicting, annotating], ids=["evict", "annotate"])
@pytest.mark.parametrize("trouble", [ApiForbidden("cannot watch pods"), ApiUnavailable("away")])
async def test_while_the_pods_cannot_be_read_nothing_is_done_to_them(
    bench: Bench, made: Any, trouble: ApiForbidden
) -> None:
    """An opt-out or a peer that is not Ready any more would not be seen."""
    bench.leaking(made("gopls"), pod())
    bench.pods.troubles["demo"] = trouble
    await bench.turn()
    assert (bench.decisions(), bench.live.asked) == ({"ws-1": Refusal.TARGET_NOT_SEEN}, [])
    del bench.pods.troubles["demo"]
    await bench.turn()
    assert len(bench.live.done) == 1


async def test_a_port_that_is_edited_while_a_sample_of_the_old_one_is_stored_needs_a_new_sample(world: World) -> None:
    world.add(WS1)
    world.sampler.scripts["ws-1"] = more
    world.put(policy("gopls", mode="Observe", rules=[GOROUTINES]))
    async with world.operator() as process:
        await until(lambda: process.verdicts(policy("gopls").key) == {"ws-1": "Leaking"})
        waiting, gate = process.store.hold("save")
        await waiting.wait()
        world.sampler.scripts["ws-1"] = lambda *_: None
        moved = [{"name": "pprof", "port": 7070}]
        world.put(policy("gopls", mode="Evict", rules=[GOROUTINES], generation=2, endpoints=moved))
        await asyncio.sleep(1)
        gate.set()
        await asyncio.sleep(2 * INTERVAL)
    assert world.live.asked == []
