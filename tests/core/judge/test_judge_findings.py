"""What a finding says: its place, its rules, its confidence, its limit; and how rules share one."""

from __future__ import annotations

import pytest

from leakwarden.api.words import Confidence, FindingType, Resolution, Severity, Signal, WaitKind
from leakwarden.core.findings import Finding
from leakwarden.core.judge import RuleState, TransitionKind
from leakwarden.core.readings import Reading
from leakwarden.core.rules import Rule
from tests.core.judge.builders import GI, MI, T0, Target, goroutines, heap, memstats, rule, rules

LIVE = rule(severity=Severity.CRITICAL)
SITE = rule("site", Signal.SITE_BYTES, at_least=48 * MI)
X, Y = "example.com/x.Keep", "example.com/y.Hold"


def grown(target: Target, count: int, x: float, rest: float = 0.0, load: float = 64 * MI) -> Finding | None:
    """So many samples; each time the place X grows by `x` MiB and the other places together by `rest`."""
    for index in range(count):
        others = {f"example.com/o{n}.Some": (5 + rest * index / 8) * MI for n in range(8)}
        total = 200 * MI + sum(others.values()) + x * index * MI
        target.live(total, {X: x * index * MI, **others}, load=load)
    return target.last.findings[0] if target.last.findings else None


@pytest.mark.parametrize(
    ("x", "rest", "signature"),
    [(5.0, 0.0, f"memory/{X}"), (3.0, 2.8, f"memory/{X}"), (2.0, 3.0, "memory/unattributed")],
)
def test_a_process_signal_takes_the_place_that_explains_half_of_the_growth(
    x: float, rest: float, signature: str
) -> None:
    found = grown(Target(rules(LIVE)), 60, x, rest)
    assert found is not None
    assert found.signature == signature


def test_a_finding_without_a_name_waits_while_a_place_may_yet_explain_it() -> None:
    for rest, waits in ((3.0, True), (30.0, False)):
        target = Target(rules(LIVE))
        grown(target, 60, 2.0, rest)
        opened = next(i for i, j in enumerate(target.said) if j.findings)
        fires = next(i for i, j in enumerate(target.said) if j.rules[0].state is RuleState.FIRING)
        assert (opened > fires) is waits
        assert opened - fires <= 4


def test_process_and_place_share_one_finding_in_either_order() -> None:
    for order in ((LIVE, SITE), (SITE, LIVE)):
        found = grown(Target(rules(*order)), 40, 5.0)
        assert found is not None
        assert set(found.rules) == {"live-heap", "site"}
        assert found.severity is Severity.CRITICAL


def test_a_signature_is_fixed_at_opening() -> None:
    target = Target(rules(LIVE))
    grown(target, 40, 5.0)
    for index in range(40):  # from now on another place grows
        target.live(400 * MI + 6 * index * MI, {X: 195 * MI, Y: 6 * index * MI})
    assert [f.signature for f in target.last.findings] == [f"memory/{X}"]


def test_since_and_baseline_are_where_the_growth_began() -> None:
    target = Target(rules(LIVE))
    target.lives([300 * MI] * 50)
    for index in range(30):
        target.live((300 + 5 * index) * MI, {X: 5 * index * MI})
    found = target.last.findings[0]
    assert found.since == pytest.approx(T0 + 50 * 30, abs=90)
    assert found.baseline == pytest.approx(300 * MI, rel=0.02)
    assert found.growth_per_hour == pytest.approx(5 * 120 * MI, rel=0.1)
    assert found.value == (300 + 145) * MI


@pytest.mark.parametrize(
    ("these", "x", "rest", "confidence"),
    [
        ((LIVE, SITE), 5.0, 0.0, Confidence.HIGH),
        ((LIVE,), 5.0, 0.0, Confidence.HIGH),
        ((LIVE,), 2.0, 30.0, Confidence.LOW),
    ],
)
def test_confidence_counts_kinds_of_evidence_that_agree(
    these: tuple[Rule, ...], x: float, rest: float, confidence: Confidence
) -> None:
    found = grown(Target(rules(*these)), 60, x, rest)
    assert found is not None
    assert found.confidence is confidence


@pytest.mark.parametrize(("churn", "confidence"), [(0.0, Confidence.HIGH), (50.0, Confidence.MEDIUM)])
def test_a_place_that_keeps_little_of_what_it_allocates_is_less_sure(churn: float, confidence: Confidence) -> None:
    target = Target(rules(SITE))
    for index in range(60):
        allocated = churn * index * MI
        profile = heap((500 + 5 * index) * MI, {X: 5 * index * MI}, alloc=allocated, mark=str(index), churn=allocated)
        target.give(Reading(profile, goroutines(9)))
    assert [f.confidence for f in target.last.findings if f.signature == f"memory/{X}"] == [confidence]


def test_goroutines_are_named_with_what_they_wait_for() -> None:
    target = Target(rules(rule("g", Signal.GOROUTINES, at_least=200)))
    for index in range(40):
        target.count(50 + 20 * index, {("example.com/x.go", WaitKind.CHAN_SEND): 20.0 * index})
    found = target.last.findings[0]
    assert (found.signature, found.wait) == ("goroutine/example.com/x.go/chan-send", WaitKind.CHAN_SEND)


def test_the_limit_is_reached_when_the_live_heap_gets_there() -> None:
    target = Target(rules(LIVE), limit=GI)
    found = grown(target, 40, 4.0)
    assert found is not None
    left = (1024 - 240 - 39 * 4) / 4 * 30
    assert found.limit_at == pytest.approx(target.at + left, rel=1e-6)


def test_the_limit_comes_sooner_by_what_the_container_holds_for_each_live_byte() -> None:
    target = Target(rules(LIVE), limit=GI)
    for index in range(40):
        live = (200 + 4 * index) * MI
        target.allocated += 64 * MI
        reading = Reading(
            heap(live, {X: 4 * index * MI}, alloc=target.allocated), goroutines(9), memstats(live, 2 * live)
        )
        target.give(reading)
    found = target.last.findings[0]
    assert found.limit_at == pytest.approx(target.at + (512 - 200 - 39 * 4) / 4 * 30, rel=1e-6)


def test_without_a_limit_nothing_is_said_of_one() -> None:
    found = grown(Target(rules(LIVE)), 40, 4.0)
    assert found is not None
    assert found.limit_at is None


def test_severity_only_rises() -> None:
    target = Target(rules(rule(severity=Severity.WARNING)), limit=500 * MI)
    grown(target, 45, 4.0)
    assert target.last.findings[0].severity is Severity.CRITICAL
    target.limit = 0.0
    grown(target, 1, 4.0)
    assert [f.severity for f in target.last.findings] == [Severity.CRITICAL]


def test_after_half_is_given_back_the_same_place_may_be_found_again_with_a_hold_of_its_own() -> None:
    target = Target(rules(SITE))
    for base in (0, 1):
        for index in range(40):
            target.live((200 + 5 * index) * MI, {X: 5 * index * MI})
        if not base:
            target.lives([205 * MI] * 10)
    kinds = [t.kind for j in target.said for t in j.transitions]
    assert kinds[:2] == [TransitionKind.OPENED, TransitionKind.RESOLVED]


@pytest.mark.parametrize(("left", "resolution"), [(0.6, None), (0.4, Resolution.SUBSIDED)])
def test_a_leak_ends_when_half_is_given_back_not_before(left: float, resolution: Resolution | None) -> None:
    target = Target(rules(LIVE))
    for index in range(41):
        target.live((200 + 5 * index) * MI, {X: 5 * index * MI})
    for _ in range(5):
        target.live((200 + 200 * left) * MI, {X: 200 * left * MI})
    assert target.last.findings[0].resolution is resolution


@pytest.mark.parametrize(("left", "subsiding"), [(0.6, False), (0.4, True)])
def test_what_gave_half_back_at_the_latest_look_subsides_even_right_after_a_gap(left: float, subsiding: bool) -> None:
    target = Target(rules(LIVE))
    for index in range(41):
        target.live((200 + 5 * index) * MI, {X: 5 * index * MI})
    assert not target.last.findings[0].subsiding
    target.at += 5 * 3600.0
    target.live((200 + 200 * left) * MI, {X: 200 * left * MI})
    (finding,) = target.last.findings
    assert (finding.open, finding.subsiding) == (True, subsiding)
    target.live(500 * MI, {X: 300 * MI})
    assert not target.last.findings[0].subsiding


def test_nothing_ends_while_a_rule_of_it_is_still_met() -> None:
    """The place gave half back, but the process goes on growing through the same finding."""
    target = Target(rules(SITE, LIVE))
    for index in range(60):
        x = 5 * min(index, 30) * MI if index < 40 else 20 * MI
        target.live(300 * MI + 5 * index * MI, {X: x})
    assert target.last.findings[0].open
    assert not target.last.findings[0].subsiding
    assert target.evaluation("live-heap").state is RuleState.FIRING


def test_pressure_ends_below_nine_tenths_and_not_before() -> None:
    high = rule("high", Signal.HEAP_INUSE, above=100 * MI, at_least=None, hold=0.0)
    for value, resolution in ((90.0, None), (89.9, Resolution.SUBSIDED)):
        target = Target(rules(high))
        for level in (120.0, 120.0, value):
            target.give(Reading(heap(50 * MI), None, memstats(level * MI, 200 * MI)))
        assert target.last.findings[0].resolution is resolution
        assert target.last.findings[0].type is FindingType.PRESSURE


def test_nothing_ends_across_a_gap_or_right_after_a_failure() -> None:
    high = rule("high", Signal.HEAP_INUSE, above=100 * MI, at_least=None, hold=0.0)
    over, under = (Reading(heap(50 * MI), None, memstats(value * MI, 200 * MI)) for value in (120, 20))
    target = Target(rules(high))
    target.give(over)
    target.give(over)
    assert target.give(under, after=121.0).findings[0].open
    target.fails()
    assert target.give(under).findings[0].open
    assert target.give(under).findings[0].resolution is Resolution.SUBSIDED


def test_time_around_a_failure_does_not_count_as_time_with_half_given_back() -> None:
    """Held for 120 s: without failures the fifth low sample ends it, with one in between two more are needed."""
    for failing, ends in ((False, 4), (True, 6)):
        target = Target(rules(LIVE))
        grown(target, 40, 5.0)
        samples = 0
        while target.last.findings and target.last.findings[0].open:
            target.live(205 * MI, {X: 0})
            samples += 1
            if failing and samples == 2:
                target.fails()
        assert samples - 1 == ends - failing


def test_a_resolved_finding_is_told_once() -> None:
    target = Target(rules(rule("high", Signal.GOROUTINES, above=100, at_least=None, hold=0.0)))
    for total in (200, 200, 10, 10):
        target.count(total)
    assert [len(j.findings) for j in target.said] == [1, 1, 1, 0]


def test_growth_in_percent_is_attributed_too() -> None:
    target = Target(rules(rule("water", Signal.WATER_LEVEL, above=50, at_least=10)))
    for index in range(40):
        live = (300 + 10 * index) * MI
        reading = Reading(heap(live, {X: 10 * index * MI}, alloc=live), goroutines(9), memstats(live, GI))
        target.give(reading)
    assert [f.signature for f in target.last.findings] == [f"memory/{X}"]
