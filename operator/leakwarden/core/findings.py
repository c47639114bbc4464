"""What the judge found on one target. Values only; the sentences are written elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from leakwarden.api.words import (
    Confidence,
    Family,
    FindingType,
    Resolution,
    Severity,
    Signal,
    WaitKind,
)
from leakwarden.core.gopls_info import GoplsContext
from leakwarden.core.readings import Site
from leakwarden.core.traces import Named, Traces

UNATTRIBUTED = "unattributed"


class ConfirmationResult(StrEnum):
    """What asking with a forced collection led to. UNKNOWN: it could not be asked, or gave no answer."""

    CONFIRMED = "Confirmed"
    GARBAGE = "Garbage"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Whether a forced collection left the growth of a memory leak where it is: see docs/judging.md, Confirmation."""

    result: ConfirmationResult
    at: float
    """Unix seconds of the sample that told it."""
    grown: float = 0.0
    """Bytes: the growth since the onset as readings without a forced collection had it."""
    kept: float = 0.0
    """Bytes of it that were still held after the forced one; negative when less is held than at the onset."""
    why: str = ""
    """Of UNKNOWN: why, as a phrase."""
    near_limit: bool = False
    """UNKNOWN since the process is too near its memory limit to be asked: looked at again with each sample."""


@dataclass(frozen=True, slots=True)
class LabelShare:
    """How much of a finding's growth belongs to one value of one pprof label."""

    key: str
    value: str
    """Empty where the policy hides values: some one value."""
    share: float
    """0 to 1. Of goroutines: of those that came since; of memory: of the goroutines that were seen to run there."""
    exact: bool
    """False: at least so much, since not all values were counted when the growth began."""
    function: str = ""
    """Of memory: where the goroutines were seen. Their share is an estimate of that of the memory."""


@dataclass(frozen=True, slots=True)
class Strain:
    """What the process goes through beside a finding. None: not known, or too little to be worth a word."""

    held: float | None = None
    """Bytes of the machine that it holds (Sys - HeapReleased), where that is a good part of `limit`."""
    limit: float | None = None
    """Bytes: its container's memory limit."""
    water_level: float | None = None
    """Percent: heap in use / sys."""
    gc_cpu: float | None = None
    """Percent of the CPU time that it could have had in five minutes."""
    gc_pause: float | None = None
    """Seconds in five minutes."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One bug in one process. Its identity in a target of a policy is `signature`; several rules join one finding.

    Times are unix seconds. `value`, `baseline` and `growth_per_hour` are in the unit of `signal` (that of the rule
    that opened it). `signature` is fixed at opening.
    """

    signature: str
    family: Family
    type: FindingType
    severity: Severity
    confidence: Confidence
    rules: tuple[str, ...]
    signal: Signal
    site: Site | None
    """None: unattributed, no one site explains half of the growth."""
    wait: WaitKind | None
    since: float
    """Estimated onset of the growth."""
    first_seen: float
    """When it was said."""
    last_seen: float
    baseline: float
    """The value at the estimated onset."""
    value: float
    growth_per_hour: float
    limit_at: float | None
    """When live memory reaches the container's limit at this pace; None without limit or growth."""
    resolution: Resolution | None = None
    resolved_at: float | None = None
    confirmation: Confirmation | None = None
    """Of a memory leak; None: not asked yet."""
    gopls: GoplsContext | None = None
    """What the process was doing, where it is a gopls whose pages were read."""
    labels: tuple[LabelShare, ...] = ()
    """Values of pprof labels that most of the growth belongs to, the largest share first."""
    traces: Traces | None = None
    """None: not known yet, or no one place."""
    pattern: Named | None = None
    """Told after the fold, by `core.patterns.named`: the judge never sets it and never looks at it."""
    strain: Strain = Strain()
    parked: float | None = None
    """Of a goroutine finding: percent of all goroutines of the process that are parked, where that is telling."""
    retained: float | None = None
    """Of a goroutine finding: bytes that are still held of what was allocated in or below its function, at least."""
    started: str = ""
    """Of a goroutine finding: the function of the program that most of them begin with; empty where that is its site,
    or is not known."""
    subsiding: bool = False
    """At the latest look half of its growth, or more, was given back. It ends if that lasts; until then it stays open,
    for a dip is no end."""

    @property
    def open(self) -> bool:
        return self.resolution is None

    def without_label_values(self) -> Finding:
        """The same, of labels said only that some one value has such a share."""
        return replace(self, labels=tuple(replace(one, value="", exact=False) for one in self.labels))


def signature_of(family: Family, function: str, wait: WaitKind | None) -> str:
    """`family/function[/wait]`: the bug, not the line, the rule, the pod or the owner."""
    parts = [family.value, function]
    if wait is not None:
        parts.append(wait.value.replace(" ", "-"))
    return "/".join(parts)
