"""The places that grew, and their shares."""

from __future__ import annotations

from itertools import pairwise

import pytest

from leakwarden.api.words import WaitKind
from leakwarden.core.gate.growers import MOST, growers
from leakwarden.core.gate.values import Counters, Kind, Plan
from tests.core.gate.made import measurement

PLAN = Plan()


def test_places_are_named_by_what_they_gained_and_not_by_what_they_hold() -> None:
    runs = [
        measurement({"main.table": 90_000_000, "main.keep": 1_000_000 * run, "main.log": 200_000 * run})
        for run in range(11)
    ]
    first, second = growers(Kind.HEAP, runs, PLAN)
    assert (first.site.function, second.site.function) == ("main.keep", "main.log")
    assert (first.growth, second.growth) == pytest.approx((5_000_000, 1_000_000))
    assert (first.share, second.share) == pytest.approx((5 / 6, 1 / 6))


def test_what_shrinks_elsewhere_is_part_of_the_whole() -> None:
    runs = [measurement({"main.keep": 3_000_000 * run, "main.spare": 90_000_000 - 1_000_000 * run}) for run in range(6)]
    (only,) = growers(Kind.HEAP, runs, PLAN)
    assert only.share == pytest.approx(1.5)


def test_a_place_that_is_first_seen_late_has_held_nothing_before() -> None:
    runs = [measurement({"main.keep": 1_000_000} if run > 2 else {"main.other": 5}) for run in range(6)]
    (only,) = growers(Kind.HEAP, runs, PLAN)
    assert only.site.function == "main.keep"


def test_goroutines_of_one_function_are_told_apart_by_what_they_wait_for() -> None:
    runs = [
        measurement(goroutines={("main.work", WaitKind.CHAN_SEND): 10 * run, ("main.work", WaitKind.IO): 7})
        for run in range(6)
    ]
    (only,) = growers(Kind.GOROUTINES, runs, PLAN)
    assert only.wait is WaitKind.CHAN_SEND
    assert (only.growth, only.share) == pytest.approx((50, 1))


def test_only_places_worth_a_line_are_named_and_a_heap_that_shrank_has_none() -> None:
    many = [measurement({f"main.f{number}": 1_000 * run for number in range(30)}) for run in range(6)]
    assert growers(Kind.HEAP, many, PLAN) == ()
    few = [measurement({f"main.f{number}": 1_000 * run for number in range(8)}) for run in range(6)]
    assert len(growers(Kind.HEAP, few, PLAN)) == MOST
    assert growers(Kind.HEAP, few[::-1], PLAN) == ()


@pytest.mark.parametrize(
    ("before", "after", "another"),
    [((100, 5), (200, 6), False), ((100, 5), (90, 6), True), ((100, 5), (200, 4), True), ((100, 5), (200, 5), True)],
)
def test_a_restart_is_told_by_counters_that_did_not_grow(
    before: tuple[int, int], after: tuple[int, int], another: bool
) -> None:
    ended = measurement(last=Counters(*before))
    assert measurement(first=Counters(*after)).is_of_another_process(ended) is another


def test_a_process_that_is_new_for_each_run_is_never_taken_for_one_that_stays() -> None:
    """Each allocates a little more than the one before, and each reading allocates and collects."""
    fresh = [measurement(first=Counters(9_000_000 + run, 3), last=Counters(11_000_000 + run, 5)) for run in range(6)]
    assert all(now.is_of_another_process(before) for before, now in pairwise(fresh))
