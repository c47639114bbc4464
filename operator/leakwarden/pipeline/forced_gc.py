"""Asking a process for its heap after a forced collection: whom, and how often in the whole fleet.

It costs the process real time (1.1 to 1.5 s for 0.5 GB of heap), so it is asked for only where nothing else holds back
an action, one process at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from leakwarden.core.parts import HEAP_AFTER_GC
from leakwarden.core.throttle import RateLimit
from leakwarden.pipeline.fleet import Point

PER_MINUTE = 6.0
"""In the whole fleet, evenly: no two start within 10 seconds."""
EVERY = 10.0
"""Intervals between two at one point, whatever its policies want."""


class ForcedCollections:
    """The turns: one at a time, PER_MINUTE in all."""

    def __init__(self) -> None:
        self._rate = RateLimit(PER_MINUTE / 60.0, burst=1)
        self._busy = False

    @contextmanager
    def turn(self, point: Point, now: float) -> Iterator[frozenset[str]]:
        """What this attempt asks for besides the rest: HEAP_AFTER_GC or nothing. A turn lasts as long as the block."""
        if self._busy or not wanted_at(point, now) or not self._rate.take(now):
            yield frozenset()
            return
        self._busy, point.forced_at = True, now
        try:
            yield frozenset({HEAP_AFTER_GC})
        finally:
            self._busy = False


def wanted_at(point: Point, now: float) -> bool:
    """Whether a finding here is held back from an action by nothing but its confirmation, and may be asked about."""
    if not any(watch.unconfirmed and HEAP_AFTER_GC in watch.wants for watch in point.watches):
        return False
    return not 0 <= now - point.forced_at < EVERY * point.interval * 0.95  # rounds are jittered
