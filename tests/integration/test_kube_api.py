"""The Kubernetes client against a real API server: what it really answers becomes what it should."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hack.cluster import Cluster
from leakwarden.adapters.kube_api import KubeClient
from leakwarden.adapters.kube_config import load_connection
from leakwarden.adapters.kube_errors import WatchExpired
from leakwarden.adapters.port_forward import PortForwardDialer
from leakwarden.adapters.ports import OPENED
from leakwarden.api.words import FailureReason, Transport
from leakwarden.errors import (
    ApiConflict,
    ApiError,
    ApiForbidden,
    ApiNotFound,
    ApiUnavailable,
    DisruptionBudget,
    SamplingError,
)
from tests.adapters.servers import target

pytestmark = pytest.mark.integration

NAMESPACE = "kube-api"
MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"


@pytest.fixture(scope="module")
def namespace(control_plane: Cluster) -> Cluster:
    """With a ServiceAccount for pods, and one that may do nothing."""
    control_plane.kubectl("create", "namespace", NAMESPACE)
    control_plane.kubectl("create", "serviceaccount", "default", "--namespace", NAMESPACE)
    control_plane.kubectl("create", "serviceaccount", "nobody", "--namespace", NAMESPACE)
    return control_plane


@pytest.fixture
async def api(namespace: Cluster) -> AsyncIterator[KubeClient]:
    async with KubeClient(await load_connection(str(namespace.kubeconfig))) as client:
        yield client


@pytest.fixture
async def nobody(namespace: Cluster, tmp_path: Path) -> AsyncIterator[KubeClient]:
    kubeconfig = namespace.kubeconfig_for_token(namespace.token(NAMESPACE, "nobody"), tmp_path / "nobody")
    async with KubeClient(await load_connection(str(kubeconfig))) as client:
        yield client


def config_map(name: str, **more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **more}}


def pod(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"containers": [{"name": "main", "image": "none"}], "automountServiceAccountToken": False},
    }


async def test_objects_are_made_patched_read_and_removed(api: KubeClient) -> None:
    made = await api.request("POST", MAPS, body=config_map("plain"))
    patched = await api.request(
        "PATCH", f"{MAPS}/plain", body={"data": {"a": "b"}}, content_type="application/merge-patch+json"
    )
    assert patched["metadata"]["uid"] == made["metadata"]["uid"]
    assert (await api.request("GET", f"{MAPS}/plain"))["data"] == {"a": "b"}
    await api.request("DELETE", f"{MAPS}/plain")
    with pytest.raises(ApiNotFound, match='configmaps "plain" not found'):
        await api.request("GET", f"{MAPS}/plain")


async def test_a_write_over_a_newer_version_is_a_conflict(api: KubeClient) -> None:
    made = await api.request("POST", MAPS, body=config_map("contended"))
    stale = config_map("contended", resourceVersion=made["metadata"]["resourceVersion"])
    await api.request("PUT", f"{MAPS}/contended", body={**stale, "data": {"a": "1"}})
    with pytest.raises(ApiConflict):
        await api.request("PUT", f"{MAPS}/contended", body={**stale, "data": {"a": "2"}})


async def test_a_precondition_on_another_uid_is_a_conflict(api: KubeClient) -> None:
    await api.request("POST", MAPS, body=config_map("replaced"))
    with pytest.raises(ApiConflict, match="UID in the precondition"):
        await api.request("DELETE", f"{MAPS}/replaced", body={"preconditions": {"uid": "00000000-another"}})


async def test_an_invalid_body_is_an_error_that_names_the_field(api: KubeClient) -> None:
    with pytest.raises(ApiError, match=r"HTTP 422: .*metadata.name"):
        await api.request("POST", MAPS, body=config_map("Not_A_Name"))


async def test_a_missing_right_names_verb_and_resource(nobody: KubeClient) -> None:
    with pytest.raises(ApiForbidden, match=f"cannot list pods in namespace {NAMESPACE}"):
        await nobody.request("GET", PODS)
    with pytest.raises(ApiForbidden, match="cannot create pods/eviction"):
        await nobody.request("POST", f"{PODS}/p/eviction", body={})


async def test_a_missing_right_to_forward_is_forbidden_with_what_to_grant(nobody: KubeClient) -> None:
    with pytest.raises(SamplingError, match="get and create on pods/portforward") as caught:
        await PortForwardDialer(nobody).open(target(6060, transport=Transport.PORT_FORWARD))
    assert caught.value.reason == FailureReason.FORBIDDEN


async def test_a_forward_to_a_pod_that_is_not_there_or_not_placed_is_pod_gone(api: KubeClient) -> None:
    await api.request("POST", PODS, body=pod("unplaced"))
    for name, said in (("absent", 'pods "absent" not found'), ("unplaced", "does not have a host assigned")):
        there = replace(target(6060, transport=Transport.PORT_FORWARD), namespace=NAMESPACE, pod=name)
        with pytest.raises(SamplingError, match=said) as caught:
            await PortForwardDialer(api).open(there)
        assert caught.value.reason == FailureReason.POD_GONE


async def test_an_expired_token_is_told_from_a_missing_right(namespace: Cluster, tmp_path: Path) -> None:
    kubeconfig = namespace.kubeconfig_for_token("not.a.token", tmp_path / "stranger")
    async with KubeClient(await load_connection(str(kubeconfig))) as stranger:
        with pytest.raises(ApiForbidden, match="the token is not accepted"):
            await stranger.request("GET", PODS)


async def test_a_disruption_budget_is_told_from_throttling(api: KubeClient) -> None:
    await api.request("POST", PODS, body=pod("guarded"))
    running = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    merge = "application/merge-patch+json"
    await api.request("PATCH", f"{PODS}/guarded/status", body=running, content_type=merge)
    budgets = f"/apis/policy/v1/namespaces/{NAMESPACE}/poddisruptionbudgets"
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "guard"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "guarded"}}},
    }
    await api.request("POST", budgets, body=budget)
    # What the controller would find out, which a control plane alone does not run.
    told = {
        "disruptionsAllowed": 0,
        "currentHealthy": 1,
        "desiredHealthy": 1,
        "expectedPods": 1,
        "observedGeneration": 1,
    }
    await api.request("PATCH", f"{budgets}/guard/status", body={"status": told}, content_type=merge)
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "guarded", "namespace": NAMESPACE}}
    with pytest.raises(DisruptionBudget, match="guard"):
        await api.request("POST", f"{PODS}/guarded/eviction", body=eviction)


async def test_a_list_is_read_in_pages_of_one_version(api: KubeClient) -> None:
    await asyncio.gather(
        *(api.request("POST", MAPS, body=config_map(f"page-{n:02}", labels={"page": "1"})) for n in range(25))
    )
    names, versions = [], set()
    async for items, version in api.list_pages(MAPS, params={"labelSelector": "page=1"}, page_size=10):
        names += [item["metadata"]["name"] for item in items]
        versions.add(version)
    assert names == [f"page-{n:02}" for n in range(25)]
    assert len(versions) == 1


async def test_a_watch_delivers_what_happens_after_its_version(api: KubeClient) -> None:
    before = await api.request("POST", MAPS, body=config_map("watched"))
    seen: list[tuple[str, str]] = []

    async def watch() -> None:
        version = before["metadata"]["resourceVersion"]
        async for event in api.watch(MAPS, resource_version=version, params={"fieldSelector": "metadata.name=watched"}):
            if event.kind != OPENED:
                seen.append((event.kind, event.object["metadata"]["name"]))
            if event.kind == "DELETED":
                return

    watching = asyncio.create_task(watch())
    await api.request(
        "PATCH", f"{MAPS}/watched", body={"data": {"a": "b"}}, content_type="application/merge-patch+json"
    )
    await api.request("DELETE", f"{MAPS}/watched")
    await asyncio.wait_for(watching, 20)
    assert seen == [("MODIFIED", "watched"), ("DELETED", "watched")]


async def test_a_watch_from_a_version_that_is_gone_must_be_listed_anew(with_crd: Cluster, api: KubeClient) -> None:
    """The API server keeps changes of a custom resource from the moment on at which it was defined."""
    policies = "/apis/leakwarden.io/v1alpha1/leakpolicies"
    assert with_crd.kubectl("get", "crd", "leakpolicies.leakwarden.io")
    with pytest.raises(WatchExpired):
        async with asyncio.timeout(30):
            while True:
                try:
                    async for _ in api.watch(policies, resource_version="1"):
                        pass
                except ApiUnavailable:  # 429 while the API server makes the storage of a new resource
                    await asyncio.sleep(0.2)
