"""What mode Annotate writes onto a pod: enough for who runs `kubectl describe pod`, and steady while the leak lasts."""

from __future__ import annotations

from collections.abc import Sequence

from leakwarden.core.decide.say import stamp
from leakwarden.core.findings import UNATTRIBUTED, Finding
from leakwarden.core.targets import PolicyKey

LONGEST = 1024


def text(policy: PolicyKey, findings: Sequence[Finding]) -> str:
    """At most LONGEST characters. Nothing in it moves from sample to sample, or each sample would write to the pod."""
    leaks = "; ".join(_leak(finding) for finding in sorted(findings, key=lambda finding: finding.signature))
    ending = f" (LeakPolicy {policy})"
    room = LONGEST - len(ending)
    return (leaks if len(leaks) <= room else leaks[: room - 1] + "…") + ending


def _leak(finding: Finding) -> str:
    site = finding.site
    if site is None:
        where = UNATTRIBUTED
    else:
        where = site.function + (f" ({site.file}:{site.line})" if site.file and site.line else "")
    return f"{finding.severity.value} {finding.family.value} leak at {where}, found {stamp(finding.first_seen)}"
