"""holmes: a value that stands above its own recent mean.

Source: mosn/holmes at efb1a77, `util.go` (matchRule), `ring.go` (mean), `consts.go` (defaults), `holmes.go` (order: the
value joins the ring before it is judged; the first nine are not judged). Integers throughout, as there.

Memory is a percentage of the limit: from 10 on, and either above 80 or at least 25 % above the mean of the last ten.
Goroutines: from 3,000 on, and either above 200,000 or 20 % above that mean. Nothing in it is in hours: it counts its
own samples (every 5 s by default), and here each sample of the recording is one. Its resident set is taken as
Sys - HeapReleased, the limit as `series.LIMIT`. The cooldown after a dump only thins alarms out and is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.verdicts.series import LIMIT, Alarm, SampleSeries

RING = 10


@dataclass(frozen=True, slots=True)
class Trigger:
    """`least` and `most` in the value's unit, `above` in percent of the mean."""

    least: int
    most: int
    above: int


MEMORY = Trigger(least=10, most=80, above=25)
GOROUTINES = Trigger(least=3000, most=200_000, above=20)


def holmes(series: SampleSeries) -> list[Alarm]:
    """At every sample where the memory or the goroutine trigger matches."""
    memory = [None if s.held is None else int(100 * s.held / LIMIT) for s in series.samples]
    goroutines = [None if s.goroutines is None else int(s.goroutines) for s in series.samples]
    found = {index: f"memory {memory[index]} % of the limit" for index in triggered(memory, MEMORY)}
    for index in triggered(goroutines, GOROUTINES):
        found.setdefault(index, f"{goroutines[index]} goroutines")
    return [Alarm(index, found[index]) for index in sorted(found)]


def triggered(values: Sequence[int | None], trigger: Trigger) -> list[int]:
    """The indexes at which a trigger matches; None is no sample."""
    found: list[int] = []
    ring: list[int] = []
    seen = 0
    for index, value in enumerate(values):
        if value is None:
            continue
        ring = [*ring[-(RING - 1) :], value]
        seen += 1
        if seen >= RING and matches(ring, value, trigger):
            found.append(index)
    return found


def matches(ring: Sequence[int], value: int, trigger: Trigger) -> bool:
    """Whether the newest value is a spike against the ring that it is already in."""
    if value < trigger.least:
        return False
    mean = sum(ring) // len(ring)
    return value > trigger.most or value >= mean * (100 + trigger.above) // 100
