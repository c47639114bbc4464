"""Evicting and annotating before a real API server, with the operator's own rights and no others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hack.cluster import Cluster
from leakwarden.adapters.actuator import DryRunActuator, LiveActuator, pod_left
from leakwarden.adapters.kube_api import KubeClient
from leakwarden.api import SUMMARY_ANNOTATION
from leakwarden.errors import ApiConflict, ApiForbidden, ApiNotFound, DisruptionBudget
from tests.integration.acting import admin, look, operator, prepare, running_pod

pytestmark = pytest.mark.integration

NAMESPACE = "acting"
ANOTHER_UID = "00000000-0000-0000-0000-000000000000"
BUDGETS = f"/apis/policy/v1/namespaces/{NAMESPACE}/poddisruptionbudgets"


@pytest.fixture(scope="module")
def cluster(control_plane: Cluster) -> Cluster:
    prepare(control_plane, NAMESPACE)
    return control_plane


@pytest.fixture
async def api(cluster: Cluster) -> AsyncIterator[KubeClient]:
    async with admin(cluster) as client:
        yield client


@pytest.fixture
async def ours(cluster: Cluster, tmp_path: Path) -> AsyncIterator[KubeClient]:
    async with operator(cluster, tmp_path) as client:
        yield client


async def budget(api: KubeClient, name: str, app: str, allowed: int) -> None:
    """A PodDisruptionBudget with the status that its controller would give it."""
    body: dict[str, Any] = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": app}}},
    }
    made = await api.request("POST", BUDGETS, body=body)
    status = {
        "observedGeneration": made["metadata"]["generation"],
        "disruptionsAllowed": allowed,
        "currentHealthy": 1,
        "desiredHealthy": 1,
        "expectedPods": 1,
    }
    await api.request(
        "PATCH", f"{BUDGETS}/{name}/status", body={"status": status}, content_type="application/merge-patch+json"
    )


async def test_an_eviction_ends_the_pod(api: KubeClient, ours: KubeClient) -> None:
    pod = await running_pod(api, NAMESPACE, "evicted")
    assert not await pod_left(ours, NAMESPACE, pod.name, pod.uid)
    await LiveActuator(ours).evict(pod)
    assert (await look(api, pod)).deleting
    assert await pod_left(ours, NAMESPACE, pod.name, pod.uid)


async def test_a_pod_of_the_same_name_is_not_evicted_for_another(api: KubeClient, ours: KubeClient) -> None:
    pod = await running_pod(api, NAMESPACE, "namesake")
    with pytest.raises(ApiConflict, match="UID"):
        await LiveActuator(ours).evict(replace(pod, uid=ANOTHER_UID))
    assert not (await look(api, pod)).deleting
    assert await pod_left(ours, NAMESPACE, pod.name, ANOTHER_UID)


async def test_the_server_rehearses_an_eviction_with_all_its_checks(api: KubeClient, ours: KubeClient) -> None:
    pod = await running_pod(api, NAMESPACE, "rehearsed")
    await DryRunActuator(ours).evict(pod)
    with pytest.raises(ApiConflict):
        await DryRunActuator(ours).evict(replace(pod, uid=ANOTHER_UID))
    await budget(api, "rehearsed", "rehearsed", allowed=0)
    with pytest.raises(DisruptionBudget):
        await DryRunActuator(ours).evict(pod)
    assert not (await look(api, pod)).deleting


async def test_a_disruption_budget_says_no_and_names_itself(api: KubeClient, ours: KubeClient) -> None:
    pod = await running_pod(api, NAMESPACE, "guarded")
    await budget(api, "guarded", "guarded", allowed=0)
    with pytest.raises(DisruptionBudget, match="guarded"):
        await LiveActuator(ours).evict(pod)
    assert not (await look(api, pod)).deleting


async def test_a_disruption_budget_that_allows_one_lets_one_go(api: KubeClient, ours: KubeClient) -> None:
    pod = await running_pod(api, NAMESPACE, "spared")
    await budget(api, "spared", "spared", allowed=1)
    await LiveActuator(ours).evict(pod)
    assert (await look(api, pod)).deleting


async def test_a_pod_that_is_gone_cannot_be_evicted(api: KubeClient, ours: KubeClient) -> None:
    pod = await running_pod(api, NAMESPACE, "brief")
    gone = {"gracePeriodSeconds": 0, "preconditions": {"uid": pod.uid}}
    await api.request("DELETE", f"/api/v1/namespaces/{NAMESPACE}/pods/brief", body=gone)
    with pytest.raises(ApiNotFound):
        await LiveActuator(ours).evict(pod)
    assert await pod_left(ours, NAMESPACE, pod.name, pod.uid)


async def test_the_annotation_comes_and_goes(api: KubeClient, ours: KubeClient) -> None:
    pod = await running_pod(api, NAMESPACE, "noted")
    await DryRunActuator(ours).annotate(pod, "a leak")
    assert SUMMARY_ANNOTATION not in (await look(api, pod)).annotations
    await LiveActuator(ours).annotate(pod, "a leak")
    assert (await look(api, pod)).annotations[SUMMARY_ANNOTATION] == "a leak"
    await LiveActuator(ours).annotate(pod, "a worse leak")
    assert (await look(api, pod)).annotations[SUMMARY_ANNOTATION] == "a worse leak"
    await LiveActuator(ours).unannotate(pod)
    await LiveActuator(ours).unannotate(pod)
    assert SUMMARY_ANNOTATION not in (await look(api, pod)).annotations


async def test_a_pod_of_the_same_name_is_not_annotated_for_another(api: KubeClient, ours: KubeClient) -> None:
    pod = await running_pod(api, NAMESPACE, "noted-twin")
    with pytest.raises(ApiConflict):
        await LiveActuator(ours).annotate(replace(pod, uid=ANOTHER_UID), "a leak")
    await LiveActuator(ours).annotate(pod, "a leak")
    await LiveActuator(ours).unannotate(replace(pod, uid=ANOTHER_UID))
    assert (await look(api, pod)).annotations[SUMMARY_ANNOTATION] == "a leak"


async def test_the_operator_may_evict_but_never_delete(api: KubeClient, ours: KubeClient) -> None:
    pod = await running_pod(api, NAMESPACE, "protected")
    with pytest.raises(ApiForbidden, match="cannot delete pods"):
        await ours.request("DELETE", f"/api/v1/namespaces/{NAMESPACE}/pods/{pod.name}")
