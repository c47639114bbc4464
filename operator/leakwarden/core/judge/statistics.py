"""Robust slope with an interval that respects autocorrelation, and the fit that dates the onset. Plain arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor as round_down
from math import sqrt

LEAST = 3
"""Points that a slope with an interval takes."""
Z95 = 1.6449
"""The one-sided 95 % point of the normal distribution."""


def median(values: Sequence[float]) -> float:
    """Of at least one value."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def sen(times: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """(slope, its lower 95 % bound) in units a second: Theil's median of pairwise slopes (1950), Sen's interval (1968).

    The interval's variance of Kendall's S is widened by Hamed & Rao's factor (1998) for autocorrelated residuals.
    Needs three points or more at different times.
    """
    n = len(times)
    slopes = sorted(
        (values[j] - values[i]) / (times[j] - times[i]) for i in range(n - 1) for j in range(i + 1, n)
    )  # fmt: skip
    slope = median(slopes)
    variance = n * (n - 1) * (2 * n + 5) / 18.0
    residuals = [v - slope * (t - times[0]) for t, v in zip(times, values, strict=True)]
    margin = Z95 * sqrt(variance * autocorrelation_factor(residuals))
    low = round_down((len(slopes) - margin) / 2)
    return slope, slopes[max(low, 0)]


def autocorrelation_factor(residuals: Sequence[float]) -> float:
    """n/n* of Hamed & Rao (1998) from the significant autocorrelations of the residuals' ranks; never below 1.

    Lags up to n/3: estimates of longer ones rest on too few pairs.
    """
    n = len(residuals)
    order = sorted(range(n), key=residuals.__getitem__)
    centred = [0.0] * n
    for rank, index in enumerate(order):
        centred[index] = rank - (n - 1) / 2
    power = sum(c * c for c in centred)
    threshold = 1.96 / sqrt(n)
    total = 0.0
    for lag in range(1, max(2, n // 3 + 1)):
        rho = sum(a * b for a, b in zip(centred, centred[lag:], strict=False)) / power
        if abs(rho) > threshold:
            total += (n - lag) * (n - lag - 1) * (n - lag - 2) * rho
    return max(1.0, 1.0 + 2.0 * total / (n * (n - 1) * (n - 2)))


def least_squares_slope(times: Sequence[float], values: Sequence[float]) -> float:
    """Units a second; 0 where all points lie at one time."""
    n = len(times)
    if n < 2:
        return 0.0
    mean_t, mean_v = sum(times) / n, sum(values) / n
    spread = sum((t - mean_t) ** 2 for t in times)
    if spread <= 0:
        return 0.0
    return sum((t - mean_t) * (v - mean_v) for t, v in zip(times, values, strict=True)) / spread


def onset(times: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """(time, level) where the growth leaves the baseline.

    The best least-squares hinge `level + slope * max(0, t - time)`; of equal fits the earliest.
    Candidates are the points but the last two. Needs three points or more.
    """
    best = (times[0], values[0])
    least = float("inf")
    n = len(times)
    mean_v = sum(values) / n
    centred_v = [v - mean_v for v in values]
    total = sum(c * c for c in centred_v)
    for candidate in times[:-2]:
        ramp = [t - candidate if t > candidate else 0.0 for t in times]
        mean_r = sum(ramp) / n
        spread = sum((r - mean_r) ** 2 for r in ramp)
        cross = sum((r - mean_r) * c for r, c in zip(ramp, centred_v, strict=True))
        error = total - (cross * cross / spread if cross > 0 and spread > 0 else 0.0)
        if error < least * (1 - 1e-9) - 1e-9:
            least = error
            slope = cross / spread if spread > 0 else 0.0
            best = (candidate, mean_v - slope * mean_r)
    return best
