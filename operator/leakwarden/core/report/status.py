"""The status of one policy, from what is known now and what the status said before.

Pure and steady: the same inputs give the same dict, and numbers move only with a change of 10 % or more, so that the
writer can leave an unchanged status alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Any

from pydantic import ValidationError

from leakwarden.api.duration import Duration
from leakwarden.api.quantity import Quantity
from leakwarden.api.status import (
    MAX_ACTIONS,
    MAX_DECISIONS,
    MAX_FINDINGS,
    MAX_MESSAGE,
    ActionStatus,
    DecisionStatus,
    FindingStatus,
    LeakPolicyStatus,
    RuleStatus,
    TargetCounts,
)
from leakwarden.api.status import ActionState as WireActionState
from leakwarden.api.words import UNITS, FindingType, Mode, Verdict
from leakwarden.core.actions import Action, ActionState, Decision
from leakwarden.core.decide.say import stamp
from leakwarden.core.decide.view import Mute, Suspension
from leakwarden.core.policy import Policy, mutes_of, remediation_of
from leakwarden.core.report import labelled, same_place
from leakwarden.core.report.amounts import clip, moment, plural, quantity, significant
from leakwarden.core.report.conditions import Facts, conditions
from leakwarden.core.report.groups import Group, group
from leakwarden.core.report.inherited import Heir, Known
from leakwarden.core.report.message import counted, evidence, finding_message
from leakwarden.core.report.names import short_function
from leakwarden.core.report.scene import scene_of
from leakwarden.core.report.stakes import HORIZON, is_flat, told_limit
from leakwarden.core.report.steady import TOLERANCE, near, near_time, same_sentence
from leakwarden.core.report.values import TargetReport
from leakwarden.core.rules_from_spec import RuleInEffect, rules_in_effect

ACCEPTED = "the API server accepted it"
"""The journal's words for an action that went the usual way."""


def build_status(
    policy: Policy,
    reports: Sequence[TargetReport],
    decisions: Sequence[Decision],
    actions: Sequence[Action],
    *,
    previous: Mapping[str, Any] | None,
    now: float,
    suspension: Suspension | None = None,
    forbidden: str | None = None,
    known: Mapping[str, Known] | None = None,
) -> dict[str, Any]:
    """The wire form of the whole status. `decisions` are those of this policy's open findings, `actions` its journal.

    `forbidden`: a sentence that begins with the verb and resource that the operator's token may not use. `known`: as of
    `Heir`, where `previous` was written by an earlier operator.
    """
    old = parsed(previous)
    rules = rules_in_effect(policy.usable) if policy.usable else ()
    counts = _steady_counts(old.targets, _counts(reports))
    mutes = mutes_of(policy, now)
    groups = group((report.as_allowed(policy.rules.hide_labels) for report in reports), mutes)
    decided = {(one.pod_uid, one.signature): str(one.refusal or one.action) for one in decisions}
    dry_run = remediation_of(policy).dry_run
    context = _Context(old.findings, decided, mutes, now, dry_run)
    findings = tuple(_finding(found, context) for found in groups)
    judged = {(found.signature, found.type) for found in groups}
    inherited = tuple(
        row.model_copy(update={"muted": _mute_of(row.signature, mutes)})
        for row in Heir(policy, now, known or {}).rows(old.findings, judged, reports)
    )
    facts = Facts(
        policy=policy,
        reports=reports,
        counts=counts,
        findings=findings + inherited,
        top_leak=_top_leak(findings, groups) or (old.top_leak if any(map(_leaks, inherited)) else None),
        suspension=suspension,
        forbidden=forbidden,
    )
    return LeakPolicyStatus(
        observed_generation=policy.generation,
        conditions=conditions(facts, old.conditions, now),
        targets=counts,
        rules=_rules(policy, rules, reports, old.rules),
        decisions=_decisions(decisions, old.decisions),
        findings_total=_steady_number(old.findings_total, len(facts.findings)),
        findings=facts.findings[:MAX_FINDINGS],
        actions=_actions(actions),
        top_leak=facts.top_leak,
    ).wire()


def parsed(previous: Mapping[str, Any] | None) -> LeakPolicyStatus:
    """A status that another version wrote, and that this one cannot read, counts as none."""
    try:
        return LeakPolicyStatus.model_validate(dict(previous or {}))
    except ValidationError:
        return LeakPolicyStatus()


def _counts(reports: Sequence[TargetReport]) -> TargetCounts:
    verdicts = Counter(report.verdict for report in reports)
    attempted = [report for report in reports if report.last_attempt and report.interval > 0]
    intervals = [report.interval for report in attempted if report.verdict is not Verdict.NOT_RUNNING]
    return TargetCounts(
        matched=len(reports),
        healthy=verdicts[Verdict.HEALTHY],
        learning=verdicts[Verdict.LEARNING],
        inconclusive=verdicts[Verdict.INCONCLUSIVE],
        leaking=verdicts[Verdict.LEAKING],
        unreachable=verdicts[Verdict.UNREACHABLE],
        not_running=verdicts[Verdict.NOT_RUNNING],
        sampled_per_minute=round(sum(60.0 / report.interval for report in attempted)),
        reached_interval=Duration.of(significant(median(intervals), 2)) if intervals else None,
    )


def _steady_counts(old: TargetCounts | None, new: TargetCounts) -> TargetCounts:
    """All or none, so that the counts always add up."""
    if old is None or (old.reached_interval is None) != (new.reached_interval is None):
        return new
    before, after = _numbers(old), _numbers(new)
    return old if all(near(shown, fresh) for shown, fresh in zip(before, after, strict=True)) else new


def _numbers(counts: TargetCounts) -> list[float]:
    pace = counts.reached_interval.seconds if counts.reached_interval else 0.0
    return [
        counts.matched, counts.healthy, counts.learning, counts.inconclusive, counts.leaking, counts.unreachable,
        counts.not_running, counts.sampled_per_minute, pace,
    ]  # fmt: skip


def _steady_number(old: int | None, new: int) -> int:
    return old if old is not None and near(old, new) else new


@dataclass(frozen=True, slots=True)
class _Context:
    """What a row depends on besides its findings. `decided` by pod UID and signature, `mutes` by signature."""

    shown: Sequence[FindingStatus]
    decided: Mapping[tuple[str, str], str]
    mutes: Mapping[str, Mute]
    now: float
    dry_run: bool


def _finding(found: Group, context: _Context) -> FindingStatus:
    worst = found.worst.finding
    old = next((row for row in context.shown if (row.signature, row.type) == (found.signature, found.type)), None)
    unit = UNITS[worst.signal]
    decision = context.decided.get((found.worst.report.pod_uid, found.signature), "")
    leak = found.type is FindingType.LEAK
    # A limit that is shown already may go a little beyond the horizon: else one near it would come and go.
    horizon = HORIZON * (1 + TOLERANCE) if old is not None and old.limit_at is not None else HORIZON
    limits = [limit for case in found.cases if (limit := told_limit(case.finding, horizon)) is not None]
    new = FindingStatus(
        signature=found.signature,
        type=found.type,
        severity=found.severity,
        affected=found.affected,
        pods=found.worst_pods,
        since=moment(worst.since),
        first_seen=datetime.fromtimestamp(round(found.opening), UTC),
        growth=quantity(worst.value - worst.baseline, unit) if leak else None,
        growth_per_hour=quantity(worst.growth_per_hour, unit) if leak and not is_flat(worst) else None,
        limit_at=moment(min(limits)) if limits else None,
        pattern=worst.pattern.name if worst.pattern else None,
        decision=decision or None,
        muted=_mute_of(found.signature, context.mutes),
        message=clip(_message(found, decision, context.dry_run, horizon), MAX_MESSAGE),
    )
    return old if old is not None and _close(old, new, found, context.now) else new


def _message(found: Group, decision: str, dry_run: bool, horizon: float) -> str:
    said = f"{decision} (dry run)" if dry_run and decision in set(Mode) else decision
    return finding_message(found.worst.finding, scene_of(found.worst.report, found.affected, said), horizon)


def _leaks(row: FindingStatus) -> bool:
    return row.type is FindingType.LEAK and row.muted is None


def _mute_of(signature: str, mutes: Mapping[str, Mute]) -> str | None:
    mute = mutes.get(signature)
    return None if mute is None else muted_in_words(mute)


def muted_in_words(mute: Mute) -> str:
    """`until 2026-12-03T08:00Z: fixed in v0.23`."""
    until = "for good" if mute.until is None else f"until {stamp(mute.until)}"
    return clip(f"{until}: {mute.reason}", MAX_MESSAGE)


def _close(old: FindingStatus, new: FindingStatus, found: Group, now: float) -> bool:
    """Whether what is shown may stay: same pods at its head, and no number 10 % away."""
    worst = found.worst.finding
    if old.severity is not new.severity or (old.limit_at is None) != (new.limit_at is None):
        return False
    if (old.decision, old.muted, old.first_seen, old.as_of) != (new.decision, new.muted, new.first_seen, new.as_of):
        return False
    if not _same_pattern(old, new, found):
        return False
    return (
        len(old.pods) == len(new.pods)
        and set(old.pods) <= set(found.pods)
        and near(old.affected, new.affected)
        and _near(old.growth, new.growth)
        and _near(old.growth_per_hour, new.growth_per_hour)
        and (new.growth is not None or same_sentence(old.message, new.message))
        and _same_evidence(old, new, found)
        and labelled.still_told(old.message, worst)
        and _same_place(old, new, found)
        and near_time(old.since.timestamp(), new.since.timestamp(), now)
        and (
            old.limit_at is None
            or new.limit_at is None
            or near_time(old.limit_at.timestamp(), new.limit_at.timestamp(), now)
        )
    )


def _same_pattern(old: FindingStatus, new: FindingStatus, found: Group) -> bool:
    """Whether the pattern that is shown is still that of one of its pods; one that is new is shown at once."""
    names = {case.finding.pattern.name for case in found.cases if case.finding.pattern}
    return old.pattern == new.pattern or old.pattern in names


def _same_evidence(old: FindingStatus, new: FindingStatus, found: Group) -> bool:
    """Whether the rules and the confidence that are shown are still those of one of its pods."""
    shown = any(evidence(case.finding) in old.message for case in found.cases)
    return shown or evidence(found.worst.finding) not in new.message  # cut off, both times


def _same_place(old: FindingStatus, new: FindingStatus, found: Group) -> bool:
    """Whether what is shown of other findings at the same place is still true of one of its pods."""
    said = [same_place.remark(case.finding, case.report.open_findings) for case in found.cases]
    return same_place.still_told(old.message, said) or said[0] not in new.message  # cut off


def _near(old: Quantity | None, new: Quantity | None) -> bool:
    return old == new or (old is not None and new is not None and near(old.value, new.value))


def _top_leak(findings: Sequence[FindingStatus], groups: Sequence[Group]) -> str | None:
    """`main.(*Cache).keep +96Mi/h (3 pods)`, `main.serve +41500 goroutines/h (1 pod)`."""
    for shown, found in zip(findings, groups, strict=True):
        if found.type is FindingType.LEAK and shown.muted is None:
            site = found.worst.finding.site
            where = short_function(site.function) if site else found.signature
            pods = plural(shown.affected, "pod")
            pace = counted(f"+{shown.growth_per_hour}", found.worst.finding.signal)
            growing = f"{pace}/h" if shown.growth_per_hour is not None else "flat"
            return f"{clip(where, 180)} {growing} ({pods})"
    return None


def _rules(
    policy: Policy, rules: Iterable[RuleInEffect], reports: Iterable[TargetReport], old: Sequence[RuleStatus]
) -> tuple[RuleStatus, ...]:
    named = Counter(name for report in reports for finding in report.open_findings for name in set(finding.rules))
    before = {shown.name: shown.open for shown in old}
    return tuple(
        RuleStatus(
            name=effect.spec.name,
            signal=effect.spec.signal,
            when=rule_in_words(effect),
            severity=effect.spec.severity,
            builtin=policy.spec is not None and policy.spec.rules is None,
            open=_steady_number(before.get(effect.spec.name), named[effect.spec.name]),
        )
        for effect in rules
    )


def rule_in_words(effect: RuleInEffect) -> str:
    """`above 1500Mi and grows by 64Mi in 15m, held for 2m`."""
    parts = []
    if effect.spec.above is not None:
        parts.append(f"above {effect.spec.above}")
    if effect.spec.growth is not None:
        parts.append(f"grows by {effect.spec.growth.at_least} in {effect.spec.growth.window}")
    return f"{' and '.join(parts)}, held for {Duration.of(effect.rule.hold)}"


def _decisions(decisions: Iterable[Decision], old: Sequence[DecisionStatus]) -> tuple[DecisionStatus, ...]:
    by_reason: dict[str, list[Decision]] = {}
    for decision in decisions:
        by_reason.setdefault(str(decision.refusal or decision.action), []).append(decision)
    before = {shown.reason: shown for shown in old}
    rows = [_decision(reason, made, before.get(reason)) for reason, made in sorted(by_reason.items())]
    return tuple(rows[:MAX_DECISIONS])


def _decision(reason: str, made: Sequence[Decision], old: DecisionStatus | None) -> DecisionStatus:
    """The example stays as long as it is still one."""
    if old is not None and any((d.pod, clip(d.message, MAX_MESSAGE)) == (old.pod, old.message) for d in made):
        pod, message = old.pod, old.message
    else:
        example = min(made, key=lambda d: (d.pod, d.signature, d.message))
        pod, message = example.pod, clip(example.message, MAX_MESSAGE)
    return DecisionStatus(
        reason=reason, count=_steady_number(old.count if old else None, len(made)), pod=pod, message=message
    )


def _actions(actions: Iterable[Action]) -> tuple[ActionStatus, ...]:
    newest = sorted(actions, key=lambda action: (-action.at, action.id))[:MAX_ACTIONS]
    return tuple(
        ActionStatus(
            at=datetime.fromtimestamp(int(action.at), UTC),
            action=action.kind,
            pod=action.pod,
            signature=clip(action.signature, MAX_MESSAGE),
            dry_run=action.dry_run,
            state=WireActionState(action.state.value),
            outcome=action.outcome if action.kind is Mode.EVICT and not action.dry_run else None,
            message=clip(_action_message(action), MAX_MESSAGE),
        )
        for action in newest
    )


def _action_message(action: Action) -> str:
    """`dry run: evicting ws-1 was accepted by the API server`, `evicting ws-1 failed: …`."""
    doing = "evicting" if action.kind is Mode.EVICT else "annotating"
    what = f"{'dry run: ' if action.dry_run else ''}{doing} {action.pod}"
    match action.state:
        case ActionState.INTENDED:
            return f"{what} is under way, or what became of it is not known yet"
        case ActionState.FAILED:
            return f"{what} failed: {action.message}" if action.message else f"{what} failed"
        case ActionState.DONE if action.message in ("", ACCEPTED):
            return f"{what} was accepted by the API server"
        case ActionState.DONE:
            return f"{what} is done: {action.message}"
