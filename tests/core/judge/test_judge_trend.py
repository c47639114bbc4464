"""The growth test: what is met, and which shape is named where it is not."""

from __future__ import annotations

import math
from array import array
from random import Random

import pytest

from leakwarden.api.words import Unit
from leakwarden.core.judge.series import Series, append
from leakwarden.core.judge.shapes import Question, Shape, load_factor
from leakwarden.core.judge.trend import Trend, trend
from leakwarden.core.rules import Growth

ASKED = Growth(at_least=60.0, window=900.0)


def points(values: list[float], step: float = 30.0) -> Series:
    series = Series()
    for index, value in enumerate(values):
        series = append(series, 1e9 + index * step, value, 1e9, 32)
    return series


def seen(values: list[float], step: float = 30.0, growth: Growth = ASKED) -> Trend:
    return trend(points(values, step), Question(growth, step))


def line(slope: float, count: int = 31, level: float = 100.0) -> list[float]:
    return [level + slope * i for i in range(count)]


SHAPES = [
    ("a line of what is asked", line(2.001), Shape.GROWS),
    ("a line just below", line(1.99), Shape.SMALL),
    ("nothing", [], Shape.LACKING),
    ("seven points over the window", line(20.0, 7), Shape.LACKING),
    ("a flat series", line(0.0), Shape.SMALL),
    ("a falling series", line(-5.0), Shape.SMALL),
    ("one step in the middle", [100.0] * 15 + [400.0] * 16, Shape.SMALL),
    ("a ramp that stopped a quarter of the window ago", line(5.0, 23) + [210.0] * 8, Shape.STOPPED),
    ("a ramp that stopped two points ago", line(5.0, 29) + [240.0] * 2, Shape.STOPPED),
    ("a ramp that was slower at the last point", [*line(5.0, 30), 246.0], Shape.GROWS),
    ("a staircase of three points a step", [100.0 + 12 * (i // 3) for i in range(31)], Shape.GROWS),
    ("a cache that fills in half a window", [300 * (1 - math.exp(-i / 15)) for i in range(31)], Shape.STOPPED),
    ("a smaller cache that fills in a window", [190 * (1 - math.exp(-i / 28)) for i in range(31)], Shape.FLATTENING),
    ("back where it was before the window", [160.0] * 30 + line(3.0, 31), Shape.RETURNING),
    ("past where it was before the window", [110.0] * 30 + line(3.0, 31), Shape.GROWS),
    ("a lone spike before the window", [110.0] * 20 + [900.0] + [110.0] * 10 + line(3.0, 31), Shape.GROWS),
    ("growth under a burst that fills half of a sixth", line(3.0, 5) + [1000.0] * 3 + line(3.0, 31)[8:], Shape.GROWS),
    ("quadratic growth", [100 + 0.2 * i * i for i in range(31)], Shape.GROWS),
]  # fmt: skip


@pytest.mark.parametrize(("name", "values", "shape"), SHAPES, ids=[s[0] for s in SHAPES])
def test_the_shape_of(name: str, values: list[float], shape: Shape) -> None:
    assert seen(values).shape is shape, name


@pytest.mark.parametrize(("count", "lacking"), [(24, True), (25, False)])
def test_points_must_span_eighty_percent_of_the_window(count: int, lacking: bool) -> None:
    assert (seen(line(5.0, count)).shape is Shape.LACKING) is lacking


@pytest.mark.parametrize(("count", "lacking"), [(7, True), (8, False)])
def test_eight_points_are_enough_when_they_span_it(count: int, lacking: bool) -> None:
    found = seen(line(20.0, count), step=900.0 / (count - 1))
    assert (found.shape is Shape.LACKING) is lacking


@pytest.mark.parametrize(("before", "idle", "after"), [(4, 6600.0, 14), (40, 5100.0, 13), (60, 4900.0, 40)])
def test_many_points_in_one_or_two_blocks_of_the_window_stop_nobody(before: int, idle: float, after: int) -> None:
    """A process that rested for most of the window and then grew fast: too little of it was seen to date a growth."""
    times = [index * 30.0 for index in range(before)]
    times += [times[-1] + idle + index * 30.0 for index in range(after)]
    series = Series(array("d", times), array("d", line(0.0, before) + line(40.0, after)))
    assert trend(series, Question(SLOW, 30.0)).shape is not Shape.GROWS


def test_a_window_of_two_blocks_is_unknown_and_counts_them() -> None:
    series = Series(array("d", [0.0, 30.0, *(6700.0 + 25.0 * n for n in range(16))]), array("d", line(20.0, 18)))
    found = trend(series, Question(SLOW, 30.0))
    assert (found.shape, found.points) == (Shape.LACKING, 2)


def test_what_is_missing_is_told_in_seconds() -> None:
    assert seen(line(5.0, 11)).missing(ASKED) == pytest.approx(720 - 300)


def test_the_growth_told_is_the_lower_bound_not_the_middle() -> None:
    random = Random(1)
    found = seen([v + random.gauss(0, 6) for v in line(4.0)])
    assert found.growth is not None
    assert 60 < found.growth < found.slope * ASKED.window


@pytest.mark.parametrize("shape", list(Shape))
def test_every_shape_but_the_plain_ones_is_named_in_its_reason(shape: Shape) -> None:
    why = Trend(shape, 30, 870.0, 90.0, 1.0, 70.0).why(ASKED, Unit.COUNT)
    if shape is Shape.LACKING:
        assert why == "30 points over 14 m of 15 m; judged from 12 m and 8 points on"
    else:
        assert why.startswith("+70 in 15 m at the least, 60 asked")
        assert why.endswith(shape.value) is (shape not in (Shape.SMALL, Shape.GROWS))


# -- the load ---------------------------------------------------------------------------------------------------------

SLOW = Growth(at_least=60.0, window=7200.0)


def allocations(rates: list[float]) -> list[float]:
    totals, total = [], 0.0
    for rate in rates:
        total += rate
        totals.append(total)
    return totals


def with_load(values: list[float], rates: list[float], growth: Growth = SLOW) -> Shape:
    """Of as many intervals as there are values, which fill the window."""
    step = growth.window / (len(values) - 1)
    return trend(points(values, step), Question(growth, step, alloc=points(allocations(rates), step))).shape


def test_memory_that_rises_with_the_load_over_hours_is_explained() -> None:
    assert with_load(line(1.0, 241, level=150.0), [100 + i for i in range(241)]) is Shape.LOADED


def test_memory_that_rises_faster_than_the_load_is_not() -> None:
    assert with_load(line(4.0, 241), [100 + 0.3 * i for i in range(241)]) is Shape.GROWS


def test_a_load_that_only_fluctuates_explains_nothing() -> None:
    random = Random(3)
    assert with_load(line(1.0, 241), [random.uniform(20, 200) for _ in range(241)]) is Shape.GROWS


@pytest.mark.parametrize(
    ("intervals", "window", "shape"),
    [
        (120, 240.0, Shape.LOADED),
        (240, 3000.0, Shape.LOADED),
        (60, 3600.0, Shape.LOADED),
        (100, 1000.0, Shape.GROWS),
        (100, 3300.0, Shape.GROWS),
        (119, 3570.0, Shape.GROWS),
    ],
    ids=["120 of 2 s", "240 of 12.5 s", "60 of 60 s", "100 of 10 s", "100 of 33 s", "119 of 30 s"],
)
def test_a_window_of_an_hour_or_of_120_intervals_asks_for_the_load_and_no_shorter_one(
    intervals: int, window: float, shape: Shape
) -> None:
    values = line(240 / intervals, intervals + 1, level=150.0)
    rates = [value - 50.0 for value in values]
    assert with_load(values, rates, Growth(60.0, window)) is shape


def test_the_factor_of_a_load_that_starts_from_nothing_is_unbounded() -> None:
    assert load_factor(points(allocations([0.0] * 12 + [float(i) for i in range(1, 20)])), 900.0) == math.inf
    assert load_factor(Series(), 900.0) == 0.0
