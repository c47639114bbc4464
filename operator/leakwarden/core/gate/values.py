"""What the gate measures, and what it makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from leakwarden.api.words import Unit, WaitKind
from leakwarden.core.readings import GoroutineReading, HeapReading, Site
from leakwarden.core.traces import Named


@dataclass(frozen=True, slots=True)
class Counters:
    """What only ever grows in a process, as of one reading."""

    total_alloc: int
    """Bytes ever allocated."""
    num_gc: int
    """Collections ever made."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """The process when the work was done and it had come to rest."""

    heap_alloc: int
    """MemStats.HeapAlloc in bytes, the least of several readings each right after a collection."""
    first: Counters
    """As of the first of those readings."""
    last: Counters
    heap: HeapReading
    """As of the last of those collections."""
    goroutines: GoroutineReading
    """That with the least of them, of the same readings."""
    sampling: int
    """Bytes: the heap profile has one sample for so many allocated (MemProfileRate); 1 is exact."""

    def is_of_another_process(self, before: Measurement) -> bool:
        """Whether the process was restarted since `before`: what only ever grows did not.

        By what the first reading of one finds and the last of the other left: each reading allocates and forces a
        collection, so a process that is new each time, and does the same each time, comes out below.
        """
        return self.first.total_alloc < before.last.total_alloc or self.first.num_gc <= before.last.num_gc


class Kind(StrEnum):
    """What is checked."""

    HEAP = "heap"
    GOROUTINES = "goroutines"

    def value_of(self, one: Measurement) -> int:
        return one.heap_alloc if self is Kind.HEAP else one.goroutines.total

    @property
    def unit(self) -> Unit:
        return Unit.BYTES if self is Kind.HEAP else Unit.COUNT


class Outcome(StrEnum):
    PASSED = "passed"
    UNPROVEN = "unproven"
    """Grew, and could not be told from noise or from a cache that fills. It passes, with a warning."""
    LEAK = "leak"


@dataclass(frozen=True, slots=True)
class Plan:
    """How often the command runs, and what it may leave behind in `repeats` runs."""

    warmup: int = 2
    repeats: int = 5
    tolerance_bytes: int = 1024 << 10
    tolerance_goroutines: int = 4

    @property
    def most(self) -> int:
        """Measured runs at most."""
        return 4 * self.repeats

    def tolerance(self, kind: Kind) -> int:
        return self.tolerance_bytes if kind is Kind.HEAP else self.tolerance_goroutines


@dataclass(frozen=True, slots=True)
class Growth:
    """Growth in `Plan.repeats` runs of the command, in the unit of its kind; negative where it fell."""

    amount: float
    """By the robust slope over all measured runs."""
    low: float
    """Its one-sided 99.9 % bounds."""
    high: float
    recent: float
    """In the last `repeats` runs alone: the larger of slope and last less first."""


@dataclass(frozen=True, slots=True)
class Grower:
    """One place, and how much of the growth it has."""

    site: Site
    growth: float
    """In `Plan.repeats` runs; bytes for heap (an estimate from samples), else goroutines."""
    share: float
    """Of all growth, 0 to 1."""
    wait: WaitKind | None = None
    """Of goroutines: what they wait for."""
    pattern: Named | None = None
    """The known shape that it has; None where none fits."""


@dataclass(frozen=True, slots=True)
class Check:
    """The verdict on one quantity."""

    kind: Kind
    outcome: Outcome
    tolerance: int
    growth: Growth
    values: Sequence[float]
    """As measured: after warm-up, then after each measured run."""
    growers: Sequence[Grower] = ()
    """Largest first; none where it has passed."""


@dataclass(frozen=True, slots=True)
class Report:
    """All that a run of the gate found."""

    target: str
    """The URL that was read."""
    command: str
    plan: Plan
    checks: Sequence[Check]
    sampling: int
    seconds: float
    """How long it all took."""

    @property
    def runs(self) -> int:
        """Measured runs."""
        return len(self.checks[0].values) - 1

    @property
    def leaks(self) -> bool:
        return any(check.outcome is Outcome.LEAK for check in self.checks)
