"""The verdict of a target, the first that fits, with a sentence that says what is known so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from leakwarden.api.words import FindingType, Verdict
from leakwarden.core.findings import Finding
from leakwarden.core.judge import say
from leakwarden.core.judge.evaluate import Blind, why
from leakwarden.core.judge.holds import Standing
from leakwarden.core.judge.shapes import POINTS
from leakwarden.core.judge.values import RuleState, TargetState

STRIKES = 3
"""Failed attempts in a row, or refused ones, that are believed."""
STANDS = 16
"""In intervals: for so long a rule that was not met stays so for the verdict while its part is not taken."""


def verdict_of(state: TargetState, standings: Sequence[Standing], at: float, interval: float) -> tuple[Verdict, str]:
    """In the order of docs/leakpolicy.md."""
    if state.failures >= STRIKES:
        return Verdict.UNREACHABLE, f"{state.failures} attempts in a row failed, the last with {state.trouble}"
    if state.refusals:
        return Verdict.NOT_RUNNING, f"nothing listens: {state.trouble}"
    leaks = [one.finding for one in state.findings if one.finding.type is FindingType.LEAK]
    if leaks:
        return Verdict.LEAKING, _leaking(leaks)
    judged = [standing for standing in standings if not _unsupported(standing)]
    aside = _aside(standings)
    learning = _learning(state, judged)
    if learning:
        return Verdict.LEARNING, learning + aside
    doubt = _doubt(state, judged, state.clear_at, at, interval)
    if doubt:
        return Verdict.INCONCLUSIVE, doubt + aside
    return Verdict.HEALTHY, f"none of {len(judged)} rules is met" + aside


def _unsupported(standing: Standing) -> bool:
    return standing.look.blind is Blind.UNSUPPORTED


def _aside(standings: Sequence[Standing]) -> str:
    left_out = [f"{s.rule.name} ({s.look.why})" for s in standings if _unsupported(s)]
    return f"; left out: {', '.join(left_out)}" if left_out else ""


def _leaking(leaks: Sequence[Finding]) -> str:
    first = leaks[0]
    more = f" and {len(leaks) - 1} more" if len(leaks) > 1 else ""
    rules = f"rule{'s' if len(first.rules) > 1 else ''} {', '.join(first.rules)}"
    return f"{first.signature} by {rules}{more}"


def _learning(state: TargetState, judged: Sequence[Standing]) -> str:
    """Empty when every rule has had its points and its time."""
    segment = state.segment
    if segment is None:
        last = f"; the last attempt failed with {state.trouble}" if state.trouble else ""
        return f"nothing has been read yet{last}"
    lacking = [s for s in judged if any(look.blind is Blind.LACKING for look in s.looks) and not _is_met(s)]
    if not lacking:
        if judged and segment.readings < POINTS:
            return f"{segment.readings} of {POINTS} readings"
        return ""
    missing, name, phrase = max(_needs(standing) for standing in lacking)
    needs = f"{name} needs {say.duration(missing)} more" if missing > 0 else f"{name} has {phrase}"
    clear = _clear_up_to(judged)
    return f"no rule of up to {say.duration(clear)} is met; {needs}" if clear else needs


def _clear_up_to(judged: Sequence[Standing]) -> float:
    """The longest window, in seconds, up to which no rule with growth is met or unknown; 0 without one."""
    growing = [(s.rule.growth.window, s.evaluation.state) for s in judged if s.rule.growth is not None]
    open_from = min((window for window, state in growing if state is not RuleState.NOT_MET), default=float("inf"))
    return max((window for window, _ in growing if window < open_from), default=0.0)


def _is_met(standing: Standing) -> bool:
    return standing.evaluation.state in (RuleState.MET, RuleState.HOLDING, RuleState.FIRING)


def _needs(standing: Standing) -> tuple[float, str, str]:
    return max(
        (look.missing, standing.rule.name, why(standing.rule, look))
        for look in standing.looks
        if look.blind is Blind.LACKING
    )


def _doubt(
    state: TargetState, judged: Sequence[Standing], clear_at: Mapping[str, float], at: float, interval: float
) -> str:  # fmt: skip
    """What stands between this target and Healthy; empty when nothing does."""
    if not judged:
        return "no rule can be evaluated"
    pressures = [one.finding for one in state.findings]
    if pressures:
        return f"pressure by {', '.join(pressures[0].rules)}: no proof of a leak"
    for standing in judged:
        evaluation = standing.evaluation
        if _is_met(standing):
            held = f"{say.duration(evaluation.held)} of {say.duration(standing.rule.hold)}"
            return f"{standing.rule.name} is met, held {held}: {evaluation.why}"
    for standing in judged:
        unknown = next((look for look in standing.looks if look.met is None), None)
        if unknown is None:
            continue
        clear = clear_at.get(standing.rule.name)
        stands = clear is not None and at - clear <= STANDS * interval * (1 + 1e-9)
        if stands and unknown.blind in (Blind.ABSENT, Blind.IDLE):
            continue
        return f"{standing.rule.name} is unknown: {why(standing.rule, unknown)}"
    return ""
