"""When targets are due: spread, never doubled, less often when quiet, at once when not."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakwarden.api.words import Cadence
from leakwarden.core.schedule import JITTER, MAX_STRETCH, Schedule, Tempo, spread
from leakwarden.core.targets import TargetKey

A, B = TargetKey("a", "pprof"), TargetKey("b", "pprof")


def keys(count: int) -> list[TargetKey]:
    return [TargetKey(f"uid-{index}", "pprof") for index in range(count)]


def scheduled(*targets: TargetKey, cadence: Cadence = Cadence.ADAPTIVE) -> Schedule:
    schedule = Schedule()
    for target in targets:
        schedule.put(target, 30.0, cadence, 0.0)
    return schedule


def run(schedule: Schedule, until: float, tempo: Tempo, start: float = 0.0) -> list[tuple[float, TargetKey]]:
    """Attempts that take no time, each taken the moment it is due."""
    taken = []
    now = start
    while (due := schedule.next_due()) is not None and due <= until:
        now = max(now, due)
        key = schedule.take(now)
        assert key is not None
        taken.append((now, key))
        schedule.done(key, tempo, now)
    return taken


def test_new_targets_are_spread_evenly_over_one_interval() -> None:
    taken = run(scheduled(*keys(3000)), 30.0, Tempo.STEADY)[:3000]
    thirds = [sum(1 for at, _ in taken if low <= at < low + 10) for low in (0, 10, 20)]
    assert all(900 < count < 1100 for count in thirds), thirds


def test_a_steady_target_is_asked_every_interval_give_or_take_the_jitter() -> None:
    times = [at for at, _ in run(scheduled(A), 3000.0, Tempo.STEADY)]
    gaps = [after - before for before, after in pairwise(times)]
    assert len(gaps) > 90
    assert all(30 * (1 - JITTER) <= gap <= 30 * (1 + JITTER) for gap in gaps)
    assert sum(gaps) / len(gaps) == pytest.approx(30.0, rel=0.02)


def test_a_quiet_target_is_asked_less_often_down_to_a_third() -> None:
    times = [at for at, _ in run(scheduled(A), 6000.0, Tempo.QUIET)]
    gaps = [after - before for before, after in pairwise(times)]
    assert gaps[0] < gaps[2] < gaps[4]
    assert gaps[-1] == pytest.approx(30.0 * MAX_STRETCH, rel=JITTER)
    assert max(gaps) < 4 * 30.0


def test_a_fixed_cadence_is_never_stretched() -> None:
    times = [at for at, _ in run(scheduled(A, cadence=Cadence.FIXED), 3000.0, Tempo.QUIET)]
    assert len(times) > 95


def test_a_target_that_grows_is_back_at_its_interval_at_once() -> None:
    schedule = scheduled(A)
    now = run(schedule, 3000.0, Tempo.QUIET)[-1][0]
    assert schedule.stretch(A) == MAX_STRETCH
    due = schedule.next_due()
    assert due is not None
    schedule.take(due)
    schedule.done(A, Tempo.STEADY, due)
    following = schedule.next_due()
    assert following is not None and following - due <= 30.0 * (1 + JITTER) < due - now


def test_hastening_brings_a_stretched_target_forward() -> None:
    schedule = scheduled(A)
    last = run(schedule, 3000.0, Tempo.QUIET)[-1][0]
    schedule.hasten(A, last + 40.0)
    assert schedule.next_due() == last + 40.0
    assert schedule.stretch(A) == 1.0


def test_hastening_a_steady_target_changes_nothing() -> None:
    schedule = scheduled(A)
    before = schedule.next_due()
    schedule.hasten(A, 0.0)
    assert schedule.next_due() == before


def test_a_target_that_was_brought_forward_is_not_asked_again_at_its_old_time() -> None:
    schedule = scheduled(A)
    last = run(schedule, 3000.0, Tempo.QUIET)[-1][0]
    schedule.hasten(A, last + 40.0)
    for now in (last + 40.0, last + 40.0 + 30.0 * (1 + JITTER)):
        assert schedule.take(now) == A
        schedule.done(A, Tempo.STEADY, now)
    assert schedule.take(last + 98.0) is None  # the stretched due time was about 90 s after the last


def test_saying_the_same_again_changes_nothing() -> None:
    schedule = scheduled(A)
    before = schedule.next_due()
    for now in range(10):
        schedule.put(A, 30.0, Cadence.ADAPTIVE, float(now))
    assert schedule.next_due() == before and len(schedule) == 1
    assert len(run(schedule, 29.9, Tempo.STEADY)) <= 1


def test_a_shorter_interval_takes_effect_at_once_and_a_longer_one_after_the_next_sample() -> None:
    schedule = scheduled(A)
    last = run(schedule, 300.0, Tempo.STEADY)[-1][0]
    schedule.put(A, 5.0, Cadence.ADAPTIVE, last + 10)
    assert schedule.next_due() == last + 10
    schedule.put(A, 600.0, Cadence.ADAPTIVE, last + 10)
    assert schedule.next_due() == last + 10


def test_a_target_in_flight_is_not_taken_again_however_often_it_is_put() -> None:
    schedule = scheduled(A)
    assert schedule.take(30.0) == A
    schedule.put(A, 1.0, Cadence.ADAPTIVE, 40.0)
    schedule.hasten(A, 40.0)
    assert schedule.take(1000.0) is None and schedule.next_due() is None
    schedule.done(A, Tempo.STEADY, 41.0)
    assert schedule.take(1000.0) == A


def test_a_removed_target_is_never_due_and_its_late_report_is_nothing() -> None:
    schedule = scheduled(A, B)
    first = schedule.take(30.0)
    assert first is not None
    schedule.remove(first)
    schedule.done(first, Tempo.STEADY, 31.0)
    assert {key for _, key in run(schedule, 300.0, Tempo.STEADY)} == {A, B} - {first}
    assert first not in schedule


def test_the_longest_waiting_goes_first() -> None:
    targets = keys(50)
    schedule = scheduled(*targets)
    order = [schedule.take(1000.0) for _ in targets]
    assert order == sorted(targets, key=lambda key: 30.0 * spread(key))


def test_what_was_missed_is_not_caught_up() -> None:
    schedule = scheduled(A)
    assert schedule.take(1000.0) == A
    schedule.done(A, Tempo.STEADY, 1001.0)
    assert schedule.take(1002.0) is None
    schedule.take(1100.0)
    schedule.done(A, Tempo.STEADY, 1200.0)
    assert schedule.lag(1200.0) == 0.0


def test_being_behind_shows_in_lag_and_slowdown_and_being_on_time_does_not() -> None:
    on_time = scheduled(*keys(20))
    run(on_time, 600.0, Tempo.STEADY)
    assert on_time.slowdown() < 1.05 and on_time.lag(600.0) == 0.0
    behind = scheduled(*keys(20))
    for turn in range(1, 200):
        key = behind.take(turn * 6.0)  # 20 targets at one each 6 s: a round takes 120 s instead of 30
        assert key is not None
        behind.done(key, Tempo.STEADY, turn * 6.0)
    assert behind.slowdown() > 2.5
    assert behind.lag(1200.0) > 60.0


def test_the_rate_counts_the_last_minute() -> None:
    schedule = scheduled(*keys(60))
    run(schedule, 600.0, Tempo.STEADY)
    assert schedule.rate(600.0) == pytest.approx(2.0, rel=0.1)
    assert schedule.rate(10_000.0) == 0.0


def test_spread_is_the_same_on_every_run() -> None:
    assert spread(A) == spread(TargetKey("a", "pprof")) != spread(B)
    assert 0.0 <= spread(A) < 1.0


actions = st.lists(
    st.tuples(
        st.sampled_from(["put", "remove", "take", "done", "hasten"]), st.integers(0, 3), st.floats(0, 50),
        st.sampled_from(list(Tempo)), st.sampled_from([5.0, 30.0]),
    ),
    max_size=60,
)  # fmt: skip


@given(actions)
def test_whatever_happens_every_target_is_due_once_or_in_flight_once(
    steps: list[tuple[str, int, float, Tempo, float]],
) -> None:
    schedule, now = Schedule(), 0.0
    there, flying = set[TargetKey](), set[TargetKey]()
    for action, index, pause, tempo, interval in steps:
        now += pause
        key = keys(4)[index]
        match action:
            case "put":
                schedule.put(key, interval, Cadence.ADAPTIVE, now)
                if key not in there:
                    flying.discard(key)
                there.add(key)
            case "remove":
                schedule.remove(key)
                there.discard(key)
                flying.discard(key)
            case "take":
                taken = schedule.take(now)
                assert taken is None or (taken in there and taken not in flying)
                if taken:
                    flying.add(taken)
            case "done":
                schedule.done(key, tempo, now)
                flying.discard(key)
            case _:
                schedule.hasten(key, now)
    due = set()
    while key_due := schedule.take(now + 1e6):
        assert key_due not in due
        due.add(key_due)
    assert due == there - flying
