"""What the judge keeps between two steps, and what it says after one. Frozen values; `codec` stores the state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from leakwarden.api.words import Signal, Verdict, WaitKind
from leakwarden.core.findings import Finding
from leakwarden.core.gopls_info import GoplsContext
from leakwarden.core.judge.series import Series
from leakwarden.core.readings import LabelUse, ProcessIdentity, Site
from leakwarden.core.rules import RuleSet


class RuleState(StrEnum):
    """Of a rule after one step. MET: met by this sample, nothing held yet, or held and waiting for its attribution."""

    NOT_MET = "NotMet"
    MET = "Met"
    HOLDING = "Holding"
    UNKNOWN = "Unknown"
    FIRING = "Firing"


class TransitionKind(StrEnum):
    """What became of a finding. RETURNED needs findings of other pods: it is told later, never by `step`."""

    OPENED = "Opened"
    WORSENED = "Worsened"
    RETURNED = "Returned"
    RESOLVED = "Resolved"


@dataclass(frozen=True, slots=True)
class Transition:
    kind: TransitionKind
    finding: Finding


@dataclass(frozen=True, slots=True)
class RuleEvaluation:
    """How one rule stands, for `explain`. `value` and `growth` in the signal's unit.

    `growth` is the lower 95 % bound of the growth over the window, None where it was not estimated. `held` in seconds.
    `site` is the one that is furthest, for signals with one series a site. `slope` is the estimate, in units a second,
    that the bound is a bound of; None while nothing is known.
    """

    rule: str
    state: RuleState
    value: float | None
    growth: float | None
    held: float
    why: str
    site: Site | None = None
    slope: float | None = None


@dataclass(frozen=True, slots=True)
class LabelSnapshot:
    """Goroutines of one place, or of the process, by label, as a reading had them; the same until the next one."""

    at: float
    count: int
    """All of them, those without labels too."""
    uses: tuple[LabelUse, ...]


LabelHistory: TypeAlias = tuple[LabelSnapshot, ...]
"""Oldest first, closer together the newer; see `leakwarden.core.judge.labels`."""


@dataclass(frozen=True, slots=True)
class Track:
    """One site's bytes, or one group's goroutines, over time."""

    site: Site
    """Line and leaf as of the newest reading, to show."""
    wait: WaitKind | None
    series: Series
    """A site's comes with what it has allocated."""
    labels: LabelHistory = ()


@dataclass(frozen=True, slots=True)
class Parked:
    """What a site held when it was last looked at without being tracked: its growth since tells whether to admit it."""

    at: float
    value: float


@dataclass(frozen=True, slots=True)
class Tracks:
    """The places that are followed, by key (function, for goroutines function and wait), and those left aside."""

    followed: Mapping[str, Track] = field(default_factory=dict)
    parked: Mapping[str, Parked] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Coverage:
    """An unbroken run of heap readings, changed or not: no distance in it is a gap."""

    since: float
    last: float
    count: int


@dataclass(frozen=True, slots=True)
class LeakedPlace:
    """Goroutines that the runtime proves leaked, at one function and wait."""

    site: Site
    last: int
    """In the newest reading."""
    agreed: int
    """What two readings in a row agreed on."""


@dataclass(frozen=True, slots=True)
class LeakProfile:
    """What came of asking a process for its `goroutineleak` profile."""

    asked_at: float | None = None
    served: bool = True
    """False when it answered that it has none: then it is not asked again."""
    read: bool = False
    known: bool = False
    """Whether `agreed` counts: after two readings, or a first one without any."""
    ask_again: bool = False
    """The newest reading says something new, and is not itself the one that was to confirm it."""
    places: Mapping[str, LeakedPlace] = field(default_factory=dict)
    """By function and wait, most goroutines first."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """GC pauses of a process, summed up from reading to reading."""

    num_gc: int
    """Collections up to the newest reading."""
    lost: bool
    """More collections ran before the newest reading than the runtime remembers: the sum started over."""
    total: Series
    """Seconds of pause since the sum began; never empty."""


@dataclass(frozen=True, slots=True)
class GoplsWatch:
    """What the pages of a gopls told, look by look."""

    latest: GoplsContext
    read_at: float
    """Of the newest reading, whether pages were read with it or not."""
    documents: Series = field(default_factory=Series)
    cached_files: Series = field(default_factory=Series)
    memoized: Series = field(default_factory=Series)


@dataclass(frozen=True, slots=True)
class Segment:
    """Everything that belongs to one process and starts over with the next."""

    process: ProcessIdentity
    began: float
    """When it was first seen, unix seconds."""
    oom_flag: bool
    """Whether its attempts came with `oom_killed`: a flag that stays set tells of an earlier process."""
    readings: int = 0
    """How many were judged: those of the start-up grace are not."""
    over: bool = False
    """Refused three times: the process is gone, whatever answers next is another one."""
    alloc_bytes: int = 0
    total_alloc: int = 0
    fingerprint: str = ""
    ballast_bytes: int = 0
    heap_read: Coverage | None = None
    live: Series = field(default_factory=Series)
    alloc: Series = field(default_factory=Series)
    """Cumulative allocations: its rate is the load."""
    heap_inuse: Series = field(default_factory=Series)
    sys: Series = field(default_factory=Series)
    container: Series = field(default_factory=Series)
    water: Series = field(default_factory=Series)
    goroutines: Series = field(default_factory=Series)
    gc_pause: Series = field(default_factory=Series)
    """Seconds in the five minutes before each point."""
    pauses: Pauses | None = None
    gc_cpu: Series = field(default_factory=Series)
    """CPU time that the garbage collector took since the process start, in seconds of all that it could have had."""
    leaked: Series = field(default_factory=Series)
    """Goroutines that the runtime proved leaked, those agreed on."""
    leaks: LeakProfile = field(default_factory=LeakProfile)
    entries: Series = field(default_factory=Series)
    """Live entries of sync.Maps, estimated."""
    entry_each: float = 1.0
    """Entries that one sampled object stands for."""
    entry_site: Site | None = None
    """Where most of them are stored."""
    sites: Tracks = field(default_factory=Tracks)
    groups: Tracks = field(default_factory=Tracks)
    gopls: GoplsWatch | None = None
    """None: it never said that it is a gopls."""
    labels: LabelHistory = ()
    """Of all goroutines."""


@dataclass(frozen=True, slots=True)
class Hold:
    """How long a rule has been met at one place, in covered seconds, from point to point.

    `met_at`: the last sample that met it, or brought no new point; None after an Unknown. `as_of`: the newest point.
    `lowest`: the lowest value since the rule is met.
    """

    held: float
    met_at: float | None
    as_of: float
    lowest: float


@dataclass(frozen=True, slots=True)
class Part:
    """What one rule contributes to a finding: where the growth that it saw began, and how far it went."""

    rule: str
    key: str
    """The place's key; empty for the whole process."""
    signal: Signal
    leak: bool
    onset: float
    baseline: float
    peak: float


@dataclass(frozen=True, slots=True)
class Sightings:
    """Goroutines that were seen to run through one function since a memory finding opened, summed over readings."""

    function: str
    count: int
    """All of them, those without labels too."""
    uses: tuple[LabelUse, ...]


@dataclass(frozen=True, slots=True)
class OpenFinding:
    """A finding that is open, with what decides when it ends. The first of `parts` is the one that is measured."""

    finding: Finding
    parts: tuple[Part, ...]
    load: float | None
    """Bytes allocated a second when it was opened; None unknown."""
    below: float | None = None
    """Covered seconds for which half of the growth has been given back; None when it has not."""
    flat: float = 0.0
    """Covered seconds without growth under a load like that at opening."""
    flat_level: float | None = None
    sightings: Sightings | None = None


@dataclass(frozen=True, slots=True)
class TargetState:
    """All that is remembered of one target under one policy. Build it with `start`, change it with `step`."""

    rules: RuleSet
    last_at: float | None = None
    """Of the newest attempt, success or failure."""
    last_read: float | None = None
    """Of the newest attempt if it was a success, else None: only neighbouring readings cover time."""
    failures: int = 0
    """Failed attempts in a row, refused ones apart."""
    refusals: int = 0
    trouble: str = ""
    """Of the newest failed attempt: reason and message."""
    segment: Segment | None = None
    holds: Mapping[str, Hold] = field(default_factory=dict)
    """By rule name, a line feed, and the place's key."""
    clear_at: Mapping[str, float] = field(default_factory=dict)
    """By rule name: when it was last found not met."""
    findings: tuple[OpenFinding, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one step says. `findings`: all open ones, and those that this very step resolved."""

    state: TargetState
    verdict: Verdict
    reason: str
    """One sentence that stands alone."""
    findings: tuple[Finding, ...]
    transitions: tuple[Transition, ...]
    rules: tuple[RuleEvaluation, ...]
    growing: bool
    """Something grows: the next sample should come at the interval, memstats included."""
    wants: frozenset[str] = frozenset()
    """Parts (`leakwarden.core.parts`) beyond the usual that would tell more. The caller may leave them out."""
