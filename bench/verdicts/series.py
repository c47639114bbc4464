"""What every detector of the benchmark sees of one recording: a row of numbers a sample. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from leakwarden.api.words import BLOCKED
from leakwarden.core.readings import Attempt, Reading

PRODUCTION = 30.0
"""Seconds: what one interval of a recording stands for where a detector counts in minutes and hours. It is the default
of `sampling.interval`, and the recordings' leaks are paced in intervals, not in seconds."""
LIMIT = 2 << 30
"""Bytes: the container limit for detectors that judge by a share of it. That of the pods of `make demo`."""


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
    for attempt in attempts:
        interval = attempt.interval
        if isinstance(attempt.outcome, Reading):
            samples.append(_sample(attempt.at, attempt.outcome))
    if not samples:
        raise ValueError("the recording holds no reading")
    return SampleSeries(interval, tuple(samples))


def _sample(at: float, reading: Reading) -> Sample:
    heap, goroutines, memstats = reading.heap, reading.goroutines, reading.memstats
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
