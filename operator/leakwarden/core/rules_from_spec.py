"""From a policy as written to what sampler and judge take: seconds, plain numbers, and the built-ins filled in."""

from __future__ import annotations

from dataclasses import dataclass

from leakwarden.api.builtins import builtin_rules
from leakwarden.api.checks import hold_seconds
from leakwarden.api.spec import LeakPolicySpec, RuleSpec
from leakwarden.api.words import LabelValues
from leakwarden.core.rules import Growth, Rule, RuleSet
from leakwarden.core.targets import EndpointSpec


@dataclass(frozen=True, slots=True)
class RuleInEffect:
    """A rule of the policy, or a built-in, as it is written and as it is judged by."""

    spec: RuleSpec
    rule: Rule


def rules_in_effect(spec: LeakPolicySpec) -> tuple[RuleInEffect, ...]:
    """The policy's own rules, exactly; without any, the built-ins scaled by the interval. In their order."""
    interval = spec.sampling.interval.seconds
    rules = builtin_rules(interval) if spec.rules is None else spec.rules
    return tuple(RuleInEffect(spec=rule, rule=_rule(rule, interval)) for rule in rules)


def rule_set(spec: LeakPolicySpec) -> RuleSet:
    """What the judge is given."""
    return RuleSet(
        rules=tuple(effect.rule for effect in rules_in_effect(spec)),
        grace=spec.sampling.startup_grace.seconds,
        hide_labels=spec.labels.values is LabelValues.HIDE,
    )


def endpoint_specs(spec: LeakPolicySpec) -> tuple[EndpointSpec, ...]:
    """The endpoints as the sampler takes them, before any pod's annotation overrides a port."""
    return tuple(
        EndpointSpec(name=e.name, port=e.port, path=e.path, scheme=e.scheme, container=e.container)
        for e in spec.target.endpoints
    )


def _rule(rule: RuleSpec, interval: float) -> Rule:
    growth = rule.growth
    return Rule(
        name=rule.name,
        signal=rule.signal,
        above=None if rule.above is None else rule.above.value,
        growth=None if growth is None else Growth(at_least=growth.at_least.value, window=growth.window.seconds),
        hold=hold_seconds(rule, interval),
        severity=rule.severity,
    )
