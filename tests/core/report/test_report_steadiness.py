"""A status is written again only for what somebody would want to know."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leakwarden.api.status import LeakPolicyStatus
from leakwarden.api.words import FindingType, Severity, Verdict
from leakwarden.core.report.steady import same_sentence
from leakwarden.core.report.values import TargetReport
from tests.core.report.samples import (
    HOUR,
    NOW,
    evicted,
    goroutine_leak,
    heap_leak,
    pressure,
    refused,
    report,
    several,
    status,
)


def grown(factor: float) -> TargetReport:
    leak = heap_leak()
    since_then = (leak.value - leak.baseline) * factor
    return report("ws-1", heap_leak(value=leak.baseline + since_then, growth_per_hour=leak.growth_per_hour * factor))


def test_growth_below_ten_percent_changes_nothing_and_more_changes_it() -> None:
    first = status(grown(1.0))
    assert status(grown(1.09), previous=first) == first
    changed = status(grown(1.2), previous=first)
    assert (changed["findings"][0]["growth"], changed["findings"][0]["growthPerHour"]) == ("614Mi", "116Mi")
    assert "grew 614 MiB" in changed["findings"][0]["message"]


def test_small_steps_are_measured_against_what_is_shown_not_against_each_other() -> None:
    shown = status(grown(1.0))
    for step in range(1, 30):
        shown = status(grown(1.02**step), previous=shown)
    assert shown["findings"][0]["growth"] != "512Mi"


def test_pressure_is_rewritten_when_its_value_is_another() -> None:
    def high(value: float) -> TargetReport:
        return report("ws-1", pressure(value=value), verdict=Verdict.INCONCLUSIVE)

    first = status(high(80.0))
    assert status(high(84.0), previous=first) == first
    assert "is 99 %" in status(high(99.0), previous=first)["findings"][0]["message"]


@pytest.mark.parametrize(
    ("shown", "fresh", "same"),
    [
        ("sampling 100 targets", "sampling 105 targets", True),
        ("sampling 100 targets", "sampling 110 targets", False),
        ("1,000 of 4,000", "1,050 of 4,100", True),
        ("e.g. ws-1: timeout", "e.g. ws-2: timeout", False),
        ("until 2026-12-03T08:00Z", "until 2026-12-03T08:05Z", False),
        ("is 3.21 GiB", "is 3.25 GiB", True),
        ("is 3.21 GiB", "is 3.21 MiB", False),
        ("cache.go:41", "cache.go:42", False),
        ("0 of 5", "1 of 5", False),
        ("no 5", "no 5 6", False),
    ],
)
def test_a_sentence_changes_with_its_words_or_by_a_tenth(shown: str, fresh: str, same: bool) -> None:
    assert same_sentence(shown, fresh) is same


def test_a_limit_that_moves_by_minutes_hours_ahead_stays_as_it_is_shown() -> None:
    first = status(report("ws-1", heap_leak(limit_at=NOW + 10 * HOUR)))
    assert status(report("ws-1", heap_leak(limit_at=NOW + 10.5 * HOUR)), previous=first) == first
    assert status(report("ws-1", heap_leak(limit_at=NOW + 8.5 * HOUR)), previous=first) != first


def test_counts_are_rewritten_together_so_that_they_add_up() -> None:
    first = status(*several(100))
    same = status(*several(95), *several(5, first=95), *several(4, first=100), previous=first)
    assert same["targets"] == first["targets"]
    other = status(*several(95), *several(1, Verdict.LEARNING, first=95), previous=first)
    assert (other["targets"]["matched"], other["targets"]["healthy"], other["targets"]["learning"]) == (96, 95, 1)


def test_another_severity_shows_at_once() -> None:
    first = status(report("ws-1", heap_leak(severity=Severity.WARNING)))
    assert status(report("ws-1", heap_leak()), previous=first)["findings"][0]["severity"] == "Critical"


def test_a_pod_that_is_cured_leaves_the_row() -> None:
    first = status(report("a", heap_leak()), report("b", heap_leak()))
    second = status(report("a"), report("b", heap_leak()), previous=first)
    assert second["findings"][0]["pods"] == ["b"]


def test_a_pod_that_takes_the_place_of_a_cured_one_is_shown() -> None:
    first = status(report("a", heap_leak()), report("b", heap_leak()))
    second = status(report("c", heap_leak()), report("b", heap_leak()), previous=first)
    assert second["findings"][0]["pods"] == ["b", "c"]


def test_a_status_of_another_version_is_replaced_whole() -> None:
    assert status(report(), previous={"phase": "Fine", "conditions": "none"}) == status(report())


findings = st.builds(
    lambda name, kind, critical, value, pace, limit: heap_leak(
        signature=f"memory/main.{name}",
        type=kind,
        severity=Severity.CRITICAL if critical else Severity.WARNING,
        value=value,
        growth_per_hour=pace,
        limit_at=limit,
    ),
    st.sampled_from("abc"),
    st.sampled_from(FindingType),
    st.booleans(),
    st.floats(min_value=0, max_value=2.0**40),
    st.floats(min_value=0, max_value=2.0**40),
    st.none() | st.floats(min_value=NOW, max_value=NOW + 1e6),
)
fleets = st.lists(
    st.builds(
        lambda found, verdict, reason, interval: (found, verdict, reason, interval),
        st.lists(findings, max_size=3, unique_by=lambda finding: finding.signature),
        st.sampled_from(Verdict),
        st.sampled_from(["Timeout", "NotPprof"]),
        st.floats(min_value=0.5, max_value=3600),
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(fleets, st.floats(min_value=0, max_value=500))
def test_a_status_is_valid_and_the_same_again_when_only_time_went_on(fleet: list[Any], passed: float) -> None:
    reports = [
        report(f"p{i}", *found, verdict=verdict, reason=reason, interval=interval)
        for i, (found, verdict, reason, interval) in enumerate(fleet)
    ]
    decisions = [refused(f"p{i}") for i in range(len(reports))]
    first = status(*reports, decisions=decisions, actions=[evicted()])
    assert LeakPolicyStatus.model_validate(first).wire() == first
    again = status(*reports, decisions=decisions, actions=[evicted()], previous=first, now=NOW + passed)
    assert again == first


@pytest.mark.parametrize("claimed", [9.3e18, 1e20, 1e25, 1e300])
@pytest.mark.parametrize("made", [heap_leak, goroutine_leak, pressure])
def test_whatever_amount_a_program_claims_goes_into_the_status(claimed: float, made: Any) -> None:
    (row,) = status(report("ws-1", made(value=claimed, baseline=-claimed, growth_per_hour=claimed)))["findings"]
    if row["type"] == "Leak":
        assert row["growth"] == row["growthPerHour"] == ("8192Pi" if made is heap_leak else "9220000000000000000")
