"""What other code calls: up, down, find and load, whichever backend a cluster has."""

from __future__ import annotations

from pathlib import Path

from hack.cluster import kind, local
from hack.cluster.console import ClusterError
from hack.cluster.layout import Layout, state_root
from hack.cluster.model import Cluster

DEFAULT_NAME = "dev"


def up(
    name: str = DEFAULT_NAME,
    control_plane_only: bool = False,
    backend: str = "auto",
    *,
    with_controllers: bool = False,
) -> Cluster:
    """Bring a cluster up, or find it up already.

    `backend` is `auto`, `local` or `kind`.  A control plane alone is always local; `with_controllers` adds the
    controller manager to it (service accounts, Deployments, garbage collection).  ClusterError says what is wrong and
    what to do.
    """
    layout = Layout.of(name)
    if backend not in ("auto", "local", "kind"):
        raise ClusterError(f"backend {backend!r}: auto, local or kind")
    if not control_plane_only and (backend == "kind" or (backend == "auto" and _prefers_kind(layout))):
        return kind.up(layout)
    if kind.recorded(layout) is not None:
        kind.down(layout)
    return local.up(layout, control_plane_only=control_plane_only, with_controllers=with_controllers)


def _prefers_kind(layout: Layout) -> bool:
    """A local cluster that runs is kept; Docker is asked only when there is none."""
    return local.running(layout) is None and kind.usable(layout)


def down(name: str = DEFAULT_NAME) -> bool:
    """End a cluster and remove what it made, its logs apart.  False when there was nothing; safe to repeat."""
    layout = Layout.of(name)
    try:
        removed = kind.down(layout)
    finally:  # one of processes ends whatever Docker says
        ended = local.down(layout)
    return ended or removed


def find(name: str = DEFAULT_NAME) -> Cluster:
    """The cluster when it is up and well; ClusterError otherwise."""
    layout = Layout.of(name)
    cluster = kind.running(layout) or local.running(layout)
    if cluster is None:
        raise ClusterError(f"{name} is not running; run: python3 -m hack.cluster up --name {name}")
    return cluster


def load(archive: Path, name: str = DEFAULT_NAME) -> None:
    """Make the images of a docker-archive known to the cluster's node."""
    cluster = find(name)
    if not archive.is_file():
        raise ClusterError(f"{archive}: no such image file")
    if cluster.control_plane_only:
        raise ClusterError(f"{name} is a control plane alone: it has no node to load images into")
    if cluster.backend == "kind":
        kind.load(Layout.of(name), archive)
    else:
        local.load(Layout.of(name), archive)


def names() -> list[str]:
    """Clusters of this state directory, running or not, that have more than logs."""
    root = state_root() / "clusters"
    found = [path for path in root.iterdir() if path.is_dir()] if root.is_dir() else []
    return sorted(path.name for path in found if {entry.name for entry in path.iterdir()} - {"logs"})
