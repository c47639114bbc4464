"""The spec: defaults, the built-in rules, and every mistake named by its field."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leakwarden.api.builtins import BUILTINS, builtin_rules
from leakwarden.api.checks import check
from leakwarden.api.spec import LeakPolicySpec, Selector
from leakwarden.api.words import Cadence, Execution, Mode, Severity, Signal, Transport
from leakwarden.core.rules import Growth, Rule
from leakwarden.core.rules_from_spec import endpoint_specs, rule_set
from leakwarden.errors import InvalidSpec
from tests.core.api.policies import FULL, SMALLEST, WRONG, Wrong, spec_with


def problem_of(spec: dict[str, Any]) -> InvalidSpec:
    try:
        found = check(LeakPolicySpec.parse(spec))
    except InvalidSpec as error:
        return error
    assert found, "nothing was found wrong"
    return found[0]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.why)
def test_what_cannot_be_meant_is_refused_with_its_field(wrong: Wrong) -> None:
    problem = problem_of(wrong.spec)
    assert problem.path == wrong.field
    assert wrong.says in problem.problem


@pytest.mark.parametrize("spec", [SMALLEST, FULL], ids=["smallest", "full"])
def test_a_good_spec_has_no_problem(spec: dict[str, Any]) -> None:
    assert check(LeakPolicySpec.parse(spec)) == []


def test_a_window_of_exactly_eight_intervals_is_long_enough() -> None:
    assert check(LeakPolicySpec.parse(spec_with("rules.0.growth.window", "4m"))) == []


def test_the_smallest_policy_observes_and_does_nothing_else() -> None:
    spec = LeakPolicySpec.parse(SMALLEST)
    assert spec.remediation.mode is Mode.OBSERVE
    assert spec.remediation.execution is Execution.LIVE
    assert spec.remediation.min_severity is Severity.CRITICAL
    assert (spec.remediation.budget.actions, spec.remediation.budget.window) == (3, "1h")
    assert (spec.remediation.cooldown, spec.remediation.verify_for) == ("1h", "2h")
    assert (spec.remediation.min_ready_peers, spec.remediation.storm_percent) == (1, 20)
    assert spec.remediation.paused_until is None
    assert spec.sampling.cadence is Cadence.ADAPTIVE
    assert (spec.sampling.interval, spec.sampling.timeout, spec.sampling.startup_grace) == ("30s", "10s", "2m")
    assert spec.sampling.max_profile_size.value == 32 * 2**20
    assert spec.target.transport is Transport.PORT_FORWARD
    (endpoint,) = endpoint_specs(spec)
    assert (endpoint.name, endpoint.port, endpoint.path, endpoint.container) == ("pprof", 6060, "/debug/pprof", None)


def test_a_spec_survives_being_written_and_read() -> None:
    spec = LeakPolicySpec.parse(FULL)
    assert LeakPolicySpec.parse(spec.model_dump(mode="json", by_alias=True, exclude_none=True)) == spec


def test_rules_of_a_policy_are_exactly_those_in_seconds_and_plain_numbers() -> None:
    rules = rule_set(LeakPolicySpec.parse(FULL))
    assert rules.grace == 120.0
    assert rules.rules == (
        Rule("live-heap", Signal.LIVE_HEAP, None, Growth(64 * 2**20, 900.0), 120.0, Severity.CRITICAL),
        Rule("blocked", Signal.BLOCKED_GOROUTINES, 1000.0, Growth(200.0, 900.0), 120.0, Severity.WARNING),
        Rule("level", Signal.WATER_LEVEL, 92.5, None, 120.0, Severity.WARNING),
        Rule("map", Signal.MAP_ENTRIES, None, Growth(5000.0, 900.0), 120.0, Severity.WARNING),
    )


def test_a_rule_without_for_holds_four_intervals() -> None:
    spec = LeakPolicySpec.parse(spec_with("rules.0.for", ..., spec_with("sampling.interval", "20s")))
    assert rule_set(spec).rules[0].hold == 80.0


def test_one_field_rescales_every_built_in_rule() -> None:
    slow, fast = (
        {rule.name: rule for rule in rule_set(LeakPolicySpec.parse({**SMALLEST, "sampling": {"interval": text}})).rules}
        for text in ("30s", "2s")
    )
    assert slow.keys() == fast.keys() == {builtin.name for builtin in BUILTINS}
    for name, rule in slow.items():
        growth = fast[name].growth
        slower = growth and dataclasses.replace(growth, window=growth.window * 15)
        assert rule == dataclasses.replace(fast[name], hold=fast[name].hold * 15, growth=slower)


@settings(deadline=None)
@given(st.integers(min_value=1, max_value=3600))
def test_the_built_in_rules_are_a_valid_policy_at_every_interval(seconds: int) -> None:
    rules = [rule.model_dump(mode="json", by_alias=True, exclude_none=True) for rule in builtin_rules(seconds)]
    spec = LeakPolicySpec.parse({**SMALLEST, "sampling": {"interval": f"{seconds}s"}, "rules": rules})
    assert check(spec) == []
    assert rule_set(spec).rules == rule_set(spec.model_copy(update={"rules": None})).rules


def test_every_built_in_rule_proves_a_leak() -> None:
    assert all(rule.proves_leak for rule in rule_set(LeakPolicySpec.parse(SMALLEST)).rules)


@pytest.mark.parametrize(
    ("selector", "labels", "matches"),
    [
        ({"matchLabels": {"a": "1"}}, {"a": "1", "b": "2"}, True),
        ({"matchLabels": {"a": "1"}}, {"a": "2"}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, {"a": "2"}, True),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1"]}]}, {}, False),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {}, True),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {"a": "1"}, False),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {"a": ""}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {}, False),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {}, True),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {"a": ""}, False),
        ({"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "b", "operator": "Exists"}]}, {"a": "1"}, False),
        ({}, {"a": "1"}, False),
    ],
)
def test_a_selector_matches_as_the_api_server_does(
    selector: dict[str, Any], labels: dict[str, str], matches: bool
) -> None:
    assert Selector.model_validate(selector).matches(labels) is matches
