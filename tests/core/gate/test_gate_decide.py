"""What is a leak, and what is none: series as data, and how often chance alone makes one."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakwarden.core.gate.decide import growth_of, look
from leakwarden.core.gate.values import Outcome, Plan

KIB = 1024.0
PLAN = Plan()
TOLERANCE = PLAN.tolerance_bytes

Program = Callable[[int], float]
"""Bytes held after so many runs."""


def decided(program: Program, plan: Plan = PLAN, tolerance: float = TOLERANCE) -> tuple[Outcome, int]:
    """The verdict, and the measured runs that it took; looked at as the command does."""
    values = [program(0)]
    while True:
        values += [program(len(values) + run) for run in range(plan.repeats)]
        if (outcome := look(values, plan, tolerance)) is not None:
            return outcome, len(values) - 1


PROGRAMS: list[tuple[str, Program, Outcome, int]] = [
    ("nothing moves", lambda _: 5e6, Outcome.PASSED, 5),
    ("growth below the tolerance", lambda run: 190 * KIB * run, Outcome.PASSED, 5),
    ("a leak just above it", lambda run: 210 * KIB * run, Outcome.LEAK, 10),
    ("a large leak", lambda run: 50e6 * run, Outcome.LEAK, 10),
    ("memory is given back", lambda run: 50e6 - 1e6 * run, Outcome.PASSED, 5),
    ("a cache full after three runs", lambda run: min(run, 3) * 4e6, Outcome.PASSED, 10),
    ("a cache full after eight runs", lambda run: min(run, 8) * 4e6, Outcome.PASSED, 15),
    ("a cache that fills ever more slowly", lambda run: 50e6 * (1 - math.exp(-run / 10)), Outcome.UNPROVEN, 20),
    ("a larger one", lambda run: 50e6 * (1 - math.exp(-run / 25)), Outcome.UNPROVEN, 20),
    ("a leak that loses a little of its pace", lambda run: 2e6 * run - 5e3 * run**2, Outcome.LEAK, 10),
    ("a leak that loses more and never stops", lambda run: 2e6 * run - 12e3 * run**2, Outcome.LEAK, 20),
    ("one step, and then none", lambda run: 8e6 * (run >= 4), Outcome.PASSED, 10),
    ("a step in every third run", lambda run: 2e6 * (run // 3), Outcome.LEAK, 15),
    ("a sawtooth", lambda run: 3e6 * (run % 4), Outcome.PASSED, 20),
    ("a leak under a sawtooth", lambda run: 2e6 * run + 1e6 * (run % 3), Outcome.LEAK, 10),
    ("a spike at the end of the first look", lambda run: 9e6 * (run == 5), Outcome.PASSED, 10),
    ("a spike before the first run hides no leak", lambda run: 9e7 if run == 0 else 1e6 * run, Outcome.LEAK, 15),
]  # fmt: skip


@pytest.mark.parametrize(
    ("program", "outcome", "runs"), [row[1:] for row in PROGRAMS], ids=[row[0] for row in PROGRAMS]
)
def test_a_program_is_judged_by_what_stays_with_each_run(program: Program, outcome: Outcome, runs: int) -> None:
    assert decided(program) == (outcome, runs)


def test_one_goroutine_for_each_run_is_a_leak() -> None:
    assert decided(lambda run: 12 + run, tolerance=PLAN.tolerance_goroutines) == (Outcome.LEAK, 10)
    assert decided(lambda run: 12 + run // 2, tolerance=PLAN.tolerance_goroutines) == (Outcome.PASSED, 5)


def test_growth_of_just_the_tolerance_is_none_too_much() -> None:
    assert decided(lambda run: 12 + run, Plan(repeats=4), 4) == (Outcome.PASSED, 4)


def test_more_repeats_find_a_smaller_leak() -> None:
    def program(run: int) -> float:
        return 50 * KIB * run

    assert decided(program)[0] is Outcome.PASSED
    assert decided(program, Plan(repeats=30))[0] is Outcome.LEAK


@pytest.mark.parametrize("scatter", [300e3, 1e6, 5e6, 50e6])
def test_a_program_that_only_scatters_fails_less_than_once_in_a_thousand_gates(scatter: float) -> None:
    chance = random.Random(5)
    alarms = sum(decided(lambda _: chance.gauss(50e6, scatter))[0] is Outcome.LEAK for _ in range(2000))
    assert alarms <= 2


def test_a_leak_as_large_as_the_scatter_is_found_all_the_same() -> None:
    chance = random.Random(5)
    found = sum(decided(lambda run: 1e6 * run + chance.gauss(0, 1e6))[0] is Outcome.LEAK for _ in range(300))
    assert found >= 290


@given(
    st.lists(st.integers(0, 10**9), min_size=11, max_size=11),
    st.integers(0, 10**9),
)
def test_what_a_program_holds_anyway_changes_no_verdict(values: list[int], held: int) -> None:
    assert look(values, PLAN, TOLERANCE) is look([value + held for value in values], PLAN, TOLERANCE)


@given(st.lists(st.integers(0, 10**9), min_size=21, max_size=21), st.integers(0, 10**9))
def test_a_larger_tolerance_never_makes_a_leak(values: list[int], more: int) -> None:
    if look(values, PLAN, TOLERANCE) is not Outcome.LEAK:
        assert look(values, PLAN, TOLERANCE + more) is not Outcome.LEAK


@given(st.lists(st.integers(0, 10**9), min_size=6, max_size=21))
def test_the_bounds_of_a_growth_lie_on_either_side_of_it(values: list[int]) -> None:
    growth = growth_of(values, PLAN)
    assert growth.low <= growth.amount <= growth.high


def wandering(chance: random.Random) -> Program:
    """By 5 tolerances a run, and a tenth of the way back."""
    held = 0.0

    def after(_: int) -> float:
        nonlocal held
        held = 0.9 * held + chance.gauss(0, 5 * TOLERANCE)
        return held

    return after


def test_many_repeats_do_not_make_a_leak_of_a_heap_that_wanders_and_comes_back() -> None:
    """Each value depends on the one before: as many values of chance would be surer of a slope, by far."""
    chance = random.Random(5)
    alarms = sum(decided(wandering(chance), Plan(repeats=30))[0] is Outcome.LEAK for _ in range(1000))
    assert alarms <= 60


def test_a_look_between_two_rounds_is_refused() -> None:
    with pytest.raises(ValueError, match="7 runs"):
        look([0.0] * 8, PLAN, TOLERANCE)
