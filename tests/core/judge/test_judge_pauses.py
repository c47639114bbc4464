"""GCPause: pauses of the last five minutes, added up from a ring that forgets. ContainerMemory beside it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leakwarden.api.words import FindingType, Resolution, Signal, Verdict
from leakwarden.core.judge import RuleState
from leakwarden.core.readings import MemStats, Reading
from tests.core.judge.builders import INTERVAL, MI, T0, Target, heap, memstats, rule, rules

PAUSED = rule("paused", Signal.GC_PAUSE, above=2.0, at_least=None, hold=0.0)


def given_stats(target: Target, stats: MemStats, after: float | None = None) -> None:
    target.give(Reading(heap(100 * MI, mark="one"), memstats=stats), after)


def running(gcs: int, pause: float, rounds: int = 20, every: float = INTERVAL) -> Target:
    """A process that collects so many times between two readings, and pauses so long each time."""
    target = Target(rules(PAUSED))
    for number in range(rounds):
        given_stats(target, memstats(1, 2, gcs=1000 + gcs * number, pause=pause), after=every)
    return target


@pytest.mark.parametrize(("gcs", "pause"), [(1, 0.25), (10, 0.03), (256, 0.001), (0, 9.9)])
def test_the_value_is_the_seconds_of_pause_in_five_minutes(gcs: int, pause: float) -> None:
    assert running(gcs, pause).evaluation("paused").value == pytest.approx(10 * gcs * pause)


def test_pauses_from_before_the_first_reading_do_not_count() -> None:
    assert running(0, 5.0).evaluation("paused").value == 0


def test_five_minutes_must_have_been_watched() -> None:
    said = running(1, 0.1, rounds=12).said
    assert [j.rules[0].state for j in said] == [RuleState.UNKNOWN] * 10 + [RuleState.NOT_MET] * 2
    assert said[9].rules[0].why == "no five minutes of pauses yet"
    assert said[9].verdict is Verdict.LEARNING


def test_more_collections_than_the_runtime_remembers_are_unknown_and_say_so() -> None:
    target = running(1, 0.15)
    given_stats(target, memstats(1, 2, gcs=1020 + 257, pause=0.15))
    assert target.last.rules[0].state is RuleState.UNKNOWN
    assert target.last.reason == (
        "paused is unknown: more GCs ran between two readings than the runtime remembers pauses of"
    )
    for number in range(1, 11):
        given_stats(target, memstats(1, 2, gcs=1277 + number, pause=0.15))
    assert target.evaluation("paused").value == pytest.approx(1.5)


def test_readings_farther_apart_than_five_minutes_count_by_their_mean() -> None:
    assert running(40, 0.1, rounds=3, every=1200.0).evaluation("paused").value == pytest.approx(1.0)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 40), st.floats(1.0, 120.0)), min_size=20, max_size=120))
def test_it_is_never_negative_and_never_more_than_all_pauses_of_what_was_watched(
    life: list[tuple[int, float]],
) -> None:
    target, gcs, started = Target(rules(PAUSED)), 500, 500
    for more, distance in life:
        gcs += more
        given_stats(target, memstats(1, 2, gcs=gcs, pause=0.01), after=distance)
        value = target.evaluation("paused").value
        assert value is None or -1e-9 <= value <= 0.01 * (gcs - started) + 1e-9


def test_long_pauses_are_pressure_and_end_when_they_are_short_again() -> None:
    target = running(1, 0.3)
    (found,) = target.last.findings
    assert (found.type, target.last.verdict, found.signal) == (
        FindingType.PRESSURE, Verdict.INCONCLUSIVE, Signal.GC_PAUSE,
    )  # fmt: skip
    ended = []
    for number in range(20):
        given_stats(target, memstats(1, 2, gcs=1020 + number, pause=0.001))
        ended += [finding.resolution for finding in target.last.findings if not finding.open]
    assert ended == [Resolution.SUBSIDED]
    assert target.last.verdict is Verdict.HEALTHY


def test_pressure_that_two_rules_see_ends_when_both_are_relieved() -> None:
    target = Target(rules(PAUSED, rule("high", Signal.HEAP_INUSE, above=100 * MI, at_least=None, hold=0.0)))
    for number in range(40):
        inuse = 200 * MI if 15 <= number < 38 else 50 * MI
        given_stats(target, memstats(inuse, 2 * inuse, gcs=5 * min(number, 15), pause=0.1))
    known = [judgement.findings[0].rules if judgement.findings else () for judgement in target.said]
    assert ("paused", "high") in known
    assert known[37] == ("paused", "high") and known[39] == ()
    assert [f.resolution for j in target.said for f in j.findings if not f.open] == [Resolution.SUBSIDED]


def test_pauses_that_grow_are_found_by_growth() -> None:
    target, gcs = Target(rules(rule("paused", Signal.GC_PAUSE, at_least=2.0))), 0
    for number in range(60):
        gcs += number
        given_stats(target, memstats(1, 2, gcs=gcs, pause=0.01))
    assert [finding.rules for finding in target.last.findings] == [("paused",)]


def test_a_clock_set_back_makes_no_pauses_up_and_loses_none() -> None:
    target = running(1, 0.1)
    target.at -= 1000.0
    for number in range(20):
        given_stats(target, memstats(1, 2, gcs=1020 + number, pause=0.1))
        value = target.evaluation("paused").value
        assert value is None or value <= 1.1
    assert target.evaluation("paused").value == pytest.approx(1.0)


@pytest.mark.parametrize(("released", "fires"), [(0.0, True), (150.0, False)])
def test_container_memory_is_what_the_runtime_holds_of_the_machine(released: float, fires: bool) -> None:
    above = rule("memory", Signal.CONTAINER_MEMORY, above=100 * MI, at_least=None, hold=0.0)
    target = Target(rules(above))
    for _ in range(9):
        given_stats(target, memstats(50 * MI, 200 * MI, released * MI))
    assert target.evaluation("memory").value == (200 - released) * MI
    assert [finding.signal for finding in target.last.findings] == [Signal.CONTAINER_MEMORY] * fires


def test_container_memory_that_grows_is_a_leak() -> None:
    target = Target(rules(rule("memory", Signal.CONTAINER_MEMORY)))
    for number in range(60):
        target.allocated += 64 * MI
        live = (100 + 5 * number) * MI
        profile = heap(live, {"example.com/x.Keep": 5 * number * MI}, alloc=target.allocated)
        target.give(Reading(profile, memstats=memstats(1.2 * live, 2 * live, 0.5 * live)))
    assert [finding.signature for finding in target.last.findings] == ["memory/example.com/x.Keep"]
    assert target.last.findings[0].since >= T0
