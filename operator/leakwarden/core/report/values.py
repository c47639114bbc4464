"""What the report is given of each target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from leakwarden.api.words import Verdict
from leakwarden.core.findings import Finding
from leakwarden.core.gopls_info import GoplsContext
from leakwarden.core.targets import Owner


@dataclass(frozen=True, slots=True)
class TargetReport:
    """One endpoint of one pod as one policy judges it now. Times are unix seconds."""

    namespace: str
    pod: str
    pod_uid: str
    endpoint: str
    owner: Owner | None
    verdict: Verdict
    reason: str
    """Of Unreachable and NotRunning: a word of FailureReason; else empty."""
    verdict_since: float
    """When this verdict began."""
    findings: tuple[Finding, ...]
    last_attempt: float
    """0: none yet."""
    interval: float
    """Seconds between its attempts, as reached."""
    message: str = ""
    """The reason as a sentence."""
    memory_limit: int = 0
    """Bytes, 0 without one."""
    container: str = ""
    """The container that the process is in; empty unknown."""
    workload: str = ""
    """As of `scene.workload_of`."""
    live_heap: float | None = None
    """Bytes, at the latest sample; None: not known."""
    memory: float | None = None
    """Bytes that count against `memory_limit`, as the judge's time to it takes them: `judge.levels`."""
    started_at: float = 0.0
    """Of the process, 0 unknown."""
    above: Mapping[str, float] = field(default_factory=dict)
    """Thresholds of the policy's rules that have one, by the name of the rule, in the unit of its signal."""
    openings: Mapping[str, float] = field(default_factory=dict)
    """By `row_of` each open finding: when the first target of the policy opened it. A target that opens it while others
    have it takes theirs over, so that it outlives the first."""
    ends: Mapping[str, float] = field(default_factory=dict)
    """By signature: when this target last was rid of it. What opens for the first time, as far as anybody knows, and
    what opens again are told apart by it."""
    gopls: GoplsContext | None = None
    """What is known of the process, where it is a gopls."""

    @property
    def open_findings(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.open)

    def as_allowed(self, hide_labels: bool) -> TargetReport:
        """What may be said of it under the policy as it is now: the report may be older than the last edit."""
        if not hide_labels:
            return self
        return replace(self, findings=tuple(finding.without_label_values() for finding in self.findings))

    def opening_of(self, finding: Finding) -> float:
        """Since when the policy has this leak or pressure without a break, as this target knows."""
        return self.openings.get(row_of(finding), finding.first_seen)


def row_of(finding: Finding) -> str:
    """What findings of several targets have in common when they are one row of the status."""
    return f"{finding.type}/{finding.signature}"


def openings(
    findings: Iterable[Finding], before: TargetReport | None, elsewhere: Mapping[str, float]
) -> dict[str, float]:
    """`openings` of a target whose findings are now these. `elsewhere`: those of the policy's other targets.

    A finding that stays open keeps what it had; one that ended and opened at once opens anew.
    """
    found = tuple(findings)
    ended = {row_of(finding) for finding in found if not finding.open}
    kept = {row_of(one): before.opening_of(one) for one in before.open_findings} if before else {}
    now: dict[str, float] = {}
    for one in found:
        if one.open:
            row = row_of(one)
            stays = row in kept and row not in ended
            now[row] = kept[row] if stays else min(one.first_seen, elsewhere.get(row, one.first_seen))
    return now
