"""The kind backend: literal kind by kind-config.yaml, where Docker runs and a node image can be had."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from hack.cluster import model, probe
from hack.cluster.console import ClusterError, run, say, since
from hack.cluster.layout import REPOSITORY, Layout
from hack.cluster.local import locked
from hack.cluster.model import Cluster
from hack.cluster.tools import kind_path, kubectl_path
from hack.cluster.versions import KUBERNETES

IMAGE_VARIABLE = "LEAKWARDEN_KIND_NODE_IMAGE"
CONFIG = REPOSITORY / "kind-config.yaml"

_AUDIT_POLICY = Path(__file__).resolve().with_name("audit-policy.yaml")
_PUBLISHED = (f"kindest/node:{KUBERNETES}", "kindest/node:v1.35.0")
_CREATE_SECONDS = 600.0


def usable(layout: Layout) -> bool:
    """Whether `auto` should take kind: Docker answers and a node image is there or can be pulled."""
    return recorded(layout) is not None or (docker_works() and node_image() is not None)


@functools.cache
def docker_works() -> bool:
    """Whether `docker info` reaches a daemon."""
    if shutil.which("docker") is None:
        return False
    try:
        run(["docker", "info"], timeout=20)
    except ClusterError:
        return False
    return True


@functools.cache
def node_image() -> str | None:
    """The image named by $LEAKWARDEN_KIND_NODE_IMAGE, else one published for this Kubernetes, else None."""
    named = os.environ.get(IMAGE_VARIABLE)
    wanted = (named,) if named else _PUBLISHED
    for image in wanted:
        if _docker_succeeds("image", "inspect", image):
            return image
    for image in wanted:
        say(f"asking Docker to pull {image}")
        if _docker_succeeds("pull", "--quiet", image):
            return image
    if named:
        raise ClusterError(f"{IMAGE_VARIABLE}={named}: Docker has no such image and cannot pull it")
    return None


def up(layout: Layout) -> Cluster:
    """A running kind cluster: the one that is there when it is well, else a new one."""
    if not docker_works():
        raise ClusterError("kind needs Docker, and `docker info` reaches no daemon")
    image = node_image()
    if image is None:
        raise ClusterError(
            f"no node image for kind: {', '.join(_PUBLISHED)} cannot be pulled; name one by {IMAGE_VARIABLE}"
        )
    kind, kubectl = kind_path(), kubectl_path()
    with locked(layout.lock):
        there = running(layout)
        if there is not None:
            say(f"{layout.name} is already running (kind) at {there.server}")
            return there
        _remove(layout)
        return _create(layout, kind, kubectl, image)


def running(layout: Layout) -> Cluster | None:
    """The recorded kind cluster when it answers as ready, else None."""
    cluster = recorded(layout)
    return cluster if cluster is not None and not probe.api_ready(cluster.kubeconfig) else None


def down(layout: Layout) -> bool:
    """Delete the kind cluster of this name and state directory.  False when there is none."""
    with locked(layout.lock):
        return _remove(layout)


def load(layout: Layout, archive: Path) -> None:
    """Import a docker-archive into the node."""
    run([kind_path(), "load", "image-archive", archive.absolute(), "--name", _kind_name(layout)])


def render_config(text: str, layout: Layout) -> str:
    """kind-config.yaml with the audit files of this cluster in the place of the paths for use by hand."""
    places = {
        "./hack/cluster/audit-policy.yaml": str(_AUDIT_POLICY),
        "./.state/kind-audit": str(layout.logs),
    }
    for by_hand, ours in places.items():
        if by_hand not in text:
            raise ClusterError(f"{CONFIG} no longer mounts {by_hand}; hack/cluster/kind.py expects it")
        text = text.replace(by_hand, json.dumps(ours))
    return text


def _create(layout: Layout, kind: Path, kubectl: Path, image: str) -> Cluster:
    start = time.monotonic()
    say(f"{layout.name}: creating a kind cluster from {image} (a minute or two)")
    shutil.rmtree(layout.logs, ignore_errors=True)
    layout.logs.mkdir(parents=True)
    config, yaml = layout.state / "kind-config.yaml", layout.state / "kind-kubeconfig.yaml"
    config.write_text(render_config(CONFIG.read_text(), layout))
    create: list[str | Path] = [kind, "create", "cluster", "--name", _kind_name(layout), "--image", image]
    run([*create, "--config", config, "--kubeconfig", yaml, "--wait", "180s"], timeout=_CREATE_SECONDS)
    # JSON is YAML, and JSON is what the standard library reads.
    plain = run([kubectl, "--kubeconfig", yaml, "config", "view", "--raw", "-o", "json"])
    layout.kubeconfig.touch(mode=0o600)
    layout.kubeconfig.write_text(plain)
    yaml.unlink()
    node = f"/api/v1/nodes/{_kind_name(layout)}-control-plane"
    _, body = probe.get(layout.kubeconfig, node)
    addresses = json.loads(body)["status"]["addresses"]
    cluster = Cluster(
        name=layout.name,
        backend="kind",
        control_plane_only=False,
        kubeconfig=layout.kubeconfig,
        server=json.loads(plain)["clusters"][0]["cluster"]["server"],
        node_address=next(entry["address"] for entry in addresses if entry["type"] == "InternalIP"),
        audit_log=layout.audit_log,
        state_dir=layout.state,
        bin_dir=kubectl.parent,
    )
    model.save(cluster, layout.record)
    say(f"{layout.name}: up in {since(start)}; KUBECONFIG={layout.kubeconfig}")
    return cluster


def _remove(layout: Layout) -> bool:
    """Also of a cluster whose creation was killed: Docker knows its container though nothing is recorded here."""
    known = recorded(layout) is not None
    if known and not docker_works():
        raise ClusterError(f"{layout.name} is a kind cluster, and Docker does not answer: start Docker to remove it")
    label = f"label=io.x-k8s.kind.cluster={_kind_name(layout)}"
    exists = docker_works() and bool(run(["docker", "ps", "--all", "--quiet", "--filter", label]).strip())
    if exists:
        say(f"{layout.name}: deleting the kind cluster")
        scratch = layout.state / "kind-delete-kubeconfig"  # else kind edits the kubeconfig in the home directory
        layout.state.mkdir(parents=True, exist_ok=True)
        run([kind_path(), "delete", "cluster", "--name", _kind_name(layout), "--kubeconfig", scratch])
        scratch.unlink(missing_ok=True)
    if known:
        for path in (layout.record, layout.kubeconfig):
            path.unlink(missing_ok=True)
    return exists or known


def recorded(layout: Layout) -> Cluster | None:
    """The kind cluster that was brought up last under this name, well or not."""
    cluster = model.load(layout.record)
    return cluster if cluster is not None and cluster.backend == "kind" else None


def _kind_name(layout: Layout) -> str:
    return f"leakwarden-{layout.name}-{layout.id}"


def _docker_succeeds(*arguments: str) -> bool:
    done = subprocess.run(
        ["docker", *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=900, check=False
    )
    return done.returncode == 0
