"""A hold is covered from point to point, and growth must go on during it: an end that shows late opens nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leakwarden.core.judge.evaluate import Look
from leakwarden.core.judge.holds import hold_key, stand
from leakwarden.core.judge.shapes import Shape
from leakwarden.core.judge.trend import Trend
from leakwarden.core.judge.values import Hold, RuleState
from leakwarden.core.readings import Attempt, Reading
from tests.core.judge.builders import INTERVAL, MI, T0, Target, goroutines, heap, rule, rules

KEEP = "example.com/x.Keep"
FLAT = 40
"""Intervals before the onset."""
RATE = 4
"""MiB an interval."""


def reading(leaked: float, mark: str) -> Reading:
    held = leaked * MI
    sites = {KEEP: held}
    return Reading(heap(100 * MI + held, sites, mark=mark, alloc=held + 1), goroutines(50))


def watched(samples: int, every: int = 1) -> Target:
    """A leak that begins after FLAT intervals, with a collection, and so a new table, before each `every`th sample."""
    target = Target(rules(rule(window=120 * INTERVAL, hold=6 * INTERVAL)))
    for index in range(samples):
        seen = index - index % every
        target.give(reading(RATE * max(0, seen - FLAT), str(seen)))
    return target


def first_met() -> int:
    """The sample with which the rule is met."""
    said = watched(FLAT + 80).said
    return next(index for index, judgement in enumerate(said) if judgement.rules[0].state is RuleState.MET)


def test_samples_that_bring_no_new_table_add_nothing_to_a_hold() -> None:
    samples = first_met() + 1
    target = watched(samples)
    for _ in range(4):
        target.give(reading(RATE * (samples - 1 - FLAT), str(samples - 1)))
    assert (target.last.rules[0].state, target.last.rules[0].held) == (RuleState.MET, 0.0)


@pytest.mark.parametrize("every", [2, 5, 12])
def test_a_leak_in_a_process_that_seldom_collects_is_held_from_table_to_table(every: int) -> None:
    findings = [judgement.findings for judgement in watched(FLAT + 110, every).said]
    assert any(findings)


def test_growth_that_ends_while_its_rule_is_held_is_no_finding() -> None:
    """As at the end of a load into memory: the tables that show it come late."""
    samples = first_met() + 2
    target = watched(samples)
    reached = RATE * (samples - 1 - FLAT)
    for index in range(30):
        target.give(reading(reached + (index > 1), f"after {index // 3}"))
    assert not any(judgement.findings for judgement in target.said)


@pytest.mark.parametrize(
    ("gained", "state"), [(0.0, RuleState.HOLDING), (11.0, RuleState.HOLDING), (13.0, RuleState.FIRING)]
)
def test_a_hold_is_over_when_growth_went_on_at_half_of_its_pace_meanwhile(gained: float, state: RuleState) -> None:
    """6 intervals at 4 MiB each promise 24."""
    held_for = rule(window=60 * INTERVAL, hold=6 * INTERVAL)
    now = T0 + 1000 * INTERVAL
    before = Hold(6 * INTERVAL, now - INTERVAL, now - INTERVAL, 100 * MI)
    trend = Trend(Shape.GROWS, 30, 60 * INTERVAL, slope=4 * MI / INTERVAL)
    look = Look("", True, "", (100 + gained) * MI, trend, as_of=now - INTERVAL)
    attempt = Attempt(now, reading(0, "now"), Target(rules()).process, INTERVAL, 0)
    standing = stand(held_for, [look], {hold_key(held_for.name, ""): before}, attempt)
    assert standing.states[0] is state
    assert stand(held_for, [replace(look, trend=None)], {hold_key(held_for.name, ""): before}, attempt).states[0] is (
        RuleState.FIRING
    )
