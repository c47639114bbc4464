"""Does a signal grow by `atLeast` in the window, and still? The growth test of a rule on one series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise

from leakwarden.api.words import Unit
from leakwarden.core.judge import say
from leakwarden.core.judge.series import Series, floor, never_given_back
from leakwarden.core.judge.statistics import least_squares_slope, sen
from leakwarden.core.rules import Growth

POINTS = 8
"""Fewer distinct points prove nothing."""
COVERAGE = 0.8
"""Share of the window that the points must span."""
BLOCKS = 16
"""Minima of so many equal blocks stand for the window: a sawtooth is gone where a block is as long as its teeth."""
PAST = 32
"""Blocks of the four windows that are remembered: coarser, so that bursts which fill a block of the window are gone."""
HOPELESS = 0.7
"""Share of `atLeast`: where all points of the window lie closer together, no interval need be estimated."""
STILL = 0.5
"""The last third must rise at least this fast, as a share of the whole window's slope."""
MORE = 2.0
"""What is still to come, where gains shrink, must be at least so many times `atLeast`."""
MEMORY = 4
"""In windows: how far back a level counts as one that the process has held before and given back."""
NEW_HIGH = 0.5
"""In `atLeast`: by how much the newest level must pass every level held before the window."""
RHYTHM = 3600.0
"""Seconds: windows at least this long also ask whether the load explains the growth."""
SWING = 1.2
"""A load that rose by a smaller factor explains nothing."""
NOTHING = Series()


Points = tuple[Sequence[float], Sequence[float]]
"""Times and values, in parallel."""


class Shape(Enum):
    """What the growth test saw; only GROWS is met, only LACKING is Unknown."""

    LACKING = "too few points or too little time"
    SMALL = "growth too small"
    STOPPED = "no longer growing at the end"
    FLATTENING = "flattening out"
    RETURNING = "at a level that was held before and given back"
    LOADED = "the load rose as much"
    GROWS = "growing"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a series: which growth, and under which load.

    `alloc`: cumulative allocations of the process, whose rate is the load.
    """

    growth: Growth
    alloc: Series = NOTHING


@dataclass(frozen=True, slots=True)
class Trend:
    """`slope` in units a second, `growth` its lower 95 % bound times the window, None where not estimated.

    `level` is the lowest point of the last sixth of the window, `moved` the distance of its highest and lowest point.
    """

    shape: Shape
    points: int
    span: float
    """Seconds from the first point in the window to the last."""
    moved: float = 0.0
    slope: float = 0.0
    growth: float | None = None
    level: float = 0.0
    rising: bool = False
    """Worth a closer look: a quarter of `atLeast`, whatever the interval says."""

    def missing(self, growth: Growth) -> float:
        """Seconds that the points must yet span; 0 where it is points that are missing."""
        return max(0.0, COVERAGE * growth.window * (1 - 1e-9) - self.span)

    def why(self, growth: Growth, unit: Unit) -> str:
        """A phrase for `explain`."""
        over, least = say.duration(growth.window), say.quantity(growth.at_least, unit)
        if self.shape is Shape.LACKING:
            return f"{self.points} of {POINTS} points, over {say.duration(self.span)} of {over}"
        if self.growth is None:
            return f"moved by {say.quantity(self.moved, unit)} in {over}, {least} asked"
        sign = "+" if self.growth >= 0 else ""
        why = f"{sign}{say.quantity(self.growth, unit)} in {over} at the least, {least} asked"
        return why if self.shape in (Shape.SMALL, Shape.GROWS) else f"{why}; {self.shape.value}"


def trend(series: Series, asked: Question) -> Trend:
    """Judge the window that ends at the newest point."""
    growth = asked.growth
    if not len(series):
        return Trend(Shape.LACKING, 0, 0.0)
    start = series.last_time - growth.window * (1 + 1e-9)
    first = series.first_from(start)
    values = series.values[first:]
    seen = Trend(Shape.LACKING, len(values), series.last_time - series.times[first], max(values) - min(values))
    if seen.points < POINTS or seen.missing(growth) > 0:
        return replace(seen, level=series.last, rising=series.last - values[0] >= growth.at_least / 4)
    if seen.moved < HOPELESS * growth.at_least:
        level = min(values[-max(1, len(values) // 6) :])
        slope = (level - values[0]) / seen.span
        return replace(
            seen, shape=Shape.SMALL, slope=slope, level=level, rising=level - values[0] >= growth.at_least / 4
        )
    return _estimated(series, floor(series, start, BLOCKS), asked, seen)


def _estimated(series: Series, points: Points, asked: Question, seen: Trend) -> Trend:
    growth = asked.growth
    slope, low = sen(*points)
    bound = low * growth.window
    shape = Shape.SMALL if bound < growth.at_least else _shape(series, points, slope, asked)
    recent = points[0][-1] - seen.span / 6
    level = min(value for time, value in zip(*points, strict=True) if time >= recent)
    return replace(seen, shape=shape, slope=slope, growth=bound, level=level, rising=bound >= growth.at_least / 4)


def _shape(series: Series, points: Points, slope: float, asked: Question) -> Shape:
    """The growth is large enough; is it a leak's? The tests in the order in which they are said."""
    times, values = points[0], never_given_back(points[1])
    span = times[-1] - times[0]
    tail = next(i for i, t in enumerate(times) if t >= times[-1] - span / 3)
    if least_squares_slope(times[tail:], values[tail:]) < STILL * slope:
        return Shape.STOPPED
    if _to_come((times, values)) < MORE * asked.growth.at_least:
        return Shape.FLATTENING
    if _level(points, 5 / 6, 1.0) <= _held_before(series, points, asked.growth):
        return Shape.RETURNING
    window, early, late = asked.growth.window, _level(points, 0.0, 1 / 3), _level(points, 2 / 3, 1.0)
    if window >= RHYTHM and late <= early * load_factor(asked.alloc, window):
        return Shape.LOADED
    return Shape.GROWS


def _level(points: Points, low: float, high: float) -> float:
    """The lower median of the points between two shares of the span; the nearest point where there is none."""
    times, values = points
    start, span = times[0], times[-1] - times[0]
    inside = [v for t, v in zip(times, values, strict=True) if low - 1e-9 <= (t - start) / span <= high + 1e-9]
    if inside:
        return sorted(inside)[(len(inside) - 1) // 2]
    middle = start + span * (low + high) / 2
    return min(zip(times, values, strict=True), key=lambda point: abs(point[0] - middle))[1]


def _to_come(points: Points) -> float:
    """What is still to come if growth goes on slowing down from half to half; no end where it does not slow down.

    The halves of `c * (1 - exp(-t / tau))` grow by a fixed ratio; the rest is that geometric series.
    """
    times, values = points
    half = (times[-1] - times[0]) / 2
    first = [i for i, t in enumerate(times) if t <= times[0] + half]
    second = [i for i, t in enumerate(times) if t >= times[0] + half]
    before, after = (least_squares_slope([times[i] for i in p], [values[i] for i in p]) for p in (first, second))
    if after <= 0:
        return 0.0
    if before <= 0 or after >= before:
        return float("inf")
    ratio = after / before
    return after * half * ratio / (1 - ratio)


def _held_before(series: Series, points: Points, growth: Growth) -> float:
    """The level to pass: of the window's earlier sixths, and by a margin of the points before it but lone spikes."""
    levels = [_level(points, k / 6, (k + 1) / 6) for k in range(5)]
    times, values = floor(series, series.last_time - MEMORY * growth.window, PAST)
    before = [value for time, value in zip(times, values, strict=True) if time < points[0][0]]
    middles = (min(max(a, b), max(min(a, b), c)) for a, b, c in zip(before, before[1:], before[2:], strict=False))
    return max(*levels, max(middles, default=float("-inf")) + NEW_HIGH * growth.at_least)


def load_factor(alloc: Series, window: float) -> float:
    """By what factor the load rose from the window's first third to its last; 0 where it did not clearly rise.

    People's rhythms take hours: memory that follows the load is no leak. A load that only fluctuates, without a trend
    of its own, excuses nothing.
    """
    times, totals = floor(alloc, alloc.last_time - window, BLOCKS) if len(alloc) else ([], [])
    if len(times) < POINTS:
        return 0.0
    middles = [(a + b) / 2 for a, b in pairwise(times)]
    rates = [(w - v) / (b - a) for (a, b), (v, w) in zip(pairwise(times), pairwise(totals), strict=True)]
    early, late = _level((middles, rates), 0.0, 1 / 3), _level((middles, rates), 2 / 3, 1.0)
    if late < SWING * early or sen(middles, rates)[1] <= 0:
        return 0.0
    return late / early if early > 0 else float("inf")
