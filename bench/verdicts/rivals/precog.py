"""Precog: from some change point on, the values lie on a straight line that reaches the limit within the critical time.

Source: A. Jindal, P. Staab, J. Cardoso, M. Gerndt, V. Podolskiy, "Online Memory Leak Detection in the Cloud-based
Infrastructures", ICSOC 2020 workshops (arXiv 2101.09799); the authors' code, ansjin/memory_leak_detection at 70884d2,
`mem_leak_detection/precog_change.py`, has the defaults. In words: percent of memory in use, on a grid of 5 minutes,
smoothed by a running median of 1 h. Change points are where the first difference has a modified z-score above 3.5, at
least 6 h apart. From each change point to now: a least-squares line over at least 6 h with R^2 above 0.8 that reaches
100 % within 7 days. Nothing is said below 40 % in use. Training on a healthy history raises slope and duration that are
accepted; nobody hands over such a history here, so that they stay at their start: no slope, 6 h.

One sample stands for one point of the authors' grid, 5 minutes: 6 h are 72 samples, the smoothing is 12, 7 days are
2016. A recording has 100 samples or more, so that it always gets to speak. Memory in use is Sys - HeapReleased of
`series.LIMIT`, at most 100 %. The maximum filter is a variant of a later paper and needs the training data.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from bench.verdicts.rivals.lines import fit, r_squared
from bench.verdicts.series import LIMIT, Alarm, SampleSeries

GRID = 5.0
"""Minutes that a sample stands for."""
TREND = 6 * 60.0
SMOOTHING = 60.0
CRITICAL = 7 * 24 * 60.0
R2 = 0.8
LEAST = 40.0
MOST = 100.0
Z_SCORE = 3.5


def precog(series: SampleSeries) -> list[Alarm]:
    """At every sample where such a line ends."""
    used = [None if s.held is None else min(MOST, 100 * s.held / LIMIT) for s in series.samples]
    values: list[float] = []
    indexes: list[int] = []
    found = []
    for index, value in enumerate(used):
        if value is None:
            continue
        values.append(value)
        indexes.append(index)
        left = minutes_left(values)
        if left is not None:
            found.append(Alarm(index, f"the limit is reached in {left / 60:.0f} h of its time"))
    return found


def minutes_left(values: Sequence[float]) -> float | None:
    """Minutes until the limit, along the longest line found; None where there is no such line. Values in percent."""
    if not values or values[-1] < LEAST:
        return None
    smooth = smoothed(values)
    best = None
    for start in change_points(smooth):
        line = [(i * GRID, value) for i, value in enumerate(smooth)][start:]
        if len(line) < 2 or line[-1][0] - line[0][0] < TREND or r_squared(line) <= R2:
            continue
        slope = fit(line)[0]
        if slope <= 0:
            continue
        left = (MOST - smooth[-1]) / slope
        if left <= CRITICAL and best is None:
            best = left
    return best


def smoothed(values: Sequence[float]) -> list[float]:
    """The median of each value and those of the hour before it."""
    width = int(SMOOTHING / GRID)
    return [median(values[max(0, i - width + 1) : i + 1]) for i in range(len(values))]


def change_points(values: Sequence[float]) -> list[int]:
    """The first index, and each one whose step stands out, 6 h from the one before."""
    steps = [abs(after - before) for before, after in pairwise(values)]
    if not steps:
        return [0]
    middle = median(steps)
    spread = median(abs(step - middle) for step in steps)
    chosen = [0]
    for index, step in enumerate(steps, 1):
        stands_out = 0.6745 * abs(step - middle) > Z_SCORE * spread
        if stands_out and (index - chosen[-1]) * GRID >= TREND:
            chosen.append(index)
    return chosen
