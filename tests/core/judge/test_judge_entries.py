"""Map entries are judged as far as sampling lets them be told, and left out of the verdict beyond that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from leakwarden.api.words import Family, Signal, Verdict
from leakwarden.core.findings import Finding
from leakwarden.core.judge import RuleState
from leakwarden.core.judge.entries import too_coarse
from leakwarden.core.judge.series import Series, level
from leakwarden.core.readings import MapEntries, Reading, Site
from tests.core.judge.builders import MI, Target, goroutines, heap, rule, rules

RULE = rule("map-entries", Signal.MAP_ENTRIES, at_least=5000)
STORES = Site("example.com/index.(*Index).put", "/src/index.go", 41, "internal/sync.newEntryNode[...]")
EVERY, FINE, DEFAULT = 1.0, 86.0, 10_923.0
"""Entries that one sampled object stands for: all are sampled, one in 4 KiB, one in 512 KiB."""


def lived(counts: Iterable[float], each: float) -> Target:
    target = Target(rules(RULE))
    for number, count in enumerate(counts):
        reading = heap(100 * MI, alloc=number * 64 * MI)
        entries = MapEntries(int(count), each, STORES if count else None)
        target.give(Reading(replace(reading, entries=entries), goroutines(50)))
    return target


def leak(target: Target) -> Finding:
    (found,) = target.last.findings
    return found


@pytest.mark.parametrize(("a_step", "each"), [(400, EVERY), (400, FINE), (4000, DEFAULT)])
def test_entries_that_surely_grow_are_a_leak_of_who_stores_them(a_step: int, each: float) -> None:
    found = leak(lived((1000 + a_step * step for step in range(60)), each))
    assert (found.signature, found.family) == (f"memory/{STORES.function}", Family.MEMORY)
    assert found.rules == ("map-entries",) and found.site == STORES


@pytest.mark.parametrize(
    ("counts", "each"),
    [
        ([400 * step for step in range(60)], DEFAULT),
        ([10_923 * (step // 20) for step in range(60)], DEFAULT),
        ([0] * 60, DEFAULT),
    ],
    ids=["too few to be sure", "a staircase of single samples", "none seen"],
)
def test_what_sampling_cannot_tell_is_left_out_and_said(counts: list[int], each: float) -> None:
    target = lived(counts, each)
    assert target.last.verdict is Verdict.INCONCLUSIVE  # no other rule could be judged
    assert target.evaluation("map-entries").why == "one sampled entry stands for 10923, too many to tell 5000"
    assert not target.last.findings


@pytest.mark.parametrize("each", [EVERY, FINE])
def test_entries_that_stand_still_are_healthy(each: float) -> None:
    target = lived([30_000] * 60, each)
    assert target.last.verdict is Verdict.HEALTHY
    assert target.evaluation("map-entries").state is RuleState.NOT_MET


def test_before_there_is_time_enough_it_is_learning() -> None:
    assert lived([1000] * 4, EVERY).last.verdict is Verdict.LEARNING


@pytest.mark.parametrize(
    ("met", "count", "each", "coarse"),
    [
        (True, 5001, 1, False), (True, 6500, 86, False), (True, 5500, 86, True), (True, 39_000, 10_923, False),
        (True, 38_000, 10_923, True), (False, 0, 86, False), (False, 4800, 86, True), (False, 0, 1700, True),
        (False, 0, 1600, False),
    ],
)  # fmt: skip
def test_how_sure_a_count_is(met: bool, count: int, each: float, coarse: bool) -> None:
    """g - 1.645 sqrt(g each) against 5,000, and g + 1.645 sqrt(g each), 3 each at the least."""
    above = replace(RULE, above=5000.0, growth=None)
    assert bool(too_coarse(met, above, level([1.0], count, 10.0, 8), each)) is coarse
    assert not too_coarse(met, above, Series() if each <= 1 else level([1.0], count, 10.0, 8), 1.0)
