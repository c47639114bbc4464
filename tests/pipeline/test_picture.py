"""What those who only look are shown: of targets that are read, and only what is still true of them."""

from __future__ import annotations

import pytest

from leakwarden.adapters.store import SqliteStore
from leakwarden.api.words import FailureReason, Verdict
from leakwarden.core.readings import Reading
from leakwarden.core.samples import SampleResult
from leakwarden.pipeline.judging import Judging
from leakwarden.pipeline.picture import MEMSTATS_HOLD, Picture, TargetLevels
from tests.core.judge.builders import MI, goroutines, heap, memstats
from tests.pipeline.build import INTERVAL, pod, policy, refused
from tests.pipeline.deciding_bench import Bench
from tests.pipeline.fakes import FailingStore, HandClock, MemoryJournal, Pods


@pytest.fixture
def bench(store: SqliteStore) -> Bench:
    return Bench(FailingStore(store), MemoryJournal(), Pods(), HandClock())


class Seen:
    """One target, sampled by hand."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        (self.watch,) = bench.put(policy(), pod())
        self.judging = Judging(bench.fleet, bench.store, bench.clock, bench.deciding.changed)
        self.picture = Picture(bench.fleet, bench.recording, bench.deciding, bench.clock)

    async def give(self, outcome: Reading, after: float = INTERVAL) -> None:
        self.bench.clock.at += after
        (point,) = self.bench.fleet.points.values()
        await self.judging.on_sample(point, SampleResult(self.bench.clock.at, 0.1, outcome))

    def levels(self) -> list[TargetLevels]:
        return list(self.picture.levels())


def reading(held: float, inuse: float | None = None) -> Reading:
    stats = None if inuse is None else memstats(inuse, 2 * inuse)
    return Reading(heap(held, alloc=held, mark=str(held)), goroutines(50), stats)


async def test_a_target_that_is_read_shows_where_its_signals_stand(bench: Bench) -> None:
    seen = Seen(bench)
    await seen.give(reading(100 * MI, inuse=150 * MI))
    (one,) = seen.levels()
    assert (one.levels.live_heap, one.levels.heap_inuse, one.levels.goroutines) == (100 * MI, 150 * MI, 50)
    assert (one.policy.name, one.report.pod) == ("gopls", "ws-1")


async def test_before_its_first_sample_a_target_has_no_levels(bench: Bench) -> None:
    assert Seen(bench).levels() == []


async def test_a_target_that_is_not_asked_any_more_shows_nothing(bench: Bench) -> None:
    seen = Seen(bench)
    await seen.give(reading(100 * MI))
    bench.clock.at += 5 * INTERVAL
    assert seen.levels() == []


async def test_a_target_that_cannot_be_read_shows_nothing(bench: Bench) -> None:
    seen = Seen(bench)
    await seen.give(reading(100 * MI))
    for _ in range(3):
        bench.clock.at += INTERVAL
        (point,) = bench.fleet.points.values()
        await seen.judging.on_sample(point, SampleResult(bench.clock.at, 0.1, refused()))
    assert seen.watch.report is not None
    assert seen.watch.report.verdict is Verdict.NOT_RUNNING
    assert seen.watch.report.reason == FailureReason.CONNECTION_REFUSED
    assert seen.levels() == []


async def test_heap_in_use_is_not_shown_when_memstats_have_not_come_for_long(bench: Bench) -> None:
    seen = Seen(bench)
    await seen.give(reading(100 * MI, inuse=150 * MI))
    for number in range(int(MEMSTATS_HOLD)):
        await seen.give(reading(100 * MI + number))
    assert seen.levels()[0].levels.heap_inuse == 150 * MI
    await seen.give(reading(101 * MI))
    assert seen.levels()[0].levels.heap_inuse is None
    assert seen.levels()[0].levels.live_heap == 101 * MI


async def test_a_policy_has_no_conditions_before_its_status_is_written(bench: Bench) -> None:
    seen = Seen(bench)
    assert seen.picture.conditions()[seen.watch.policy.key] == ()
    await bench.deciding.once()
    told = [one["type"] for one in seen.picture.conditions()[seen.watch.policy.key]]
    assert told == ["Ready", "Leaking", "Degraded", "Suspended"]
