"""What only the API remembers of the time before this operator."""

from __future__ import annotations

from leakwarden.api.words import Mode
from leakwarden.core.judge.intake import GAP
from leakwarden.core.report.inherited import UNJUDGED, patience
from leakwarden.pipeline.fleet import Watch


def may_be_noted(watch: Watch, began: float, now: float) -> bool:
    """Whether an annotation on this pod, written before this operator began, may still be true: nothing is known of the
    pod from then, and nothing speaks against it yet. Once a leak is found again the plan knows what is wanted there."""
    # Whose memory ends a gap before this operator began has not seen what happened since.
    remembered = watch.known_until >= began - GAP * watch.policy.interval
    annotates = watch.policy.spec is not None and watch.policy.spec.remediation.mode is Mode.ANNOTATE
    if remembered or not annotates or watch.pod.created_at > began or now > began + patience(watch.policy):
        return False
    report = watch.report
    return report is None or (report.verdict in UNJUDGED and not report.ends)
