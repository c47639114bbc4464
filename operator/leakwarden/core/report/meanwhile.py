"""What whoever is on call can do before the code is mended, and what Leakwarden itself does."""

from __future__ import annotations

from leakwarden.api.words import Family, FindingType, Mode
from leakwarden.core.actions import Refusal
from leakwarden.core.findings import Finding
from leakwarden.core.report.amounts import plural
from leakwarden.core.report.scene import Scene

COMMAND = "kubectl leakwarden"


def meanwhile(finding: Finding, scene: Scene) -> str:
    """Empty for what is no leak, and for what is from a recording.

    The profile comes first, since a restart takes the evidence along. A restart is never said without its price.
    """
    if not scene.pod or finding.type is FindingType.PRESSURE:
        return ""
    kind = " --type goroutine" if finding.family is Family.GOROUTINE else ""
    save = f"{COMMAND} profile {scene.pod} -n {scene.namespace}{kind}"
    decided = f" {_decided(scene.decision)}" if scene.decision else ""
    price = f"a restart helps for a while and loses unsaved work{_open(finding)}"
    return f"Now: save a profile ({save}); {price}.{decided}"


def _open(finding: Finding) -> str:
    """What may be unsaved, where that is known. That nothing is open is never said: it may have been opened since."""
    told = finding.gopls.state if finding.gopls else None
    if told is None or not told.documents:
        return ""
    return f" ({plural(told.documents, 'document')} open in gopls)"


def _decided(decision: str) -> str:
    if decision == Refusal.OBSERVE_ONLY:
        return "This policy only watches, it touches no pod."
    if decision.partition(" ")[0] in {Mode.EVICT, Mode.ANNOTATE}:
        return f"Leakwarden's decision: {decision}."
    return f"Leakwarden does no more now: {decision} ({COMMAND} explain says why)."
