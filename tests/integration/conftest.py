"""A real kube-apiserver for these tests: one a run, alone, gone at the end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hack import cluster
from hack.cluster import Cluster

CRD = Path(__file__).parent.parent.parent / "crds" / "leakwarden.io_leakpolicies.yaml"


@pytest.fixture(scope="session")
def control_plane() -> Iterator[Cluster]:
    """etcd and kube-apiserver. `.kubeconfig` and `.bin_dir / "kubectl"` are paths; `.kubectl(...)` runs a command.

    The process id in the name keeps runs at the same time apart.
    """
    name = f"it-{os.getpid()}"
    try:
        yield cluster.up(name, control_plane_only=True)
    finally:
        cluster.down(name)


@pytest.fixture(scope="session")
def with_crd(control_plane: Cluster) -> Cluster:
    """The same with LeakPolicy served."""
    control_plane.kubectl("apply", "-f", str(CRD))
    control_plane.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd/leakpolicies.leakwarden.io")
    return control_plane
