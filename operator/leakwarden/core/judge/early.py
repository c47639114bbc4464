"""A growth that goes on is proven from its onset on, before it fills the window.

A level alone takes most of the window to prove a growth, since noise that wanders looks like one for a while. Where
next to nothing of what was allocated since the onset has been freed, it cannot wander back: there the points since
the onset prove it, once `atLeast` is gained, if a quiet time was seen before. `atLeast` over `window` is a rate, too:
from PATIENCE on, which hardly a load of data takes, the rate is carried on over the window.

A growth that has lasted for PATIENCE is proven from its onset on where most of what is allocated there is freed, too:
the tests of such places are asked of it all the same, and all of `atLeast` must be gained. Nor need anything have been
seen before it then. Of goroutines nobody counts which ended: of them all of `atLeast` must be gained always, after a
quiet time.
"""

from __future__ import annotations

from dataclasses import dataclass

from leakwarden.core.judge.series import Series, floor, never_given_back
from leakwarden.core.judge.shapes import BLOCKS, POINTS, Growing, Points, Question, Shape, shape_of, stopped_lately
from leakwarden.core.judge.statistics import LEAST, onset, sen

GAINED = 2 / 3
"""Share of `atLeast` that must have been gained since the onset, at the lower bound of the rate."""
KEPT = 0.9
"""Share of what was allocated since the onset that nearly all of it is, over all of it and over its newest third."""
DATED = 1 / 5
"""Share of the growth that is left out at its begin when it is asked what was kept: no onset is dated to the sample."""
SETTLED = 8
"""Intervals of the window that must have been seen before the onset: what grows from the start may load its data. Not
asked of memory that has grown for PATIENCE."""
FINE = 32
"""Blocks whose minima date the onset: everything else is counted from there."""


@dataclass(frozen=True, slots=True)
class Early:
    """`growth` is the lower 95 % bound of the rate times the window, `slope` in units and `lasted` in seconds."""

    growth: float
    slope: float
    lasted: float


def early(series: Series, asked: Question, window: Points) -> Early | None:
    """The growth since the onset, where it proves a leak's rate. `window` is the floor of the whole window."""
    growth, now = asked.growth, series.last_time
    if len(window[0]) < LEAST:
        return None
    start = now - growth.window * (1 + 1e-9)
    times, values = floor(series, start, FINE)
    began, _ = onset(times, never_given_back(values))
    lasted, before = now - began, began - series.times[series.first_from(start)]
    freed_is_known, patient = asked.kept is not None, lasted >= asked.patience
    if lasted < asked.lasting or (before < SETTLED * asked.interval and not (freed_is_known and patient)):
        return None
    points = floor(series, began, BLOCKS)
    if len(series) - series.first_from(began) < POINTS or len(points[0]) < LEAST:
        return None
    slope, low = sen(*points)
    one_way = _kept_nearly_all(asked, began, now)
    gained = GAINED if freed_is_known and patient and one_way else 1.0
    if low * growth.window < growth.at_least or low * lasted < gained * growth.at_least:
        return None
    if not (one_way or patient) or (freed_is_known and patient and stopped_lately(series, asked)):
        return None
    grows = shape_of(series, Growing(points, window, slope, one_way=one_way), asked) is Shape.GROWS
    return Early(low * growth.window, slope, lasted) if grows else None


def _kept_nearly_all(asked: Question, began: float, now: float) -> bool:
    if asked.kept is None:
        return True
    lasted = now - began
    return min(asked.kept(began + DATED * lasted), asked.kept(now - lasted / 3)) >= KEPT
