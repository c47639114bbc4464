"""The course of a finding once it is open: what is said of it now, and when it ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from leakwarden.api.words import FindingType, Resolution, Severity
from leakwarden.core.findings import Finding
from leakwarden.core.judge import attribute, gopls
from leakwarden.core.judge.evaluate import Look, load_now
from leakwarden.core.judge.holds import Standing
from leakwarden.core.judge.shapes import Shape
from leakwarden.core.judge.values import OpenFinding, Part, Segment
from leakwarden.core.readings import Attempt
from leakwarden.core.rules import Rule

URGENT = 3600.0
"""Seconds: a limit nearer than this makes a leak Critical."""
SATURATION = 6
"""In windows: flat for so long under load ends a finding."""
LIKE_LOAD = 0.5
"""Share of the load at opening that counts as a load like it."""
RELIEF = 0.9
"""Share of `above` under which a Pressure ends."""


@dataclass(frozen=True, slots=True)
class Now:
    """Everything that a step knows about this moment. `covered` in seconds, 0 across a gap or a failed attempt."""

    attempt: Attempt
    segment: Segment
    covered: float
    standings: Sequence[Standing]

    @property
    def at(self) -> float:
        return self.attempt.at

    def look(self, rule: str, key: str) -> Look | None:
        for standing in self.standings:
            if standing.rule.name == rule:
                return next((look for look in standing.looks if look.key == key), None)
        return None

    def rule(self, name: str) -> Rule | None:
        return next((standing.rule for standing in self.standings if standing.rule.name == name), None)


def ended(findings: Iterable[OpenFinding], reason: Resolution, at: float) -> tuple[Finding, ...]:
    """All of them, resolved for a reason that lies outside their own course."""
    return tuple(replace(f.finding, resolution=reason, resolved_at=at) for f in findings)


def without_rules(
    findings: Iterable[OpenFinding], changed: frozenset[str], at: float
) -> tuple[tuple[OpenFinding, ...], tuple[Finding, ...]]:
    """Take back what changed rules said. A finding that no other rule holds ends; the others go on with the rest."""
    kept: list[OpenFinding] = []
    gone: list[Finding] = []
    for one in findings:
        parts = tuple(part for part in one.parts if part.rule not in changed)
        if not parts:
            gone.append(replace(one.finding, resolution=Resolution.RULE_CHANGED, resolved_at=at))
        elif parts == one.parts:
            kept.append(one)
        else:
            kept.append(measured_by(one, parts))
    return tuple(kept), tuple(gone)


def measured_by(one: OpenFinding, parts: tuple[Part, ...]) -> OpenFinding:
    """The finding rests on these parts; where another one measures now, its course starts over."""
    rules = tuple(dict.fromkeys(part.rule for part in parts))
    if parts[0] == one.parts[0]:
        return replace(one, parts=parts, finding=replace(one.finding, rules=rules))
    first = parts[0]
    finding = replace(one.finding, rules=rules, signal=first.signal, baseline=first.baseline, value=first.peak)
    return replace(one, parts=parts, finding=finding, below=None, flat=0.0, flat_level=None)


def followed(one: OpenFinding, now: Now) -> tuple[OpenFinding, Resolution | None]:
    """The finding after this sample, and why it ends if it does. Nothing ends across a gap."""
    parts = tuple(_peaked(part, now) for part in one.parts)
    first = parts[0]
    rule, look = now.rule(first.rule), now.look(first.rule, first.key)
    if rule is None or look is None or look.value is None:
        return replace(one, parts=parts), None
    doing = gopls.context(now.segment.gopls, one.finding.since)
    finding = told(replace(one.finding, value=look.value, last_seen=now.at, gopls=doing), rule, look, now)
    one = _course(replace(one, parts=parts, finding=finding), rule, look, now)
    subsiding = one.below is not None and not _still_met(one, now)
    one = replace(one, finding=replace(one.finding, subsiding=subsiding))
    return one, _resolution(one, rule, look, now) if now.covered > 0 else None


def _peaked(part: Part, now: Now) -> Part:
    look = now.look(part.rule, part.key)
    height = None if look is None else height_of(look)
    return part if height is None or height <= part.peak else replace(part, peak=height)


def height_of(look: Look) -> float | None:
    """How far the growth has come: the level of the floor. A burst on top of it is no peak to come down from."""
    if look.trend is not None and look.trend.shape is not Shape.LACKING:
        return look.trend.level
    return look.value if look.trend is None else None


def told(finding: Finding, rule: Rule, look: Look, now: Now) -> Finding:
    """Pace, limit and severity as of now. Severity only rises."""
    if rule.growth is None:
        return finding
    if look.trend is not None and look.trend.shape is not Shape.LACKING:
        finding = replace(finding, growth_per_hour=look.trend.slope * 3600)
    limit_at = attribute.limit_at(now.segment, rule.growth.window, now.attempt.memory_limit, now.at, finding.since)
    urgent = limit_at is not None and limit_at - now.at <= URGENT
    severity = Severity.CRITICAL if urgent else finding.severity
    return replace(finding, limit_at=limit_at, severity=severity)


def _course(one: OpenFinding, rule: Rule, look: Look, now: Now) -> OpenFinding:
    """Advance the two clocks that may end a leak: half given back, and flat under load."""
    first = one.parts[0]
    if not first.leak or rule.growth is None or look.value is None:
        return one
    below: float | None = None
    if look.value <= first.baseline + (first.peak - first.baseline) / 2:
        below = 0.0 if one.below is None else one.below + now.covered
    level = look.trend.level if look.trend else look.value
    rises = one.flat_level is None or level > one.flat_level + rule.growth.at_least / 2
    if look.met or rises:
        return replace(one, below=below, flat=0.0, flat_level=level)
    flat = one.flat + now.covered if look.met is False and _under_load(one, rule, now) else one.flat
    return replace(one, below=below, flat=flat)


def _under_load(one: OpenFinding, rule: Rule, now: Now) -> bool:
    if one.load is None or rule.growth is None:
        return True
    load = load_now(now.segment.alloc, now.at, rule.growth.window)
    return load is not None and load >= LIKE_LOAD * one.load


def _resolution(one: OpenFinding, rule: Rule, look: Look, now: Now) -> Resolution | None:
    if _still_met(one, now):
        return None
    if rule.growth is None:
        relieved = rule.above is not None and look.value is not None and look.value < RELIEF * rule.above
        return Resolution.SUBSIDED if relieved else None
    if one.below is not None and one.below >= rule.hold * (1 - 1e-9):
        return Resolution.SUBSIDED
    if rule.growth is not None and one.flat >= SATURATION * rule.growth.window * (1 - 1e-9):
        return Resolution.SATURATED
    return None


def _still_met(one: OpenFinding, now: Now) -> bool:
    return any((seen := now.look(part.rule, part.key)) is not None and seen.met for part in one.parts)


def is_worse(before: Finding, after: Finding) -> bool:
    """Severity rose, or what was pressure has proved to be a leak."""
    severity = before.severity is Severity.WARNING and after.severity is Severity.CRITICAL
    return severity or (before.type is FindingType.PRESSURE and after.type is FindingType.LEAK)
