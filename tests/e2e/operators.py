"""What tests ask of an operator, however it was started, and operators of a test's own.

Those have a namespace, a state directory and namespaces to watch that no other operator has, and are processes beside
the cluster, so that a test can kill them at a moment of its choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import yaml

from hack.cluster import Cluster
from hack.local_operator import REPO, LocalOperator, apply
from tests.e2e.killing_proxy import KillingProxy

_SHIPPED = "leakwarden"
"""The namespace that deploy/rbac.yaml names."""


class Operator(Protocol):
    """One that runs: a release of the chart (HelmOperator) or a process (LocalOperator)."""

    @property
    def log(self) -> object:
        """Where its log is, in words."""
        ...

    @property
    def url(self) -> str: ...

    def metrics(self) -> str: ...

    def tail(self, lines: int = 30) -> str:
        """The end of its log."""
        ...


def account(cluster: Cluster, namespace: str) -> str:
    """The shipped RBAC once more for an operator that lives in `namespace`; returns its token."""
    shipped = yaml.safe_load_all((REPO / "deploy" / "rbac.yaml").read_text())
    apply(cluster, *(_moved(document, namespace) for document in shipped))
    return cluster.token(namespace, "leakwarden")


def operator(
    cluster: Cluster,
    directory: Path,
    namespace: str,
    watched: Sequence[str],
    proxy: KillingProxy | None = None,
) -> LocalOperator:
    """Not started yet. With a `proxy` it knows of no other way to the API server."""
    directory.mkdir(parents=True, exist_ok=True)
    token, path = account(cluster, namespace), directory / "own-kubeconfig"
    kubeconfig = proxy.kubeconfig(token, path) if proxy else cluster.kubeconfig_for_token(token, path)
    environment = {
        "LEAKWARDEN_NAMESPACE": namespace,
        "LEAKWARDEN_WATCH_NAMESPACES": ",".join(watched),
        "LEAKWARDEN_KUBECONFIG": str(kubeconfig),
        "LEAKWARDEN_STATUS_INTERVAL": "1",
    }
    return LocalOperator(directory, environment)


def _moved(document: dict[str, Any], namespace: str) -> dict[str, Any]:
    """Everything that names the namespace names the other one; cluster roles are the same for both."""
    metadata = document["metadata"]
    if document["kind"] == "Namespace":
        metadata["name"] = namespace
        metadata["labels"] = {"leakwarden.io/e2e": "true"}
    if metadata.get("namespace") == _SHIPPED:
        metadata["namespace"] = namespace
    if document["kind"] == "ClusterRoleBinding":
        metadata["name"] = f"{metadata['name']}-{namespace}"
    for subject in document.get("subjects", []):
        subject["namespace"] = namespace
    return document
