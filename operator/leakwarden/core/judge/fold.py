"""The fold: one attempt in, one judgement out. Nothing happens between attempts; `now` is the attempt's time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from leakwarden.api.words import FailureReason, Resolution, Verdict
from leakwarden.core.findings import Finding
from leakwarden.core.judge import confirm, context, course, intake, opening, segments, tracing
from leakwarden.core.judge.course import Now
from leakwarden.core.judge.evaluate import looks
from leakwarden.core.judge.holds import Standing, hold_key, stand
from leakwarden.core.judge.values import (
    Judgement,
    OpenFinding,
    RuleState,
    Segment,
    TargetState,
    Transition,
    TransitionKind,
)
from leakwarden.core.judge.verdicts import STRIKES, verdict_of
from leakwarden.core.readings import Attempt, Failure, Reading
from leakwarden.core.rules import RuleSet


def start(rules: RuleSet) -> TargetState:
    """A target of which nothing is known yet."""
    return TargetState(rules=rules)


def step(state: TargetState, attempt: Attempt, rules: RuleSet) -> Judgement:
    """Judge one sampling attempt. Pure: the same state and attempt always give the same judgement."""
    state, resolved = _with_rules(state, rules, attempt.at)
    state = _with_clock(state, attempt)
    state, ended = _with_process(state, attempt)
    outcome = attempt.outcome
    if isinstance(outcome, Failure):
        state, gone = _failed(state, attempt, outcome)
        standings = _standings(state, attempt)
        return _judgement(state, attempt, standings, (*resolved, *ended, *gone), ())
    state, covered = _read(state, attempt, outcome)
    standings = _standings(state, attempt)
    return _decided(state, attempt, standings, covered, (*resolved, *ended))


def end(state: TargetState, at: float, reason: Resolution) -> Judgement:
    """The target is gone, or no longer wanted: its findings end for this reason, and what was learned is dropped."""
    gone = course.ended(state.findings, reason, at)
    return Judgement(
        state=start(state.rules),
        verdict=Verdict.NOT_RUNNING,
        reason=f"the target is no longer watched: {reason}",
        findings=gone,
        transitions=tuple(Transition(TransitionKind.RESOLVED, finding) for finding in gone),
        rules=(),
        growing=False,
    )


def _with_rules(state: TargetState, rules: RuleSet, at: float) -> tuple[TargetState, tuple[Finding, ...]]:
    """Changed and removed rules start over and end what they alone said; the others, and all series, go on."""
    if rules == state.rules:
        return state, ()
    if rules.hide_labels and not state.rules.hide_labels:
        state = context.without_labels(state)
    unchanged = set(rules.rules)
    changed = frozenset(rule.name for rule in state.rules.rules if rule not in unchanged)
    kept, gone = course.without_rules(state.findings, changed, at)
    holds = {key: hold for key, hold in state.holds.items() if key.split("\n", 1)[0] not in changed}
    clear_at = {name: when for name, when in state.clear_at.items() if name not in changed}
    return replace(state, rules=rules, findings=kept, holds=holds, clear_at=clear_at), gone


def _with_clock(state: TargetState, attempt: Attempt) -> TargetState:
    if state.last_at is None or attempt.at >= state.last_at:
        return state
    moved = segments.with_clock_set_back(state, state.last_at - attempt.at + attempt.interval)
    return replace(moved, last_at=None, last_read=None)


def _with_process(state: TargetState, attempt: Attempt) -> tuple[TargetState, tuple[Finding, ...]]:
    """A new process is a new segment: series and holds start over, open findings end with the old one."""
    segment = state.segment
    if segment is None or not segments.is_new_process(segment, attempt):
        return state, ()
    gone = course.ended(state.findings, segments.how_it_ended(segment, attempt), attempt.at)
    return replace(state, segment=None, holds={}, clear_at={}, findings=(), last_read=None), gone


def _failed(state: TargetState, attempt: Attempt, failure: Failure) -> tuple[TargetState, tuple[Finding, ...]]:
    """Count it. Findings freeze; only a process that refuses three times in a row is believed to be gone."""
    refused = failure.reason is FailureReason.CONNECTION_REFUSED
    state = replace(
        state,
        last_at=attempt.at,
        last_read=None,
        failures=0 if refused else state.failures + 1,
        refusals=state.refusals + 1 if refused else 0,
        trouble=f"{failure.reason}: {failure.message}" if failure.message else str(failure.reason),
    )
    segment = state.segment
    if segment is None or state.refusals < STRIKES:
        return state, ()
    gone = course.ended(state.findings, segments.how_it_ended(segment, attempt), attempt.at)
    over = replace(segments.begun(attempt), process=segment.process, over=True)
    return replace(state, segment=over, holds={}, clear_at={}, findings=()), gone


def _read(state: TargetState, attempt: Attempt, reading: Reading) -> tuple[TargetState, float]:
    """Take the reading in, unless the process is too young; and the seconds covered since the reading before."""
    covered = 0.0
    if state.last_read is not None and attempt.at - state.last_read <= intake.gap_of(attempt):
        covered = attempt.at - state.last_read
    segment = intake.noted(state.segment or segments.begun(attempt), attempt, reading)
    if segments.grace_left(segment, state.rules.grace, attempt.at) <= 0:
        pinned = intake.pinned_places(state.holds, state.findings)
        segment = intake.taken_in(segment, attempt, reading, state.rules, pinned)
    state = replace(
        state, segment=segment, last_at=attempt.at, last_read=attempt.at, failures=0, refusals=0, trouble=""
    )  # fmt: skip
    return state, covered


def _standings(state: TargetState, attempt: Attempt) -> list[Standing]:
    segment = state.segment or segments.begun(attempt)
    grace = segments.grace_left(segment, state.rules.grace, attempt.at)
    return [stand(rule, looks(rule, segment, attempt, grace), state.holds, attempt) for rule in state.rules.rules]


def _decided(
    state: TargetState, attempt: Attempt, standings: Sequence[Standing], covered: float, resolved: Sequence[Finding]
) -> Judgement:  # fmt: skip
    """Follow what is open, end what has ended, open what fires."""
    segment = state.segment or segments.begun(attempt)
    now = Now(attempt, segment, covered, standings)
    holds = {key: hold for standing in standings for key, hold in standing.holds.items()}
    clear = {s.rule.name: attempt.at for s in standings if s.evaluation.state is RuleState.NOT_MET}
    open_now, subsided, transitions = _followed(state.findings, now)
    released = {hold_key(part.rule, part.key) for one in subsided for part in one.parts}
    holds = {key: hold for key, hold in holds.items() if key not in released}
    ended_now = {one.finding.signature for one in subsided}
    held = {key: hold.held for key, hold in holds.items()}
    for claim in opening.claims(open_now, now, held):
        if claim.signature not in ended_now:
            open_now, transition = opening.put_down(open_now, claim, now)
            transitions += [transition] if transition else []
    confirmed = (confirm.after(one, now) for one in open_now)
    told = (context.told(one, now, hide_labels=state.rules.hide_labels) for one in confirmed)
    findings = tuple(tracing.traced(one, now) for one in told)
    state = replace(state, holds=holds, clear_at={**state.clear_at, **clear}, findings=findings)
    gone = (*resolved, *(one.finding for one in subsided))
    return _judgement(state, attempt, standings, gone, transitions)


def _followed(
    findings: Iterable[OpenFinding], now: Now
) -> tuple[tuple[OpenFinding, ...], list[OpenFinding], list[Transition]]:
    open_now: list[OpenFinding] = []
    subsided: list[OpenFinding] = []
    transitions: list[Transition] = []
    for before in findings:
        after, resolution = course.followed(before, now)
        if resolution is not None:
            finding = replace(after.finding, resolution=resolution, resolved_at=now.at)
            subsided.append(replace(after, finding=finding))
            continue
        after = opening.with_confidence(after, now)
        open_now.append(after)
        if course.is_worse(before.finding, after.finding):
            transitions.append(Transition(TransitionKind.WORSENED, after.finding))
    return tuple(open_now), subsided, transitions


def _judgement(
    state: TargetState,
    attempt: Attempt,
    standings: Sequence[Standing],
    resolved: Sequence[Finding],
    transitions: Sequence[Transition],
) -> Judgement:
    if isinstance(attempt.outcome, Failure):
        state = replace(state, holds={key: hold for s in standings for key, hold in s.holds.items()})
    verdict, reason = verdict_of(state, standings, attempt.at, attempt.interval)
    ended = tuple(Transition(TransitionKind.RESOLVED, finding) for finding in resolved)
    return Judgement(
        state=state,
        verdict=verdict,
        reason=reason,
        findings=(*(one.finding for one in state.findings), *resolved),
        transitions=(*ended, *transitions),
        rules=tuple(standing.evaluation for standing in standings),
        growing=_growing(state, standings),
        wants=confirm.wanted(state.findings, attempt),
    )


def _growing(state: TargetState, standings: Iterable[Standing]) -> bool:
    segment: Segment | None = state.segment
    if segment is None:
        return False
    return bool(state.findings) or any(
        look.met or (look.trend is not None and look.trend.rising) for s in standings for look in s.looks
    )
