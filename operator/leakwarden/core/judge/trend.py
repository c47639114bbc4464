"""Does a signal grow by `atLeast` in the window, and still? The growth test of a rule on one series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from leakwarden.api.words import Unit
from leakwarden.core.judge import say
from leakwarden.core.judge.early import GAINED, early
from leakwarden.core.judge.series import Series, floor
from leakwarden.core.judge.shapes import BLOCKS, POINTS, Growing, Points, Question, Shape, shape_of
from leakwarden.core.judge.statistics import LEAST, sen
from leakwarden.core.rules import Growth

COVERAGE = 0.8
"""Share of the window that the points must span."""
SHARES = (1.0, 2 / 3)
"""Of the window that ends now: a fast leak passes `atLeast` long before it fills the window."""
NOWHERE: Points = ((), ())
"""The floor of a window that moved by so little that nobody looks at it: most windows of most places."""
HOPELESS = 0.7
"""Share of `atLeast`: where all points of the window lie closer together, no interval need be estimated."""


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
    lasted: float = 0.0
    """Seconds since the onset, where the growth was proven from there on, before it filled the window; else 0."""

    def missing(self, growth: Growth) -> float:
        """Seconds that the points must yet span; 0 where it is points that are missing."""
        return max(0.0, COVERAGE * growth.window * (1 - 1e-9) - self.span)

    def why(self, growth: Growth, unit: Unit) -> str:
        """A phrase for `explain`."""
        over, least = say.duration(growth.window), say.quantity(growth.at_least, unit)
        if self.shape is Shape.LACKING:
            asked = f"judged from {say.duration(COVERAGE * growth.window)} and {POINTS} points on"
            return f"{self.points} points over {say.duration(self.span)} of {over}; {asked}"
        if self.growth is None:
            return f"moved by {say.quantity(self.moved, unit)} in {over}, {least} asked"
        if self.lasted:
            pace = f"+{say.quantity(self.growth, unit)} in {over} at the least"
            return f"a pace of {pace} since {say.duration(self.lasted)}, {least} asked"
        sign = "+" if self.growth >= 0 else ""
        why = f"{sign}{say.quantity(self.growth, unit)} in {over} at the least, {least} asked"
        return why if self.shape in (Shape.SMALL, Shape.GROWS) else f"{why}; {self.shape.value}"


def trend(series: Series, asked: Question) -> Trend:
    """Judge the window that ends at the newest point; what it does not show, the growth since its onset may."""
    growth = asked.growth
    if not len(series):
        return Trend(Shape.LACKING, 0, 0.0)
    start = series.last_time - growth.window * (1 + 1e-9)
    first = series.first_from(start)
    values = series.values[first:]
    seen = Trend(Shape.LACKING, len(values), series.last_time - series.times[first], max(values) - min(values))
    if seen.points < POINTS:
        return replace(seen, level=series.last, rising=series.last - values[0] >= growth.at_least / 4)
    window = floor(series, start, BLOCKS) if seen.moved >= GAINED * growth.at_least else NOWHERE
    shown = _shown(series, values, window, asked, seen)
    if shown.shape is Shape.GROWS or window is NOWHERE or seen.span < asked.lasting:
        return shown
    found = early(series, asked, window)
    if found is None:
        return shown
    level = _level(window, seen.span)
    return replace(
        seen, shape=Shape.GROWS, slope=found.slope, growth=found.growth, level=level, rising=True, lasted=found.lasted
    )


def _shown(series: Series, values: Sequence[float], window: Points, asked: Question, seen: Trend) -> Trend:
    """What the window, which holds `values`, shows by itself."""
    growth = asked.growth
    if seen.missing(growth) > 0:
        return replace(seen, level=series.last, rising=series.last - values[0] >= growth.at_least / 4)
    if seen.moved < HOPELESS * growth.at_least:
        level = min(values[-max(1, len(values) // 6) :])
        slope, rising = (level - values[0]) / seen.span, level - values[0] >= growth.at_least / 4
        return replace(seen, shape=Shape.SMALL, slope=slope, level=level, rising=rising)
    return _estimated(series, window, asked, seen)


def _estimated(series: Series, window: Points, asked: Question, seen: Trend) -> Trend:
    """Unknown where all points lie in one or two blocks, as after a long rest: two minima have no interval."""
    growth = asked.growth
    candidates = [one for share in SHARES if (one := _bound(series, growth, share)) is not None]
    if not candidates:
        rising = series.last - window[1][0] >= growth.at_least / 4
        return replace(seen, points=len(window[0]), level=series.last, rising=rising)
    bound, growing = max(((b, Growing(p, window, s)) for b, p, s in candidates), key=lambda one: one[0])
    shape = Shape.SMALL if bound < growth.at_least else shape_of(series, growing, asked)
    rising = bound >= growth.at_least / 4
    level = _level(window, seen.span)
    return replace(seen, shape=shape, slope=growing.slope, growth=bound, level=level, rising=rising)


def _level(window: Points, span: float) -> float:
    """The lowest point of the last sixth."""
    recent = window[0][-1] - span / 6
    return min(value for time, value in zip(*window, strict=True) if time >= recent)


def _bound(series: Series, growth: Growth, share: float) -> tuple[float, Points, float] | None:
    """Of this share of the window: the lower bound of what was gained in it, its floor, and its slope.

    None where too few points or blocks tell.
    """
    start = series.last_time - share * growth.window * (1 + 1e-9)
    if len(series) - series.first_from(start) < POINTS:
        return None
    points = floor(series, start, max(POINTS, round(share * BLOCKS)))
    if len(points[0]) < LEAST:
        return None
    slope, low = sen(*points)
    return low * share * growth.window, points, slope
