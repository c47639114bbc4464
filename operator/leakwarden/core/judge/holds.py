"""From what a rule sees now to how it stands: hold is covered time, kept for each rule and place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from leakwarden.core.judge.evaluate import Blind, Look, why
from leakwarden.core.judge.intake import gap_of
from leakwarden.core.judge.shapes import STILL
from leakwarden.core.judge.values import Hold, RuleEvaluation, RuleState
from leakwarden.core.readings import Attempt
from leakwarden.core.rules import Rule

JITTER = 0.1
"""In intervals: samples come a little early or late, and a hold of four intervals is over with the fourth of them."""
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
        frozen = {key: _frozen(hold, looks[0], attempt) for key, hold in old.items()}
        return _standing(rule, looks, [RuleState.UNKNOWN], frozen, max((h.held for h in frozen.values()), default=0.0))
    holds: dict[str, Hold] = {}
    states: list[RuleState] = []
    for look in looks:
        key = hold_key(rule.name, look.key)
        hold = _advanced(old.get(key), look, attempt)
        if hold is not None:
            holds[key] = hold
        states.append(_state(rule, look, hold, attempt.interval))
    return _standing(rule, looks, states, holds, None)


def _covered(hold: Hold, attempt: Attempt) -> bool:
    """No sample was missed since the last one that met the rule."""
    return hold.met_at is not None and 0 < attempt.at - hold.met_at <= gap_of(attempt)


def _frozen(hold: Hold, look: Look, attempt: Attempt) -> Hold:
    """Where no GC ran the next point goes on from the one before; where a part failed it does not."""
    if look.blind is Blind.IDLE and _covered(hold, attempt):
        return replace(hold, met_at=attempt.at)
    return hold if look.blind in (Blind.ABSENT, Blind.IDLE) else replace(hold, met_at=None)


def _advanced(hold: Hold | None, look: Look, attempt: Attempt) -> Hold | None:
    if look.met is None:
        return None if hold is None else _frozen(hold, look, attempt)
    if not look.met:
        return None
    as_of, value = attempt.at if look.as_of is None else look.as_of, look.value or 0.0
    if hold is None:
        return Hold(0.0, attempt.at, as_of, value)
    more = max(0.0, as_of - hold.as_of) if _covered(hold, attempt) else 0.0
    return Hold(hold.held + more, attempt.at, as_of, min(hold.lowest, value))


def _state(rule: Rule, look: Look, hold: Hold | None, interval: float) -> RuleState:
    if look.met is None:
        return RuleState.UNKNOWN
    if hold is None:
        return RuleState.NOT_MET
    if hold.held >= rule.hold - min(JITTER * interval, rule.hold / 2) and _went_on(look, hold):
        return RuleState.FIRING
    return RuleState.HOLDING if hold.held > 0 else RuleState.MET


def _went_on(look: Look, hold: Hold) -> bool:
    """A growth went on while its rule was held, at half of its pace at the least: a load may have ended meanwhile."""
    if look.trend is None or look.value is None:
        return True
    return look.value - hold.lowest >= STILL * look.trend.slope * hold.held


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
