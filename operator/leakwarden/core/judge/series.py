"""One signal over time in bounded memory: recent points exact, older ones thinned to their floor.

A point of age `a` keeps a distance of about `a / detail` from its neighbours, so the number of points grows with the
logarithm of the reach: about `EXACT + detail * ln(reach / (EXACT * interval))`. Of points that are merged the lowest
survives, because growth is judged on the floor; `floor` takes minima of blocks that are no narrower than that distance,
so thinned and exact stretches are treated alike.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

EXACT = 48
"""The newest points, never thinned: more than the sixth of a window in which an end of growth is looked for."""
BATCH = 16
"""Thinning runs when the length reaches a multiple of it, not at every point."""
MOST = 224
"""Hard bound; the oldest points go first."""


def _no_points() -> array[float]:
    return array("d")


@dataclass(frozen=True, slots=True)
class Series:
    """Times in unix seconds, strictly ascending, and values in the signal's unit. Arrays are never changed in place."""

    times: array[float] = field(default_factory=_no_points)
    values: array[float] = field(default_factory=_no_points)
    allocated: array[float] = field(default_factory=_no_points)
    """Of a place on the heap: the bytes it had ever allocated by each of these times. Empty for everything else."""

    def __len__(self) -> int:
        return len(self.times)

    @property
    def last_time(self) -> float:
        return self.times[-1]

    @property
    def last(self) -> float:
        return self.values[-1]

    def first_from(self, start: float) -> int:
        """Index of the first point at or after `start`."""
        return bisect_left(self.times, start)

    def at(self, moment: float) -> float:
        """The level around `moment`: the lower of the points next to it; the first value before the series begins."""
        after = bisect_left(self.times, moment)
        if after == 0:
            return self.values[0]
        if after == len(self.times):
            return self.values[-1]
        return min(self.values[after - 1], self.values[after])


def append(
    series: Series, at: float, value: float, reach: float, detail: int, *, allocated: float | None = None
) -> Series:  # fmt: skip
    """`series` with one more point; a point that is not newer than the last is left out.

    `reach` in seconds: older points are dropped. `detail`: see the module. `allocated`: always given, or never.
    """
    if len(series) and at <= series.last_time:
        return series
    times, values, beside = series.times[:], series.values[:], series.allocated[:]
    times.append(at)
    values.append(value)
    if allocated is not None:
        beside.append(allocated)
    longer = Series(times, values, beside)
    if len(times) % BATCH == 0 and len(times) > EXACT:
        return _thinned(longer, at - reach, detail)
    return longer


def level(times: Sequence[float], value: float, reach: float, detail: int, *, allocated: float | None = None) -> Series:
    """The same value at all of `times` (ascending, not empty) within `reach` of the last, thinned."""
    count = len(times)
    beside = array("d", [] if allocated is None else [allocated] * count)
    known = Series(array("d", times), array("d", [value] * count), beside)
    return _thinned(known, known.last_time - reach, detail)


def _thinned(series: Series, oldest: float, detail: int) -> Series:
    """Merge runs of old points that lie within age/detail of each other into their lowest."""
    times, values = series.times, series.values
    now = times[-1]
    exact_from = max(0, len(times) - EXACT)
    kept: list[int] = []
    index = min(bisect_left(times, oldest), exact_from)
    while index < exact_from:
        last = times[index] + (now - times[index]) / detail
        lowest = index
        index += 1
        while index < exact_from and times[index] <= last:
            if values[index] < values[lowest]:
                lowest = index
            index += 1
        kept.append(lowest)
    kept = [*kept, *range(exact_from, len(times))][-MOST:]

    def chosen(column: array[float]) -> array[float]:
        return array("d", [column[number] for number in kept] if column else [])

    return Series(chosen(times), chosen(values), chosen(series.allocated))


def shifted(series: Series, by: float) -> Series:
    """All times moved by `by` seconds: the wall clock was set, the process did not notice."""
    return Series(array("d", [t + by for t in series.times]), series.values, series.allocated)


def settled(series: Series, over: float) -> float:
    """The lowest value of the last `over` seconds: what a burst of less than that leaves out."""
    return min(series.values[series.first_from(series.last_time - over * (1 + 1e-9)) :])


def gained(series: Series, since: float, over: float) -> float:
    """By how much the lowest of the last `over` seconds passes the level at a time; 0 where nothing is known."""
    return settled(series, over) - series.at(since) if len(series) else 0.0


def kept_share(series: Series, since: float) -> float:
    """Of what a place allocated since then, the share that it still holds on top of what it held; 0 where unknown."""
    first = series.first_from(since)
    if not series.allocated or first >= len(series) - 1:
        return 0.0
    grown = series.last - series.values[first]
    return min(1.0, grown / max(grown, series.allocated[-1] - series.allocated[first])) if grown > 0 else 0.0


def floor(series: Series, start: float, blocks: int) -> tuple[Sequence[float], Sequence[float]]:
    """The points from `start` on as at most `blocks` minima of equally long blocks, each at the time where it lies."""
    first = series.first_from(start)
    times, values = series.times[first:], series.values[first:]
    if len(times) <= blocks:
        return times, values
    width = (times[-1] - start) / blocks
    floor_times: list[float] = []
    floor_values: list[float] = []
    block = -1
    for time, value in zip(times, values, strict=True):
        its = min(int((time - start) / width), blocks - 1)
        if its != block:
            block = its
            floor_times.append(time)
            floor_values.append(value)
        elif value < floor_values[-1]:
            floor_times[-1] = time
            floor_values[-1] = value
    return floor_times, floor_values


def never_given_back(values: Sequence[float]) -> list[float]:
    """Of each value what was still held at every later moment: the lowest of it and all that follow."""
    kept: list[float] = []
    lowest = float("inf")
    for value in reversed(values):
        lowest = min(lowest, value)
        kept.append(lowest)
    return kept[::-1]
