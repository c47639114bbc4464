"""Series: exact where it is new, thin where it is old, and never longer than stated."""

from __future__ import annotations

from math import log
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leakwarden.core.judge.series import BATCH, EXACT, Series, append, floor, level, shifted


def filled(values: list[float], step: float = 30.0, reach: float = 1e9, detail: int = 32) -> Series:
    series = Series()
    for index, value in enumerate(values):
        series = append(series, index * step, value, reach, detail)
    return series


def test_appending_leaves_the_series_before_as_it_was() -> None:
    before = filled([1.0, 2.0])
    append(before, 60.0, 3.0, 1e9, 32)
    assert list(before.values) == [1.0, 2.0]


@pytest.mark.parametrize("at", [30.0, 29.0, -5.0])
def test_a_point_that_is_not_newer_is_left_out(at: float) -> None:
    series = filled([1.0, 2.0])
    assert append(series, at, 9.0, 1e9, 32) == series


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 1500), st.integers(0, 10**6))
def test_the_newest_points_are_exact_and_times_ascend(count: int, seed: int) -> None:
    random = Random(seed)
    values = [random.random() for _ in range(count)]
    series = filled(values)
    newest = min(count, EXACT)
    assert list(series.values)[-newest:] == values[-newest:]
    assert all(a < b for a, b in zip(series.times, series.times[1:], strict=False))
    assert min(series.values) == min(values)


def test_a_day_of_samples_keeps_as_few_points_as_stated() -> None:
    day = 2880
    series = filled([float(i % 7) for i in range(day)])
    assert len(series) <= EXACT + 32 * log(day / EXACT) + BATCH
    assert series.times[0] < 30.0 * 200


def test_no_series_is_longer_than_the_hard_bound() -> None:
    assert max(len(filled([float(i) for i in range(n)], detail=1000)) for n in (500, 4000)) <= 240


def test_points_beyond_the_reach_are_dropped() -> None:
    series = filled([1.0] * 1000, reach=100 * 30.0)
    assert series.times[0] >= (999 - 100 - BATCH) * 30.0


@pytest.mark.parametrize("detail", [16, 32])
def test_old_points_lie_close_enough_to_fill_sixteen_blocks_of_the_longest_window(detail: int) -> None:
    """8 h at 240 intervals of two minutes: 80 % of it must still be covered by points that are judged as blocks."""
    series = filled([float(i % 5) for i in range(700)], step=120.0, detail=detail)
    times, values = floor(series, series.last_time - 240 * 120.0, 16)
    assert len(times) >= 14
    assert set(values) <= {0.0, 1.0}


def test_the_floor_of_a_sawtooth_is_flat() -> None:
    series = filled([float(i % 6) for i in range(96)])
    _, values = floor(series, 0.0, 16)
    assert set(values) == {0.0}


def test_few_points_are_their_own_floor() -> None:
    series = filled([5.0, 9.0, 2.0])
    assert [list(part) for part in floor(series, 0.0, 16)] == [[0.0, 30.0, 60.0], [5.0, 9.0, 2.0]]


def test_the_level_at_a_moment_is_the_lower_neighbour() -> None:
    series = filled([5.0, 9.0, 2.0])
    assert [series.at(t) for t in (-1.0, 0.0, 15.0, 45.0, 60.0, 99.0)] == [5.0, 5.0, 5.0, 2.0, 2.0, 2.0]


def test_a_known_level_is_thinned_as_if_it_had_been_sampled() -> None:
    assert len(level([30.0 * i for i in range(900)], 3.0, 1e9, 16)) < 160


def test_a_shifted_series_keeps_its_distances() -> None:
    assert list(shifted(filled([1.0, 2.0]), -10.0).times) == [-10.0, 20.0]
