"""From a Pod's JSON to a refusal: no fact that a rail asks for gets lost on the way."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from leakwarden.core.actions import Refusal
from leakwarden.core.decide import plan
from leakwarden.core.pod_facts import pod_facts
from tests.core.decide.fleets import NOW, OWNER, one_leak

VOLUMES = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"
SAFE = "cluster-autoscaler.kubernetes.io/safe-to-evict"
HOME = [{"name": "home", "emptyDir": {}}]


def owner(kind: str) -> list[dict[str, Any]]:
    return [{"kind": kind, "name": OWNER.name, "uid": OWNER.uid, "controller": True}]


POD: dict[str, Any] = {
    "metadata": {
        "namespace": "demo",
        "name": "ws-1",
        "uid": "uid-ws-1",
        "creationTimestamp": "2026-11-23T12:00:00Z",
        "ownerReferences": owner("ReplicaSet"),
    },
    "spec": {"containers": [{"name": "dev"}]},
    "status": {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-23T12:01:00Z"}],
    },
}

CASES: list[tuple[str, dict[str, Any], Refusal | None]] = [
    ("nothing special", {}, None),
    ("no owner", {"metadata": {"ownerReferences": []}}, Refusal.NO_CONTROLLER),
    (
        "an owner that is no controller",
        {"metadata": {"ownerReferences": [{**owner("ReplicaSet")[0], "controller": False}]}},
        Refusal.NO_CONTROLLER,
    ),
    ("a Job", {"metadata": {"ownerReferences": owner("Job")}}, Refusal.NO_CONTROLLER),
    ("a DaemonSet", {"metadata": {"ownerReferences": owner("DaemonSet")}}, Refusal.DAEMON_SET),
    ("a mirror pod", {"metadata": {"annotations": {"kubernetes.io/config.mirror": "x"}}}, Refusal.MIRROR_POD),
    ("terminating", {"metadata": {"deletionTimestamp": "2026-11-23T13:13:00Z"}}, Refusal.POD_TERMINATING),
    ("finished", {"status": {"phase": "Succeeded"}}, Refusal.TARGET_NOT_SEEN),
    ("restartPolicy", {"spec": {"restartPolicy": "Never"}}, Refusal.NEVER_RESTARTED),
    ("priority", {"spec": {"priorityClassName": "system-node-critical"}}, Refusal.SYSTEM_CRITICAL),
    ("host network", {"spec": {"hostNetwork": True}}, Refusal.HOST_NETWORK),
    ("opt-out", {"metadata": {"annotations": {"leakwarden.io/opt-out": "true"}}}, Refusal.OPTED_OUT),
    ("not safe to evict", {"metadata": {"annotations": {SAFE: "false"}}}, Refusal.NOT_SAFE_TO_EVICT),
    ("an emptyDir", {"spec": {"volumes": HOME}}, Refusal.LOCAL_STORAGE),
    ("a hostPath", {"spec": {"volumes": [{"name": "h", "hostPath": {"path": "/x"}}]}}, Refusal.LOCAL_STORAGE),
    ("an emptyDir in memory", {"spec": {"volumes": [{"name": "m", "emptyDir": {"medium": "Memory"}}]}}, None),
    ("an emptyDir that may go", {"metadata": {"annotations": {VOLUMES: "home"}}, "spec": {"volumes": HOME}}, None),
    ("a pod that is safe to evict", {"metadata": {"annotations": {SAFE: "true"}}, "spec": {"volumes": HOME}}, None),
]


@pytest.mark.parametrize(("what", "changes", "refusal"), CASES, ids=[what for what, _, _ in CASES])
def test_the_rails_see_what_the_pod_says(what: str, changes: dict[str, Any], refusal: Refusal | None) -> None:
    raw = copy.deepcopy(POD)
    for part, values in changes.items():
        raw[part].update(values)
    (only,) = plan(one_leak(pod_facts(raw)), NOW).decisions
    assert only.decision.refusal is refusal, what
