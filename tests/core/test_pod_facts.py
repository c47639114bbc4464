"""A Pod as JSON becomes facts, whatever stage of its life it is in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakwarden.core.pod_facts import memory_bytes, pod_facts, unix_seconds
from leakwarden.core.targets import ContainerFacts, Owner

AT = "2026-11-23T12:00:00Z"
AT_SECONDS = 1795435200.0

POD: dict[str, Any] = {
    "metadata": {
        "name": "gopls-7d4-abc",
        "namespace": "demo",
        "uid": "uid-1",
        "resourceVersion": "77",
        "creationTimestamp": AT,
        "labels": {"app": "gopls"},
        "annotations": {
            "leakwarden.io/opt-out": "false",
            "port.leakwarden.io/pprof": "6061",
            "kubectl.kubernetes.io/default-container": "dev",
            "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
            "kubectl.kubernetes.io/last-applied-configuration": "{" + "x" * 100_000,
            "notleakwarden.io/port": "1",
            "leakwarden.io/huge": "x" * 5000,
        },
        "ownerReferences": [
            {"kind": "Node", "name": "n", "uid": "n-1"},
            {"kind": "ReplicaSet", "name": "gopls-7d4", "uid": "rs-1", "controller": True},
        ],
    },
    "spec": {
        "nodeName": "node-1",
        "restartPolicy": "Always",
        "priorityClassName": "normal",
        "containers": [
            {"name": "dev", "resources": {"limits": {"memory": "2Gi", "cpu": "1"}}},
            {"name": "sidecar"},
        ],
        "volumes": [
            {"name": "scratch", "emptyDir": {}},
            {"name": "shm", "emptyDir": {"medium": "Memory"}},
            {"name": "logs", "hostPath": {"path": "/var/log"}},
            {"name": "token", "projected": {}},
        ],
    },
    "status": {
        "phase": "Running",
        "podIP": "10.88.0.7",
        "conditions": [
            {"type": "PodScheduled", "status": "True"},
            {"type": "Ready", "status": "True", "lastTransitionTime": AT},
        ],
        "containerStatuses": [
            {
                "name": "dev",
                "containerID": "containerd://5f2",
                "restartCount": 3,
                "state": {"running": {"startedAt": AT}},
                "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": AT}},
            },
            {"name": "sidecar", "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
        ],
    },
}


def test_everything_that_sampling_and_rails_ask_for_is_kept() -> None:
    facts = pod_facts(POD)
    assert (facts.namespace, facts.name, facts.uid, facts.resource_version) == ("demo", "gopls-7d4-abc", "uid-1", "77")
    assert facts.labels == {"app": "gopls"}
    assert facts.owner == Owner("ReplicaSet", "gopls-7d4", "rs-1")
    assert (facts.phase, facts.ready, facts.ready_since, facts.deleting) == ("Running", True, AT_SECONDS, False)
    assert (facts.restart_policy, facts.priority_class, facts.node, facts.ip) == (
        "Always",
        "normal",
        "node-1",
        "10.88.0.7",
    )
    assert facts.local_volumes == ("scratch", "logs")
    assert facts.created_at == AT_SECONDS
    assert facts.containers == (
        ContainerFacts("dev", "containerd://5f2", 2 << 30, 3, True, AT_SECONDS, AT_SECONDS),
        ContainerFacts("sidecar", "", 0, 0, False, 0.0, 0.0),
    )


def test_only_annotations_that_mean_something_here_are_kept() -> None:
    assert set(pod_facts(POD).annotations) == {
        "leakwarden.io/opt-out",
        "port.leakwarden.io/pprof",
        "kubectl.kubernetes.io/default-container",
        "cluster-autoscaler.kubernetes.io/safe-to-evict",
    }


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        ({"spec": {"hostNetwork": True}}, {"host_network": True}),
        ({"metadata": {"deletionTimestamp": AT}}, {"deleting": True}),
        ({"metadata": {"annotations": {"kubernetes.io/config.mirror": "abc"}}}, {"mirror": True}),
        ({"metadata": {"ownerReferences": [{"kind": "Job", "name": "j", "uid": "1"}]}}, {"owner": None}),
        ({"status": {"conditions": [{"type": "Ready", "status": "False"}]}}, {"ready": False}),
        ({}, {"phase": "", "ready": False, "owner": None, "containers": (), "created_at": 0.0, "labels": {}}),
        ({"metadata": None, "spec": [], "status": {"conditions": None}}, {"phase": "", "containers": ()}),
    ],
)
def test_single_facts(pod: dict[str, Any], expected: dict[str, Any]) -> None:
    facts = pod_facts(pod)
    assert {name: getattr(facts, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("state", "last", "oom_at"),
    [
        ({}, {"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": AT}}, AT_SECONDS),
        ({}, {"terminated": {"reason": "Error", "exitCode": 137, "finishedAt": AT}}, AT_SECONDS),
        ({"terminated": {"reason": "OOMKilled", "finishedAt": AT}}, {}, AT_SECONDS),
        ({}, {"terminated": {"reason": "Error", "exitCode": 1, "finishedAt": AT}}, 0.0),
        ({}, {"terminated": {"reason": "Completed", "exitCode": 0, "finishedAt": AT}}, 0.0),
        ({}, {}, 0.0),
    ],
)
def test_an_oom_kill_is_told_by_reason_or_by_exit_code(state: Any, last: Any, oom_at: float) -> None:
    status = {"name": "c", "state": state, "lastState": last}
    facts = pod_facts({"spec": {"containers": [{"name": "c"}]}, "status": {"containerStatuses": [status]}})
    assert facts.containers[0].last_oom_at == oom_at


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("512Mi", 512 << 20), ("2G", 2 * 10**9), ("1.5Gi", 3 << 29), ("128974848", 128974848), ("1e9", 10**9),
        ("129e6", 129 * 10**6), ("123400m", 123), ("64Ki", 65536),
        ("1E", 10**18), ("1Ei", 1 << 60), (1073741824, 1 << 30),
        ("", 0), ("lots", 0), ("-1", 0), (None, 0), ("1ki", 0),
    ],
)  # fmt: skip
def test_memory_limits_are_read_as_kubernetes_writes_them(quantity: object, expected: int) -> None:
    assert memory_bytes(quantity) == expected


@pytest.mark.parametrize(("text", "expected"), [(AT, AT_SECONDS), ("", 0.0), (None, 0.0), ("yesterday", 0.0), (5, 0.0)])
def test_times_are_unix_seconds_and_zero_when_unknown(text: object, expected: float) -> None:
    assert unix_seconds(text) == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["metadata", "spec", "status", "containers", "containerStatuses", "conditions", "name", "state",
             "lastState", "terminated", "labels", "annotations", "ownerReferences", "volumes", "emptyDir",
             "resources", "limits", "memory"]
        ),
        inner, max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["metadata", "spec", "status"]), json_values))
def test_no_shape_of_json_makes_it_raise(pod: dict[str, Any]) -> None:
    assert pod_facts(pod).deleting in {True, False}


def test_a_pod_opts_out_at_any_length() -> None:
    said = pod_facts({"metadata": {"annotations": {"leakwarden.io/opt-out": "because " * 2000}}}).annotations
    assert said["leakwarden.io/opt-out"].startswith("because")
    assert len(said["leakwarden.io/opt-out"]) <= 4096


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("apps/v1", "StatefulSet"),
        ("v1", "StatefulSet"),
        (None, "StatefulSet"),
        ("apps.kruise.io/v1beta1", "StatefulSet.apps.kruise.io"),
    ],
)
def test_a_controller_of_another_group_is_of_another_kind(version: str | None, kind: str) -> None:
    owner = {"apiVersion": version, "kind": "StatefulSet", "name": "db", "uid": "1", "controller": True}
    facts = pod_facts({"metadata": {"ownerReferences": [owner]}})
    assert facts.owner is not None
    assert facts.owner.kind == kind


def test_volumes_that_go_with_their_pod_are_local_too() -> None:
    volumes = [
        {"name": "work", "ephemeral": {"volumeClaimTemplate": {}}},
        {"name": "claim", "persistentVolumeClaim": {"claimName": "a"}},
        {"name": "config", "configMap": {"name": "a"}},
    ]
    assert pod_facts({"spec": {"volumes": volumes}}).local_volumes == ("work",)
