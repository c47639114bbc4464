"""For the tests of acting: a namespace with pods, an admin's client, and one with just the operator's own rights."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from hack.cluster import Cluster
from leakwarden.adapters.kube_api import KubeClient
from leakwarden.adapters.kube_config import load_connection
from leakwarden.core.pod_facts import pod_facts
from leakwarden.core.targets import PodFacts

RBAC = Path(__file__).parent.parent.parent / "deploy" / "rbac.yaml"
OPERATOR_NAMESPACE = "leakwarden"


def prepare(cluster: Cluster, namespace: str) -> None:
    """The operator's ServiceAccount and rights, and a namespace that pods can be made in."""
    cluster.kubectl("apply", "-f", str(RBAC))
    cluster.kubectl("create", "namespace", namespace)
    cluster.kubectl("create", "serviceaccount", "default", "--namespace", namespace)


@asynccontextmanager
async def admin(cluster: Cluster) -> AsyncIterator[KubeClient]:
    async with KubeClient(await load_connection(str(cluster.kubeconfig))) as client:
        yield client


@asynccontextmanager
async def operator(cluster: Cluster, directory: Path) -> AsyncIterator[KubeClient]:
    """With the token of the operator's ServiceAccount and the roles that a user installs."""
    token = cluster.token(OPERATOR_NAMESPACE, "leakwarden")
    kubeconfig = cluster.kubeconfig_for_token(token, directory / "operator")
    async with KubeClient(await load_connection(str(kubeconfig))) as client:
        yield client


async def running_pod(api: KubeClient, namespace: str, name: str) -> PodFacts:
    """Bound to a node that does not exist, so that it stays terminating once deleted; Running and Ready by decree."""
    path = f"/api/v1/namespaces/{namespace}/pods"
    body: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "nodeName": "nowhere",
            "automountServiceAccountToken": False,
            "containers": [{"name": "main", "image": "none"}],
        },
    }
    await api.request("POST", path, body=body)
    status = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    made = await api.request("PATCH", f"{path}/{name}/status", body=status, content_type="application/merge-patch+json")
    return pod_facts(made)


async def look(api: KubeClient, pod: PodFacts) -> PodFacts:
    return pod_facts(await api.request("GET", f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}"))
