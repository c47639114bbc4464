"""Scoring: what counts as found, as a false alarm, and as delay."""

from __future__ import annotations

import pytest

from bench.verdicts.score import Case, Saying, missed, outcome, score

HEALTHY = Case("t/quiet", "tuned", 2.0)
LEAKING = Case("t/leak", "tuned", 2.0, onset=100.0, functions=("main.add",))


def test_any_alarm_at_a_healthy_recording_is_a_false_one_even_if_taken_back() -> None:
    assert outcome(HEALTHY, [Saying(50.0, until=52.0)]).false_alarm
    assert not outcome(HEALTHY, []).false_alarm


def test_a_leak_is_found_by_an_alarm_after_its_onset() -> None:
    one = outcome(LEAKING, [Saying(150.0, function="main.add", window=30, hold=4), Saying(160.0)])
    assert (one.found, one.false_alarm, one.delay, one.budget, one.named) == (True, False, 25.0, 19.0, True)
    assert one.windows == pytest.approx(25 / 30)
    assert not outcome(LEAKING, []).found


def test_an_alarm_before_the_onset_is_false_and_finds_the_leak_only_if_it_still_stands_then() -> None:
    over = outcome(LEAKING, [Saying(50.0, until=60.0)])
    stands = outcome(LEAKING, [Saying(50.0)])
    until_then = outcome(LEAKING, [Saying(50.0, until=110.0)])
    later = outcome(LEAKING, [Saying(50.0, until=60.0), Saying(120.0)])
    assert [(one.found, one.false_alarm) for one in (over, stands, until_then, later)] == [
        (False, True),
        (True, True),
        (True, True),
        (True, True),
    ]
    assert stands.delay is later.delay is None, "a detector that always alarms is not a quick one"


def test_naming_another_function_is_not_naming_the_leak() -> None:
    one = outcome(LEAKING, [Saying(110.0, function="main.other"), Saying(120.0, function="main.add")])
    assert (one.named, one.strange) == (True, ("main.other",))
    assert not outcome(LEAKING, [Saying(110.0, function="main.other")]).named
    assert not outcome(LEAKING, [Saying(110.0)]).named


def test_precision_counts_recordings_and_recall_counts_leaks() -> None:
    found = outcome(LEAKING, [Saying(140.0, function="main.add", window=30, hold=4)])
    early = outcome(LEAKING, [Saying(50.0)])
    blind = outcome(LEAKING, [])
    wrong = outcome(HEALTHY, [Saying(1.0), Saying(2.0)])
    right = outcome(HEALTHY, [])
    total = score([found, early, blind, wrong, right])
    assert (total.leaking, total.healthy, total.found, total.false_alarms) == (3, 2, 2, 2)
    assert total.precision == 0.5
    assert total.recall == pytest.approx(2 / 3)
    assert total.site_accuracy == 0.5
    assert total.median_delay == 20.0
    assert total.median_of_budget == pytest.approx(20 / 19)


def test_nothing_said_has_no_precision_and_a_recall_of_nothing() -> None:
    silent = score([outcome(LEAKING, []), outcome(HEALTHY, [])])
    assert (silent.precision, silent.recall, silent.median_delay) == (None, 0.0, None)


def test_a_missed_bar_is_told_and_a_silent_detector_misses_it() -> None:
    found = outcome(LEAKING, [Saying(130.0, window=30, hold=4)])
    late = outcome(LEAKING, [Saying(150.0, window=30, hold=4)])
    wrong = outcome(HEALTHY, [Saying(1.0)])
    assert missed("tuned", score([found] * 40)) == []
    assert [said.split(" is")[0] for said in missed("tuned", score([found] * 40 + [wrong]))] == ["tuned: precision"]
    assert "tuned: recall is 0.000" in missed("tuned", score([outcome(LEAKING, [])]))[0]
    assert "median delay" in missed("held out", score([late]))[0]
    assert missed("tuned", score([])) == []
