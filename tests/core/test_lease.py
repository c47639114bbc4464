"""When a Lease may be taken, and what is written over it. Times are of one machine's clock only."""

from __future__ import annotations

import pytest

from leakwarden.core.lease import NEVER, LeaseRecord, Observed, Timing, free_at, given_back, observe, taken

TIMING = Timing(duration=15, renew_deadline=10, retry=2)
NOBODY = float("-inf")


def held(by: str, version: str = "7", duration: int = 15) -> LeaseRecord:
    return LeaseRecord(by, duration, transitions=3, acquired_at=100.0, renewed_at=200.0, version=version)


def test_the_wait_begins_when_a_version_is_first_seen_and_anew_with_each_renewal() -> None:
    first = observe(NEVER, held("a"), 50.0)
    assert observe(first, held("a"), 60.0) == first
    assert free_at(first, "b", TIMING) == 65.0
    assert free_at(observe(first, held("a", "8"), 60.0), "b", TIMING) == 75.0


def test_the_holder_says_how_long_others_wait() -> None:
    """Two operators may be configured otherwise while one is being updated."""
    assert free_at(observe(NEVER, held("a", duration=60), 50.0), "b", TIMING) == 110.0


def test_a_holder_that_does_not_say_how_long_is_given_as_long_as_oneself_would_want() -> None:
    assert free_at(observe(NEVER, held("a", duration=0), 50.0), "b", TIMING) == 65.0


@pytest.mark.parametrize(
    ("observed", "free"),
    [
        (NEVER, NOBODY),
        (Observed(held(""), 50.0), NOBODY),
        (Observed(held("pod-1_home_aaaa"), 50.0), NOBODY),
        (Observed(held("pod-0_home_aaaa"), 50.0), NOBODY),
        (Observed(held("pod-1_other_bbbb"), 50.0), 65.0),
        (Observed(held("somebody else"), 50.0), 65.0),
        (Observed(None, 50.0), 65.0),
    ],
    ids=[
        "none was ever seen",
        "given back",
        "from my state directory",
        "from my state directory under another pod",
        "from another",
        "by another program",
        "deleted under its holder",
    ],
)
def test_when_it_is_free(observed: Observed, free: float) -> None:
    assert free_at(observed, "pod-1_home_bbbb", TIMING, fresh=True) == free


def test_who_has_led_already_inherits_nothing_from_its_home() -> None:
    """Somebody else has it, against all expectation: two would take it from each other again and again."""
    observed = Observed(held("pod-1_home_aaaa"), 50.0)
    assert free_at(observed, "pod-1_home_bbbb", TIMING) == 65.0
    assert free_at(observed, "pod-1_home_aaaa", TIMING) == NOBODY


def test_names_without_a_home_have_nothing_in_common() -> None:
    assert free_at(Observed(held("a"), 50.0), "b", TIMING, fresh=True) == 65.0


def test_times_that_people_read_decide_nothing() -> None:
    """The clocks of two machines may be hours apart."""
    ancient = LeaseRecord("a", 15, 0, acquired_at=0.0, renewed_at=0.0, version="7")
    assert free_at(observe(NEVER, ancient, 50.0), "b", TIMING) == 65.0


def test_a_new_holder_is_counted_and_a_renewal_is_not() -> None:
    assert taken(None, "b", TIMING, 300.0) == LeaseRecord("b", 15, 0, 300.0, 300.0)
    assert taken(held("a"), "b", TIMING, 300.0) == LeaseRecord("b", 15, 4, 300.0, 300.0, "7")
    assert taken(held("b"), "b", TIMING, 300.0) == LeaseRecord("b", 15, 3, 100.0, 300.0, "7")


def test_given_back_it_has_no_holder_and_keeps_its_version_as_a_guard() -> None:
    back = given_back(held("b"), 300.0)
    assert (back.holder, back.duration, back.transitions, back.version) == ("", 1, 3, "7")
