"""Whether one quantity, measured before the first and after each run of a command, grows with the runs."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Final

from leakwarden.core.gate.values import Growth, Outcome, Plan
from leakwarden.core.judge.statistics import Z95, autocorrelation_factor, median

Z999: Final = 3.0902
"""The one-sided 99.9 % point of the normal distribution: there are up to three looks at which a leak can be said."""
CORRELATED: Final = 30
"""Values from which on it can be estimated how much each depends on those before it."""
STEADY: Final = 0.8
"""Growth whose second half has less than this share of the first's pace slows down, as that of a filling cache does."""
EVEN: Final = 0.95
"""With this share or more it does not slow down, however sure the difference is."""


def look(values: Sequence[float], plan: Plan, tolerance: float) -> Outcome | None:
    """The verdict after so many runs, None where `plan.repeats` more are needed to tell.

    `values` are those after warm-up and after each measured run, so one more than runs; a multiple of `plan.repeats`.
    """
    runs = len(values) - 1
    if runs < plan.repeats or runs % plan.repeats:
        raise ValueError(f"{runs} runs are no multiple of {plan.repeats}")
    growth = growth_of(values, plan)
    if growth.recent <= tolerance:
        return Outcome.PASSED
    last = runs >= plan.most
    if runs >= 2 * plan.repeats and growth.low > tolerance and _is_steady(values, last=last):
        return Outcome.LEAK
    return Outcome.UNPROVEN if last else None


def _is_steady(values: Sequence[float], *, last: bool) -> bool:
    """Whether the second half keeps the pace of the first.

    As long as more runs can follow, a smaller loss is reason to wait for them, too, where it is plain: where the 95 %
    bounds of the two halves lie apart. A large cache that fills loses little at first.
    """
    middle = len(values) // 2
    before, after = _pairwise_slopes(values[: middle + 1]), _pairwise_slopes(values[-middle - 1 :])
    if median(after) < STEADY * median(before):
        return False
    out = _outside(middle + 1, Z95)
    return last or median(after) >= EVEN * median(before) or after[-1 - out] >= before[out]


def growth_of(values: Sequence[float], plan: Plan) -> Growth:
    """Of at least `plan.repeats + 1` values."""
    slopes = _pairwise_slopes(values)
    slope = median(slopes)
    out = _outside(len(values), Z999, _factor([value - slope * run for run, value in enumerate(values)]))
    last = values[-plan.repeats - 1 :]
    recent = max(_slope(last) * plan.repeats, last[-1] - last[0])
    return Growth(
        slope * plan.repeats, slopes[out] * plan.repeats, slopes[-1 - out] * plan.repeats, recent
    )  # fmt: skip


def _slope(values: Sequence[float]) -> float:
    """A run, by Theil's median of pairwise slopes (1950)."""
    return median(_pairwise_slopes(values))


def _pairwise_slopes(values: Sequence[float]) -> list[float]:
    """Smallest first."""
    n = len(values)
    return sorted((values[j] - values[i]) / (j - i) for i in range(n - 1) for j in range(i + 1, n))


def _factor(residuals: Sequence[float]) -> float:
    """By which the variance is widened: the judge's, for autocorrelation; 1 where there are too few to estimate it."""
    return autocorrelation_factor(residuals) if len(residuals) >= CORRELATED else 1.0


def _outside(n: int, z: float, factor: float = 1.0) -> int:
    """How many of the ordered slopes of n values lie outside each one-sided bound: Sen's interval (1968).

    `z` is the bound's point of the normal distribution; `factor` widens the variance.
    """
    pairs = n * (n - 1) / 2
    margin = z * sqrt(factor * n * (n - 1) * (2 * n + 5) / 18)
    return max(int((pairs - margin) / 2), 0)
