"""The pod cache against a real API server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hack.cluster import Cluster
from leakwarden.adapters.kube_api import KubeClient
from leakwarden.adapters.kube_config import load_connection
from leakwarden.adapters.pod_watch import ALL_NAMESPACES, PodCache
from leakwarden.errors import ApiForbidden
from tests.adapters.servers import eventually

pytestmark = pytest.mark.integration

NAMESPACE = "pod-watch"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
COUNT = 230


def pod(name: str, **labels: str) -> dict[str, Any]:
    container = {"name": "main", "image": "none", "resources": {"limits": {"memory": "1Gi"}}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [container], "automountServiceAccountToken": False},
    }


@pytest.fixture(scope="module")
def namespace(control_plane: Cluster) -> Cluster:
    control_plane.kubectl("create", "namespace", NAMESPACE)
    control_plane.kubectl("create", "serviceaccount", "default", "--namespace", NAMESPACE)
    return control_plane


@asynccontextmanager
async def client(cluster: Cluster) -> AsyncIterator[KubeClient]:
    async with KubeClient(await load_connection(str(cluster.kubeconfig))) as api:
        yield api


async def test_a_namespace_is_followed_from_the_first_page_to_the_last_deletion(namespace: Cluster) -> None:
    async with client(namespace) as api:
        for start in range(0, COUNT, 23):
            await asyncio.gather(*(api.request("POST", PODS, body=pod(f"p{n}")) for n in range(start, start + 23)))
        cache = PodCache(api)
        try:
            cache.follow(frozenset({NAMESPACE}))
            await eventually(lambda: cache.synced(NAMESPACE), 30)
            assert len(cache) == COUNT
            assert len((await cache.changes())[NAMESPACE]) == COUNT

            made = await api.request("POST", PODS, body=pod("late", app="gopls"))
            uid = made["metadata"]["uid"]
            await eventually(lambda: cache.get(uid) is not None, 10)
            facts = cache.get(uid)
            assert facts is not None and facts.phase == "Pending" and facts.labels == {"app": "gopls"}
            assert facts.containers[0].memory_limit == 1 << 30 and facts.created_at > 0

            status = {"status": {"phase": "Running", "podIP": "10.1.2.3"}}
            await api.request("PATCH", f"{PODS}/late/status", body=status, content_type="application/merge-patch+json")
            await eventually(lambda: (found := cache.get(uid)) is not None and found.phase == "Running", 10)

            await api.request("DELETE", f"{PODS}/late", params={"gracePeriodSeconds": "0"})
            await eventually(lambda: cache.get(uid) is None, 10)
            assert cache.trouble(NAMESPACE) is None
        finally:
            await cache.close()


async def test_the_whole_cluster_can_be_followed_with_one_watch(namespace: Cluster) -> None:
    async with client(namespace) as api:
        made = await api.request("POST", PODS, body=pod("everywhere"))
        cache = PodCache(api)
        try:
            cache.follow(frozenset({ALL_NAMESPACES}))
            await eventually(lambda: cache.synced(NAMESPACE), 30)
            assert cache.get(made["metadata"]["uid"]) is not None
        finally:
            await cache.close()


async def test_a_missing_right_is_reported_and_its_grant_noticed(namespace: Cluster, tmp_path: Path) -> None:
    namespace.kubectl("create", "serviceaccount", "reader", "--namespace", NAMESPACE)
    kubeconfig = namespace.kubeconfig_for_token(namespace.token(NAMESPACE, "reader"), tmp_path / "reader")
    async with KubeClient(await load_connection(str(kubeconfig))) as api:
        cache = PodCache(api, forbidden_pause=0.2)
        try:
            cache.follow(frozenset({NAMESPACE}))
            await eventually(lambda: cache.trouble(NAMESPACE) is not None, 10)
            trouble = cache.trouble(NAMESPACE)
            assert isinstance(trouble, ApiForbidden)
            assert f"cannot list pods in namespace {NAMESPACE}" in str(trouble)
            grant = ["--namespace", NAMESPACE]
            namespace.kubectl("create", "role", "reader", "--verb=list,watch", "--resource=pods", *grant)
            namespace.kubectl(
                "create", "rolebinding", "reader", "--role=reader", f"--serviceaccount={NAMESPACE}:reader", *grant
            )
            await eventually(lambda: cache.synced(NAMESPACE), 20)
            assert cache.trouble(NAMESPACE) is None
        finally:
            await cache.close()
