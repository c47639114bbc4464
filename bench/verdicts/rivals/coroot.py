"""Coroot: the resident set grows by 10 % an hour along a straight line.

Source: coroot/coroot at 370a33f, `auditor/memory.go` (MemoryGrowthPct), `model/check.go` (threshold: more than 10 % an
hour), `watchers/watchers.go` (it looks at the last hour). In words: the longest run of the hour without a drop to
half (a restart), of at least 10 points and a third of the hour; a least-squares line with a positive slope; the slope
of its last quarter, which is at least 15 minutes and 5 points long, at least 0.3 of that; the line gains at least
50 MiB in the last hour, or 5 % of the limit where there is one; and that gain is more than 10 % of what the line had
an hour ago.

An interval of a recording counts as 30 s, so that the hour is 120 samples and the quarter of an hour 30. The resident
set is Sys - HeapReleased. The recordings have no limit, so that the 50 MiB hold. Coroot wants 80 % of the hour's
points; recordings are short, so here it is 80 % of those since the recording began: it may speak earlier than it would.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.verdicts.rivals.lines import fit
from bench.verdicts.series import Alarm, SampleSeries

HOUR = 60.0
"""Minutes, as all times here."""
TAIL = 15.0
PERCENT = 10.0
LEAST = 50 << 20
SLOWING = 0.3


def coroot(series: SampleSeries) -> list[Alarm]:
    """At every sample whose last hour grows so."""
    points = [(series.minutes(i), s.held) for i, s in enumerate(series.samples)]
    found = []
    for index in range(len(points)):
        if points[index][1] is None:
            continue
        now = points[index][0]
        hour = [(t, v) for t, v in points[: index + 1] if t > now - HOUR]
        percent = growth(hour, now)
        if percent > PERCENT:
            found.append(Alarm(index, f"{percent:.0f} % an hour"))
    return found


def growth(hour: Sequence[tuple[float, float | None]], now: float) -> float:
    """Percent an hour by which this hour of (minutes, bytes) grows; 0 where it does not or too little is known."""
    known = [(t, v) for t, v in hour if v is not None]
    run = _longest_run(known)
    if len(known) < 0.8 * len(hour) or len(run) < 10 or len(run) < len(hour) // 3:
        return 0.0
    slope, level = fit(run)
    tail = len(run) - len(run) // 4
    while tail > 0 and (tail == len(run) or run[-1][0] - run[tail][0] < TAIL):
        tail -= 1
    if slope <= 0 or len(run) - tail < 5 or fit(run[tail:])[0] < max(SLOWING * slope, 1e-12):
        return 0.0
    before, after = level + slope * (now - HOUR), level + slope * now
    if after <= 0 or after - before < LEAST:
        return 0.0
    return (after - before) / (before if before > 0 else after) * 100


def _longest_run(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The longest stretch without a drop to less than half, which is a restart. The first of equals."""
    longest: list[tuple[float, float]] = []
    run: list[tuple[float, float]] = []
    for point in points:
        if run and run[-1][1] > 0 and point[1] < 0.5 * run[-1][1]:
            longest, run = max(longest, run, key=len), []
        run.append(point)
    return max(longest, run, key=len)
