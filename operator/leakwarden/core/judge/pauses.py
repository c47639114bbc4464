"""What the garbage collector took of the last five minutes: seconds of pause, and its share of the CPU time.

The runtime keeps a ring of the last 256 pauses and no total, so the pauses between two readings add up only where it
still holds all of them. When within the distance of two readings they fell is not known: they are spread evenly. Of the
CPU time it tells the share since the process start; times the age of the process that is a total, too.
"""

from __future__ import annotations

from bisect import bisect_left

from leakwarden.core.judge.series import Series, append
from leakwarden.core.judge.values import Pauses
from leakwarden.core.readings import MemStats

OVER = 300.0
"""Seconds over which both are summed up."""
LOST = "more GCs ran between two readings than the runtime remembers pauses of"
_REACH = 2 * OVER
_DETAIL = 32


def read(before: Pauses | None, at: float, memstats: MemStats) -> Pauses:
    """The running total with this reading. It starts over, `lost`, where the ring no longer holds all pauses since."""
    if before is None or not len(before.total):
        return _from_zero(at, memstats, lost=False)
    collections = memstats.num_gc - before.num_gc
    if not 0 <= collections <= len(memstats.pause_ns):
        return _from_zero(at, memstats, lost=True)
    seconds = sum(memstats.pause_ns[len(memstats.pause_ns) - collections :]) / 1e9
    total = append(before.total, at, before.total.last + seconds, _REACH, _DETAIL)
    return Pauses(memstats.num_gc, False, total)


def _from_zero(at: float, memstats: MemStats, *, lost: bool) -> Pauses:
    return Pauses(memstats.num_gc, lost, append(Series(), at, 0.0, _REACH, _DETAIL))


def missing(pauses: Pauses | None, now: float) -> float:
    """Seconds of readings that are still needed before a sum over five minutes is known."""
    return OVER if pauses is None else max(0.0, OVER - (now - pauses.total.times[0]))


def in_five_minutes(pauses: Pauses, now: float) -> float | None:
    """Seconds of pause in the five minutes before `now`; None while less than that was watched."""
    if missing(pauses, now) > 0:
        return None
    return pauses.total.last - _at(pauses.total, now - OVER)


def _at(total: Series, moment: float) -> float:
    """The total at that moment, on the line between the readings next to it."""
    after = bisect_left(total.times, moment)
    if after == 0:
        return total.values[0]
    if after == len(total):
        return total.last
    (t0, t1), (v0, v1) = total.times[after - 1 : after + 1], total.values[after - 1 : after + 1]
    return v0 + (v1 - v0) * (moment - t0) / (t1 - t0)


def cpu_read(before: Series, at: float, memstats: MemStats, started: float) -> Series:
    """The collector's CPU time since the process start, with this reading; empty where that start (0) is unknown.

    In seconds of all CPU time that the process could have had: GCCPUFraction is a share of GOMAXPROCS times its age.
    """
    if not 0 < started < at:
        return Series()
    return append(before, at, memstats.gc_cpu_fraction * (at - started), _REACH, _DETAIL)


def cpu_share(total: Series, now: float) -> float | None:
    """Its share, 0 to 1, of the five minutes before `now`; None while less than that was watched."""
    if not len(total) or now - total.times[0] < OVER:
        return None
    return min(1.0, max(0.0, (total.last - _at(total, now - OVER)) / OVER))
