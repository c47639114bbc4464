"""What is told of the process beside a finding: what is much, while it is known, and nothing that comes and goes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakwarden.core.findings import Strain
from leakwarden.core.judge import pauses, strain
from leakwarden.core.judge.course import Now
from leakwarden.core.judge.segments import begun
from leakwarden.core.judge.series import Series, append
from leakwarden.core.readings import Attempt, ProcessIdentity, Reading
from tests.core.judge.builders import GI, INTERVAL, MI, T0, Target, builtin, goroutines, heap, memstats

LONG = 130
"""Intervals: after fewer, the built-in rules have found a leak that began with the process."""


def leaking(
    target: Target, steps: int = LONG, gc_cpu: float = 0.0, pause: float = 0.0, sys: float = 1.6 * GI
) -> Strain:  # fmt: skip
    """A leak beside so much of a collector, in a container with 2 GiB of which `sys` is held."""
    target.limit = 2 * GI
    for index in range(len(target.said), len(target.said) + steps):
        leaked = 5.0 * index * MI
        target.allocated += 64 * MI
        target.give(
            Reading(
                heap(300 * MI + leaked, {"example.com/x.Keep": leaked}, alloc=target.allocated),
                goroutines(50),
                memstats(1.4 * GI, sys, gcs=index, pause=pause, gc_cpu=gc_cpu),
            )
        )
    (found,) = target.last.findings
    return found.strain


def test_memory_near_its_limit_a_full_heap_and_a_busy_collector_are_told() -> None:
    told = leaking(Target(builtin()), gc_cpu=0.11, pause=0.2)
    assert (told.held, told.limit) == (int(1.6 * GI), 2 * GI)
    assert (told.water_level, told.gc_cpu, told.gc_pause) == pytest.approx((87.5, 11.0, 2.0), abs=1e-6)


def test_a_process_that_bears_it_well_is_not_worth_a_word() -> None:
    told = leaking(Target(builtin()), gc_cpu=0.02, pause=0.01, sys=1.75 * GI)
    assert told == Strain(held=1.75 * GI, limit=2 * GI)
    small = Target(builtin())
    small.limit = 64 * GI
    for index in range(LONG):
        small.live(300 * MI + 5.0 * index * MI, {"example.com/x.Keep": 5.0 * index * MI})
    assert small.last.findings[0].strain == Strain()


def test_what_memstats_told_is_forgotten_when_they_do_not_come_any_more() -> None:
    target = Target(builtin())
    assert leaking(target).held is not None
    for index in range(10):
        leaked = 5.0 * (LONG + index) * MI
        target.live(300 * MI + leaked, {"example.com/x.Keep": leaked})
    assert target.last.findings[0].strain == Strain()


def test_the_collector_is_told_as_of_the_last_five_minutes_and_not_of_its_whole_life() -> None:
    """GCCPUFraction alone would say 1 % here: the process was idle for a day."""
    started, now = T0 - 86400.0, T0
    total, spent = Series(), 0.01 * 86400
    for _ in range(21):
        total = pauses.cpu_read(total, now, memstats(1, 1, gc_cpu=spent / (now - started)), started)
        now, spent = now + INTERVAL, spent + 0.4 * INTERVAL
    assert pauses.cpu_share(total, total.last_time) == pytest.approx(0.4)


@pytest.mark.parametrize("started", [0.0, T0 + 60])
def test_without_a_process_start_nothing_is_known_of_the_collectors_share(started: float) -> None:
    total = pauses.cpu_read(Series(), T0, memstats(1, 1, gc_cpu=0.3), started)
    assert pauses.cpu_share(total, T0 + 600) is None


@given(st.lists(st.floats(75.0, 95.0), min_size=2, max_size=60))
def test_what_is_told_goes_only_when_it_is_clearly_less(levels: list[float]) -> None:
    attempt = Attempt(T0, Reading(), ProcessIdentity("pod"), INTERVAL)
    segment, told = begun(attempt), Strain()
    for index, level in enumerate(levels):
        at = T0 + index * INTERVAL
        segment = replace(segment, water=append(segment.water, at, level, 3600.0, 32))
        before, told = told, strain.seen(told, Now(replace(attempt, at=at), segment, INTERVAL, ()))
        was = before.water_level is not None
        assert (told.water_level is not None) is (level >= (0.8 * strain.FULL if was else strain.FULL))
