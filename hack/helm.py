"""Helm on the chart of this repository: rendering without a cluster, installing into one, as a user would type it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hack.cluster import Cluster, helm_path
from hack.cluster.console import ClusterError, run
from hack.cluster.layout import state_root

REPO = Path(__file__).resolve().parent.parent
CHART = REPO / "charts" / "leakwarden"
RELEASE = NAMESPACE = "leakwarden"

Values = Mapping[str, Any]


def helm(*arguments: str, cluster: Cluster | None = None, stdin: str | None = None, timeout: float = 300) -> str:
    """Standard output of a helm command, as the cluster's administrator; ClusterError with helm's words when it fails.

    Helm's own files stay below the state directory: nothing in the home directory is read or written.
    """
    own = state_root() / "helm"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("HELM_")},
        **{f"HELM_{kind}_HOME": str(own / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")},
        "KUBECONFIG": str(cluster.kubeconfig) if cluster else os.devnull,
    }
    return run([helm_path(), *arguments], env=environment, stdin=stdin, timeout=timeout)


def template(values: Values | None = None, *flags: str, chart: Path = CHART, namespace: str = NAMESPACE) -> str:
    """The chart's objects as YAML documents, nothing asked of any cluster."""
    return helm("template", RELEASE, str(chart), "-n", namespace, *flags, "-f", "-", stdin=json.dumps(values or {}))


def install(
    cluster: Cluster,
    values: Values,
    *flags: str,
    chart: Path = CHART,
    namespace: str = NAMESPACE,
    release: str = RELEASE,
) -> str:
    """Install, or upgrade what is installed, and wait until it is ready. ClusterError with what the pods say if not."""
    if _half_done(cluster, namespace, release):
        uninstall(cluster, namespace, release)
    command = ["upgrade", "--install", release, str(chart), "-n", namespace, "--create-namespace", "--wait"]
    try:
        return helm(*command, "--timeout=120s", *flags, "-f", "-", cluster=cluster, stdin=json.dumps(values))
    except ClusterError as error:
        label = f"app.kubernetes.io/instance={release}"
        pods = cluster.kubectl("get", "pods", "-n", namespace, "-l", label, "-o", "wide")
        logs = cluster.kubectl("logs", "-n", namespace, "-l", label, "--tail=5", "--prefix", "--ignore-errors")
        raise ClusterError(f"{error}\n{pods}\n{logs}") from error


def _half_done(cluster: Cluster, namespace: str, release: str) -> bool:
    """What a killed `helm upgrade` leaves behind: Helm refuses to do anything more with it."""
    pending = "status in (pending-install, pending-upgrade, pending-rollback)"
    label = f"owner=helm,name={release},{pending}"
    return bool(cluster.kubectl("get", "secrets", "-n", namespace, "-l", label, "-o", "name").strip())


def uninstall(cluster: Cluster, namespace: str = NAMESPACE, release: str = RELEASE) -> str:
    """Uninstall and wait until everything that goes has gone."""
    return helm("uninstall", release, "-n", namespace, "--wait", "--timeout=120s", cluster=cluster)
