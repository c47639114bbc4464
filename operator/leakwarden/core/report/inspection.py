"""One target in a line and in full, for `top` and `explain`. Pure: values in, values out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from leakwarden.api.inspection import FindingDetail, Obstacle, RuleStanding, TargetDetail, TargetRow
from leakwarden.api.words import UNITS, Family, FindingType, Severity, Signal, Verdict
from leakwarden.core.actions import Decision
from leakwarden.core.decide.plan import GOROUTINE_BYTES
from leakwarden.core.decide.rails import Refused
from leakwarden.core.decide.remedies import REMEDIES
from leakwarden.core.decide.say import owned, span
from leakwarden.core.decide.view import Mute, Suspension
from leakwarden.core.findings import Finding
from leakwarden.core.judge.levels import Levels
from leakwarden.core.judge.values import RuleEvaluation, RuleState, Segment
from leakwarden.core.policy import Policy
from leakwarden.core.report.message import REMARKS, finding_message
from leakwarden.core.report.parking import parked_remark
from leakwarden.core.report.scene import scene_of
from leakwarden.core.report.status import muted_in_words, rule_in_words
from leakwarden.core.report.values import TargetReport
from leakwarden.core.rules import Rule
from leakwarden.core.rules_from_spec import rules_in_effect

_OF_THE_HEAP = (
    Signal.LIVE_HEAP, Signal.HEAP_INUSE, Signal.SYS, Signal.CONTAINER_MEMORY, Signal.SITE_BYTES,
)  # fmt: skip
"""Whose pace is told as the heap's, the best first."""
WHOLE = 8192
"""Characters of a message that is asked for: nothing is left out."""
_SAW_NOTHING = frozenset({Verdict.UNREACHABLE, Verdict.NOT_RUNNING})


@dataclass(frozen=True, slots=True)
class Subject:
    """One target as the operator knows it at this moment. `mutes` by signature; `segment` None without a process."""

    policy: Policy
    report: TargetReport
    levels: Levels
    rules: tuple[RuleEvaluation, ...] = ()
    segment: Segment | None = None
    mutes: Mapping[str, Mute] | None = None


@dataclass(frozen=True, slots=True)
class Outlook:
    """What was decided about one finding, and every rail that says no to it."""

    decision: Decision | None
    refusals: Sequence[Refused] = ()


def pace(subject: Subject) -> tuple[float | None, float | None]:
    """Bytes and goroutines an hour: of the open leak, as findings tell it, else as the rules estimate it."""
    if subject.report.verdict in _SAW_NOTHING:
        return None, None
    leaks = [one for one in subject.report.open_findings if one.type is FindingType.LEAK]
    memory = [one.growth_per_hour for one in leaks if one.family is Family.MEMORY]
    goroutines = [one.growth_per_hour for one in leaks if one.family is Family.GOROUTINE]
    return (
        max(memory) if memory else _estimate(subject, _OF_THE_HEAP),
        max(goroutines) if goroutines else _estimate(subject, (Signal.GOROUTINES, Signal.BLOCKED_GOROUTINES)),
    )


def _estimate(subject: Subject, signals: Sequence[Signal]) -> float | None:
    """Of the rule with the shortest window on the first of these signals that has an estimate."""
    rules = {rule.name: rule for rule in subject.policy.rules.rules}
    known = [
        (signals.index(rule.signal), rule.growth.window if rule.growth else 0.0, standing.slope)
        for standing in subject.rules
        if standing.slope is not None and (rule := rules.get(standing.rule)) is not None and rule.signal in signals
    ]
    return min(known)[2] * 3600.0 if known else None


def fastest_first(subject: Subject) -> tuple[float, str, str]:
    """Sorts targets by growth in bytes an hour; goroutines weigh as much as their smallest stack."""
    heap, goroutines = pace(subject)
    unknown = heap is None and goroutines is None
    growth = (heap or 0.0) + (goroutines or 0.0) * GOROUTINE_BYTES
    return (float("inf") if unknown else -growth, subject.report.namespace, subject.report.pod)


def row(subject: Subject) -> TargetRow:
    report = subject.report
    heap, goroutines = pace(subject)
    findings = worst_first(report.open_findings)
    limits = [one.limit_at for one in findings if one.limit_at is not None]
    worst = findings[0].signature if findings else None
    return TargetRow(
        namespace=report.namespace,
        pod=report.pod,
        endpoint=report.endpoint,
        policy=subject.policy.key.name,
        verdict=report.verdict.value,
        message=f"{report.reason}: {report.message}" if report.reason and report.message else report.message,
        last_attempt=_moment(report.last_attempt) if report.last_attempt else None,
        live_heap=subject.levels.live_heap,
        heap_per_hour=heap,
        goroutines=subject.levels.goroutines,
        goroutines_per_hour=goroutines,
        memory_limit=report.memory_limit or None,
        limit_at=_moment(min(limits)) if limits else None,
        worst=worst,
        muted=worst is not None and worst in (subject.mutes or {}),
    )


def worst_first(findings: Sequence[Finding]) -> list[Finding]:
    def rank(one: Finding) -> tuple[bool, bool, float, float, str]:
        limit = float("inf") if one.limit_at is None else one.limit_at
        leak, critical = one.type is FindingType.LEAK, one.severity is Severity.CRITICAL
        return (not leak, not critical, limit, -one.growth_per_hour, one.signature)

    return sorted(findings, key=rank)


def detail(
    subject: Subject, outlooks: Mapping[str, Outlook], suspension: Suspension | None, now: float
) -> TargetDetail:
    """`outlooks` by signature, of the findings that were decided on."""
    spec, report, segment = subject.policy.usable, subject.report, subject.segment
    remediation = spec.remediation if spec else None
    findings = tuple(
        _finding(subject, one, outlooks.get(one.signature, Outlook(None)))
        for one in worst_first(report.open_findings)
    )  # fmt: skip
    return TargetDetail(
        row=row(subject),
        mode=remediation.mode.value if remediation else "",
        execution=remediation.execution.value if remediation else "",
        suspended=suspension.message if suspension else None,
        owner=owned(report.owner) if report.owner else None,
        interval=report.interval,
        verdict_since=_moment(report.verdict_since),
        process_since=_moment(segment.began) if segment and not segment.over else None,
        readings=segment.readings if segment and not segment.over else 0,
        rules=_rules(subject),
        findings=findings,
        next=_next(subject, findings, now),
    )


def _rules(subject: Subject) -> tuple[RuleStanding, ...]:
    spec = subject.policy.usable
    standings = {standing.rule: standing for standing in subject.rules}
    effects = rules_in_effect(spec) if spec else ()
    return tuple(
        _rule(effect.rule, standing, rule_in_words(effect))
        for effect in effects
        if (standing := standings.get(effect.rule.name)) is not None
    )


def _rule(rule: Rule, standing: RuleEvaluation, words: str) -> RuleStanding:
    return RuleStanding(
        name=rule.name,
        when=f"{rule.signal} {words}",
        state=standing.state.value,
        unit=UNITS[rule.signal].value,
        value=standing.value,
        growth=standing.growth,
        per_hour=None if standing.slope is None else standing.slope * 3600.0,
        held=standing.held,
        hold=rule.hold,
        why=standing.why,
        function=standing.site.function if standing.site else None,
    )


def _finding(subject: Subject, finding: Finding, outlook: Outlook) -> FindingDetail:
    mute = (subject.mutes or {}).get(finding.signature)
    decision = outlook.decision
    return FindingDetail(
        signature=finding.signature,
        type=finding.type.value,
        severity=finding.severity.value,
        confidence=finding.confidence.value,
        rules=finding.rules,
        since=_moment(finding.since),
        first_seen=_moment(finding.first_seen),
        message=finding_message(finding, scene_of(subject.report), room=WHOLE, remarks=(*REMARKS, parked_remark)),
        muted=None if mute is None else muted_in_words(mute),
        action=decision.action.value if decision and decision.action else None,
        decision=decision.message if decision else None,
        obstacles=_obstacles(outlook),
    )


def _obstacles(outlook: Outlook) -> tuple[Obstacle, ...]:
    """The refusal that was decided first, then whatever else says no."""
    decision = outlook.decision
    if decision is None or decision.refusal is None:
        return ()
    first = Refused(decision.refusal, decision.message)
    every = (first, *(one for one in outlook.refusals if one.refusal is not decision.refusal))
    return tuple(Obstacle(reason=one.refusal.value, message=one.message, remedy=REMEDIES[one.refusal]) for one in every)


def _next(subject: Subject, findings: Sequence[FindingDetail], now: float) -> str:
    """What comes if nothing changes, in a sentence."""
    report = subject.report
    due = "looked at soon"
    if report.last_attempt:
        due = f"looked at again {_in(report.last_attempt + report.interval - now)}"
    if report.verdict is Verdict.UNREACHABLE:
        return f"{due}; until it can be read its findings stay as they are and nothing is done"
    if report.verdict is Verdict.NOT_RUNNING:
        return f"{due}; nothing can leak where nothing listens"
    acting = next((one for one in findings if one.action is not None), None)
    if acting is not None:
        return f"{acting.action}: {acting.decision}"
    held = next((one for one in findings if one.type == FindingType.LEAK and one.obstacles), None)
    if held is not None:
        return _lifted([one.reason for one in held.obstacles], report)
    holding = _soonest_to_fire(subject)
    if holding is not None:
        rule, standing = holding
        left = max(0.0, rule.hold - standing.held)
        return f"{due}; if {rule.name} stays met for another {span(left)}, it opens a finding"
    return due


def _lifted(reasons: Sequence[str], report: TargetReport) -> str:
    first, *behind = reasons
    if behind:
        return f"if {first} were lifted, {', then '.join(behind)} would hold an action back"
    return f"if {first} were lifted, nothing that is known now would hold an action on {report.pod} back"


def _soonest_to_fire(subject: Subject) -> tuple[Rule, RuleEvaluation] | None:
    rules = {rule.name: rule for rule in subject.policy.rules.rules}
    met = [
        (rules[one.rule], one) for one in subject.rules
        if one.rule in rules and one.state in (RuleState.MET, RuleState.HOLDING)
    ]  # fmt: skip
    return min(met, key=lambda pair: pair[0].hold - pair[1].held, default=None)


def _in(seconds: float) -> str:
    return "now" if seconds < 1 else f"in {span(seconds)}"


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(round(at, 3), UTC)
