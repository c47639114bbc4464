"""The operator's clock: an anchor of wall time plus monotonic time, so that a jump of the wall clock is harmless."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol


def uptime() -> float:
    """Seconds since the machine was started, those in which it slept included: the monotonic clock stands then."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Clock(Protocol):
    def now(self) -> float:
        """Unix seconds; never goes backwards within one process."""
        ...


class AnchoredClock:
    """Wall time is read once, at start; from there `elapsed` counts, which must run on while the machine sleeps: else
    hours of growth would look like one leap, and what was found before them like news.

    After a restart the wall clock may stand before the newest stored attempt: the judge takes that as a gap.
    """

    def __init__(self, elapsed: Callable[[], float] = uptime) -> None:
        self._elapsed = elapsed
        self._anchor = time.time() - elapsed()

    def now(self) -> float:
        return self._anchor + self._elapsed()
