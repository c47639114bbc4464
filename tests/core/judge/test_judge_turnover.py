"""What a place keeps of what it allocates decides how long its growth must last to be called a leak."""

from __future__ import annotations

import math
from random import Random

import pytest

from leakwarden.api.words import Signal
from leakwarden.core.judge.series import Series, append, kept_share
from leakwarden.core.judge.shapes import PATIENCE
from leakwarden.core.rules import RuleSet
from tests.core.judge.builders import INTERVAL, MI, Target, builtin, rule, rules

KEEP = "example.com/x.Keep"
BUILTIN = builtin()
"""Windows of 200 intervals, held 20: whatever grows for half of them has outlasted PATIENCE."""
SHORT = rules(
    rule("live-heap", at_least=64 * MI, window=60 * INTERVAL, hold=6 * INTERVAL),
    rule("site-bytes", Signal.SITE_BYTES, at_least=48 * MI, window=60 * INTERVAL, hold=6 * INTERVAL),
)
"""Half of their window is less than PATIENCE, so that it makes a difference what a place frees."""


def found_at(values: list[float], *, busy: float = 0.0, by: RuleSet = BUILTIN) -> int | None:
    """The first sample with a finding, of a place that holds so many MiB and frees `busy` MiB between two samples."""
    target = Target(by)
    for index, value in enumerate(values):
        if target.live((100 + value) * MI, {KEEP: max(0.0, value) * MI}, busy=busy * MI).findings:
            return index
    return None


def growth(onset: int, slope: float, count: int) -> list[float]:
    return [10 + slope * max(0, index - onset) for index in range(count)]


@pytest.mark.parametrize("slope", [4.0, 6.0, 12.0])
def test_what_keeps_all_that_it_allocates_is_found_within_half_a_window_and_the_hold(slope: float) -> None:
    """No onset is dated to the sample: within one of the 32 blocks of the window, six intervals."""
    found = found_at(growth(60, slope, 200))
    assert found is not None and 60 + 100 - 6 <= found <= 60 + 100 + 14
    found = found_at(growth(60, slope, 120), by=SHORT)
    assert found is not None and 60 + 30 <= found <= 60 + 36


@pytest.mark.parametrize("busy", [4.0, 20.0, 100.0])
def test_what_frees_most_of_it_must_grow_for_45_intervals(busy: float) -> None:
    found = found_at(growth(60, 4.0, 140), busy=busy, by=SHORT)
    assert found is not None and 60 + PATIENCE <= found <= 60 + PATIENCE + 10


@pytest.mark.parametrize("busy", [4.0, 20.0, 100.0])
def test_in_half_a_window_that_is_longer_than_that_it_is_found_like_all_else(busy: float) -> None:
    found = found_at(growth(60, 4.0, 200), busy=busy)
    assert found is not None and 60 + 100 - 6 <= found <= 60 + 100 + 14


@pytest.mark.parametrize("rate", [5.0, 10.0, 20.0, 40.0])
@pytest.mark.parametrize("length", [15, 35, 50, 70, 85])
def test_a_load_into_memory_of_less_than_half_a_window_is_no_leak(rate: float, length: int) -> None:
    random = Random(length)
    values = [10 + rate * min(max(0, index - 60), length) + random.gauss(0, 2) for index in range(length + 120)]
    assert found_at(values) is None


@pytest.mark.parametrize("period", [24, 40, 60, 80])
@pytest.mark.parametrize("phase", [0.0, 0.5, 1.0, 1.5])
@pytest.mark.parametrize(("by", "scale"), [(SHORT, 1), (BUILTIN, 2)], ids=["short", "builtin"])
def test_a_busy_place_that_rises_and_falls_is_no_leak(by: RuleSet, scale: int, period: int, phase: float) -> None:
    turn = 2 * math.pi / (scale * period)
    values = [150 + 120 * math.sin(turn * index + phase * math.pi) for index in range(330)]
    assert found_at(values, busy=25.0, by=by) is None


@pytest.mark.parametrize(("fall", "found"), [(0.05, True), (0.6, False)])
def test_a_busy_place_that_gives_back_much_of_its_growth_on_the_way_is_no_leak(fall: float, found: bool) -> None:
    values = [10 + 4.0 * max(0, index - 60) * (1 - fall * (index % 24 >= 12)) for index in range(190)]
    assert (found_at(values, busy=30.0) is not None) is found
    assert (found_at(values, busy=30.0, by=SHORT) is not None) is found


def test_the_share_that_was_kept_counts_from_the_time_asked_for() -> None:
    series = Series()
    for at, (held, made) in enumerate([(0.0, 0.0), (10.0, 100.0), (30.0, 120.0), (50.0, 140.0)]):
        series = append(series, float(at), held, 1e9, 16, allocated=made)
    assert kept_share(series, 0.0) == pytest.approx(50 / 140)
    assert kept_share(series, 1.0) == 1.0
    assert kept_share(series, 3.0) == 0.0


def test_what_shrinks_has_kept_nothing() -> None:
    series = append(append(Series(), 0.0, 9.0, 1e9, 16, allocated=9.0), 1.0, 8.0, 1e9, 16, allocated=90.0)
    assert kept_share(series, 0.0) == 0.0


def test_of_a_series_that_counts_no_allocations_nothing_is_known_to_be_kept() -> None:
    assert kept_share(append(append(Series(), 0.0, 1.0, 1e9, 16), 1.0, 8.0, 1e9, 16), 0.0) == 0.0


@pytest.mark.parametrize(("quiet", "rest"), [(5, 20), (5, 50), (5, 80), (250, 50), (250, 80)])
def test_growth_after_a_load_and_a_rest_must_last_as_long_as_any_other(quiet: int, rest: int) -> None:
    """The onset is dated to the load; a cache that fills for a while after it is no leak."""
    begins = quiet + rest
    values = [10.0] * quiet + [210.0] * rest + [210 + 4.0 * index for index in range(150)]
    assert found_at(values[: begins + 70] + [values[begins + 70]] * 100) is None
    found = found_at(values)
    assert found is not None and begins + 75 <= found <= begins + 115
