"""Growth that is large enough: is it a leak's? The tests, in the order in which they are said.

Each takes the floor of the series, or what of it was never given back, and each has a kind of healthy program that it
is there for; docs/judging.md says what each gains on the benchmark.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from leakwarden.core.judge.series import Series, floor, never_given_back
from leakwarden.core.judge.statistics import LEAST, least_squares_slope, median, onset, sen
from leakwarden.core.rules import Growth

POINTS = 8
"""Fewer distinct points prove nothing."""
BLOCKS = 16
"""Minima of so many equal blocks stand for the window: a sawtooth is gone where a block is as long as its teeth."""
PAST = 32
"""Blocks of the four windows that are remembered: coarser, so that bursts which fill a block of the window are gone."""
STILL = 0.5
"""The end must rise at least this fast, as a share of the whole slope."""
AT_THE_END = 1 / 6
"""Share of the window in which a growth that stops must be noticed, where the scatter allows it."""
SURE = 3.0
"""By how many times their scatter about the slope the newest points must lag behind what it promises."""
LASTING = 0.5
"""In windows: how long a growth must have lasted when its finding is opened. A load of data into memory takes less."""
PATIENCE = 45
"""Intervals that a growth must last where most of what was allocated was freed, or where its rate is carried on."""
AT_ONCE = 1 / 4
"""In windows: how long a growth must have lasted before its rule is met, however long the hold is."""
MORE = 2.0
"""What is still to come, where gains shrink, must be at least so many times `atLeast`."""
MEMORY = 4
"""In windows: how far back a level counts as one that the process has held before and given back."""
NEW_HIGH = 0.5
"""In `atLeast`: by how much the newest level must pass every level held before the window."""
ONE_WAY = 0.8
"""Share of what the growing places allocated that they must have kept for the growth to be one way: over all of it, and
over its newest third."""
UNSTEADY = 0.25
"""Share of a growth that may have been given back on the way, where most of what is allocated is freed."""
RHYTHM, RHYTHM_INTERVALS = 3600.0, 120
"""Seconds, and intervals: windows as long as either also ask whether the load explains the growth. At the default
interval both are an hour; a recording that counts its days in faster intervals is asked like the days themselves."""
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
    YOUNG = "growing for too short a time"
    TURNING_OVER = "much of what was allocated there was freed, so it must grow for longer"
    RETURNING = "at a level that was held before and given back"
    RESTLESS = "no more than it has given back before"
    LOADED = "the load rose as much"
    GROWS = "growing"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a series: which growth, and under which load."""

    growth: Growth
    interval: float
    """Of sampling, in seconds."""
    hold: float = 0.0
    """Seconds for which the rule must be met: the growth lasts on meanwhile."""
    alloc: Series = NOTHING
    """Cumulative allocations of the process, whose rate is the load."""
    kept: Callable[[float], float] | None = None
    """Since a time: of what the places behind the growth allocated, the share that they kept. None where nobody counts
    what was freed, as with goroutines: then all growth is taken for one way."""

    @property
    def patience(self) -> float:
        """Seconds that a growth must last where most of what was allocated there was freed again."""
        return PATIENCE * self.interval

    @property
    def lasting(self) -> float:
        """Seconds that any growth must have lasted: half of the window when its hold is over."""
        window = self.growth.window
        return max(AT_ONCE * window, LASTING * window - self.hold) * (1 - 1e-9)


@dataclass(frozen=True, slots=True)
class Growing:
    """A growth that passes `atLeast`: the floor of the share of the window where it is clearest, and of all of it."""

    points: Points
    window: Points
    slope: float
    one_way: bool = False
    """It is known already that what was allocated was kept."""


def shape_of(series: Series, seen: Growing, asked: Question) -> Shape:
    """GROWS, or the first reason why not."""
    growth, window = asked.growth, asked.growth.window
    began, _ = onset(*seen.window)
    if _stopped(seen.points, seen.slope):
        return Shape.STOPPED
    if _stopped_just_now(series, max(began, series.last_time - asked.lasting), window):
        return Shape.STOPPED
    grown = floor(series, began, BLOCKS)
    stretches = [seen.window, seen.points, *([grown] if asked.kept is None else [])]
    if min(_to_come(points) for points in stretches) < MORE * growth.at_least:
        return Shape.FLATTENING
    if series.last_time - began < asked.lasting or not _all_the_time(series, asked):
        return Shape.YOUNG
    held = _held_before(series, seen.window, growth)
    if _level(seen.window, 5 / 6, 1.0) <= held:
        return Shape.RETURNING
    if not seen.one_way and not _one_way(asked, began, series.last_time):
        shape = _turning_over(series, seen, asked)
        if shape is not Shape.GROWS:
            return shape
    early, late = _level(seen.window, 0.0, 1 / 3), _level(seen.window, 2 / 3, 1.0)
    rhythm = min(RHYTHM, RHYTHM_INTERVALS * asked.interval) * (1 - 1e-9)
    if window >= rhythm and late <= early * load_factor(asked.alloc, window):
        return Shape.LOADED
    return Shape.GROWS


def _all_the_time(series: Series, asked: Question) -> bool:
    """Memory grew in the older half of the time that it must have lasted, too: at half the pace of the newer one.

    An onset may be dated to a load long before, after which nothing grew for a while. Goroutines come and go with their
    clients' rhythms, so that a leak of theirs rises in waves; and short times have too few points in a half.
    """
    if asked.kept is None or asked.lasting < asked.patience:
        return True
    now, half = series.last_time, asked.lasting / 2
    times, values = floor(series, now - asked.lasting, BLOCKS)
    older, newer = _parted((times, never_given_back(values)), now - half)
    if min(len(older[0]), len(newer[0])) < LEAST:
        return True
    return least_squares_slope(*older) >= STILL * least_squares_slope(*newer)


def _parted(points: Points, middle: float) -> tuple[Points, Points]:
    """Up to a time, and from it on; a point at that time is in both."""
    first = [i for i, time in enumerate(points[0]) if time <= middle]
    second = [i for i, time in enumerate(points[0]) if time >= middle]
    older, newer = (([points[0][i] for i in part], [points[1][i] for i in part]) for part in (first, second))
    return older, newer


def stopped_lately(series: Series, asked: Question) -> bool:
    """The last third of the time that a growth must have lasted is flat beside that time's own slope.

    The slope since an onset is another one where the onset is that of a load long before.
    """
    recent = floor(series, series.last_time - asked.lasting, BLOCKS)
    return len(recent[0]) >= LEAST and _stopped(recent, sen(*recent)[0])


def _stopped(points: Points, slope: float) -> bool:
    """The last third is flat. Each point counts as what was never given back after it, so that a burst is no growth."""
    times, values = points[0], never_given_back(points[1])
    tail = next(i for i, t in enumerate(times) if t >= times[-1] - (times[-1] - times[0]) / 3)
    return least_squares_slope(times[tail:], values[tail:]) < STILL * slope


def _stopped_just_now(series: Series, since: float, window: float) -> bool:
    """The newest points, three or more, rise by less than half of what the slope since a time promises, surely.

    A third of a window takes its time to become flat, and a rule would stay met meanwhile, until its hold is over.
    Where the growth was even, three points tell. `since`: its onset, or where the time begins that it must have lasted,
    for an onset may be dated to a load that makes the growth uneven.
    """
    grown, first = floor(series, since, BLOCKS), series.first_from(since)
    times, values = series.times[first:], series.values[first:]
    if len(times) < POINTS or len(grown[0]) < LEAST:
        return False
    slope, _ = sen(*grown)
    residuals = [value - slope * time for time, value in zip(times, values, strict=True)]
    middle = median(residuals)
    scatter = 1.4826 * median([abs(residual - middle) for residual in residuals])
    longest = min(AT_THE_END * window, (times[-1] - times[0]) / 4)
    for start in range(len(times) - 3, -1, -1):
        lasted = times[-1] - times[start]
        if lasted > longest * (1 + 1e-9):
            return False
        if max(values[start + 1 :]) - min(values[start:]) < STILL * slope * lasted - SURE * scatter:
            return True
    return False


def _one_way(asked: Question, began: float, now: float) -> bool:
    """What was allocated since it began was kept, up to the end."""
    if asked.kept is None:
        return True
    return asked.kept(began) >= ONE_WAY and asked.kept(now - (now - began) / 3) >= ONE_WAY


def _turning_over(series: Series, seen: Growing, asked: Question) -> Shape:
    """A busy place that frees most of what it allocates rises and falls with its work: it takes more to call it a leak.

    The growth must have lasted, its level must pass all that was held before it by as much as was given back before it,
    and no more than a quarter of it may have been given back on the way.
    """
    reach = max(MEMORY * asked.growth.window, 2 * asked.patience)
    times, values = floor(series, series.last_time - reach, PAST)
    began, held = onset(times, never_given_back(values))
    if series.last_time - began < asked.patience:
        return Shape.TURNING_OVER
    level = _level(seen.window, 5 / 6, 1.0)
    before = [value for time, value in zip(times, values, strict=True) if time <= began]
    if len(before) >= 3 and level < max(_without_spikes(before)) + _given_back(before):
        return Shape.RESTLESS
    if _given_back(series.values[series.first_from(began) :]) > UNSTEADY * (level - held):
        return Shape.RESTLESS
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
    times, values = points[0], never_given_back(points[1])
    half = (times[-1] - times[0]) / 2
    before, after = (least_squares_slope(*part) for part in _parted((times, values), times[0] + half))
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
    return max(*levels, max(_without_spikes(before), default=float("-inf")) + NEW_HIGH * growth.at_least)


def _without_spikes(values: Sequence[float]) -> list[float]:
    """The median of each three neighbours."""
    return [min(max(a, b), max(min(a, b), c)) for a, b, c in zip(values, values[1:], values[2:], strict=False)]


def _given_back(values: Sequence[float]) -> float:
    """The deepest fall from a level that was held to a later one."""
    highest, fall = float("-inf"), 0.0
    for value in _without_spikes(values):
        highest = max(highest, value)
        fall = max(fall, highest - value)
    return fall


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
