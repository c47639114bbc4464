"""The summary that mode Annotate writes onto a pod: one line for people, without numbers that move."""

from __future__ import annotations

from collections.abc import Iterable

from leakwarden.api.words import FindingType, Severity
from leakwarden.core.findings import Finding
from leakwarden.core.report.amounts import clip, minute
from leakwarden.core.report.message import subject
from leakwarden.core.targets import PolicyKey

MAX_LENGTH = 256


def summary(findings: Iterable[Finding], policy: PolicyKey) -> str:
    """E.g. `Critical leak: live heap of main.(*Cache).keep (cache.go:41) growing since 2026-11-23T14:02Z; and 1 more.
    LeakPolicy demo/gopls`. Empty without an open leak: then the annotation is removed."""
    leaks = [finding for finding in findings if finding.open and finding.type is FindingType.LEAK]
    if not leaks:
        return ""
    worst = min(leaks, key=lambda f: (f.severity is not Severity.CRITICAL, f.first_seen, f.signature))
    more = f"; and {len(leaks) - 1} more" if len(leaks) > 1 else ""
    tail = f" since {minute(worst.first_seen)}{more}. LeakPolicy {policy}"
    head = f"{worst.severity} leak: {subject(worst)} growing"
    return clip(head, MAX_LENGTH - len(tail)) + tail
