"""The first sentence of a message: what happens when if nobody does anything, to which pod, and how full it is."""

from __future__ import annotations

from leakwarden.api.words import UNITS, FindingType, Unit
from leakwarden.core.findings import Finding
from leakwarden.core.report.amounts import amount, minute, moment, quantity
from leakwarden.core.report.scene import Scene

HORIZON = 86400.0
"""Seconds ahead up to which a limit is told: beyond it the time is a guess that another sample moves by hours."""
_UNTOLD = "so no time of running out of memory is told"


def stakes(finding: Finding, scene: Scene, horizon: float = HORIZON) -> str:
    """`Out of memory about 2026-11-23T16:40Z at this pace: pod demo/ws-1 (Deployment/ws, container dev), live heap 612
    MiB of a 1.5 GiB limit as of 14:00Z.` Where no time is told, why not."""
    parts = [part for part in (_whose(scene), _used(finding, scene, horizon)) if part]
    return f"{_what_comes(finding, scene, horizon)}{': ' if parts else ''}{', '.join(parts)}."


def is_flat(finding: Finding) -> bool:
    """Whether its growth an hour rounds to nothing: then neither a pace nor a limit is told."""
    return quantity(finding.growth_per_hour, UNITS[finding.signal]).value == 0


def told_limit(finding: Finding, horizon: float = HORIZON) -> float | None:
    """When the limit is reached, if that is near enough to be told. Unix seconds."""
    if finding.limit_at is None or is_flat(finding) or finding.limit_at - finding.last_seen > horizon:
        return None
    return finding.limit_at


def _what_comes(finding: Finding, scene: Scene, horizon: float) -> str:
    if finding.type is FindingType.PRESSURE:
        return "High, but not proven to grow, so nothing is done"
    if (at := told_limit(finding, horizon)) is not None:
        return f"Out of memory about {minute(at)} at this pace"
    if is_flat(finding):
        return f"It stands still now, {_UNTOLD}"
    if finding.limit_at is not None:
        return "Not out of memory within a day at this pace"
    if not scene.memory_limit:
        return f"No memory limit is known, {_UNTOLD}"
    return f"The live heap as a whole does not grow measurably, {_UNTOLD}"


def _whose(scene: Scene) -> str:
    if not scene.pod:
        return ""
    known = (scene.workload, f"container {scene.container}" if scene.container else "")
    inside = ", ".join(word for word in known if word)
    pod = f"pod {scene.namespace}/{scene.pod}" + (f" ({inside})" if inside else "")
    return pod if scene.affected == 1 else f"{scene.affected:,} pods, the worst {pod}"


def _used(finding: Finding, scene: Scene, horizon: float) -> str:
    """Memory at the latest sample. Of Pressure without the time, which would be another at each look."""
    limit = f" of a {amount(scene.memory_limit, Unit.BYTES)} limit" if scene.memory_limit else ""
    strain = finding.strain
    if strain.held is not None and strain.limit is not None:
        used = f"holds {amount(strain.held, Unit.BYTES, 2)} of its {amount(strain.limit, Unit.BYTES)} limit"
    elif finding.type is FindingType.PRESSURE or scene.live_heap is None:
        return ""
    else:
        used = f"live heap {amount(scene.live_heap, Unit.BYTES)}{limit}"
    return used if finding.type is FindingType.PRESSURE else f"{used} as of {_as_of(finding, horizon)}"


def _as_of(finding: Finding, horizon: float) -> str:
    """Without the date where the limit, which stands before it, is on the same day."""
    at, limit = finding.last_seen, told_limit(finding, horizon)
    same_day = limit is not None and moment(at).date() == moment(limit).date()
    return minute(at).partition("T")[2] if same_day else minute(at)
