"""SIGKILL at the worst moments: no finding is lost or told twice, and no pod is evicted twice.

A proxy between an operator and the API server kills the operator at a chosen request (see killing_proxy). Three
operators, one a moment, so that their waits overlap. The witness is the API server: its audit log and its Events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from hack.local_operator import LocalOperator
from tests.e2e.conftest import Stage
from tests.e2e.killing_proxy import KillingProxy, Moment, Seen, Trap
from tests.e2e.operators import operator
from tests.e2e.policies import QUICK, policy, quick_leak
from tests.e2e.scene import Scene, is_ready, uid
from tests.e2e.waiting import always
from workloads.manifests import manifest

pytestmark = pytest.mark.e2e

OPENED, EVICTED, RESOLVED = "e2e-crash-opened", "e2e-crash-evicted", "e2e-crash-resolved"
REMEDIATION: dict[str, dict[str, Any]] = {
    OPENED: {},
    EVICTED: {"mode": "Evict", "stormPercent": 100, "minReadyPeers": 0, "cooldown": "0s", "budget": {"actions": 1}},
    RESOLVED: {},
}
APP, POLICY = "crash", "watch"
FUNCTION = "analyzeAndSend"
SOON = 12.0
"""Seconds after a restart: less than the 19 s of points and 3 s of hold that finding the leak anew would take."""


@dataclass
class Act:
    """One operator behind its proxy, alone in its namespaces."""

    scene: Scene
    proxy: KillingProxy
    operator: LocalOperator

    def set_trap(self, catches: Callable[[Seen], bool], moment: Moment) -> Trap:
        assert self.operator.process is not None
        return self.proxy.arm(self.operator.process.pid, catches, moment)

    def wait_killed(self, trap: Trap, deadline: float) -> Seen:
        """Until the trap has sprung; the process is reaped, and what it asked last is returned."""
        if not trap.sprung.wait(deadline):
            raise AssertionError(
                f"the operator did not come to the request within {deadline:g} s\n{self.scene.explain()}"
            )
        assert self.operator.kill() == -9
        assert trap.caught is not None
        return trap.caught

    def restart(self) -> None:
        self.proxy.disarm()
        self.operator.start()


@pytest.fixture(scope="module")
def acts(
    stage: Stage, new_namespace: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Act]]:
    """All three started, with nothing found yet."""
    with ExitStack() as stack:
        made: dict[str, Act] = {}
        for namespace, remediation in REMEDIATION.items():
            directory = tmp_path_factory.mktemp(namespace)
            proxy = stack.enter_context(KillingProxy(stage.cluster, directory))
            home = new_namespace(f"{namespace}-operator")
            mine = operator(stage.cluster, directory, home, [new_namespace(namespace)], proxy)
            scene = Scene(stage.cluster, namespace, mine)
            mine.start()
            stack.callback(mine.kill)
            made[namespace] = Act(scene, proxy, mine)
            scene.apply(policy(POLICY, {"app": APP}, rules=[QUICK], **remediation))
            scene.apply(manifest(quick_leak(stage.images, APP, namespace)))
        yield made


@pytest.fixture(scope="module")
def traps(acts: dict[str, Act]) -> dict[str, Trap]:
    """Set before the first leak can be found."""
    return {
        OPENED: acts[OPENED].set_trap(_tells_a_finding, Moment.BEFORE),
        EVICTED: acts[EVICTED].set_trap(_evicts, Moment.AFTER),
    }


def test_killed_when_a_finding_was_opened_but_not_written(acts: dict[str, Act], traps: dict[str, Trap]) -> None:
    act = acts[OPENED]
    act.wait_killed(traps[OPENED], 90)
    assert act.scene.events() == []
    assert act.scene.findings(POLICY) == {}

    act.restart()
    act.scene.wait_finding(POLICY, FUNCTION, SOON)
    act.scene.eventually(lambda: _assert_told_once(act.scene, "LeakDetected"), SOON)
    always(lambda: _assert_told_once(act.scene, "LeakDetected"), during=5)
    assert act.scene.targets(POLICY)["leaking"] == 1
    assert act.scene.events("LeakReturned") == act.scene.events("LeakResolved") == []


def test_killed_when_an_eviction_was_sent_but_not_recorded(acts: dict[str, Act], traps: dict[str, Trap]) -> None:
    act = acts[EVICTED]
    caught = act.wait_killed(traps[EVICTED], 90)
    evicted = str(caught.body["deleteOptions"]["preconditions"]["uid"])
    assert [request.uid for request in act.scene.real_evictions()] == [evicted]
    assert [each["state"] for each in act.scene.actions(POLICY)] in ([], ["Intended"])

    act.restart()

    def recorded() -> None:
        actions = act.scene.actions(POLICY)
        assert [(each["action"], each["state"]) for each in actions] == [("Evict", "Done")]
        assert len(act.scene.events("ActionTaken", "Pod")) == len(act.scene.events("ActionTaken", "LeakPolicy")) == 1

    act.scene.eventually(recorded, 30)
    act.scene.wait_ready(APP, 1)
    act.scene.eventually(lambda: _assert_held_back(act.scene), 90)  # the replacement leaks as well
    assert [request.uid for request in act.scene.evictions() if request.accepted] == [evicted]
    assert evicted not in {uid(pod) for pod in act.scene.pods(APP)}
    assert [is_ready(pod) for pod in act.scene.pods(APP)] == [True]
    assert len(act.scene.events("ActionTaken", "Pod")) == 1


def test_killed_when_a_finding_was_resolved_but_not_written(acts: dict[str, Act]) -> None:
    act = acts[RESOLVED]
    act.scene.wait_finding(POLICY, FUNCTION, 90)
    act.scene.eventually(lambda: _assert_told_once(act.scene, "LeakDetected"), 20)
    trap = act.set_trap(_tells_the_end, Moment.BEFORE)
    act.scene.kubectl("scale", "deployment", APP, "--replicas=0")
    act.wait_killed(trap, 60)
    assert act.scene.events("LeakResolved") == []
    assert FUNCTION in "".join(act.scene.findings(POLICY))

    act.restart()
    act.scene.eventually(lambda: _assert_told_once(act.scene, "LeakResolved"), SOON)
    act.scene.eventually(lambda: _assert_no_findings(act.scene), SOON)
    always(lambda: _assert_told_once(act.scene, "LeakResolved"), during=5)
    _assert_told_once(act.scene, "LeakDetected")


def _assert_held_back(scene: Scene) -> None:
    """A second eviction would be due; what happened before the kill is known and counts."""
    assert scene.decisions(POLICY).keys() & {"ActionInFlight", "BudgetSpent"}, scene.decisions(POLICY)


def _tells_a_finding(seen: Seen) -> bool:
    """The Event or the status that says it first, whichever comes first."""
    return _is_event(seen, "LeakDetected") or bool(_status(seen).get("findings"))


def _tells_the_end(seen: Seen) -> bool:
    status = _status(seen)
    return _is_event(seen, "LeakResolved") or (bool(status) and not status.get("findings"))


def _evicts(seen: Seen) -> bool:
    return seen.method == "POST" and seen.path.endswith("/eviction")


def _is_event(seen: Seen, reason: str) -> bool:
    return seen.method == "POST" and seen.path.endswith("/events") and seen.body["reason"] == reason


def _status(seen: Seen) -> dict[str, Any]:
    """What a request would make the status of a policy; empty where it is about something else."""
    if seen.method != "PATCH" or not seen.path.endswith("/status"):
        return {}
    return dict(next(change["value"] for change in seen.body if change["path"] == "/status"))


def _assert_told_once(scene: Scene, reason: str) -> None:
    """On the pod and on the policy, and never counted up."""
    told = sorted((event.kind, event.count) for event in scene.events(reason))
    assert told == [("LeakPolicy", 1), ("Pod", 1)], scene.events()


def _assert_no_findings(scene: Scene) -> None:
    assert scene.findings(POLICY) == {}, scene.findings(POLICY)
