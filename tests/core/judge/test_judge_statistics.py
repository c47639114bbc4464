"""Slopes, their bounds and the onset of growth, against values worked out by hand or by the published formulae."""

from __future__ import annotations

from itertools import combinations
from math import exp
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leakwarden.core.judge.statistics import autocorrelation_factor, least_squares_slope, median, onset, sen


def test_the_slope_of_a_line_is_exact_and_so_is_its_bound() -> None:
    times = [float(t) for t in range(20)]
    assert sen(times, [3 + 2 * t for t in times]) == (2.0, 2.0)


def test_the_bound_is_the_order_statistic_of_sen() -> None:
    """Sen 1968: n = 10 gives a variance of 125 and a margin of 18.4: slope number (45 - 18.4) / 2 = 13.3."""
    values = [1.0, 4.0, 2.0, 8.0, 5.0, 7.0, 9.0, 6.0, 12.0, 10.0]
    times = [float(t) for t in range(10)]
    slopes = sorted((values[j] - values[i]) / (j - i) for i, j in combinations(range(10), 2))
    slope, low = sen(times, values)
    assert slope == median(slopes)
    assert low == slopes[13]


def test_outliers_up_to_a_quarter_do_not_move_the_slope_of_a_line() -> None:
    times = [float(t) for t in range(24)]
    values = [5 * t for t in times]
    for index in (3, 9, 15, 20):
        values[index] += 10_000
    assert sen(times, values)[0] == pytest.approx(5.0, rel=0.2)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.floats(-50, 50), st.floats(0.1, 100), st.floats(-1e6, 1e6))
def test_slope_and_bound_follow_the_units(seed: int, slope: float, scale: float, offset: float) -> None:
    random = Random(seed)
    times = [float(t) for t in range(16)]
    values = [slope * t + random.gauss(0, 5) for t in times]
    plain = sen(times, values)
    scaled = sen([t * scale for t in times], [v + offset for v in values])
    assert scaled == pytest.approx([plain[0] / scale, plain[1] / scale], abs=1e-6 * (1 + abs(offset)) / scale, rel=1e-6)


def test_the_bound_lies_below_the_true_slope_about_nineteen_times_in_twenty() -> None:
    below = 0
    for seed in range(400):
        random = Random(seed)
        times = [float(t) for t in range(16)]
        below += sen(times, [2 * t + random.gauss(0, 4) for t in times])[1] <= 2.0
    assert 0.92 <= below / 400 <= 0.99


def test_independent_residuals_widen_nothing_and_persistent_ones_do() -> None:
    random = Random(5)
    level, walk = 0.0, []
    for _ in range(32):
        level = 0.9 * level + random.gauss(0, 1)
        walk.append(level)
    assert autocorrelation_factor([random.gauss(0, 1) for _ in range(32)]) < 1.6
    assert autocorrelation_factor(walk) > 2.5


@given(st.lists(st.floats(-1e6, 1e6), min_size=8, max_size=32))
def test_no_residuals_narrow_the_interval(residuals: list[float]) -> None:
    assert autocorrelation_factor(residuals) >= 1.0


def test_the_least_squares_slope_of_one_moment_is_nothing() -> None:
    assert least_squares_slope([1.0, 1.0], [5.0, 9.0]) == 0.0
    assert least_squares_slope([1.0], [5.0]) == 0.0


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 40), st.floats(1.0, 50.0), st.integers(0, 10**6))
def test_the_onset_of_growth_is_dated_within_three_samples(start: int, slope: float, seed: int) -> None:
    random = Random(seed)
    times = [float(t) for t in range(60)]
    values = [100 + slope * max(0.0, t - start) + random.gauss(0, slope / 3) for t in times]
    at, level = onset(times, values)
    assert at == pytest.approx(start, abs=3)
    assert level == pytest.approx(100, abs=3 * slope)


def test_a_line_began_with_its_first_point_and_a_flat_series_too() -> None:
    times = [float(t) for t in range(20)]
    assert onset(times, [3 * t for t in times]) == pytest.approx((0.0, 0.0))
    assert onset(times, [7.0] * 20)[0] == 0.0


def test_a_series_that_only_falls_has_no_growing_hinge() -> None:
    times = [float(t) for t in range(20)]
    assert onset(times, [100 * exp(-t) for t in times])[0] == 0.0
