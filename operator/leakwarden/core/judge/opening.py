"""Opening findings: what fires claims a place in the code, and joins the finding of that place or opens one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from leakwarden.api.words import Confidence, FindingType, Severity, Signal, WaitKind
from leakwarden.core.findings import UNATTRIBUTED, Finding, signature_of
from leakwarden.core.judge import attribute, gopls
from leakwarden.core.judge.attribute import EXPLAINS, PROMISING, family_of
from leakwarden.core.judge.course import Now, height_of, is_worse, measured_by, told
from leakwarden.core.judge.evaluate import Look, load_now
from leakwarden.core.judge.holds import hold_key
from leakwarden.core.judge.intake import place_of
from leakwarden.core.judge.shapes import AT_THE_END
from leakwarden.core.judge.values import OpenFinding, Part, Transition, TransitionKind
from leakwarden.core.readings import Site
from leakwarden.core.rules import Rule


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
    peak = max(height_of(look) or 0.0, start.level)
    part = Part(rule.name, look.key, rule.signal, rule.proves_leak, start.at, start.level, peak)
    family = family_of(rule.signal)
    place = look.key or look.blames
    if not place and rule.growth is not None:
        over = rule.growth.window * AT_THE_END
        found = attribute.cause(family, now.segment, start.at, over)
        place = found.key if found.share >= EXPLAINS else _nearly(rule, findings, now, start.at, over)
        patience = 2 * max(rule.hold, 4 * now.attempt.interval)
        if not place and found.share >= PROMISING and held < patience:
            return None
    return _named(rule, look, part, place, now)


def _nearly(rule: Rule, findings: Sequence[OpenFinding], now: Now, since: float, over: float) -> str:
    """The place of an open leak that explains a good part: one finding then, not a second without a name."""
    family = family_of(rule.signal)
    for one in findings:
        key = place_of(one.finding)
        if one.finding.family is family and one.finding.type is FindingType.LEAK and key:
            share = attribute.share_of(key, family, now.segment, since, over)
            if share >= PROMISING:
                return key
    return ""


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


def _joined(one: OpenFinding, claim: Claim, now: Now) -> OpenFinding:
    """A leak measures before a pressure; otherwise the rule that came first does."""
    promoted = claim.part.leak and not one.parts[0].leak
    parts = (claim.part, *one.parts) if promoted else (*one.parts, claim.part)
    joined = measured_by(one, parts)
    finding = joined.finding
    if claim.rule.severity is Severity.CRITICAL:
        finding = replace(finding, severity=Severity.CRITICAL)
    if promoted:
        finding = replace(finding, type=FindingType.LEAK, since=claim.part.onset)
        finding = told(finding, claim.rule, claim.look, now)
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
        gopls=gopls.context(now.segment.gopls, part.onset),
    )
    load = load_now(now.segment.alloc, now.at, window) if window else None
    return with_confidence(OpenFinding(told(finding, rule, claim.look, now), (part,), load), now)


def with_confidence(one: OpenFinding, now: Now) -> OpenFinding:
    """High: a place is named and two kinds of evidence agree, or the runtime proved it. Medium: one. It only rises."""
    finding = one.finding
    leaks = [part for part in one.parts if part.leak]
    if not leaks or finding.confidence is Confidence.HIGH:
        return one
    if any(part.signal is Signal.LEAKED_GOROUTINES for part in leaks):
        return replace(one, finding=replace(finding, confidence=Confidence.HIGH))
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
