"""The operator's clock runs on while the machine sleeps, and heeds no hand that sets the wall clock."""

from __future__ import annotations

import time

from leakwarden.pipeline.clock import AnchoredClock, uptime


def test_the_time_in_which_the_machine_slept_has_passed() -> None:
    """Else what was found before it would be of now, and hours of growth a leap."""
    slept = [100.0]
    clock = AnchoredClock(elapsed=lambda: slept[0])
    before = clock.now()
    slept[0] += 3600.0
    assert clock.now() - before == 3600.0


def test_it_begins_at_wall_time_and_counts_as_the_machine_does() -> None:
    clock = AnchoredClock()
    assert abs(clock.now() - time.time()) < 60.0
    assert clock._elapsed is uptime
