"""Opening, joining, following and ending findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from leakwarden.api.words import Confidence, FindingType, Resolution, Severity, WaitKind
from leakwarden.core.findings import UNATTRIBUTED, Finding, signature_of
from leakwarden.core.judge import attribute
from leakwarden.core.judge.attribute import EXPLAINS, PROMISING, family_of
from leakwarden.core.judge.evaluate import Look, load_now
from leakwarden.core.judge.holds import Standing, hold_key
from leakwarden.core.judge.trend import Shape
from leakwarden.core.judge.values import OpenFinding, Part, Segment, Transition, TransitionKind
from leakwarden.core.readings import Attempt, Site
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


@dataclass(frozen=True, slots=True)
class Claim:
    """A rule that fires at a place, ready to be put down: to what finding it belongs, and what it adds."""

    rule: Rule
    look: Look
    part: Part
    signature: str
    site: Site | None
    wait: WaitKind | None
    place: str


# -- ending -----------------------------------------------------------------------------------------------------------


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
            kept.append(_measured_by(one, parts))
    return tuple(kept), tuple(gone)


def _measured_by(one: OpenFinding, parts: tuple[Part, ...]) -> OpenFinding:
    """The finding rests on these parts; where another one measures now, its course starts over."""
    rules = tuple(dict.fromkeys(part.rule for part in parts))
    if parts[0] == one.parts[0]:
        return replace(one, parts=parts, finding=replace(one.finding, rules=rules))
    first = parts[0]
    finding = replace(one.finding, rules=rules, signal=first.signal, baseline=first.baseline, value=first.peak)
    return replace(one, parts=parts, finding=finding, below=None, flat=0.0, flat_level=None)


# -- following --------------------------------------------------------------------------------------------------------


def followed(one: OpenFinding, now: Now) -> tuple[OpenFinding, Resolution | None]:
    """The finding after this sample, and why it ends if it does. Nothing ends across a gap."""
    parts = tuple(_peaked(part, now) for part in one.parts)
    first = parts[0]
    rule, look = now.rule(first.rule), now.look(first.rule, first.key)
    if rule is None or look is None or look.value is None:
        return replace(one, parts=parts), None
    finding = _told(replace(one.finding, value=look.value, last_seen=now.at), rule, look, now)
    one = _course(replace(one, parts=parts, finding=finding), rule, look, now)
    return one, _resolution(one, rule, look, now) if now.covered > 0 else None


def _peaked(part: Part, now: Now) -> Part:
    look = now.look(part.rule, part.key)
    if look is None or look.value is None or look.value <= part.peak:
        return part
    return replace(part, peak=look.value)


def _told(finding: Finding, rule: Rule, look: Look, now: Now) -> Finding:
    """Pace, limit and severity as of now. Severity only rises."""
    if rule.growth is None:
        return finding
    if look.trend is not None and look.trend.shape is not Shape.LACKING:
        finding = replace(finding, growth_per_hour=look.trend.slope * 3600)
    limit_at = attribute.limit_at(now.segment, rule.growth.window, now.attempt.memory_limit, now.at)
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
    first = one.parts[0]
    if not first.leak:
        relieved = rule.above is not None and look.value is not None and look.value < RELIEF * rule.above
        return Resolution.SUBSIDED if relieved else None
    if any((seen := now.look(part.rule, part.key)) is not None and seen.met for part in one.parts):
        return None
    if one.below is not None and one.below >= rule.hold * (1 - 1e-9):
        return Resolution.SUBSIDED
    if rule.growth is not None and one.flat >= SATURATION * rule.growth.window * (1 - 1e-9):
        return Resolution.SATURATED
    return None


# -- opening ----------------------------------------------------------------------------------------------------------


def claims(findings: Sequence[OpenFinding], now: Now, held: Mapping[str, float]) -> list[Claim]:
    """What fires and is not yet part of a finding, with its place. `held` in seconds by rule and place."""
    known = {(part.rule, part.key) for one in findings for part in one.parts}
    found: list[Claim] = []
    for standing in now.standings:
        for look in standing.firing:
            if (standing.rule.name, look.key) not in known:
                claim = _claim(standing.rule, look, findings, now, held[hold_key(standing.rule.name, look.key)])
                if claim is not None:
                    found.append(claim)
    return found


def _claim(rule: Rule, look: Look, findings: Sequence[OpenFinding], now: Now, held: float) -> Claim | None:
    """None while the cause may yet become clear: an `unattributed` finding keeps its name for good."""
    start = attribute.origin(rule, look, now.segment)
    value = look.value if look.value is not None else 0.0
    peak = max(value, start.level)
    part = Part(rule.name, look.key, rule.signal, rule.growth is not None, start.at, start.level, peak)
    family = family_of(rule.signal)
    place = look.key
    if not place and rule.growth is not None:
        found = attribute.cause(family, now.segment, start.at)
        place = found.key if found.share >= EXPLAINS else _nearly(rule, findings, now, start.at)
        patience = 2 * max(rule.hold, 4 * now.attempt.interval)
        if not place and found.share >= PROMISING and held < patience:
            return None
    return _named(rule, look, part, place, now)


def _nearly(rule: Rule, findings: Sequence[OpenFinding], now: Now, since: float) -> str:
    """The place of an open leak that explains a good part: one finding then, not a second without a name."""
    family = family_of(rule.signal)
    for one in findings:
        key = place_of(one.finding)
        if one.finding.family is family and one.finding.type is FindingType.LEAK and key:
            share = attribute.share_of(key, family, now.segment, since)
            if share >= PROMISING:
                return key
    return ""


def place_of(finding: Finding) -> str:
    """The key of the place that a finding names; empty where it names none."""
    if finding.site is None:
        return ""
    return f"{finding.site.function}|{finding.wait.value}" if finding.wait else finding.site.function


def _named(rule: Rule, look: Look, part: Part, place: str, now: Now) -> Claim:
    family = family_of(rule.signal)
    track = attribute.places_of(family, now.segment).get(place)
    site = track.site if track else look.site
    wait = track.wait if track else None
    if track is None and "|" in place:
        wait = WaitKind(place.rsplit("|", 1)[1])
    function = site.function if site else UNATTRIBUTED
    return Claim(rule, look, part, signature_of(family, function, wait), site, wait, place)


def put_down(
    findings: Sequence[OpenFinding], claim: Claim, now: Now
) -> tuple[tuple[OpenFinding, ...], Transition | None]:  # fmt: skip
    """Join the finding of that signature, or open one. A join is a transition only where it makes things worse."""
    for index, one in enumerate(findings):
        if one.finding.signature == claim.signature:
            joined = _joined(one, claim, now)
            worse = is_worse(one.finding, joined.finding)
            after = (*findings[:index], joined, *findings[index + 1 :])
            return after, Transition(TransitionKind.WORSENED, joined.finding) if worse else None
    opened = _opened(claim, now)
    return (*findings, opened), Transition(TransitionKind.OPENED, opened.finding)


def is_worse(before: Finding, after: Finding) -> bool:
    """Severity rose, or what was pressure has proved to be a leak."""
    severity = before.severity is Severity.WARNING and after.severity is Severity.CRITICAL
    return severity or (before.type is FindingType.PRESSURE and after.type is FindingType.LEAK)


def _joined(one: OpenFinding, claim: Claim, now: Now) -> OpenFinding:
    """A leak measures before a pressure; otherwise the rule that came first does."""
    promoted = claim.part.leak and not one.parts[0].leak
    parts = (claim.part, *one.parts) if promoted else (*one.parts, claim.part)
    joined = _measured_by(one, parts)
    finding = joined.finding
    if claim.rule.severity is Severity.CRITICAL:
        finding = replace(finding, severity=Severity.CRITICAL)
    if promoted:
        finding = replace(finding, type=FindingType.LEAK, since=claim.part.onset)
        finding = _told(finding, claim.rule, claim.look, now)
    elif claim.part.leak:
        finding = replace(finding, since=min(finding.since, claim.part.onset))
    return with_confidence(replace(joined, finding=finding), now)


def _opened(claim: Claim, now: Now) -> OpenFinding:
    rule, part = claim.rule, claim.part
    window = rule.growth.window if rule.growth else 0.0
    finding = Finding(
        signature=claim.signature,
        family=family_of(rule.signal),
        type=FindingType.LEAK if part.leak else FindingType.PRESSURE,
        severity=rule.severity,
        confidence=Confidence.LOW,
        rules=(rule.name,),
        signal=rule.signal,
        site=claim.site,
        wait=claim.wait,
        since=part.onset if part.leak else now.at,
        first_seen=now.at,
        last_seen=now.at,
        baseline=part.baseline,
        value=claim.look.value if claim.look.value is not None else part.peak,
        growth_per_hour=0.0,
        limit_at=None,
    )
    load = load_now(now.segment.alloc, now.at, window) if window else None
    return with_confidence(OpenFinding(_told(finding, rule, claim.look, now), (part,), load), now)


def with_confidence(one: OpenFinding, now: Now) -> OpenFinding:
    """High: a place is named and two kinds of evidence agree. Medium: one of the two. It only rises."""
    finding = one.finding
    leaks = [part for part in one.parts if part.leak]
    if not leaks or finding.confidence is Confidence.HIGH:
        return one
    rule = now.rule(leaks[0].rule)
    window = rule.growth.window if rule is not None and rule.growth else 0.0
    key = place_of(finding)
    kinds = attribute.evidence(key, finding.family, leaks, window, now.segment)
    confidence: Confidence = finding.confidence
    if key and kinds >= 2:
        confidence = Confidence.HIGH
    elif key or kinds >= 2:
        confidence = Confidence.MEDIUM
    return replace(one, finding=replace(finding, confidence=confidence))
