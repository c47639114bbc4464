"""Which places get a series of their own."""

from __future__ import annotations

from leakwarden.core.judge.tracks import FOLLOWED, PARKED, Bounds, Use, update
from leakwarden.core.judge.values import Tracks
from tests.core.judge.builders import site


def uses(held: dict[str, float]) -> list[Use]:
    return [Use(key, site(key), None, value, 10 * value) for key, value in held.items()]


def after(rounds: list[dict[str, float]], *, floor: float = 3.0, pinned: frozenset[str] = frozenset()) -> Tracks:
    tracks = Tracks()
    earlier: list[float] = []
    for index, held in enumerate(rounds):
        tracks = update(tracks, uses(held), 30.0 * index, Bounds(floor, 1e6, pinned, list(earlier), hide_labels=False))
        earlier.append(30.0 * index)
    return tracks


def test_a_place_below_the_floor_is_not_followed() -> None:
    assert set(after([{"a": 2.9, "b": 3.0}]).followed) == {"b"}


def test_a_place_that_disappears_holds_nothing() -> None:
    assert list(after([{"a": 5.0}, {}, {"a": 6.0}]).followed["a"].series.values) == [5.0, 0.0, 6.0]


def test_a_late_place_is_known_to_have_been_small_before() -> None:
    track = after([{"a": 5.0}, {"a": 5.0, "b": 1.0}, {"a": 5.0, "b": 40.0}]).followed["b"]
    assert list(track.series.values) == [1.5, 1.5, 40.0]
    assert list(track.series.allocated) == [400.0 - 38.5, 400.0 - 38.5, 400.0]


def test_as_many_places_are_followed_and_parked_as_the_stated_size_allows() -> None:
    assert (FOLLOWED, PARKED) == (32, 96)


def test_the_largest_are_followed_first_and_the_others_parked() -> None:
    tracks = after([{f"s{n:03}": 10.0 + n for n in range(FOLLOWED + 5)}])
    assert set(tracks.parked) == {f"s{n:03}" for n in range(5)}
    assert len(tracks.followed) == FOLLOWED


def test_a_parked_place_that_grows_takes_the_seat_of_one_that_does_not() -> None:
    still = {f"s{n:03}": 100.0 + n for n in range(FOLLOWED)}
    tracks = after([{**still, "late": 5.0}, {**still, "late": 7.0}, {**still, "late": 9.0}])
    assert list(tracks.followed["late"].series.values) == [5.0, 9.0]
    assert tracks.parked["s000"].value == 100.0


def test_a_pinned_place_keeps_its_seat() -> None:
    still = {f"s{n:03}": 100.0 for n in range(FOLLOWED)}
    tracks = after([{**still, "late": 5.0}, {**still, "late": 50.0}], pinned=frozenset(still))
    assert set(tracks.followed) == set(still)


def test_a_place_that_grows_more_keeps_its_seat() -> None:
    rounds = [{**{f"s{n:03}": 100.0 + 20 * r for n in range(FOLLOWED)}, "late": 5.0 + 6 * r} for r in range(4)]
    assert "late" not in after(rounds).followed


def test_parked_places_are_bounded_and_forgotten_when_gone() -> None:
    crowd = {f"s{n:04}": 50.0 + n for n in range(FOLLOWED + PARKED + 300)}
    assert len(after([crowd]).parked) == PARKED
    assert after([crowd, {"s0001": 51.0}, {"s0001": 51.0}]).parked == {}


def test_more_places_than_seats_do_not_take_turns() -> None:
    crowd = {f"s{n:03}": 50.0 + n for n in range(FOLLOWED * 2)}
    first, later = after([crowd]), after([crowd] * 6)
    assert set(first.followed) == set(later.followed)
