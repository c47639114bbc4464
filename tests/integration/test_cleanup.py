"""`leakwarden cleanup` before a real API server: what the operator wrote goes, what others wrote stays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hack.cluster import Cluster
from leakwarden.api import SUMMARY_ANNOTATION
from leakwarden.cli.cleanup import cleanup
from leakwarden.errors import ApiError
from leakwarden.settings import Settings

pytestmark = pytest.mark.integration

HOME, WATCHED, OTHER = "cleanup-home", "cleanup-watched", "cleanup-other"


def pod(namespace: str, name: str, annotations: dict[str, str], labels: dict[str, str] | None = None) -> dict[str, Any]:
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations, "labels": labels or {}},
        "spec": {"nodeName": "nowhere", "automountServiceAccountToken": False,
                 "containers": [{"name": "main", "image": "none"}]},
    }  # fmt: skip


def configmap(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": HOME}}


def lease(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name, "namespace": HOME},
    }  # fmt: skip


@pytest.fixture
def left(control_plane: Cluster) -> Iterator[Cluster]:
    """A cluster that an operator has lived in."""
    for namespace in (HOME, WATCHED, OTHER):
        control_plane.kubectl("create", "namespace", namespace)
        control_plane.kubectl("create", "serviceaccount", "default", "-n", namespace)
    things = [
        pod(WATCHED, "leaking", {SUMMARY_ANNOTATION: "text", "team": "a"}),
        pod(WATCHED, "healthy", {"team": "a"}),
        pod(OTHER, "leaking", {SUMMARY_ANNOTATION: "text"}),
        *(configmap(name) for name in ("leakwarden-journal", "somebody-elses")),
        *(lease(name) for name in ("leakwarden", "somebody-elses")),
    ]
    body = json.dumps({"apiVersion": "v1", "kind": "List", "items": things})
    control_plane.kubectl("apply", "-f", "-", stdin=body)
    yield control_plane
    for namespace in (HOME, WATCHED, OTHER):
        control_plane.kubectl("delete", "pods", "--all", "-n", namespace, "--force", "--grace-period=0")
        control_plane.kubectl("delete", "configmaps,leases", "--all", "-n", namespace)
        # Without a controller manager a namespace never ends by itself.
        control_plane.kubectl("delete", "serviceaccount", "default", "-n", namespace)
        control_plane.kubectl("delete", "namespace", namespace, "--wait=false")
        control_plane.kubectl(
            "replace", "--raw", f"/api/v1/namespaces/{namespace}/finalize", "-f", "-",
            stdin=json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}, "spec": {}}),
        )  # fmt: skip


async def told(kubeconfig: Path, namespaces: tuple[str, ...] = (), after: str = "", patience: float = 5) -> list[str]:
    settings = Settings(kubeconfig=kubeconfig, namespace=HOME, watch_namespaces=namespaces)
    return [sentence async for sentence in cleanup(settings, after, patience)]


def annotations_of(cluster: Cluster, namespace: str, name: str) -> dict[str, str]:
    found = json.loads(cluster.kubectl("get", "pod", name, "-n", namespace, "-o", "json"))
    return dict(found["metadata"].get("annotations", {}))


async def test_annotations_journal_and_lease_go_and_everything_else_stays(left: Cluster) -> None:
    assert await told(left.kubeconfig) == [
        f"pod {OTHER}/leaking: annotation {SUMMARY_ANNOTATION} removed",
        f"pod {WATCHED}/leaking: annotation {SUMMARY_ANNOTATION} removed",
        f"ConfigMap leakwarden-journal in namespace {HOME} deleted",
        f"Lease leakwarden in namespace {HOME} deleted",
    ]
    assert annotations_of(left, WATCHED, "leaking").get("team") == "a"
    assert SUMMARY_ANNOTATION not in annotations_of(left, WATCHED, "leaking") | annotations_of(left, OTHER, "leaking")
    assert "somebody-elses" in left.kubectl("get", "configmaps,leases", "-n", HOME, "-o", "name")
    assert await told(left.kubeconfig) == []


async def test_only_namespaces_that_were_watched_are_looked_at(left: Cluster) -> None:
    [first, *_] = await told(left.kubeconfig, (WATCHED,))
    assert first.startswith(f"pod {WATCHED}/leaking")
    assert SUMMARY_ANNOTATION in annotations_of(left, OTHER, "leaking")


async def test_nothing_is_touched_while_an_operator_runs(left: Cluster) -> None:
    running = pod(HOME, "operator", {}, {"app": "leakwarden"})
    left.kubectl("apply", "-f", "-", stdin=json.dumps(running))
    with pytest.raises(ApiError, match=f"an operator still runs after .* kubectl get pods -n {HOME} -l app=leakwarden"):
        await told(left.kubeconfig, after="app=leakwarden", patience=0.5)
    assert SUMMARY_ANNOTATION in annotations_of(left, WATCHED, "leaking")
    left.kubectl("delete", "pod", "operator", "-n", HOME, "--force", "--grace-period=0")
    assert len(await told(left.kubeconfig, after="app=leakwarden")) == 4


async def test_without_the_right_to_patch_the_rest_goes_and_what_stays_is_told(left: Cluster, tmp_path: Path) -> None:
    """As where `actions.annotate` was switched off after pods had been annotated."""
    left.kubectl("create", "serviceaccount", "cleaner", "-n", HOME)
    left.kubectl("create", "clusterrole", "cleaner", "--verb=list", "--resource=pods")
    left.kubectl("create", "clusterrolebinding", "cleaner", "--clusterrole=cleaner", f"--serviceaccount={HOME}:cleaner")
    left.kubectl("create", "role", "own", "-n", HOME, "--verb=get,delete", "--resource=configmaps,leases")
    left.kubectl("create", "rolebinding", "own", "-n", HOME, "--role=own", f"--serviceaccount={HOME}:cleaner")
    kubeconfig = left.kubeconfig_for_token(left.token(HOME, "cleaner"), tmp_path / "kubeconfig")
    with pytest.raises(ApiError, match=r"leakwarden.io/leak stays on 2 pods, the first: .*patch.*kubectl annotate"):
        await told(kubeconfig)
    assert "leakwarden-journal" not in left.kubectl("get", "configmaps", "-n", HOME, "-o", "name")
