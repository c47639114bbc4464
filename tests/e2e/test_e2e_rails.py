"""Each rail seen refusing, on pods that all leak, under policies that would evict: the reasons stand in status, and
the audit log shows that nobody was evicted.

Budget, cooldown, one in flight and the disruption budget need evictions that happen: see test_e2e_actions.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from tests.e2e.conftest import RAILS, Stage
from tests.e2e.policies import QUICK, policy, quick_leak
from tests.e2e.scene import Scene, uid
from tests.e2e.static_pod import static_pod
from tests.e2e.waiting import always
from workloads.manifests import Manifest, Workload, manifest

pytestmark = pytest.mark.e2e

FREE: dict[str, Any] = {
    "mode": "Evict",
    "stormPercent": 100,
    "minReadyPeers": 0,
    "cooldown": "0s",
    "budget": {"actions": 100},
}
"""Evicts whatever no rail holds."""
FAR = "2100-01-01T00:00:00Z"

NEVER: dict[str, tuple[str, str]] = {
    "bare": ("NoController", "has no controller: nothing would replace it"),
    "daemon": ("DaemonSet", "belongs to DaemonSet/daemon"),
    "once": ("RestartPolicyNever", "has restartPolicy Never"),
    "critical": ("SystemCritical", "has priority class system-cluster-critical"),
    "unsafe": ("NotSafeToEvict", 'cluster-autoscaler.kubernetes.io/safe-to-evict is "false"'),
    "scratch": ("LocalStorage", "would lose local storage"),
    "static": ("MirrorPod", "is a mirror pod"),
}
"""By pod: the rail that holds it, and what is said."""

POLICIES: dict[str, tuple[Manifest, dict[str, Any], str, str]] = {
    "observer": (QUICK, {**FREE, "mode": "Observe"}, "ObserveOnly", "only observes"),
    "paused": (QUICK, {**FREE, "pausedUntil": FAR}, "Paused", "is paused until 2100-01-01 00:00 UTC"),
    "peers": (QUICK, {**FREE, "minReadyPeers": 2}, "MinReadyPeers", "has 1 other Ready pod"),
    "severity": ({**QUICK, "severity": "Warning"}, FREE, "BelowMinSeverity", "acts from minSeverity Critical"),
    "pressure": (
        {"name": "high", "signal": "BlockedGoroutines", "above": "50", "severity": "Critical"},
        FREE, "NotALeak", "only a Leak, growth that was proven, is acted on",
    ),
}  # fmt: skip
"""By policy over the two pods of one Deployment: its rule, what it would do, the rail, and what is said."""


@pytest.fixture(scope="module")
def scene(stage: Stage) -> Iterator[Scene]:
    """The pods that are never evicted, under one policy; and two pods under a policy for each other rail."""
    scene = stage.scene(RAILS)
    pods = {name: _manifest(stage, name) for name in (*NEVER, "opted-out", "host-network", "dying")}
    with ExitStack() as stack:
        stack.enter_context(static_pod(stage.cluster, pods.pop("static")))
        once = pods.pop("once")
        scene.apply(*pods.values(), once, manifest(quick_leak(stage.images, "twin", RAILS, replicas=2)))
        scene.apply(_adopter(once))
        scene.apply(policy("never", {"rail": "never"}, interval="2s", rules=[QUICK], **FREE))
        scene.apply(policy("dying", {"app": "dying"}, interval="2s", rules=[QUICK], **FREE, pausedUntil=FAR))
        storm = {**FREE, "stormPercent": 50, "pausedUntil": FAR}
        scene.apply(policy("storm", {"app": "twin"}, interval="2s", rules=[QUICK], **storm))
        for name, (rule, remediation, _, _) in POLICIES.items():
            scene.apply(policy(name, {"app": "twin"}, interval="2s", rules=[rule], **remediation))
        yield scene
        scene.delete("leakpolicies", "never", "dying", "storm", *POLICIES)
        scene.kubectl("delete", "deployments,daemonsets,replicasets,pods", "--all", "--wait=false")


def _manifest(stage: Stage, name: str) -> Manifest:
    workload = replace(quick_leak(stage.images, name, RAILS), labels={"rail": "never"})
    made = manifest(_variant(workload))
    if name == "scratch":
        made["spec"]["template"]["spec"]["volumes"] = [{"name": "scratch", "emptyDir": {}}]
    if name == "dying":  # goes on leaking for a while after its deletion
        spec = made["spec"]["template"]["spec"]
        spec["terminationGracePeriodSeconds"] = 60
        spec["containers"][0]["lifecycle"] = {"preStop": {"sleep": {"seconds": 50}}}
    return made


def _variant(workload: Workload) -> Workload:
    match workload.name:
        case "bare" | "static":
            return replace(workload, kind="Pod")
        case "once":
            return replace(workload, kind="Pod", restart_policy="Never")
        case "daemon":
            return replace(workload, kind="DaemonSet")
        case "critical":
            return replace(workload, priority_class="system-cluster-critical")
        case "unsafe":
            return replace(workload, annotations={"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"})
        case "opted-out":
            return replace(workload, annotations={"leakwarden.io/opt-out": "true"})
        case "host-network":
            return replace(workload, host_network=True, port=36060, health_port=38081)
        case "dying":
            return replace(workload, labels={})
        case _:
            return workload


def _adopter(pod: Manifest) -> Manifest:
    """A ReplicaSet that adopts the pod: so it has a controller and restartPolicy Never, without a Job."""
    template = {"metadata": {"labels": pod["metadata"]["labels"]}, "spec": {**pod["spec"], "restartPolicy": "Always"}}
    selector = {"matchLabels": {"app": pod["metadata"]["name"]}}
    spec = {"replicas": 1, "selector": selector, "template": template}
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": pod["metadata"]["name"]}, "spec": spec}


@pytest.mark.parametrize("pod", NEVER)
def test_a_pod_that_is_never_evicted_is_refused_with_its_reason(scene: Scene, pod: str) -> None:
    reason, words = NEVER[pod]
    refused = scene.wait_decision("never", reason, 120)
    assert refused["count"] == 1
    assert refused["pod"].startswith(pod)
    assert words in refused["message"]


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_that_may_not_act_now_says_which_rail_holds_it(scene: Scene, name: str) -> None:
    *_, reason, words = POLICIES[name]

    def refused() -> None:
        row = scene.wait_decision(name, reason, 120)
        assert row["count"] == 2, row
        assert words in row["message"], row

    scene.eventually(refused, 60)


def test_a_refusal_is_told_once_by_an_event_on_the_pod(scene: Scene) -> None:
    scene.wait_decision("never", "NoController", 60)

    def told() -> None:
        refused = [event for event in scene.events("ActionRefused", "Pod", "bare") if "NoController" in event.note]
        assert [(event.type, event.count) for event in refused] == [("Warning", 1)], scene.events("ActionRefused")

    scene.eventually(told, 20)


def test_a_paused_policy_has_the_condition_suspended(scene: Scene) -> None:
    scene.wait_decision("paused", "Paused", 60)
    suspended = scene.condition("paused", "Suspended")
    assert (suspended["status"], suspended["reason"]) == ("True", "Paused")


def test_when_too_many_leak_at_once_the_storm_brake_holds_them_all(scene: Scene) -> None:
    """Paused until both are found: one pod that leaks is no storm, and would be evicted."""

    def both_found() -> None:
        assert scene.wait_decision("storm", "Paused", 60)["count"] == 2

    scene.eventually(both_found, 60)
    scene.patch("leakpolicy", "storm", {"spec": {"remediation": {"pausedUntil": None}}})
    refused = scene.wait_decision("storm", "StormBrake", 20)
    assert refused["count"] == 2
    assert "2 of 2 running targets leak at once (100 %, stormPercent is 50)" in refused["message"]
    suspended = scene.condition("storm", "Suspended")
    assert (suspended["status"], suspended["reason"]) == ("True", "StormBrake")


def test_pressure_is_no_leak(scene: Scene) -> None:
    scene.wait_decision("pressure", "NotALeak", 60)
    assert scene.targets("pressure")["leaking"] == 0
    assert {finding["type"] for finding in scene.findings("pressure").values()} == {"Pressure"}
    assert len(scene.events("PressureDetected", "LeakPolicy", "pressure")) == 1
    assert scene.events("LeakDetected", "LeakPolicy", "pressure") == []


def test_a_pod_on_the_host_network_is_not_sampled_and_said_to_be_refused(scene: Scene) -> None:
    def told() -> None:
        degraded = scene.condition("never", "Degraded")
        assert "1 HostNetwork (e.g. host-network-" in degraded["message"], degraded
        assert scene.targets("never")["unreachable"] == 1

    scene.eventually(told, 60)


def test_a_pod_that_opted_out_is_no_target_at_all(scene: Scene) -> None:
    scene.wait_ready("opted-out", 1)
    sampled_and_refused = len(NEVER) + len(["host-network"])

    def counted() -> None:
        assert scene.targets("never")["matched"] == sampled_and_refused

    scene.eventually(counted, 30)
    assert [event for event in scene.events() if event.name.startswith("opted-out")] == []


def test_a_pod_that_is_terminating_is_left_alone_though_it_still_leaks(scene: Scene) -> None:
    """Found while the policy is paused; then it is deleted, takes its time to end, and the pause is lifted."""
    scene.wait_decision("dying", "Paused", 60)
    [pod] = scene.pods("dying")
    scene.kubectl("scale", "deployment", "dying", "--replicas=0")
    scene.eventually(lambda: _assert_terminating(scene), 10, every=0.2)
    scene.patch("leakpolicy", "dying", {"spec": {"remediation": {"pausedUntil": None}}})

    def ended() -> None:
        resolved = [event for event in scene.events("LeakResolved", "Pod") if event.uid == uid(pod)]
        assert ["TargetGone" in event.note for event in resolved] == [True], resolved

    scene.eventually(ended, 20)
    always(lambda: _assert_not_evicted(scene, uid(pod)), during=5)


def _assert_terminating(scene: Scene) -> None:
    assert all("deletionTimestamp" in pod["metadata"] for pod in scene.pods("dying"))


def _assert_not_evicted(scene: Scene, pod_uid: str) -> None:
    assert pod_uid not in {request.uid for request in scene.evictions()}


def test_behind_the_rails_nobody_asked_for_an_eviction(scene: Scene) -> None:
    """By the API server's own record, dry runs and refused requests included."""
    assert scene.evictions() == []
