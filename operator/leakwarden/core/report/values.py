"""What the report is given of each target."""

from __future__ import annotations

from dataclasses import dataclass

from leakwarden.api.words import Verdict
from leakwarden.core.findings import Finding
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

    @property
    def open_findings(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.open)
