"""Open findings of all targets by what is wrong: one bug in 400 workspaces is one row."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from leakwarden.api.status import MAX_PODS
from leakwarden.api.words import UNITS, FindingType, Severity, Unit
from leakwarden.core.findings import Finding
from leakwarden.core.report.values import TargetReport

_FOREVER = float("inf")
_NEARNESS = (3600.0, 6 * 3600.0, 86400.0)
"""Seconds to the limit that part the classes of urgency: within an hour, 6 hours, a day, later or never."""
_STACK = 2048.0
"""Bytes of the smallest goroutine stack: makes growth in counts comparable with growth in bytes."""


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
    def opening(self) -> float:
        """Since when one or another of them has it."""
        return min(case.report.opening_of(case.finding) for case in self.cases)

    @property
    def nearness(self) -> int:
        """0 within an hour of its limit, 1 within six, 2 within a day, 3 later or never; told at the latest sample."""
        left = (case.finding.limit_at - case.finding.last_seen for case in self.cases if case.finding.limit_at)
        return bisect_left(_NEARNESS, min(left, default=_FOREVER))

    @property
    def magnitude(self) -> int:
        """The power of two of its fastest growth in bytes an hour; -1 without growth."""
        fastest = max(case.finding.growth_per_hour * _weight(case.finding) for case in self.cases)
        return math.frexp(fastest)[1] if fastest >= 1.0 else -1


def _weight(finding: Finding) -> float:
    return 1.0 if UNITS[finding.signal] is Unit.BYTES else _STACK


def group(reports: Iterable[TargetReport], muted: Collection[str] = ()) -> tuple[Group, ...]:
    """Every open finding in exactly one group: leaks before pressure, critical first, then by how near the limit is,
    by affected pods and by growth. Signatures that are `muted` come last.

    Nearness counts in classes and growth in powers of two, so that no number that moves with every sample decides.
    """
    cases: dict[tuple[str, FindingType], list[Case]] = {}
    for report in reports:
        for finding in report.open_findings:
            cases.setdefault((finding.signature, finding.type), []).append(Case(report, finding))
    groups = [Group(signature, kind, tuple(sorted(found, key=_urgency))) for (signature, kind), found in cases.items()]
    return tuple(sorted(groups, key=lambda found: (found.signature in muted, _rank(found))))


def _rank(found: Group) -> tuple[bool, bool, int, int, int, str]:
    not_leak, not_critical = found.type is not FindingType.LEAK, found.severity is not Severity.CRITICAL
    return not_leak, not_critical, found.nearness, -found.affected, -found.magnitude, found.signature


def _urgency(case: Case) -> tuple[bool, float, float, str, str]:
    finding = case.finding
    limit = _FOREVER if finding.limit_at is None else finding.limit_at
    critical = finding.severity is Severity.CRITICAL
    return (not critical, limit, -finding.growth_per_hour, case.report.pod, case.report.endpoint)
