"""The summary that mode Annotate writes onto a pod: one line for people, without numbers that move."""

from __future__ import annotations

from collections.abc import Iterable

from leakwarden.api.words import FindingType, Severity
from leakwarden.core.findings import Finding
from leakwarden.core.report.amounts import clip, minute
from leakwarden.core.report.message import subject
from leakwarden.core.targets import PolicyKey

MAX_LENGTH = 256
"""Characters, but for policies with very long names."""
MIN_SUBJECT = 40


def summary(findings: Iterable[Finding], policy: PolicyKey) -> str:
    """E.g. `Critical leak since 2026-11-23T14:02Z (LeakPolicy demo/gopls): live heap of main.(*Cache).keep (cache.go:4)
    growing; and 1 more`. kubectl cuts at about 140 characters: what is short and matters most comes first. Empty
    without an open leak: then the annotation is removed."""
    leaks = [finding for finding in findings if finding.open and finding.type is FindingType.LEAK]
    if not leaks:
        return ""
    worst = min(leaks, key=lambda f: (f.severity is not Severity.CRITICAL, f.first_seen, f.signature))
    more = f"; and {len(leaks) - 1} more" if len(leaks) > 1 else ""
    head = f"{worst.severity} leak since {minute(worst.first_seen)} (LeakPolicy {policy}): "
    # A policy's name may have 253 characters and its namespace 63: some of the subject is always left.
    kind = f" ({worst.pattern.name})" if worst.pattern else ""
    room = MAX_LENGTH - len(head) - len(more)
    if room - len(kind) < MIN_SUBJECT:
        kind = ""
    return head + clip(f"{subject(worst)} growing", max(MIN_SUBJECT, room - len(kind))) + kind + more
