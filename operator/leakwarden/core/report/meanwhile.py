"""What whoever is on call can do before the code is mended, and what Leakwarden itself does."""

from __future__ import annotations

from leakwarden.api.words import Family, FindingType, Mode
from leakwarden.core.actions import Refusal
from leakwarden.core.findings import Finding
from leakwarden.core.gopls_info import of_gopls
from leakwarden.core.report.amounts import minute, plural
from leakwarden.core.report.refused import REASONS
from leakwarden.core.report.scene import Scene
from leakwarden.core.report.stakes import HORIZON, told_limit

COMMAND = "kubectl leakwarden"
SOON = 2 * 3600.0
"""Seconds to the limit from which on there is time to choose when to restart."""


def save(finding: Finding, scene: Scene) -> str:
    """The profile comes first, since a restart takes the evidence along. Empty for what is from a recording."""
    if not scene.pod:
        return ""
    kind = " --type goroutine" if finding.family is Family.GOROUTINE else ""
    command = f"{COMMAND} profile {scene.pod} -n {scene.namespace}{kind}"
    if finding.type is FindingType.PRESSURE:
        return f"Now: nothing is urgent while it does not grow; save a profile to compare a later one with ({command})."
    return f"Now: save a profile ({command})."


def restart(finding: Finding, scene: Scene, horizon: float = HORIZON) -> str:
    """What happens at the limit, and what spares people the loss. Empty where no limit is near: then no restart helps.

    That no document is open is never said: one may have been opened since.
    """
    at = told_limit(finding, horizon)
    if not scene.pod or at is None or finding.type is FindingType.PRESSURE:
        return ""
    comes = f"At the limit the container is killed, and unsaved work may be lost{_open(finding)}"
    if scene.decision == Mode.EVICT:
        return f"{comes}: {_ASK}."
    gopls = of_gopls(finding.gopls, finding.site.function if finding.site else "")
    what = _LANGUAGE_SERVER if gopls else _PROCESS
    patience = "; not urgent yet" if at - finding.last_seen > SOON else ""
    return f"{comes}: {_ASK}, then restart {what} before {minute(at)}{patience}."


_ASK = "have the user save"
_LANGUAGE_SERVER = "the language server in the editor (not the pod)"
_PROCESS = "the process in its container (not the pod: that loses its emptyDir, too)"


def decided(finding: Finding, scene: Scene, brief: bool = False) -> str:
    """What Leakwarden itself does; `brief` without the command that explains a refusal. Empty where nothing was
    decided, or it is told elsewhere."""
    decision = scene.decision
    if finding.type is FindingType.PRESSURE:
        return "Leakwarden takes no action on what is not proven to grow." if scene.pod else ""
    if not scene.pod or not decision:
        return ""
    if decision in _ACTS:
        return _ACTS[decision]
    asked = "" if brief else f"; {COMMAND} explain {scene.pod} -n {scene.namespace}"
    return f"Leakwarden does not act: {REASONS[Refusal(decision)]} ({decision}{asked})."


_ACTS = {
    str(Mode.EVICT): "Leakwarden evicts the pod itself.",
    f"{Mode.EVICT} (dry run)": "Leakwarden would evict the pod, but only a dry run is allowed: it does nothing.",
    str(Mode.ANNOTATE): "Leakwarden annotates the pod, and does no more.",
    f"{Mode.ANNOTATE} (dry run)": "Leakwarden would annotate the pod, but only a dry run is allowed: it does nothing.",
    str(Refusal.OBSERVE_ONLY): "This policy only watches, it touches no pod.",
}


def _open(finding: Finding) -> str:
    told = finding.gopls.state if finding.gopls else None
    if told is None or not told.documents:
        return ""
    return f" ({plural(told.documents, 'document')} open, saved or not)"
