"""What every detector of the benchmark sees of one recording: a row of numbers a sample. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from leakwarden.api.words import BLOCKED
from leakwarden.core.readings import Attempt, MemStats, Reading

PRODUCTION = 30.0
"""Seconds: what one interval of a recording stands for where a detector counts in minutes and hours. It is the default
of `sampling.interval`, and the recordings' leaks are paced in intervals, not in seconds."""
STANDS = 10
"""Intervals for which memory statistics, which are recorded every fourth time, stand for those that follow: the five
minutes for which Prometheus takes a last value."""
LIMIT = 1 << 30
"""Bytes: the container limit for detectors that judge by a share of it. The recordings have none; no program of theirs
passes it, and a larger one would keep those detectors silent."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading. Bytes and counts; None where the part was not taken or failed. `at` in unix seconds."""

    at: float
    live: float | None
    """Sum of inuse_space as of the last completed GC, ballast left out."""
    heap_inuse: float | None
    sys: float | None
    held: float | None
    """Sys - HeapReleased: the nearest thing to a resident set that memstats tell."""
    goroutines: float | None
    blocked: Mapping[str, int] = field(default_factory=dict)
    """Goroutines that only another one can wake, by the place and the wait they stand at."""


@dataclass(frozen=True, slots=True)
class SampleSeries:
    """One recording. `interval` in seconds."""

    interval: float
    samples: Sequence[Sample]

    def minutes(self, index: int) -> float:
        """The time of a sample in minutes since the first, with an interval counted as `PRODUCTION` seconds."""
        return (self.samples[index].at - self.samples[0].at) / self.interval * PRODUCTION / 60


@dataclass(frozen=True, slots=True)
class Alarm:
    """A detector says at sample `index` that this process leaks."""

    index: int
    why: str


def series_of(attempts: Iterable[Attempt]) -> SampleSeries:
    """The rows of what was read; failed attempts leave none. Raises ValueError for a recording without a reading."""
    interval, samples = 0.0, []
    known: tuple[float, MemStats] | None = None
    for attempt in attempts:
        interval, reading = attempt.interval, attempt.outcome
        if not isinstance(reading, Reading):
            continue
        if reading.memstats is not None:
            known = attempt.at, reading.memstats
        stands = known is not None and attempt.at - known[0] <= STANDS * interval
        samples.append(_sample(attempt.at, reading, known[1] if known and stands else None))
    if not samples:
        raise ValueError("the recording holds no reading")
    return SampleSeries(interval, tuple(samples))


def _sample(at: float, reading: Reading, memstats: MemStats | None) -> Sample:
    heap, goroutines = reading.heap, reading.goroutines
    blocked: dict[str, int] = {}
    for group in goroutines.groups if goroutines else ():
        if group.wait in BLOCKED:
            place = f"{group.site.function} [{group.wait}]"
            blocked[place] = blocked.get(place, 0) + group.count
    return Sample(
        at=at,
        live=heap.live_bytes if heap else None,
        heap_inuse=memstats.heap_inuse if memstats else None,
        sys=memstats.sys if memstats else None,
        held=memstats.container_estimate if memstats else None,
        goroutines=goroutines.total if goroutines else None,
        blocked=blocked,
    )
