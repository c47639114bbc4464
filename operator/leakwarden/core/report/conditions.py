"""The four conditions of a LeakPolicy, from counts that are steady already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from leakwarden.api.status import (
    Condition,
    ConditionReason,
    ConditionStatus,
    ConditionType,
    FindingStatus,
    TargetCounts,
)
from leakwarden.api.words import FindingType, Verdict
from leakwarden.core.decide.view import Suspension
from leakwarden.core.policy import Policy
from leakwarden.core.report.amounts import clip, plural
from leakwarden.core.report.steady import same_sentence
from leakwarden.core.report.values import TargetReport

BLIND_SHARE = 0.1
SILENCE = 600.0
"""Seconds for which nothing at all may listen before that is a fault."""
HINT = "is gopls started with -debug=localhost:6060?"

_EXAMPLES = 3
_TRUE, _FALSE, _UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN


@dataclass(frozen=True, slots=True)
class Facts:
    """What conditions are made from."""

    policy: Policy
    reports: Sequence[TargetReport]
    counts: TargetCounts
    findings: Sequence[FindingStatus]
    top_leak: str | None
    suspension: Suspension | None
    forbidden: str | None
    """What the operator's token may not do, as a sentence that begins with the verb; None when all is allowed."""


@dataclass(frozen=True, slots=True)
class _Said:
    status: ConditionStatus
    reason: ConditionReason
    message: str


def conditions(facts: Facts, previous: Sequence[Condition], now: float) -> tuple[Condition, ...]:
    """All four, in a fixed order. `lastTransitionTime` moves only with status; a message only with its words, or with a
    number in it by 10 % or more."""
    before = {condition.type: condition for condition in previous}
    said = {
        ConditionType.READY: _ready(facts),
        ConditionType.LEAKING: _leaking(facts),
        ConditionType.DEGRADED: _degraded(facts, now),
        ConditionType.SUSPENDED: _suspended(facts),
    }
    return tuple(_condition(kind, what, before, facts.policy.generation, now) for kind, what in said.items())


def _condition(
    kind: ConditionType, said: _Said, before: Mapping[ConditionType, Condition], generation: int, now: float
) -> Condition:
    old = before.get(kind)
    same_status = old is not None and old.status is said.status
    message = said.message
    if old is not None and same_status and old.reason is said.reason and same_sentence(old.message, message):
        message = old.message
    return Condition(
        type=kind,
        status=said.status,
        reason=said.reason,
        message=clip(message, 1024),
        last_transition_time=old.last_transition_time if old and same_status else datetime.fromtimestamp(int(now), UTC),
        observed_generation=generation,
    )


def _ready(facts: Facts) -> _Said:
    if facts.policy.problems:
        problems = "; ".join(str(problem) for problem in facts.policy.problems)
        return _Said(_FALSE, ConditionReason.INVALID_SPEC, problems)
    if facts.forbidden:
        return _Said(_FALSE, ConditionReason.FORBIDDEN, facts.forbidden)
    if not facts.reports:
        message = "no pod of this namespace matches the selector: nothing is watched"
        return _Said(_FALSE, ConditionReason.NO_MATCHING_PODS, message)
    if not any(report.last_attempt for report in facts.reports):
        message = f"{plural(facts.counts.matched, 'target')}, none sampled yet"
        return _Said(_UNKNOWN, ConditionReason.STARTING, message)
    return _Said(_TRUE, ConditionReason.SAMPLING, f"sampling {plural(facts.counts.matched, 'target')}")


def _leaking(facts: Facts) -> _Said:
    if facts.policy.problems:
        return _invalid()
    leaks = [finding for finding in facts.findings if finding.type is FindingType.LEAK]
    muted = sum(1 for finding in leaks if finding.muted is not None)
    counts = facts.counts
    if len(leaks) > muted:
        aside = f"; {muted:,} more muted" if muted else ""
        if waiting := sum(1 for finding in leaks if finding.as_of is not None and finding.muted is None):
            aside += f"; {waiting:,} of them as an earlier operator found them, not judged anew yet"
        message = f"{plural(len(leaks) - muted, 'leak')} open, the worst: {facts.top_leak}{aside}"
        return _Said(_TRUE, ConditionReason.LEAK_FOUND, message)
    if muted:
        message = f"no open leak but {muted:,} muted (spec.mutes): {_by_verdict(counts)}"
        return _Said(_FALSE, ConditionReason.LEAKS_MUTED, message)
    if not counts.healthy and not counts.inconclusive:
        return _Said(_UNKNOWN, ConditionReason.NOTHING_JUDGED, f"no verdict yet: {_by_verdict(counts)}")
    return _Said(_FALSE, ConditionReason.NO_LEAK_FOUND, f"no open leak: {_by_verdict(counts)}")


def _by_verdict(counts: TargetCounts) -> str:
    named = {
        "healthy": counts.healthy,
        "learning": counts.learning,
        "inconclusive": counts.inconclusive,
        "leaking": counts.leaking,
        "unreachable": counts.unreachable,
        "not running": counts.not_running,
    }
    parts = [f"{count:,} {name}" for name, count in named.items() if count]
    return f"of {plural(counts.matched, 'target')} {', '.join(parts)}" if parts else "no targets"


def _degraded(facts: Facts, now: float) -> _Said:
    if facts.policy.problems:
        return _invalid()
    counts = facts.counts
    running = counts.matched - counts.not_running
    if facts.reports and all(report.verdict is Verdict.NOT_RUNNING for report in facts.reports):
        silent_for = now - max(report.verdict_since for report in facts.reports)
        message = f"nothing listens on any of {plural(counts.matched, 'target')}: {HINT}"
        if silent_for >= SILENCE:
            return _Said(_TRUE, ConditionReason.NOTHING_LISTENS, message)
        return _Said(_FALSE, ConditionReason.TARGETS_READABLE, f"{message} (a fault after 10 min)")
    blind = [report for report in facts.reports if report.verdict is Verdict.UNREACHABLE]
    why = f"; {_reasons(blind)}" if blind else ""
    silent = f"; nothing listens on {counts.not_running:,} more" if counts.not_running else ""
    unread = f"{counts.unreachable:,} of {plural(running, 'running target')} cannot be read"
    message = f"{unread if running else 'no targets'}{why}{silent}"
    if counts.unreachable > BLIND_SHARE * running:
        return _Said(_TRUE, ConditionReason.TARGETS_BLIND, message)
    return _Said(_FALSE, ConditionReason.TARGETS_READABLE, message)


def _reasons(blind: Sequence[TargetReport]) -> str:
    """`2 NotPprof (e.g. ws-3: the answer is HTML), 1 Timeout (e.g. ws-9: …)`, the most frequent first."""
    counts = Counter(report.reason for report in blind)
    parts = []
    for reason, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_EXAMPLES]:
        example = min((r for r in blind if r.reason == reason), key=lambda r: (r.pod, r.endpoint))
        what = f": {example.message}" if example.message else ""
        parts.append(f"{count:,} {reason} (e.g. {example.pod}{_clip_before_hint(what)})")
    return ", ".join(parts)


def _clip_before_hint(text: str) -> str:
    """Cut at 160 characters, but keep what stands in brackets at the end: it says what to do."""
    start = text.rfind(" (") if text.endswith(")") else len(text)
    hint = text[start:]
    return clip(text[:start], max(80, 160 - len(hint))) + clip(hint, 160)


def _suspended(facts: Facts) -> _Said:
    if facts.policy.problems:
        return _invalid()
    if facts.suspension is not None:
        return _Said(_TRUE, ConditionReason(facts.suspension.reason.value), facts.suspension.message)
    return _Said(_FALSE, ConditionReason.NOT_SUSPENDED, "nothing holds this policy's actions back as a whole")


def _invalid() -> _Said:
    return _Said(_UNKNOWN, ConditionReason.INVALID_SPEC, "the spec is invalid, see Ready: nothing is sampled or judged")
