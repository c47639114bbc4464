"""What a reading pools is no place: it takes part in sums, and no finding is about it."""

from __future__ import annotations

from leakwarden.api.words import Severity, Signal, WaitKind
from leakwarden.core.readings import POOLED, GoroutineGroup, GoroutineReading, Reading
from tests.core.judge.builders import MI, Target, heap, rule, rules


def test_growth_of_the_pooled_rest_is_a_leak_without_a_name() -> None:
    target = Target(rules(rule(severity=Severity.CRITICAL), rule("site", Signal.SITE_BYTES, at_least=48 * MI)))
    for index in range(60):
        live = (100 + 5 * index) * MI
        target.give(Reading(heap=heap(live, {POOLED.function: live}, alloc=(index + 1) * 64 * MI)))
    assert {finding.signature for finding in target.last.findings} == {"memory/unattributed"}
    assert {name for finding in target.last.findings for name in finding.rules} == {"live-heap"}


def test_pooled_goroutines_are_no_place_at_which_goroutines_block() -> None:
    target = Target(rules(rule("blocked", Signal.BLOCKED_GOROUTINES, at_least=200)))
    for index in range(60):
        waiting = GoroutineGroup(POOLED, WaitKind.CHAN_SEND, 1000 + 50 * index)
        target.give(Reading(goroutines=GoroutineReading(waiting.count, (waiting,))))
    assert target.last.findings == ()
