"""Where the signals of one process stand now, to show: a level is no verdict."""

from __future__ import annotations

from dataclasses import dataclass

from leakwarden.core.judge.series import Series
from leakwarden.core.judge.values import Segment, TargetState


@dataclass(frozen=True, slots=True)
class Levels:
    """The newest value of each signal; None: not known. Bytes, a count, and seconds in five minutes."""

    live_heap: float | None = None
    heap_inuse: float | None = None
    goroutines: float | None = None
    gc_pause: float | None = None
    memory: float | None = None
    """What the container's limit is held against, as in `attribute.limit_at`: all that the process holds."""

    @property
    def heap(self) -> float:
        """The larger of the two heaps, 0 when neither is known: what to rank by."""
        return max(self.live_heap or 0.0, self.heap_inuse or 0.0)


def levels(state: TargetState, oldest_memstats: float) -> Levels:
    """Of the process that the target is now.

    Live heap and goroutines come with every reading, and the heap's newest point holds until the next collection,
    however old it is. What memstats tell is asked for only where a rule needs it or something grows: points from before
    `oldest_memstats` (unix seconds) are left out.
    """
    segment = state.segment
    if segment is None or segment.over:
        return Levels()
    return Levels(
        live_heap=_newest(segment.live),
        heap_inuse=_newest(segment.heap_inuse, oldest_memstats),
        goroutines=_newest(segment.goroutines),
        gc_pause=_newest(segment.gc_pause, oldest_memstats),
        memory=_memory(segment, oldest_memstats),
    )


def _memory(segment: Segment, oldest: float) -> float | None:
    held, live = _newest(segment.container, oldest), _newest(segment.live)
    return held if held is None or live is None else max(held, live + segment.ballast_bytes)


def _newest(series: Series, oldest: float = float("-inf")) -> float | None:
    return series.last if len(series) and series.last_time >= oldest else None
