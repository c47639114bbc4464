"""What a forced collection is held against: the growth that the rule saw, not all that the place ever took."""

from __future__ import annotations

import pytest

from leakwarden.core.findings import ConfirmationResult
from leakwarden.core.readings import Reading
from tests.core.judge.builders import MI, Target, builtin, goroutines, heap

PLACE = "example.com/app.keep"
RESTS = [20, 45, 50, 80, 120, 400]
"""Intervals: when the finding opens, the load is in all windows, in those of the slow rules only, or in none."""


def grown_after_a_load(loaded: float, rest: int) -> tuple[Target, float]:
    """100 MiB, then `loaded` MiB at once, `rest` intervals without growth, then growth until it is a finding."""
    target = Target(builtin())
    for _ in range(5):
        target.live(100 * MI)
    held = loaded
    for _ in range(rest):
        target.live((100 + held) * MI, {PLACE: held * MI})
    for _ in range(150):
        held += 4
        if target.live((100 + held) * MI, {PLACE: held * MI}).findings:
            return target, held
    raise AssertionError("no finding")


def confirmed(target: Target, held: float, left: float) -> ConfirmationResult:
    target.allocated += 64 * MI
    live = heap((100 + held) * MI, {PLACE: held * MI}, alloc=target.allocated)
    (finding,) = target.give(
        Reading(live, goroutines(50), heap_after_gc=heap((100 + left) * MI, {PLACE: left * MI}))
    ).findings
    assert finding.confirmation is not None
    return finding.confirmation.result


@pytest.mark.parametrize("rest", RESTS)
@pytest.mark.parametrize("loaded", [0, 200, 500])
def test_a_load_at_start_does_not_make_garbage_a_leak(loaded: float, rest: int) -> None:
    """Its onset may be dated to the load, which a collection keeps."""
    target, held = grown_after_a_load(loaded, rest)
    assert confirmed(target, held, loaded) is ConfirmationResult.GARBAGE


@pytest.mark.parametrize("rest", RESTS)
@pytest.mark.parametrize("loaded", [0, 200, 500])
def test_growth_after_a_load_that_is_kept_is_confirmed(loaded: float, rest: int) -> None:
    target, held = grown_after_a_load(loaded, rest)
    assert confirmed(target, held, held - 10) is ConfirmationResult.CONFIRMED
