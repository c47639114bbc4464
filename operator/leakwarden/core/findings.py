"""What the judge found on one target. Values only; the sentences are written elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from leakwarden.api.words import (
    Confidence,
    Family,
    FindingType,
    Resolution,
    Severity,
    Signal,
    WaitKind,
)
from leakwarden.core.readings import Site

UNATTRIBUTED = "unattributed"


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

    @property
    def open(self) -> bool:
        return self.resolution is None


def signature_of(family: Family, function: str, wait: WaitKind | None) -> str:
    """`family/function[/wait]`: the bug, not the line, the rule, the pod or the owner."""
    parts = [family.value, function]
    if wait is not None:
        parts.append(wait.value.replace(" ", "-"))
    return "/".join(parts)
