"""The first sentence of a message: what happens when if nobody does anything, to which pod, and how full it is."""

from __future__ import annotations

from leakwarden.api.words import UNITS, FindingType, Unit
from leakwarden.core.findings import Finding
from leakwarden.core.report.amounts import amount, capital, minute, quantity, rate
from leakwarden.core.report.scene import Scene
from leakwarden.core.report.subjects import SUBJECTS, verb

HORIZON = 86400.0
"""Seconds ahead up to which a limit is told: beyond it the time is a guess that another sample moves by hours."""
_NEAR = 60.0
"""Seconds to the limit below which no pace is told: next to none are left to divide by."""
_UNLESS = "memory does not run out unless it resumes, no restart is needed now"


def stakes(finding: Finding, scene: Scene, horizon: float = HORIZON) -> str:
    """`Out of memory about 2026-11-23T16:40Z at this pace: pod demo/ws-1 (Deployment/ws, container dev), uses 1 GiB of
    its 1.5 GiB limit as of 2026-11-23T14:00Z and grows 190 MiB/h.` Where no time is told, why not."""
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
        return _level(finding, scene)
    if (at := told_limit(finding, horizon)) is not None:
        return f"Out of memory about {minute(at)} at this pace"
    if is_flat(finding):
        return f"Growth has stopped: {_UNLESS}"
    if finding.limit_at is not None:
        return "Not urgent, more than a day to the memory limit at this pace"
    if not scene.memory_limit:
        known = "The container has no memory limit and can exhaust the node"
        return known if scene.container else "No memory limit is known, so nobody knows when memory runs out"
    return f"The live heap as a whole does not grow measurably now: {_UNLESS}"


def _level(finding: Finding, scene: Scene) -> str:
    """The one quantity that is too high, beside what it may be."""
    unit = UNITS[finding.signal]
    above = next((scene.above[rule] for rule in finding.rules if rule in scene.above), None)
    threshold = "its threshold" if above is None else f"its threshold of {amount(above, unit)}"
    high = f"{capital(SUBJECTS[finding.signal])} {verb(finding.signal)} {amount(finding.value, unit)}"
    when = f" as of {minute(finding.last_seen)}" if scene.pod else ""
    return f"{high}{when}, over {threshold}, but not proven to grow"


def _whose(scene: Scene) -> str:
    if not scene.pod:
        return ""
    known = (scene.workload, f"container {scene.container}" if scene.container else "")
    inside = ", ".join(word for word in known if word)
    pod = f"pod {scene.namespace}/{scene.pod}" + (f" ({inside})" if inside else "")
    return pod if scene.affected == 1 else f"{scene.affected:,} pods, the worst {pod}"


def _used(finding: Finding, scene: Scene, horizon: float) -> str:
    """What the time of the limit is computed from, with the pace that leads there. Of Pressure the amount alone."""
    limit = amount(scene.memory_limit, Unit.BYTES) if scene.memory_limit else ""
    if scene.memory is not None:
        used = f"uses {amount(scene.memory, Unit.BYTES)}{f' of its {limit} limit' if limit else ''}"
    elif scene.live_heap is not None:
        used = f"live heap alone {amount(scene.live_heap, Unit.BYTES)}{f', limit {limit}' if limit else ''}"
    else:
        return ""
    if finding.type is FindingType.PRESSURE:
        return used
    return f"{used} as of {minute(finding.last_seen)}{_pace(finding, scene)}"


def _pace(finding: Finding, scene: Scene) -> str:
    """` and grows 190 MiB/h`: of all that counts against the limit, as the judge extrapolates it. The finding's own
    growth is another number: goroutines are counted in heads, and a heap brings garbage and spare room along."""
    used = scene.live_heap if scene.memory is None else scene.memory
    left = (finding.limit_at or 0.0) - finding.last_seen
    if used is None or is_flat(finding) or left < _NEAR or used >= scene.memory_limit:
        return ""
    return f" and grows {rate((scene.memory_limit - used) / left * 3600.0, Unit.BYTES)}"
