"""The other half of finding leaks: whoever carries the same load without leaking is told Healthy, and never accused."""

from __future__ import annotations

import time

import pytest

from tests.e2e.conftest import Fleet
from tests.e2e.policies import LONGEST_WINDOW

pytestmark = pytest.mark.e2e

TWINS = 4
"""Of the three shapes, and the gopls that is worked with as with the leaking ones."""
SETTLING = 30.0


def test_every_healthy_twin_ends_healthy_and_not_learning_after_two_full_windows(fleet: Fleet) -> None:
    aged = fleet.since + SETTLING + 2 * LONGEST_WINDOW
    while time.monotonic() < aged:
        time.sleep(min(5.0, max(0.1, aged - time.monotonic())))

    def healthy() -> None:
        targets = fleet.scene.targets("twins")
        assert (targets["healthy"], targets["matched"]) == (TWINS, TWINS), targets

    fleet.scene.eventually(healthy, 120, every=2)


def test_under_the_built_in_rules_too_every_healthy_twin_is_healthy(fleet: Fleet) -> None:
    def healthy() -> None:
        targets = fleet.scene.targets("builtin")
        assert targets["healthy"] == TWINS, targets

    fleet.scene.eventually(healthy, 120, every=2)


def test_no_healthy_twin_was_ever_accused(fleet: Fleet) -> None:
    accused = {(event.name, event.reason) for event in fleet.scene.events(kind="Pod") if "-healthy" in event.name}
    assert accused == set()
    assert fleet.scene.events(kind="LeakPolicy", name="twins") == []


def test_the_healthy_twins_really_ran_all_the_time(fleet: Fleet) -> None:
    """A twin that restarted would be young again, and its health worth little."""
    for pod in fleet.scene.get("pods", "-l", "twin=healthy")["items"]:
        assert [status["restartCount"] for status in pod["status"]["containerStatuses"]] == [0], pod["metadata"]["name"]
