"""Targets that cannot be read: each is told for what it is, and the others go on."""

from __future__ import annotations

import pytest

from leakwarden.api.duration import Duration
from tests.e2e.conftest import Fleet

pytestmark = pytest.mark.e2e


def test_a_pod_with_nothing_listening_is_not_running_and_no_fault(fleet: Fleet) -> None:
    def told() -> None:
        targets = fleet.scene.targets("faults")
        assert targets["notRunning"] == 1, targets

    fleet.scene.eventually(told, 60)


@pytest.mark.parametrize(("pod", "reason"), [("target-hung", "Timeout"), ("target-html", "NotPprof")])
def test_a_hung_pod_and_one_that_serves_html_are_unreachable_each_with_its_reason(
    fleet: Fleet, pod: str, reason: str
) -> None:
    def told() -> None:
        targets = fleet.scene.targets("faults")
        assert targets["unreachable"] == 2, targets
        degraded = fleet.scene.condition("faults", "Degraded")
        assert (degraded["status"], degraded["reason"]) == ("True", "TargetsBlind"), degraded
        assert f"1 {reason} (e.g. {pod}-" in degraded["message"], degraded

    fleet.scene.eventually(told, 60)


def test_the_others_go_on_while_one_hangs(fleet: Fleet) -> None:
    """Under one policy with them, and at their own pace: a hung target's timeout is five times the interval."""

    def sampled() -> None:
        targets = fleet.scene.targets("builtin")
        assert targets["matched"] == 13, targets
        assert (targets["unreachable"], targets["notRunning"]) == (2, 1), targets
        assert targets["healthy"] + targets["inconclusive"] + targets["leaking"] + targets["learning"] == 10, targets
        pace = fleet.scene.targets("twins")["reachedInterval"]
        assert Duration(pace).seconds < 4, f"asked every 2s, reached {pace}"

    fleet.scene.eventually(sampled, 60)


def test_a_target_that_cannot_be_read_is_never_called_a_leak(fleet: Fleet) -> None:
    assert [event for event in fleet.scene.events() if event.name.startswith("target-")] == []
