"""What the process goes through while a finding is open: memory near its limit, a full heap, a busy collector.

Nothing here makes a finding or ends one. It is told only where it is much: a number that says "as always" beside every
finding would be read by nobody.
"""

from __future__ import annotations

from typing import Final

from leakwarden.core.findings import Strain
from leakwarden.core.judge import pauses
from leakwarden.core.judge.course import Now
from leakwarden.core.judge.series import Series

FRESH: Final = 8.0
"""Intervals for which memstats tell what the process is like now."""
NEAR: Final = 0.5
"""Share of the container's limit from which on it is told."""
FULL: Final = 85.0
"""Percent: the water level."""
BUSY: Final = 5.0
"""Percent of the CPU time. Go's collector aims at 25 % of it while it runs, which is seldom."""
PAUSED: Final = 0.5
"""Seconds in five minutes."""
STAYS: Final = 0.8
"""What was told is told as long as it is this share of what it takes, so that no sentence comes and goes."""


def seen(before: Strain, now: Now) -> Strain:
    """As of this sample; `before` is what was told at the last one."""
    segment, limit = now.segment, float(now.attempt.memory_limit)
    held = _telling(_fresh(segment.container, now), NEAR * limit, before.held) if limit else None
    cpu = pauses.cpu_share(segment.gc_cpu, now.at) if _fresh(segment.gc_cpu, now) is not None else None
    return Strain(
        held=held,
        limit=None if held is None else limit,
        water_level=_telling(_fresh(segment.water, now), FULL, before.water_level),
        gc_cpu=_telling(None if cpu is None else 100 * cpu, BUSY, before.gc_cpu),
        gc_pause=_telling(_fresh(segment.gc_pause, now), PAUSED, before.gc_pause),
    )


def _fresh(series: Series, now: Now) -> float | None:
    if not len(series) or now.at - series.last_time > FRESH * now.attempt.interval:
        return None
    return series.last


def _telling(value: float | None, least: float, before: float | None) -> float | None:
    wanted = least if before is None else STAYS * least
    return value if value is not None and value >= wanted else None
