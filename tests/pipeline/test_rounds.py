"""Rounds: what is due is sampled, within every bound, and nobody waits for a target that hangs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from leakwarden.api.words import FailureReason
from leakwarden.core import judge
from leakwarden.core.parts import GOROUTINE, GOROUTINE_LEAK, HEAP, IDENTITY, MEMSTATS
from leakwarden.core.readings import Attempt, Failure, ProcessIdentity, Reading
from leakwarden.core.samples import SampleResult
from leakwarden.core.schedule import Tempo
from leakwarden.core.targets import PodFacts, Target
from leakwarden.errors import StoreError
from leakwarden.pipeline.fleet import Fleet, Point
from leakwarden.pipeline.logcontext import current_fields
from leakwarden.pipeline.rounds import Rounds, wanted_parts
from tests.core.judge.builders import goroutines
from tests.pipeline.build import HEAP_INUSE, pod, policy, quiet, refused
from tests.pipeline.fakes import Answer, LoopClock, ScriptedSampler, until, untimed

GOPLS = policy("gopls")


@dataclass
class Bench:
    """Rounds over a scripted sampler; what they hand on is kept."""

    most: int = 16
    rate: float = 100.0
    fleet: Fleet = field(default_factory=Fleet)
    handed: list[tuple[Point, SampleResult]] = field(default_factory=list)
    counted: list[SampleResult] = field(default_factory=list)
    tempo: Tempo = Tempo.STEADY
    refuse: Exception | None = None

    def __post_init__(self) -> None:
        self.clock = LoopClock()
        self.sampler = ScriptedSampler(self.clock.now, quiet())
        self.rounds = Rounds(
            self.fleet,
            self.sampler,
            self.clock,
            self.on_sample,
            self.counted.append,
            untimed(self.clock),
            most=self.most,
            rate=self.rate,
        )

    async def on_sample(self, point: Point, result: SampleResult) -> Tempo:
        self.handed.append((point, result))
        if self.refuse is not None:
            raise self.refuse
        return self.tempo

    def watch(self, *pods: PodFacts) -> None:
        self.rounds.apply(self.fleet.put_policy(GOPLS, pods))

    def gone(self, which: PodFacts) -> None:
        self.rounds.apply(self.fleet.look_at_pod(which.namespace, which.uid, None))

    def starts(self, name: str) -> list[float]:
        return [asked.at for asked in self.sampler.of(name)]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.rounds.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert self.sampler.in_flight == 0


def many(count: int) -> list[PodFacts]:
    return [pod(f"ws-{number}") for number in range(count)]


def gaps(times: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(times)]


async def test_each_target_is_asked_at_its_interval_with_little_jitter() -> None:
    bench = Bench()
    async with bench.running():
        bench.watch(*many(3))
        await asyncio.sleep(101)
    for name in ("ws-0", "ws-1", "ws-2"):
        assert len(bench.starts(name)) in {10, 11}
        assert all(9.4 <= gap <= 10.6 for gap in gaps(bench.starts(name)))
    assert len(bench.handed) == len(bench.counted) == len(bench.sampler.asked)


@pytest.mark.parametrize("most", [1, 3, 8])
async def test_never_more_are_worked_on_than_the_bound(most: int) -> None:
    bench = Bench(most=most, rate=1000.0)
    bench.sampler.latency = 0.4
    async with bench.running():
        bench.watch(*many(60))
        await asyncio.sleep(60)
    assert 1 <= bench.sampler.most_in_flight <= most
    assert {asked.target.pod for asked in bench.sampler.asked} == {f"ws-{n}" for n in range(60)}


async def test_no_second_has_more_samples_than_the_rate_and_its_burst() -> None:
    bench = Bench(most=64, rate=4.0)
    async with bench.running():
        bench.watch(*many(100))
        await asyncio.sleep(60)
    starts = [asked.at for asked in bench.sampler.asked]
    for begin in starts:
        for seconds in (1.0, 5.0, 30.0):
            assert sum(begin <= at < begin + seconds for at in starts) <= 10 + 4.0 * seconds + 1
    assert len(starts) >= 4 * 50


async def test_hung_targets_hold_nobody_else_up() -> None:
    bench = Bench(most=4)
    hung = [pod(f"hung-{number}") for number in range(12)]
    for each in hung:
        bench.sampler.scripts[each.name] = lambda *_: None
    async with bench.running():
        bench.watch(*hung, *many(5))
        await asyncio.sleep(120)
        assert all(len(bench.starts(each.name)) == 1 for each in hung)
        for number in range(5):
            assert len(bench.starts(f"ws-{number}")) >= 9


async def test_a_removed_point_is_sampled_no_more_and_its_late_answer_changes_nothing() -> None:
    bench = Bench()
    gone, stays = many(2)
    bench.sampler.latency = 3.0
    async with bench.running():
        bench.watch(gone, stays)
        await until(lambda: bool(bench.starts("ws-0")))
        bench.gone(gone)
        await asyncio.sleep(60)
    assert len(bench.starts("ws-0")) == 1
    assert len(bench.starts("ws-1")) >= 5
    (late,) = [point for point, _ in bench.handed if point.key.pod_uid == gone.uid]
    assert late.watches == []
    assert late.key not in bench.rounds.schedule


async def test_a_target_that_comes_back_while_its_old_attempt_hangs_is_asked_at_its_interval_again() -> None:
    bench, (only,) = Bench(), many(1)
    bench.sampler.scripts["ws-0"] = lambda _, number: None if number == 0 else quiet(number)
    async with bench.running():
        bench.watch(only)
        await asyncio.sleep(20)
        bench.gone(only)
        bench.watch(only)
        await asyncio.sleep(60)
        assert len(bench.starts("ws-0")) >= 6


async def test_an_edited_interval_counts_from_now_on() -> None:
    bench, (only,) = Bench(), many(1)
    async with bench.running():
        bench.watch(only)
        await asyncio.sleep(30)
        bench.rounds.apply(bench.fleet.put_policy(policy("gopls", generation=2, interval="2s"), [only]))
        before = len(bench.starts("ws-0"))
        await asyncio.sleep(30)
    assert 13 <= len(bench.starts("ws-0")) - before <= 17


async def test_an_edit_while_an_attempt_is_in_flight_loses_no_sample_and_asks_nobody_twice() -> None:
    bench, (only,) = Bench(), many(1)
    bench.sampler.latency = 4.0
    async with bench.running():
        bench.watch(only)
        await until(lambda: bench.sampler.in_flight > 0)
        bench.rounds.apply(bench.fleet.put_policy(policy("gopls", generation=2), [only]))
        await asyncio.sleep(6)
    assert len(bench.starts("ws-0")) == 1
    ((point, _),) = bench.handed
    assert [watch.policy.generation for watch in point.watches] == [2]


async def test_quiet_targets_are_asked_less_often_unless_the_policy_wants_a_fixed_pace() -> None:
    counts: dict[str, int] = {}
    for cadence in ("Adaptive", "Fixed"):
        bench, (only,) = Bench(tempo=Tempo.QUIET), many(1)
        async with bench.running():
            bench.rounds.apply(bench.fleet.put_policy(policy("gopls", cadence=cadence), [only]))
            await asyncio.sleep(600)
        counts[cadence] = len(bench.sampler.asked)
        assert max(gaps(bench.starts("ws-0"))) <= 31.5
    assert counts["Fixed"] >= 58
    assert counts["Adaptive"] <= 25


@pytest.mark.parametrize("error", [StoreError("disk full"), ZeroDivisionError("a bug")], ids=["store", "bug"])
async def test_a_sample_that_cannot_be_judged_is_lost_and_the_next_one_comes_in_time(error: Exception) -> None:
    bench, (only,) = Bench(refuse=error), many(1)
    async with bench.running():
        bench.watch(only)
        await asyncio.sleep(50)
    assert len(bench.starts("ws-0")) >= 4


async def test_a_sampler_with_a_bug_makes_a_failed_attempt_and_not_a_forgotten_target() -> None:
    bench, (only,) = Bench(most=1), many(1)
    bench.sampler.scripts["ws-0"] = lambda _, number: RuntimeError("a bug") if number < 3 else quiet(number)
    async with bench.running():
        bench.watch(only)
        await asyncio.sleep(60)
    first, later = bench.handed[0][1].outcome, bench.handed[4][1].outcome
    assert isinstance(first, Failure)
    assert (first.reason, first.message) == (FailureReason.INTERNAL, "RuntimeError: a bug")
    assert not isinstance(later, Failure)


async def test_attempts_in_flight_are_cancelled_with_the_rounds_and_count_as_never_made() -> None:
    bench = Bench()
    bench.sampler.latency = 4.0
    async with bench.running():
        bench.watch(*many(3))
        await until(lambda: bench.sampler.in_flight > 1)
        handed = len(bench.handed)
    assert (bench.sampler.in_flight, len(bench.handed)) == (0, handed)


async def test_log_records_of_an_attempt_name_the_pod() -> None:
    bench, seen = Bench(), []

    def script(_: Target, number: int) -> Answer:
        seen.append(dict(current_fields()))
        return quiet(number)

    bench.sampler.scripts["ws-0"] = script
    async with bench.running():
        bench.watch(*many(1))
        await asyncio.sleep(12)
    assert seen[0] == {"namespace": "demo", "pod": "ws-0", "endpoint": "pprof"}
    assert current_fields() == {}


def point_of(rule: Mapping[str, object] | None = None, *, is_growing: bool = False) -> Point:
    fleet = Fleet()
    fleet.put_policy(policy("gopls", rules=[dict(rule)] if rule else None), [pod()])
    (point,) = fleet.points.values()
    point.watches[0].growing = is_growing
    return point


@pytest.mark.parametrize(
    ("rule", "is_growing", "with_memstats"),
    [
        pytest.param(None, False, [], id="no rule needs it"),
        pytest.param(HEAP_INUSE, False, [0, 3, 6, 9], id="a rule needs it"),
        pytest.param(HEAP_INUSE, True, [0, 2, 4, 6, 8], id="a rule needs it and something grows"),
        pytest.param(None, True, [0, 2, 4, 6, 8], id="something grows"),
    ],
)
def test_which_parts_are_asked_for_in_which_round(
    rule: dict[str, object] | None, is_growing: bool, with_memstats: list[int]
) -> None:
    asked = in_rounds(point_of(rule, is_growing=is_growing), intervals_apart=1.0)
    assert all({HEAP, GOROUTINE} <= parts <= {HEAP, GOROUTINE, MEMSTATS, IDENTITY} for parts in asked)
    assert [number for number, parts in enumerate(asked) if IDENTITY in parts] == [0, 5]
    assert [number for number, parts in enumerate(asked) if MEMSTATS in parts] == with_memstats


def test_the_goroutineleak_profile_is_asked_for_when_the_judge_of_one_policy_asks() -> None:
    """And not of a process of which nothing is known, nor of one that answered that it has none."""
    leaked = {"name": "leaked", "signal": "LeakedGoroutines", "above": "100"}
    fleet = Fleet()
    fleet.put_policy(GOPLS, [pod()])
    fleet.put_policy(policy("proof", rules=[leaked]), [pod()])
    (point,) = fleet.points.values()
    asked = [wanted_parts(point, 0.0)]
    for number, not_served in enumerate([frozenset(), frozenset({GOROUTINE_LEAK})], start=1):
        for watch in point.watches:
            reading = Reading(goroutines=goroutines(50), not_served=not_served)
            attempt = Attempt(number * 10.0, reading, ProcessIdentity("ws-1"), 10.0)
            watch.state = judge.step(watch.state, attempt, watch.policy.rules).state
        asked.append(wanted_parts(point, number * 10.0 + 10.0))
    assert [GOROUTINE_LEAK in parts for parts in asked] == [False, True, False]


def test_a_quiet_target_that_is_asked_less_often_gives_memstats_each_time() -> None:
    """Else a window would have too few points of them, and a large healthy process would never be known to be one."""
    asked = in_rounds(point_of(HEAP_INUSE), intervals_apart=3.0)
    assert all(MEMSTATS in parts for parts in asked)


def in_rounds(point: Point, intervals_apart: float) -> list[frozenset[str]]:
    """What is asked for in ten rounds, each a little early or late."""
    asked = []
    for number in range(10):
        point.rounds = number
        now = (number * intervals_apart + (0.05 if number % 2 else 0.0)) * point.interval
        asked.append(wanted_parts(point, now))
        if MEMSTATS in asked[-1]:
            point.memstats_at = now
    return asked


async def test_rounds_count_attempts_so_that_rarer_parts_come_in_turn() -> None:
    bench, (only,) = Bench(), many(1)
    bench.sampler.scripts["ws-0"] = lambda _, number: refused() if number % 2 else quiet(number)
    async with bench.running():
        bench.watch(only)
        await asyncio.sleep(105)
    assert [IDENTITY in asked.wanted for asked in bench.sampler.asked[:10]] == ([True] + [False] * 4) * 2
