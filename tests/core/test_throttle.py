"""The bound on samples in flight finds what the cluster bears; the bucket keeps the rate."""

from __future__ import annotations

import heapq

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakwarden.core.throttle import PATIENCE, PROBE_SAMPLES, Concurrency, RateLimit, Ticket


def entered(limiter: Concurrency, now: float = 0.0) -> Ticket:
    ticket = limiter.enter(now)
    assert ticket is not None
    return ticket


def settled(**options: int) -> Concurrency:
    """One whose first look at the unloaded way (20 ms) is behind it, at a time just before 0."""
    limiter = Concurrency(**options)
    for _ in range(PROBE_SAMPLES):
        limiter.leave(entered(limiter, -1.0), 0.02, crowded=False, now=-1.0)
    return limiter


def run(limiter: Concurrency, bears: float, seconds: float, start: float = 0.0) -> tuple[float, float]:
    """A busy cluster: connections open in 20 ms while at most `bears` are in flight, and in proportion slower beyond.

    Returns the time reached and the samples a second.
    """
    now, flying, done = start, list[tuple[float, int, Ticket, float]](), 0
    while now < start + seconds:
        while ticket := limiter.enter(now):
            opening = 0.020 * max(1.0, limiter.in_flight / bears)
            heapq.heappush(flying, (now + 1.5 * opening, ticket.number, ticket, opening))
        now, _, ticket, opening = heapq.heappop(flying)
        limiter.leave(ticket, opening, crowded=False, now=now)
        done += 1
    for _, _, ticket, opening in flying:
        limiter.leave(ticket, opening, crowded=False, now=now)
    return now, done / seconds


@pytest.mark.parametrize("bears", [1, 2, 4, 8, 16])
def test_the_bound_settles_near_what_the_cluster_bears(bears: int) -> None:
    limiter = Concurrency()
    run(limiter, bears, 60)
    assert bears * 0.7 <= limiter.bound <= bears * 2.5


def test_a_cluster_that_grows_weaker_is_given_less_and_a_recovered_one_more() -> None:
    limiter = Concurrency()
    now, _ = run(limiter, 12, 60)
    wide = limiter.bound
    now, _ = run(limiter, 3, 60, now)
    narrow = limiter.bound
    run(limiter, 12, 60, now)
    assert narrow <= 8 < wide and limiter.bound > narrow


def test_a_cluster_that_gives_way_is_given_less_at_once_but_only_once_a_round_trip() -> None:
    limiter = settled(start=16)
    tickets = [entered(limiter) for _ in range(16)]
    for ticket in tickets[:8]:
        limiter.leave(ticket, 0.0, crowded=True, now=0.05)
    assert limiter.bound == 12
    for ticket in tickets[8:]:
        limiter.leave(ticket, 0.0, crowded=True, now=1.0)
    assert limiter.bound == 9


def test_it_never_falls_below_the_least() -> None:
    limiter = settled(start=4, least=1)
    for second in range(100):
        limiter.leave(entered(limiter, second), 0.0, crowded=True, now=second + 0.5)
    assert limiter.bound == 1


def test_it_never_rises_above_the_most() -> None:
    limiter = Concurrency(most=6)
    run(limiter, 100, 60)
    assert limiter.bound == 6


def test_a_bound_that_was_never_reached_is_not_raised() -> None:
    limiter = Concurrency(start=4)
    for second in range(500):
        limiter.leave(entered(limiter, second), 0.02, crowded=False, now=second + 0.1)
    assert limiter.bound == 4


def test_hung_targets_do_not_hold_places() -> None:
    limiter = settled(start=2, ceiling=5)
    for _ in range(2):
        entered(limiter, 0.0)
    assert limiter.enter(0.5) is None
    assert limiter.free_at(0.5) == PATIENCE
    assert limiter.enter(PATIENCE) is not None


def test_hung_targets_are_bounded_too() -> None:
    limiter = settled(start=2, ceiling=3)
    for now in (0.0, 0.0, 10.0):
        entered(limiter, now)
    assert limiter.enter(20.0) is None
    assert limiter.free_at(20.0) is None


def test_samples_on_kept_connections_widen_a_bound_that_is_reached() -> None:
    limiter = settled(start=4)
    for second in range(8):
        tickets = [entered(limiter, second) for _ in range(limiter.bound)]
        for ticket in tickets:
            limiter.leave(ticket, 0.0, crowded=False, now=second + 0.5)
    assert limiter.bound > 4


def test_a_look_at_the_unloaded_way_that_meets_only_hung_targets_is_given_up() -> None:
    limiter = Concurrency(start=4)
    entered(limiter, 0.0)
    assert limiter.enter(0.5) is None
    assert [limiter.enter(2.5) is not None for _ in range(5)] == [True] * 4 + [False]


def test_leaving_twice_is_leaving_once() -> None:
    limiter = Concurrency()
    ticket = entered(limiter)
    limiter.leave(ticket, 0.02, crowded=False, now=1.0)
    limiter.leave(ticket, 0.02, crowded=False, now=1.0)
    assert limiter.in_flight == 0


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 3), st.booleans()), max_size=200))
def test_whatever_happens_places_stay_within_bounds(steps: list[tuple[float, float, bool]]) -> None:
    limiter, now, flying = Concurrency(start=4, most=8, ceiling=20), 0.0, list[Ticket]()
    for pause, opening, crowded in steps:
        now += pause
        while ticket := limiter.enter(now):
            flying.append(ticket)
        assert 1 <= limiter.bound <= 8 and limiter.in_flight == len(flying) <= 20
        if flying:
            limiter.leave(flying.pop(0), opening, crowded=crowded, now=now)


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = RateLimit(rate=10, burst=5)
    assert [bucket.take(0.0) for _ in range(6)] == [True] * 5 + [False]
    assert bucket.next_at(0.0) == pytest.approx(0.1)
    assert bucket.take(0.11)
    assert sum(bucket.take(100.0) for _ in range(20)) == 5


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    bucket = RateLimit(rate=10, burst=1)
    assert bucket.take(100.0)
    assert not bucket.take(50.0)
    assert bucket.take(50.2)
