"""Whose turn it is to be asked for a forced collection."""

from __future__ import annotations

import pytest

from leakwarden.core.parts import HEAP_AFTER_GC
from leakwarden.pipeline.fleet import Fleet, Point
from leakwarden.pipeline.forced_gc import EVERY, PER_MINUTE, ForcedCollections, wanted_at
from tests.core.decide.fleets import NOW
from tests.pipeline.build import INTERVAL, owned, policy

ASKED = frozenset({HEAP_AFTER_GC})
NOTHING: frozenset[str] = frozenset()


def point(name: str = "ws-1", *, watches: int = 1) -> Point:
    """A point all of whose watches want a confirmation and are held back by nothing else."""
    fleet, of = Fleet(), owned(name, name)
    for number in range(watches):
        fleet.put_policy(policy(f"p{number}"), [of])
    (made,) = fleet.points.values()
    for watch in made.watches:
        watch.wants, watch.unconfirmed = ASKED, True
    return made


def asks(turns: ForcedCollections, at: Point, now: float) -> bool:
    with turns.turn(at, now) as parts:
        assert parts in (ASKED, NOTHING)
        return parts == ASKED


@pytest.mark.parametrize(("wants", "unconfirmed"), [(True, True), (True, False), (False, True), (False, False)])
def test_it_needs_a_judge_that_wants_it_and_a_plan_that_waits_for_it(wants: bool, unconfirmed: bool) -> None:
    only = point()
    only.watches[0].wants, only.watches[0].unconfirmed = (ASKED if wants else NOTHING), unconfirmed
    assert wanted_at(only, NOW) == (wants and unconfirmed)


def test_of_two_policies_on_one_process_one_that_waits_is_enough_and_both_halves_must_be_its_own() -> None:
    shared = point(watches=2)
    shared.watches[0].unconfirmed = False
    assert wanted_at(shared, NOW)
    shared.watches[1].wants = NOTHING
    assert not wanted_at(shared, NOW)


def test_while_one_is_under_way_nobody_else_is_asked() -> None:
    turns, one, other = ForcedCollections(), point("ws-1"), point("ws-2")
    with turns.turn(one, NOW) as parts:
        assert parts == ASKED
        assert not asks(turns, other, NOW + 3600.0)
    assert asks(turns, other, NOW + 3600.0)


def test_a_turn_that_ends_in_an_error_is_over() -> None:
    turns = ForcedCollections()
    with pytest.raises(OSError, match="lost"), turns.turn(point("ws-1"), NOW):
        raise OSError("lost")
    assert asks(turns, point("ws-2"), NOW + 60.0)


def test_a_minute_has_no_more_than_it_may() -> None:
    turns = ForcedCollections()
    asked = [second for second in range(600) if asks(turns, point(f"ws-{second}"), NOW + second)]
    assert len(asked) >= 50
    assert max(sum(begin <= second < begin + 60 for second in asked) for begin in asked) <= PER_MINUTE


def test_one_process_is_asked_once_in_ten_intervals_whatever_is_wanted() -> None:
    turns, only = ForcedCollections(), point()
    rounds = [number for number in range(40) if asks(turns, only, NOW + number * INTERVAL)]
    assert rounds == [0, EVERY, 2 * EVERY, 3 * EVERY]


def test_a_clock_that_was_set_back_does_not_keep_a_process_from_being_asked() -> None:
    turns, only = ForcedCollections(), point()
    assert asks(turns, only, NOW)
    assert wanted_at(only, NOW - 86400.0)
