"""How a rule stands after each sample: met, holding, firing, not met, unknown and why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leakwarden.api.words import FailureReason, Signal, Verdict, WaitKind
from leakwarden.core.judge import RuleState
from leakwarden.core.readings import Reading
from leakwarden.core.rules import Rule
from tests.core.judge.builders import MI, Target, failed_part, goroutines, heap, memstats, rule, rules

HIGH = rule("high", Signal.HEAP_INUSE, above=100 * MI, at_least=None, hold=120.0)


def inuse(value: float) -> Reading:
    return Reading(heap(50 * MI), goroutines(10), memstats(value, 2 * value))


OVER, UNDER, ABSENT = inuse(200 * MI), inuse(50 * MI), Reading(heap(50 * MI), goroutines(10))
FAILED = replace(ABSENT, failures={"memstats": failed_part()})

HOLDS: list[tuple[str, list[tuple[Reading | None, float]], list[float]]] = [
    ("neighbours add their distance", [(OVER, 0), (OVER, 30), (OVER, 30)], [0, 30, 60]),
    ("distances up to four intervals count whole", [(OVER, 0), (OVER, 120)], [0, 120]),
    ("a gap adds nothing, what was held stays", [(OVER, 0), (OVER, 30), (OVER, 121), (OVER, 30)], [0, 30, 30, 60]),
    ("not met resets", [(OVER, 0), (OVER, 30), (UNDER, 30), (OVER, 30), (OVER, 30)], [0, 30, 0, 0, 30]),
    ("a part that failed freezes", [(OVER, 0), (OVER, 30), (FAILED, 30), (OVER, 30), (OVER, 30)], [0, 30, 30, 30, 60]),
    ("a failed attempt freezes", [(OVER, 0), (OVER, 30), (None, 30), (OVER, 30), (OVER, 30)], [0, 30, 30, 30, 60]),
    ("a part that was not asked for stands between no neighbours", [(OVER, 0), (ABSENT, 30), (OVER, 30)], [0, 0, 60]),
    ("nor does it bridge a gap", [(OVER, 0), (ABSENT, 60), (ABSENT, 60), (OVER, 60)], [0, 0, 0, 0]),
    ("a clock set back is a gap", [(OVER, 0), (OVER, 30), (OVER, -500), (OVER, 30)], [0, 30, 30, 60]),
]


@pytest.mark.parametrize(("name", "moves", "held"), HOLDS, ids=[h[0] for h in HOLDS])
def test_hold_is_covered_time(name: str, moves: list[tuple[Reading | None, float]], held: list[float]) -> None:
    target = Target(rules(HIGH))
    found = []
    for reading, after in moves:
        judgement = target.fails(after=after) if reading is None else target.give(reading, after=after)
        found.append(judgement.rules[0].held)
    assert found == pytest.approx(held), name


def test_the_states_of_a_rule_on_its_way() -> None:
    target = Target(rules(HIGH))
    for reading in (UNDER, OVER, OVER, OVER, OVER, OVER, ABSENT, FAILED, UNDER):
        target.give(reading)
    assert [judgement.rules[0].state.value for judgement in target.said] == [
        "NotMet", "Met", "Holding", "Holding", "Holding", "Firing", "Unknown", "Unknown", "NotMet",
    ]  # fmt: skip


def test_a_rule_without_hold_fires_at_once() -> None:
    target = Target(rules(replace(HIGH, hold=0.0)))
    assert target.give(OVER).rules[0].state is RuleState.FIRING
    assert len(target.last.findings) == 1


def test_above_means_greater() -> None:
    target = Target(rules(HIGH))
    assert target.give(inuse(100 * MI)).rules[0].state is RuleState.NOT_MET
    assert target.give(inuse(100 * MI + 1)).rules[0].state is RuleState.MET


@pytest.mark.parametrize(
    ("signal", "part"),
    [
        (Signal.LIVE_HEAP, "heap"), (Signal.SITE_BYTES, "heap"), (Signal.GOROUTINES, "goroutine"),
        (Signal.BLOCKED_GOROUTINES, "goroutine"), (Signal.HEAP_INUSE, "memstats"), (Signal.SYS, "memstats"),
        (Signal.WATER_LEVEL, "memstats"), (Signal.CONTAINER_MEMORY, "memstats"),
        (Signal.GC_PAUSE, "memstats"), (Signal.LEAKED_GOROUTINES, "goroutineleak"),
    ],
)  # fmt: skip
def test_a_signal_whose_part_is_missing_is_unknown_and_says_which(signal: Signal, part: str) -> None:
    target = Target(rules(rule("r", signal)))
    target.give(Reading(failures={part: failed_part()}))
    assert target.last.rules[0].state is RuleState.UNKNOWN
    assert target.last.rules[0].why == f"{part} failed: Timeout"
    target.give(Reading())
    assert target.last.rules[0].why == f"{part} was not taken in this round"


def test_a_policy_of_nothing_but_rules_that_cannot_be_judged_here_is_inconclusive() -> None:
    target = Target(rules(rule("proof", Signal.LEAKED_GOROUTINES, above=100, at_least=None)))
    target.lives([100 * MI] * 30)
    assert target.last.verdict is Verdict.INCONCLUSIVE


VALUES = [
    (Signal.LIVE_HEAP, 50 * MI), (Signal.HEAP_INUSE, 200 * MI), (Signal.SYS, 400 * MI), (Signal.WATER_LEVEL, 50.0),
    (Signal.CONTAINER_MEMORY, 300 * MI), (Signal.GOROUTINES, 900.0), (Signal.BLOCKED_GOROUTINES, 700.0),
    (Signal.SITE_BYTES, 40 * MI),
]  # fmt: skip


@pytest.mark.parametrize(("signal", "value"), VALUES, ids=[v[0].value for v in VALUES])
def test_what_each_signal_reads(signal: Signal, value: float) -> None:
    target = Target(rules(rule("r", signal, above=1.0, at_least=None)))
    groups = {
        ("example.com/a.send", WaitKind.CHAN_SEND): 700.0,
        ("example.com/a.spin", WaitKind.RUNNING): 150.0,
        ("example.com/a.read", WaitKind.IO): 50.0,
    }
    target.give(
        Reading(
            heap(50 * MI, {"example.com/a.Big": 40 * MI, "example.com/a.Small": 5 * MI}),
            goroutines(900, groups),
            memstats(200 * MI, 400 * MI, released=100 * MI),
        )
    )
    assert target.last.rules[0].value == value


def test_goroutines_that_do_not_wait_for_others_are_not_blocked() -> None:
    target = Target(rules(rule("b", Signal.BLOCKED_GOROUTINES, above=10, at_least=None)))
    target.count(500, {("example.com/a.read", WaitKind.IO): 400.0, ("example.com/a.spin", WaitKind.RUNNING): 50.0})
    assert target.last.rules[0].state is RuleState.NOT_MET


def test_growing_goroutines_that_do_not_wait_for_others_are_not_blocked_either() -> None:
    target = Target(rules(rule("b", Signal.BLOCKED_GOROUTINES, at_least=100)))
    for index in range(40):
        target.count(50 + 20 * index, {("example.com/a.read", WaitKind.IO): 20.0 * index})
    assert target.last.rules[0].state is RuleState.NOT_MET
    assert not target.last.findings


def test_a_rule_on_places_holds_each_place_apart() -> None:
    """Two places that are met in turns hold nothing together."""
    target = Target(rules(rule("b", Signal.BLOCKED_GOROUTINES, above=100, at_least=None, hold=60.0)))
    for index in range(12):
        name = "example.com/a.send" if index % 2 else "example.com/b.send"
        target.count(300, {(name, WaitKind.CHAN_SEND): 200.0})
    assert not target.last.findings
    assert target.evaluation("b").held == 0


def test_the_heap_adds_no_point_while_its_table_is_the_same() -> None:
    target = Target(rules(rule()))
    for _ in range(10):
        target.give(Reading(heap(100 * MI, mark="one")))
    assert target.last.state.segment is not None
    assert len(target.last.state.segment.live) == 1


def idle_after_growth(quiet: int) -> Target:
    """Growth, then the table stands still."""
    target = Target(rules(rule(hold=100 * 30.0)))
    target.lives([(200 + 5 * i) * MI for i in range(30)])
    for _ in range(quiet):
        target.give(Reading(heap(345 * MI, mark="still", alloc=target.allocated)))
    return target


def test_growth_seen_at_the_last_gc_stands_for_four_intervals_and_is_then_unknown() -> None:
    target = idle_after_growth(8)
    states = [judgement.rules[0].state.value for judgement in target.said[30:]]
    assert states == ["Holding"] * 5 + ["Unknown"] * 3
    assert target.evaluation("live-heap").why == "no GC has run for 3 m 30 s: nothing new is known"


def test_a_heap_that_stood_still_for_the_whole_window_did_not_grow() -> None:
    assert idle_after_growth(40).last.rules[0].state is RuleState.NOT_MET
    assert idle_after_growth(40).last.verdict is Verdict.HEALTHY


def test_a_gap_in_the_readings_proves_nothing_about_the_heap_meanwhile() -> None:
    target = Target(rules(rule()))
    for index in range(40):
        target.give(Reading(heap(345 * MI, mark="still", alloc=1)), after=121.0 if index == 30 else None)
    assert target.said[29].rules[0].state is RuleState.NOT_MET
    assert target.last.rules[0].state is RuleState.UNKNOWN


def short(window: float) -> Rule:
    return rule(window=window, at_least=8 * MI, hold=8.0)


@pytest.mark.parametrize(
    ("every", "verdict"), [(10, Verdict.HEALTHY), (25, Verdict.HEALTHY), (300, Verdict.INCONCLUSIVE)]
)
def test_a_short_window_without_a_gc_proves_nothing(every: int, verdict: Verdict) -> None:
    """At 2 s a window is a minute: with a GC now and then it is known to be flat, without one nothing is known."""
    target = Target(rules(short(60.0)), interval=2.0)
    for index in range(120):
        target.give(Reading(heap(100 * MI, mark=f"gc{index // every}", alloc=64 * MI * (index // every))))
    assert target.last.verdict is verdict


def test_memstats_at_a_lower_rate_leave_the_verdict_alone_for_sixteen_intervals() -> None:
    target = Target(rules(replace(HIGH, hold=0.0)))
    for _ in range(8):
        target.give(UNDER)
    for _ in range(17):
        target.give(ABSENT)
    verdicts = [judgement.verdict for judgement in target.said[7:]]
    assert verdicts == [Verdict.HEALTHY] * 17 + [Verdict.INCONCLUSIVE]


def test_learning_says_what_is_known_so_far_and_what_is_missing() -> None:
    slow = rule("slow", at_least=96 * MI, window=7200.0, hold=600.0)
    target = Target(rules(rule(), slow))
    target.lives([100 * MI] * 49)
    assert target.last.verdict is Verdict.LEARNING
    assert target.last.reason == "no rule of up to 15 m is met; slow needs 1 h 12 m more"


def test_seven_readings_are_too_few_for_health_whatever_the_rules() -> None:
    target = Target(rules(HIGH))
    for _ in range(8):
        target.give(UNDER)
    assert [j.verdict for j in target.said] == [Verdict.LEARNING] * 7 + [Verdict.HEALTHY]
    assert target.said[0].reason == "1 of 8 readings"


def test_what_is_met_but_holding_is_inconclusive_and_says_how_long() -> None:
    target = Target(rules(HIGH))
    for _ in range(8):
        target.give(UNDER)
    for _ in range(3):
        target.give(OVER)
    assert target.last.verdict is Verdict.INCONCLUSIVE
    assert target.last.reason == "high is met, held 1 m of 2 m: 200Mi is above 100Mi"


def test_one_failed_attempt_takes_health_back_and_the_next_success_restores_it() -> None:
    target = Target(rules(rule()))
    target.lives([100 * MI] * 30)
    assert target.fails().verdict is Verdict.INCONCLUSIVE
    assert target.live(100 * MI).verdict is Verdict.HEALTHY


def test_unreachable_names_the_reason() -> None:
    target = Target(rules(rule()))
    for _ in range(3):
        target.fails(FailureReason.NOT_PPROF)
    assert target.last.verdict is Verdict.UNREACHABLE
    assert target.last.reason == "3 attempts in a row failed, the last with NotPprof: no answer in 10 s"


def test_growing_asks_for_more_before_anything_is_met() -> None:
    target = Target(rules(rule()))
    target.lives([200 * MI] * 30)
    assert not target.last.growing
    target.lives([(200 + 2 * i) * MI for i in range(15)])
    assert target.last.growing
    assert target.last.rules[0].state is RuleState.NOT_MET
