"""LeakedGoroutines: the runtime's own proof, believed when two profiles in a row agree, and asked for sparingly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakwarden.api.words import Confidence, FindingType, Resolution, Severity, Signal, Verdict, WaitKind
from leakwarden.core import judge
from leakwarden.core.judge import RuleState, leaks
from leakwarden.core.judge.values import LeakProfile
from leakwarden.core.parts import GOROUTINE_LEAK
from leakwarden.core.readings import ProcessIdentity, Reading
from leakwarden.core.report.message import finding_message
from leakwarden.core.rules import Rule
from tests.core.judge.builders import INTERVAL, MI, T0, Target, builtin, failed_part, goroutines, heap, rule, rules

SEND = ("example.com/x.send", WaitKind.CHAN_SEND)
OTHER = ("example.com/y.wait", WaitKind.SELECT)
LEAKED = rule("leaked", Signal.LEAKED_GOROUTINES, above=100, at_least=None)
HASTY = replace(LEAKED, hold=0.0)


def proof(places: Mapping[tuple[str, WaitKind], int] | int | None, blocked: int = 0) -> Reading:
    """A reading with so many leaked goroutines; a number stands for SEND, None for a profile that was not asked for."""
    groups = {SEND: places} if isinstance(places, int) else places
    leaked = None if groups is None else goroutines(sum(groups.values()), groups)
    return Reading(heap(100 * MI, mark="one"), goroutines(50 + blocked, {SEND: blocked}), leaked=leaked)


NOT_SERVED = replace(proof(None), not_served=frozenset({GOROUTINE_LEAK}))
FAILED = replace(proof(None), failures={GOROUTINE_LEAK: failed_part()})


def after(counts: Sequence[Reading | int | None], *these: Rule) -> Target:
    target = Target(rules(*(these or (HASTY,))))
    for count in counts:
        target.give(count if isinstance(count, Reading) else proof(count))
    return target


@pytest.mark.parametrize(
    ("counts", "values"),
    [
        ([0], [0]),
        ([150], [None]),
        ([150, 150], [None, 150]),
        ([150, 120], [None, 120]),
        ([0, 150, 140, 90, 95], [0, 0, 140, 140, 95]),
        ([150, 150, 0, 150], [None, 150, 150, 150]),
        ([150, 150, 0, 0], [None, 150, 150, 0]),
        ([150, None, FAILED, 150], [None, None, None, 150]),
    ],
)
def test_a_count_is_what_two_profiles_in_a_row_agree_on(
    counts: list[Reading | int | None], values: list[int | None]
) -> None:
    assert [judgement.rules[0].value for judgement in after(counts).said] == values


def test_two_profiles_must_agree_about_the_place_and_not_only_about_the_number() -> None:
    target = after([proof({SEND: 150}), proof({OTHER: 150})])
    assert (target.last.rules[0].value, target.last.rules[0].state) == (0, RuleState.NOT_MET)


@given(st.lists(st.integers(0, 300), min_size=2, max_size=30))
def test_what_is_agreed_on_lies_between_the_last_two_readings_or_has_not_moved(counts: list[int]) -> None:
    profile, before = LeakProfile(), 0
    for index, count in enumerate(counts):
        profile = leaks.read(profile, T0 + index, proof(count))
        low, high = sorted((counts[index - 1] if index else 0, count))
        agreed = leaks.total(profile)
        assert low <= agreed <= high
        assert agreed in (before, low, high)
        before = agreed


def test_no_more_places_are_kept_than_fit_and_those_with_most_goroutines_stay() -> None:
    places = {(f"example.com/p{n:03}.send", WaitKind.CHAN_SEND): n + 1 for n in range(100)}
    target = after([proof(places), proof(places)])
    assert target.state is not None and target.state.segment is not None
    kept = target.state.segment.leaks.places
    assert len(kept) == leaks.PLACES
    assert {place.agreed for place in kept.values()} == set(range(69, 101))


def test_proven_leaks_alone_are_a_leak_at_the_place_with_most_of_them_and_certain() -> None:
    both = proof({SEND: 90, OTHER: 60})
    target = after([proof(0), both, both], LEAKED)
    target.give(both, after=3 * INTERVAL)
    assert (target.last.findings, target.last.rules[0].state) == ((), RuleState.HOLDING)
    target.give(both, after=3 * INTERVAL)
    assert target.last.verdict is Verdict.LEAKING
    (found,) = target.last.findings
    assert (found.type, found.confidence, found.signature) == (
        FindingType.LEAK, Confidence.HIGH, "goroutine/example.com/x.send/chan-send",
    )  # fmt: skip
    assert found.site is not None and found.site.function == SEND[0] and found.wait is SEND[1]
    assert "number 150 in the process" in finding_message(found)
    assert (found.value, found.baseline, found.since) == (150, 0, T0 + 2 * INTERVAL)


def test_any_other_rule_without_growth_stays_pressure() -> None:
    many = rule("many", Signal.GOROUTINES, above=100, at_least=None, hold=0.0)
    target = after([proof(150, blocked=150)] * 9, many)
    assert [finding.type for finding in target.last.findings] == [FindingType.PRESSURE]


def test_a_reading_that_misses_all_does_not_end_a_finding_and_two_do() -> None:
    target = after([150] * 8 + [0])
    assert target.last.verdict is Verdict.LEAKING
    target.give(proof(0))
    assert [finding.resolution for finding in target.last.findings] == [Resolution.SUBSIDED]


def test_a_failed_profile_ends_nothing() -> None:
    assert after([150] * 8 + [FAILED] * 40).last.verdict is Verdict.LEAKING


def test_proof_joins_the_finding_of_the_blocked_goroutines_and_makes_it_certain() -> None:
    blocked = rule("blocked", Signal.BLOCKED_GOROUTINES, above=50, at_least=200, severity=Severity.CRITICAL)
    target = Target(rules(blocked, HASTY))
    for index in range(35):
        target.give(proof(None, blocked=20 * index))
    (before,) = target.last.findings
    target.give(proof(600, blocked=700))
    target.give(proof(600, blocked=720))
    (found,) = target.last.findings
    assert (before.rules, found.rules) == (("blocked",), ("blocked", "leaked"))
    assert (found.signature, found.confidence) == (before.signature, Confidence.HIGH)


@pytest.mark.parametrize("first", [NOT_SERVED, proof(None)])
def test_a_process_that_does_not_serve_the_profile_is_healthy_and_the_verdict_says_what_it_leaves_out(
    first: Reading,
) -> None:
    """A recording may lack the profile without saying why; that is left out just so."""
    target = after([first] + [None] * 30, LEAKED, rule())
    assert target.last.verdict is Verdict.HEALTHY
    assert target.last.reason.startswith("none of 1 rules is met; left out: leaked (the ")
    assert "goroutineleak" in target.evaluation("leaked").why


def test_a_failed_profile_is_unknown_and_not_left_out() -> None:
    target = after([0] * 30 + [FAILED], LEAKED)
    assert target.said[-2].verdict is Verdict.HEALTHY
    assert target.last.verdict is Verdict.INCONCLUSIVE
    assert target.last.reason == "leaked is unknown: goroutineleak failed: Timeout"


def asked(target: Target, rounds: int, answer: Reading, quiet: float = 1.0, blocked: int = 0) -> list[int]:
    """The rounds, from now on, in which the profile is asked for, each answered like this."""
    numbers = []
    for number in range(1, rounds + 1):
        now = target.at + quiet * INTERVAL
        due = target.state is not None and judge.leak_profile_due(target.state, target.rules, now, INTERVAL)
        target.give(answer if due else proof(None, blocked * number), after=quiet * INTERVAL)
        numbers += [number] if due else []
    return numbers


def fresh(*these: Rule, grace: float = 0.0) -> Target:
    """A target that has been read once."""
    target = Target(rules(*(these or (LEAKED,)), grace=grace))
    target.process = ProcessIdentity("pod", "container", 1, T0)
    target.give(proof(None))
    return target


ASKED = {
    "nothing leaks": (proof(0), [1, 11, 21]),
    "not served": (NOT_SERVED, [1]),
    "fails": (FAILED, [1, 11, 21]),
    "leaks, steadily: confirmed, pursued while it holds, then as if nothing were": (proof(150), [1, 2, 5, 8, 18, 28]),
    "leaks, fewer than the rule asks for": (proof(50), [1, 2, 12, 22]),
}


@pytest.mark.parametrize(("answer", "rounds"), ASKED.values(), ids=ASKED)
def test_in_which_rounds_the_profile_is_asked_for(answer: Reading, rounds: list[int]) -> None:
    assert asked(fresh(), 30, answer) == rounds


def test_more_goroutines_are_a_reason_to_ask_sooner() -> None:
    assert asked(fresh(), 13, proof(0), blocked=30) == [1, 4, 7, 10, 13]


def test_a_leak_that_grows_is_confirmed_once_a_time_and_not_in_every_round() -> None:
    target, last = fresh(rule("leaked", Signal.LEAKED_GOROUTINES, above=10000, at_least=None)), 0
    rounds = []
    for number in range(1, 25):
        (due,) = [asked(target, 1, proof(last + 10 * number))]
        rounds += [number] if due else []
    assert rounds == [1, 2, 12, 13, 23, 24]


def test_a_quiet_target_that_is_asked_less_often_is_asked_for_it_less_often_too() -> None:
    assert asked(fresh(), 9, proof(0), quiet=3.0) == [1, 5, 9]


def test_without_such_a_rule_nobody_asks() -> None:
    assert asked(fresh(rule()), 30, proof(0)) == []


def test_a_process_too_young_to_be_judged_is_not_asked() -> None:
    assert asked(fresh(grace=5 * INTERVAL), 10, proof(0))[0] == 5


def test_a_clock_set_back_does_not_put_off_the_next_profile() -> None:
    target = fresh()
    assert asked(target, 5, proof(0)) == [1]
    target.at -= 3600.0
    assert asked(target, 12, proof(0)) != []


def test_another_process_is_asked_again() -> None:
    target = fresh()
    assert asked(target, 5, NOT_SERVED) == [1]
    target.process = ProcessIdentity("pod", "container", 2, T0 + 400)
    assert asked(target, 5, NOT_SERVED) == [2]


def test_the_built_in_rule_is_said_after_seven_intervals_of_proof() -> None:
    """The other built-ins see nothing in 150 goroutines."""
    target = Target(builtin())
    target.give(proof(0))
    rounds = asked(target, 20, proof(150))
    opened = next(n for n, judgement in enumerate(target.said[1:], start=1) if judgement.findings)
    assert opened - rounds[0] == 7
    assert [finding.rules for finding in target.last.findings] == [("leaked",)]


@pytest.mark.parametrize(("pace", "opens"), [(0.0, False), (4.0, True)])
def test_a_forced_collection_every_tenth_interval_makes_no_growth_and_hides_none(pace: float, opens: bool) -> None:
    """The heap reading after it lies 30 MiB lower than what natural collections leave."""
    random, target = Random(3), Target(builtin())
    for index in range(320):
        leaked, spared = pace * index, 30.0 * (index % 10 == 2)
        live = (300 + leaked - spared + random.gauss(0, 4)) * MI
        target.live(live, {"example.com/x.Keep": leaked * MI})
    assert any(judgement.findings for judgement in target.said) == opens
