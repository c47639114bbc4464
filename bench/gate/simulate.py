"""How often programs that are made up fail the gate: what chance and caches alone can do to it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import exp
from typing import Final

from leakwarden.core.gate.decide import look
from leakwarden.core.gate.values import Outcome, Plan

TOLERANCE: Final = 1.0
"""All amounts are in tolerances."""

Series = Callable[[int], float]
"""What is held after so many runs."""


@dataclass(frozen=True, slots=True)
class Case:
    says: str
    make: Callable[[random.Random], Series]
    repeats: int = Plan().repeats


def _scattered(by: float, course: Series) -> Callable[[random.Random], Series]:
    return lambda chance: lambda run: course(run) + chance.gauss(0, by)


def _wandering(by: float, keeps: float) -> Callable[[random.Random], Series]:
    """Each run moves it by chance; `keeps` is how much of where it is stays: 1 is a random walk."""

    def make(chance: random.Random) -> Series:
        held = 0.0

        def after(_: int) -> float:
            nonlocal held
            held = keeps * held + chance.gauss(0, by)
            return held

        return after

    return make


_WARMUP: Final = Plan().warmup

CASES: Final = (
    Case("scatters by half a tolerance", _scattered(0.5, lambda _: 0)),
    Case("scatters by 5 tolerances", _scattered(5, lambda _: 0)),
    Case("scatters by 50", _scattered(50, lambda _: 0)),
    Case("a cache of 8 that takes 1 a run", _scattered(0.05, lambda run: min(8, run + _WARMUP))),
    Case(
        "a cache of 50 that has 63 % after 5 runs", _scattered(0.05, lambda run: 50 * (1 - exp(-(run + _WARMUP) / 5)))
    ),
    Case("a cache of 50 that has 63 % after 10", _scattered(0.05, lambda run: 50 * (1 - exp(-(run + _WARMUP) / 10)))),
    Case("a cache of 50 that has 63 % after 25", _scattered(0.05, lambda run: 50 * (1 - exp(-(run + _WARMUP) / 25)))),
    Case("leaks 0.18 a run", _scattered(0.02, lambda run: 0.18 * run)),
    Case("leaks 0.25 a run, scatters by 0.05", _scattered(0.05, lambda run: 0.25 * run)),
    Case("leaks 1 a run, scatters by 1", _scattered(1, lambda run: run)),
    Case("leaks 1 a run, scatters by 2", _scattered(2, lambda run: run)),
    Case("leaks 2 in every third run", _scattered(0.01, lambda run: 2 * (run // 3))),
    Case("leaks 2 in 30 runs, scatters by 1, `--repeats 30`", _scattered(1, lambda run: run / 15), 30),
    Case("wanders by 0.2 a run, for ever", _wandering(0.2, 1)),
    Case("wanders by 5 a run, and back by half", _wandering(5, 0.5)),
    Case("wanders by 5 a run, and back by a tenth", _wandering(5, 0.9)),
    Case("the same with `--repeats 30`", _wandering(5, 0.9), 30),
    Case("wanders by 5 a run, for ever", _wandering(5, 1)),
)


def simulated(count: int) -> list[list[str]]:
    """A row a case: what it does, and how many of `count` gates failed, were unproven, passed; runs on average."""
    rows = []
    for case in CASES:
        chance = random.Random(case.says)
        outcomes: Counter[Outcome] = Counter()
        runs = 0
        for _ in range(count):
            outcome, took = _gate(case.make(chance), Plan(repeats=case.repeats))
            outcomes[outcome] += 1
            runs += took
        shares = [f"{100 * outcomes[one] / count:.2f} %" for one in (Outcome.LEAK, Outcome.UNPROVEN, Outcome.PASSED)]
        rows.append([case.says, *shares, f"{runs / count:.1f}"])
    return rows


def _gate(series: Series, plan: Plan) -> tuple[Outcome, int]:
    values = [series(0)]
    while True:
        for _ in range(plan.repeats):
            values.append(series(len(values)))
        if (outcome := look(values, plan, TOLERANCE)) is not None:
            return outcome, len(values) - 1
