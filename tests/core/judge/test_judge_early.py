"""Growth is proven before it fills its window, where it keeps what it allocates or has lasted for 45 intervals."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from leakwarden.api.words import Signal, Unit
from leakwarden.core.judge.series import Series, append
from leakwarden.core.judge.shapes import Question, Shape
from leakwarden.core.judge.trend import Trend, trend
from leakwarden.core.readings import Reading
from leakwarden.core.rules import Growth
from tests.core.judge.builders import MI, Target, builtin, goroutines, rule, rules

STEP = 30.0
ASKED = Growth(at_least=96.0, window=240 * STEP)
"""A rate of 0.4 an interval. With its hold of 20 the growth must have lasted 100 of them."""
HOLD = 20 * STEP
QUICK = Growth(at_least=60.0, window=120 * STEP)
"""With the same hold a growth need last 40 intervals only, less than PATIENCE; the window shows nothing before 96."""
FLAT = 40
"""Intervals before the onset."""


def all_kept(_: float) -> float:
    return 1.0


def little_kept(_: float) -> float:
    """Of a busy place."""
    return 0.3


def leak(rate: float, count: int, flat: int = FLAT) -> list[float]:
    random = Random(count)
    return [100.0 + rate * max(0, index - flat) + random.gauss(0, 0.5) for index in range(flat + count + 1)]


def seen(values: list[float], kept: Callable[[float], float] | None = all_kept, growth: Growth = ASKED) -> Trend:
    series = Series()
    for index, value in enumerate(values):
        series = append(series, 1e9 + index * STEP, value, 1e9, 32)
    return trend(series, Question(growth, STEP, HOLD, kept=kept))


@pytest.mark.parametrize(
    ("name", "values", "grows"),
    [
        ("110 intervals at twice the rate that is asked", leak(0.8, 110), True),
        ("the same for 85", leak(0.8, 85), False),
        ("110 at little more than the rate: not two thirds of it gained yet", leak(0.5, 110), False),
        ("145 at little more than the rate", leak(0.5, 145), True),
        ("145 at less than the rate", leak(0.35, 145), False),
        ("110, from the third reading on: no data take that long to load", leak(0.8, 110, flat=3), True),
        ("85, from the third reading on: it may be loading its data", leak(0.8, 85, flat=3), False),
        ("110, and then 12 without", leak(0.8, 110) + [188.0] * 12, False),
        ("110, most of which is given back", leak(1.2, 110) + [130.0] * 10, False),
        ("a cache that fills up", leak(0.0, 1) + [100 + 90 * (1 - 0.975**i) for i in range(110)], False),
    ],
)
def test_the_rate_since_the_onset_proves_growth_once_it_has_lasted(name: str, values: list[float], grows: bool) -> None:
    assert (seen(values).shape is Shape.GROWS) is grows, name


@pytest.mark.parametrize("rate", [1.5, 2.0, 6.0])
@pytest.mark.parametrize(("count", "grows"), [(30, False), (43, False), (47, True), (55, True)])
def test_a_busy_places_growth_is_proven_from_its_onset_on_after_45_intervals_and_not_before(
    rate: float, count: int, grows: bool
) -> None:
    """Two intervals to both sides, since no onset is dated to the sample."""
    found = seen(leak(rate, count), little_kept, QUICK)
    assert (found.shape is Shape.GROWS) is grows
    if grows:
        assert found.lasted == pytest.approx(count * STEP, abs=4 * STEP)


@pytest.mark.parametrize(("rate", "grows"), [(1.0, False), (1.2, False), (1.5, True)])
def test_of_a_busy_place_all_that_is_asked_must_be_gained(rate: float, grows: bool) -> None:
    """Where all is kept two thirds would do, 40 of the 60."""
    assert (seen(leak(rate, 48), little_kept, QUICK).shape is Shape.GROWS) is grows
    assert seen(leak(rate, 48), all_kept, QUICK).shape is Shape.GROWS


@pytest.mark.parametrize("flat", [0, 3, 5])
@pytest.mark.parametrize("kept", [all_kept, little_kept])
@pytest.mark.parametrize(("count", "grows"), [(30, False), (42, False), (46, True), (55, True)])
def test_memory_that_grows_from_the_process_start_on_is_proven_early_after_45_intervals(
    flat: int, kept: Callable[[float], float], count: int, grows: bool
) -> None:
    assert (seen(leak(2.0, count, flat), kept, QUICK).shape is Shape.GROWS) is grows


@pytest.mark.parametrize("flat", [0, 3, 5])
def test_goroutines_that_grow_from_the_process_start_on_are_not_proven_early(flat: int) -> None:
    for count in (46, 70, 95 - flat):
        assert seen(leak(2.0, count, flat), None, QUICK).shape is Shape.LACKING
    shown = seen(leak(2.0, 100, flat), None, QUICK)
    assert (shown.shape, shown.lasted) == (Shape.GROWS, 0.0)


def test_goroutines_that_grow_after_a_quiet_time_are_proven_early() -> None:
    assert seen(leak(2.0, 46), None, QUICK).shape is Shape.GROWS


@pytest.mark.parametrize(("share", "grows"), [(1.0, True), (0.91, True), (0.85, False), (0.3, False)])
def test_a_rate_is_carried_on_only_where_next_to_nothing_was_freed(share: float, grows: bool) -> None:
    assert (seen(leak(0.8, 110), lambda _: share).shape is Shape.GROWS) is grows


def test_what_was_freed_lately_counts_by_itself() -> None:
    last = 1e9 + (FLAT + 110) * STEP
    assert seen(leak(0.8, 110), lambda since: 0.5 if since > last - 40 * STEP else 1.0).shape is not Shape.GROWS


def test_what_was_freed_about_the_onset_does_not_count_since_no_onset_is_dated_to_the_sample() -> None:
    onset = 1e9 + FLAT * STEP
    assert seen(leak(0.8, 110), lambda since: 0.5 if since < onset + 10 * STEP else 1.0).shape is Shape.GROWS


def test_what_nobody_counts_the_frees_of_is_never_carried_on() -> None:
    assert seen(leak(0.8, 110), None).shape is Shape.LACKING


def test_a_short_window_is_never_carried_on_before_45_intervals() -> None:
    fast = Growth(at_least=64.0, window=40 * STEP)
    assert seen(leak(2.2, 26), growth=fast).shape is not Shape.GROWS


def test_the_reason_tells_a_rate_that_is_carried_on_from_what_was_gained() -> None:
    carried, gained = seen(leak(0.8, 110)), seen(leak(0.8, 230))
    assert carried.lasted == pytest.approx(110 * STEP, abs=8 * STEP)
    assert carried.why(ASKED, Unit.COUNT).startswith("a pace of +")
    assert carried.why(ASKED, Unit.COUNT).endswith(", 96 asked")
    assert gained.lasted == 0.0
    assert gained.why(ASKED, Unit.COUNT).startswith("+")


@pytest.mark.parametrize("rate", [0.6, 0.75])
def test_a_slow_leak_is_found_within_half_the_window_and_the_hold(rate: float) -> None:
    """By the slow rules alone: at this rate the fast one of places is met, too."""
    slow = (one for one in builtin().rules if one.name.endswith("-slow"))
    random, target = Random(7), Target(rules(*slow))
    for index in range(200):
        held = 20 + rate * max(0, index - 40)
        target.live((300 + held + random.gauss(0, 2)) * MI, {"example.com/x.Keep": held * MI})
    found = next(index for index, judgement in enumerate(target.said) if judgement.findings)
    assert 40 + 240 / 2 <= found <= 40 + 240 / 2 + 20


@pytest.mark.parametrize("rate", [1.5, 2.5, 4.0, 8.0, 20.0])
@pytest.mark.parametrize("length", [20, 50, 85])
def test_data_that_a_process_loads_at_its_start_is_no_leak(rate: float, length: int) -> None:
    random, target = Random(length), Target(builtin())
    for index in range(length + 110):
        held = rate * min(index + 1, length)
        target.live((300 + held + random.gauss(0, 3)) * MI, {"example.com/x.Keep": held * MI})
    assert not any(judgement.findings for judgement in target.said)


@pytest.mark.parametrize(("early", "samples"), [(0.0, 5), (0.02, 5), (0.05, 6)])
def test_a_hold_of_four_intervals_is_over_with_the_fourth_sample_though_it_comes_a_little_early(
    early: float, samples: int
) -> None:
    """Samples are `early` intervals too close to each other; the hold forgives a tenth of an interval in all."""
    target = Target(rules(rule(signal=Signal.GOROUTINES, above=100, at_least=None)))
    for index in range(8):
        target.give(Reading(None, goroutines(500)), after=STEP * (1 - early) if index else None)
    assert next(index for index, said in enumerate(target.said, 1) if said.findings) == samples
