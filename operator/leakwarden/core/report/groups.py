"""Open findings of all targets by what is wrong: one bug in 400 workspaces is one row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from leakwarden.api.status import MAX_PODS
from leakwarden.api.words import FindingType, Severity
from leakwarden.core.findings import Finding
from leakwarden.core.report.values import TargetReport

_FOREVER = float("inf")


@dataclass(frozen=True, slots=True)
class Case:
    """One finding where it was found."""

    report: TargetReport
    finding: Finding


@dataclass(frozen=True, slots=True)
class Group:
    """All cases of one signature and type, worst first."""

    signature: str
    type: FindingType
    cases: tuple[Case, ...]

    @property
    def severity(self) -> Severity:
        critical = any(case.finding.severity is Severity.CRITICAL for case in self.cases)
        return Severity.CRITICAL if critical else Severity.WARNING

    @property
    def pods(self) -> tuple[str, ...]:
        """Names of the pods, worst first, each once."""
        return tuple({case.report.pod_uid: case.report.pod for case in self.cases}.values())

    @property
    def affected(self) -> int:
        return len({case.report.pod_uid for case in self.cases})

    @property
    def worst(self) -> Case:
        return self.cases[0]

    @property
    def worst_pods(self) -> tuple[str, ...]:
        return self.pods[:MAX_PODS]

    @property
    def limit_at(self) -> float | None:
        """When the first of them reaches its limit."""
        times = [case.finding.limit_at for case in self.cases if case.finding.limit_at is not None]
        return min(times, default=None)


def group(reports: Iterable[TargetReport]) -> tuple[Group, ...]:
    """Every open finding in exactly one group: leaks before pressure, critical first, then by affected pods.

    No number that moves with every sample decides the order.
    """
    cases: dict[tuple[str, FindingType], list[Case]] = {}
    for report in reports:
        for finding in report.open_findings:
            cases.setdefault((finding.signature, finding.type), []).append(Case(report, finding))
    groups = [
        Group(signature, kind, tuple(sorted(found, key=_urgency))) for (signature, kind), found in cases.items()
    ]
    return tuple(sorted(groups, key=lambda g: (*rank(g.type, g.severity), -g.affected, g.signature)))


def rank(kind: FindingType, severity: Severity) -> tuple[bool, bool]:
    """Sorts leaks before pressure, and Critical before Warning."""
    return (kind is not FindingType.LEAK, severity is not Severity.CRITICAL)


def _urgency(case: Case) -> tuple[bool, float, float, str, str]:
    finding = case.finding
    limit = _FOREVER if finding.limit_at is None else finding.limit_at
    critical = finding.severity is Severity.CRITICAL
    return (not critical, limit, -finding.growth_per_hour, case.report.pod, case.report.endpoint)
