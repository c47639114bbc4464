"""The workloads' manifests: what every pod has, what each variant changes, and that pprof stays on localhost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from workloads import manifests
from workloads.build import Image

IMAGES = {name: Image(ref=f"leakwarden/{name}:1", tar=Path(f"{name}.tar")) for name in ("leakserver", "gopls")}
ALL = [*manifests.fleet(IMAGES, "ns"), *(manifests.faulty(IMAGES, fault) for fault in manifests.FAULTS)]


def _pod_spec(made: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = made["spec"] if made["kind"] == "Pod" else made["spec"]["template"]["spec"]
    return spec


def _container(made: dict[str, Any]) -> dict[str, Any]:
    [container] = _pod_spec(made)["containers"]
    assert isinstance(container, dict)
    return container


@pytest.mark.parametrize("workload", ALL, ids=lambda workload: workload.name)
def test_every_workload_is_bounded_and_reachable_by_port_forward_alone(workload: manifests.Workload) -> None:
    made = manifests.manifest(workload)
    container = _container(made)
    assert container["imagePullPolicy"] == "Never"
    assert container["resources"]["limits"]["memory"] == "2048Mi"
    assert container["resources"]["requests"]["memory"] == "64Mi"
    assert container["securityContext"]["runAsNonRoot"] is True
    listening = [arg for arg in container["args"] if arg.startswith(("-addr=", "-debug="))]
    assert listening == [f"{workload.listen_flag}=localhost:6060"]
    assert container["readinessProbe"]["httpGet"]["port"] == 8081
    assert _pod_spec(made)["terminationGracePeriodSeconds"] == 1
    assert "volumes" not in _pod_spec(made)
    assert made["spec"]["template"]["metadata"]["labels"].items() >= manifests.PART_OF.items()


def test_each_leak_has_a_healthy_twin_with_the_same_load() -> None:
    for shape in manifests.SHAPES:
        leaking = _container(manifests.manifest(manifests.leakserver(IMAGES, shape, rate=3)))
        healthy = _container(manifests.manifest(manifests.leakserver(IMAGES, shape, rate=3, fixed=True)))
        assert set(healthy["args"]) - set(leaking["args"]) == {"-fixed"}
        assert "-rate=3" in leaking["args"]


def test_a_leak_stops_at_three_fifths_of_the_memory_limit() -> None:
    workload = replace(manifests.gopls(IMAGES, "file-cache"), memory_limit=1000)
    assert f"-max-bytes={600 << 20}" in _container(manifests.manifest(workload))["args"]


def test_the_leaks_that_are_told_are_the_leaking_workloads_of_the_fleet() -> None:
    leaking = {workload.name for workload in manifests.fleet(IMAGES, "ns") if "healthy" not in workload.name}
    assert set(manifests.LEAKS) == leaking


def test_names_are_unique_so_that_all_fit_one_namespace() -> None:
    names = [workload.name for workload in ALL]
    assert len(set(names)) == len(names) == 12


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        ("Deployment", {"replicas", "selector", "template"}),
        ("StatefulSet", {"replicas", "selector", "template", "serviceName"}),
        ("DaemonSet", {"selector", "template"}),
    ],
)
def test_a_controller_has_just_the_fields_of_its_kind(kind: manifests.Kind, keys: set[str]) -> None:
    made = manifests.manifest(replace(ALL[0], kind=kind, replicas=3))
    assert made["kind"] == kind
    assert set(made["spec"]) == keys
    assert made["spec"].get("replicas", 3) == 3
    assert made["spec"]["template"]["metadata"]["labels"]["app"] == made["spec"]["selector"]["matchLabels"]["app"]


def test_a_bare_pod_carries_its_own_name_labels_annotations_and_restart_policy() -> None:
    workload = replace(
        ALL[0], name="alone", kind="Pod", restart_policy="Never", annotations={"a": "b"}, labels={"team": "x"}
    )
    made = manifests.manifest(workload)
    assert made["kind"] == "Pod"
    assert made["metadata"]["name"] == "alone"
    assert made["metadata"]["annotations"] == {"a": "b"}
    assert made["metadata"]["labels"] == {**manifests.PART_OF, "app": "alone", "team": "x"}
    assert made["spec"]["restartPolicy"] == "Never"


def test_a_pod_on_the_host_network_says_so_and_may_use_other_ports() -> None:
    workload = replace(ALL[0], host_network=True, priority_class="system-node-critical", port=16060, health_port=18081)
    made = manifests.manifest(workload)
    assert _pod_spec(made)["hostNetwork"] is True
    assert _pod_spec(made)["priorityClassName"] == "system-node-critical"
    assert {"-addr=localhost:16060", "-health-addr=0.0.0.0:18081"} <= set(_container(made)["args"])


def test_a_disruption_budget_covers_the_workload_s_pods() -> None:
    made = manifests.disruption_budget(ALL[0], 2)
    assert made["spec"] == {"minAvailable": 2, "selector": {"matchLabels": {"app": ALL[0].name}}}


@pytest.mark.parametrize("make", [manifests.leakserver, manifests.gopls, manifests.faulty])
def test_an_unknown_variant_is_refused_by_name(make: Any) -> None:
    with pytest.raises(ValueError, match=r"unknown .*'square'"):
        make(IMAGES, "square")
