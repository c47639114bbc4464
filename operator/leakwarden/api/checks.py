"""What a valid schema may still mean wrongly: the cross-field checks, each with the field it is about.

The CRD's CEL rules refuse most of this at admission already; here it stands again for policies that never met an API
server (replay, tests) and for an older CRD. What stands only here becomes the condition Ready=False (InvalidSpec).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from leakwarden.api.builtins import DEFAULT_HOLD_INTERVALS, builtin_rules
from leakwarden.api.quantity import Quantity
from leakwarden.api.spec import LeakPolicySpec, MatchExpression, RuleSpec, Selector, SelectorOperator
from leakwarden.api.words import UNITS, Unit
from leakwarden.errors import InvalidSpec

MIN_POINTS = 8
"""A trend needs so many points, so a window holds at least so many intervals."""

_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def check(spec: LeakPolicySpec) -> list[InvalidSpec]:
    """Everything in a parsed spec that cannot be meant, in the order of the fields; empty when it is fine."""
    return [
        *_selector(spec.target.selector),
        *_endpoints(spec),
        *_rules(spec),
        *_mutes(spec),
    ]


def _selector(selector: Selector) -> Iterator[InvalidSpec]:
    path = "spec.target.selector"
    if not selector.match_labels and not selector.match_expressions:
        yield InvalidSpec(path, "an empty selector would match every pod of the namespace: name at least one label")
    for key, value in selector.match_labels.items():
        yield from _label(f"{path}.matchLabels[{key}]", key, (value,))
    for index, expression in enumerate(selector.match_expressions):
        yield from _expression(f"{path}.matchExpressions[{index}]", expression)


def _expression(path: str, expression: MatchExpression) -> Iterator[InvalidSpec]:
    wants_values = expression.operator in (SelectorOperator.IN, SelectorOperator.NOT_IN)
    if wants_values and not expression.values:
        yield InvalidSpec(f"{path}.values", f"{expression.operator} needs values")
    if not wants_values and expression.values:
        yield InvalidSpec(f"{path}.values", f"{expression.operator} takes no values")
    yield from _label(f"{path}.key", expression.key, expression.values)


def _label(path: str, key: str, values: Sequence[str]) -> Iterator[InvalidSpec]:
    prefix, slash, name = key.rpartition("/")
    if not _NAME.fullmatch(name) or (slash and (len(prefix) > 253 or not _PREFIX.fullmatch(prefix))):
        yield InvalidSpec(path, f"{key!r} is not a label key such as app.kubernetes.io/name")
    for value in values:
        if value and not _NAME.fullmatch(value):
            yield InvalidSpec(path, f"{value!r} is not a label value")


def _endpoints(spec: LeakPolicySpec) -> Iterator[InvalidSpec]:
    names: set[str] = set()
    ports: set[int] = set()
    for index, endpoint in enumerate(spec.target.endpoints):
        path = f"spec.target.endpoints[{index}]"
        if endpoint.name in names:
            yield InvalidSpec(f"{path}.name", f"{endpoint.name!r} stands there twice")
        if endpoint.port in ports:
            yield InvalidSpec(f"{path}.port", f"{endpoint.port} stands there twice: a port is one process")
        names.add(endpoint.name)
        ports.add(endpoint.port)


def _rules(spec: LeakPolicySpec) -> Iterator[InvalidSpec]:
    if spec.rules is None:
        rules: tuple[RuleSpec, ...] = builtin_rules(spec.sampling.interval.seconds)
    else:
        rules = spec.rules
    names: set[str] = set()
    for index, rule in enumerate(rules):
        if rule.name in names:
            yield InvalidSpec(f"spec.rules[{index}].name", f"{rule.name!r} stands there twice")
        names.add(rule.name)
        yield from _rule(f"spec.rules[{index}]", rule, spec.sampling.interval.seconds)


def _rule(path: str, rule: RuleSpec, interval: float) -> Iterator[InvalidSpec]:
    if rule.above is None and rule.growth is None:
        yield InvalidSpec(path, "a rule needs above, growth, or both")
    if rule.above is not None:
        yield from _amount(f"{path}.above", rule, rule.above)
    if rule.growth is None:
        return
    yield from _amount(f"{path}.growth.atLeast", rule, rule.growth.at_least)
    if rule.growth.at_least.value <= 0:
        yield InvalidSpec(f"{path}.growth.atLeast", "must be more than 0")
    window = rule.growth.window.seconds
    if window < MIN_POINTS * interval:
        problem = f"{rule.growth.window} is shorter than {MIN_POINTS} sampling intervals ({MIN_POINTS * interval:g}s)"
        yield InvalidSpec(f"{path}.growth.window", problem)
    elif hold_seconds(rule, interval) > window:
        yield InvalidSpec(f"{path}.for", f"{rule.hold} is longer than growth.window ({rule.growth.window})")


def _mutes(spec: LeakPolicySpec) -> Iterator[InvalidSpec]:
    signatures: set[str] = set()
    for index, mute in enumerate(spec.mutes):
        if mute.signature in signatures:
            yield InvalidSpec(f"spec.mutes[{index}].signature", f"{mute.signature!r} stands there twice")
        signatures.add(mute.signature)


def hold_seconds(rule: RuleSpec, interval: float) -> float:
    """For how long a rule must be met: `for`, or 4 intervals."""
    return DEFAULT_HOLD_INTERVALS * interval if rule.hold is None else rule.hold.seconds


def _amount(path: str, rule: RuleSpec, amount: Quantity) -> Iterator[InvalidSpec]:
    if UNITS[rule.signal] is Unit.PERCENT and amount.value > 100:
        yield InvalidSpec(path, f"{amount}: {rule.signal} is a percentage, at most 100")
