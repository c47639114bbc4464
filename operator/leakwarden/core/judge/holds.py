"""From what a rule sees now to how it stands: hold is covered time, kept for each rule and place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from leakwarden.core.judge.evaluate import Blind, Look, why
from leakwarden.core.judge.intake import gap_of
from leakwarden.core.judge.values import Hold, RuleEvaluation, RuleState
from leakwarden.core.readings import Attempt
from leakwarden.core.rules import Rule

_ORDER = {
    RuleState.FIRING: 0, RuleState.HOLDING: 1, RuleState.MET: 2, RuleState.UNKNOWN: 3, RuleState.NOT_MET: 4,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Standing:
    """One rule after one sample. `looks` and `states` run in parallel; `holds` are the new ones of this rule."""

    rule: Rule
    looks: Sequence[Look]
    states: Sequence[RuleState]
    holds: Mapping[str, Hold]
    evaluation: RuleEvaluation
    look: Look
    """The look that the evaluation shows."""

    @property
    def firing(self) -> list[Look]:
        return [look for look, state in zip(self.looks, self.states, strict=True) if state is RuleState.FIRING]


def hold_key(rule: str, place: str) -> str:
    return f"{rule}\n{place}"


def stand(rule: Rule, looks: Sequence[Look], before: Mapping[str, Hold], attempt: Attempt) -> Standing:
    """Advance the holds of one rule. `before` holds those of all rules. Needs at least one look."""
    prefix = hold_key(rule.name, "")
    old = {key: hold for key, hold in before.items() if key.startswith(prefix)}
    if len(looks) == 1 and looks[0].met is None and not looks[0].key:
        frozen = {key: _frozen(hold, looks[0]) for key, hold in old.items()}
        return _standing(rule, looks, [RuleState.UNKNOWN], frozen, max((h.held for h in frozen.values()), default=0.0))
    holds: dict[str, Hold] = {}
    states: list[RuleState] = []
    for look in looks:
        key = hold_key(rule.name, look.key)
        hold = _advanced(old.get(key), look, attempt)
        if hold is not None:
            holds[key] = hold
        states.append(_state(rule, look, hold))
    return _standing(rule, looks, states, holds, None)


def _frozen(hold: Hold, look: Look) -> Hold:
    return hold if look.blind is Blind.ABSENT else Hold(hold.held, None)


def _advanced(hold: Hold | None, look: Look, attempt: Attempt) -> Hold | None:
    if look.met is None:
        return None if hold is None else _frozen(hold, look)
    if not look.met:
        return None
    held, met_at = (hold.held, hold.met_at) if hold else (0.0, None)
    if met_at is not None and 0 < attempt.at - met_at <= gap_of(attempt):
        held += attempt.at - met_at
    return Hold(held, attempt.at)


def _state(rule: Rule, look: Look, hold: Hold | None) -> RuleState:
    if look.met is None:
        return RuleState.UNKNOWN
    if hold is None:
        return RuleState.NOT_MET
    if hold.held >= rule.hold * (1 - 1e-9):
        return RuleState.FIRING
    return RuleState.HOLDING if hold.held > 0 else RuleState.MET


def _standing(
    rule: Rule, looks: Sequence[Look], states: Sequence[RuleState], holds: Mapping[str, Hold], held: float | None
) -> Standing:  # fmt: skip
    """The place that is furthest speaks for the rule: by state, then by growth and value."""
    state, look = min(zip(states, looks, strict=True), key=lambda pair: (_ORDER[pair[0]], *_how_far(pair[1])))
    if held is None:
        hold = holds.get(hold_key(rule.name, look.key))
        held = hold.held if hold else 0.0
    growth = look.trend.growth if look.trend else None
    slope = look.trend.slope if look.trend and look.met is not None else None
    evaluation = RuleEvaluation(rule.name, state, look.value, growth, held, why(rule, look), look.site, slope)
    return Standing(rule, looks, states, holds, evaluation, look)


def _how_far(look: Look) -> tuple[float, float, str]:
    growth = look.trend.growth if look.trend and look.trend.growth is not None else 0.0
    return -growth, -(look.value or 0.0), look.key
