"""The local backend: a real single-node Kubernetes of plain processes, below one first process (see init.py)."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from hack.cluster import control_plane, kernel, model, node, pki, probe, processes
from hack.cluster.console import ClusterError, run, say, since, tail
from hack.cluster.control_plane import ControlPlane, Ports
from hack.cluster.layout import Layout, Network, choose_network, free_ports, networks_of_routes
from hack.cluster.model import Cluster
from hack.cluster.packages import with_sbin
from hack.cluster.tools import Tools, ensure_tools
from hack.images import ImageConfig, docker_archive

_READY_SECONDS = 180.0
_MACHINE_LOCK = Path("/run/lock/leakwarden-cluster.lock")


def up(layout: Layout, *, control_plane_only: bool, with_controllers: bool) -> Cluster:
    """A running cluster: the one that is there when it is well, else a new one in the place of what is left of it."""
    kernel.check_host()
    tools = ensure_tools(control_plane_only=control_plane_only)
    with locked(layout.lock):
        there = running(layout)
        if there is not None and (control_plane_only or not there.control_plane_only):
            say(f"{layout.name} is already running at {there.server}")
            return there
        remove(layout)
        return _start(layout, tools, control_plane_only, with_controllers or not control_plane_only)


def running(layout: Layout) -> Cluster | None:
    """The recorded cluster when its processes live and it answers as ready, else None."""
    cluster = model.load(layout.record)
    if cluster is None or processes.first_process(layout.plan) is None:
        return None
    if probe.api_ready(cluster.kubeconfig):
        return None
    if not cluster.control_plane_only and probe.node_ready(cluster.kubeconfig, node.NODE_NAME):
        return None
    return cluster


def down(layout: Layout) -> bool:
    """End the cluster and remove everything of it but its logs.  False when there was nothing."""
    with locked(layout.lock):
        return remove(layout)


def remove(layout: Layout) -> bool:
    """What `down` does, with the lock held by the caller."""
    start = time.monotonic()
    ran = processes.kill(layout.plan)
    existed = ran or layout.plan.exists() or kernel.link_exists(layout.interface)
    kernel.sweep_link(layout)
    kernel.sweep_cgroups(layout)
    if layout.state.exists():
        kernel.sweep_mounts(layout.state)
        for entry in layout.state.iterdir():
            if entry != layout.logs:
                _delete(entry)
    if existed:
        say(f"{layout.name}: {'stopped' if ran else 'remains of an earlier run removed'} in {since(start)}")
    return existed


def _delete(path: Path) -> None:
    """Never follows a mount: a mount that should not be there stops the deletion, not the data behind it."""
    run(["rm", "-rf", "--one-file-system", path])


def _start(layout: Layout, tools: Tools, control_plane_only: bool, with_controllers: bool) -> Cluster:
    start = time.monotonic()
    if layout.logs.exists():
        shutil.rmtree(layout.logs)
    layout.logs.mkdir(parents=True)
    kind = "control plane" if control_plane_only else "single-node cluster"
    say(f"{layout.name}: starting a {kind} in {layout.state}")
    with locked(_MACHINE_LOCK):  # until the addresses and ports chosen here are really taken
        network = None if control_plane_only else _free_network(layout)
        kernel.sweep_ownerless_cgroups(_running_ids())
        plane = ControlPlane(layout, tools, Ports(*free_ports(layout.id, 5)), network, with_controllers)
        _write(plane)
        wrapper = _launch(layout)

        def alive() -> bool:
            return wrapper.poll() is None

        with _ended_on_failure(layout):
            probe.wait(lambda: probe.api_ready(layout.kubeconfig), alive, _READY_SECONDS)
    say(f"{layout.name}: API server ready after {since(start)} at {plane.server}")
    with _ended_on_failure(layout):
        if network is not None:
            _import_pause(layout, tools)
            probe.wait(lambda: probe.node_ready(layout.kubeconfig, node.NODE_NAME), alive, _READY_SECONDS)
            say(f"{layout.name}: node {node.NODE_NAME} ready after {since(start)}")
        if with_controllers:
            account = "/api/v1/namespaces/default/serviceaccounts/default"
            probe.wait(lambda: probe.exists(layout.kubeconfig, account), alive, _READY_SECONDS)
    cluster = Cluster(
        name=layout.name,
        backend="local",
        control_plane_only=control_plane_only,
        kubeconfig=layout.kubeconfig,
        server=plane.server,
        node_address=network.node_address if network else "",
        audit_log=layout.audit_log,
        state_dir=layout.state,
        bin_dir=tools.path("kubectl").parent,
    )
    model.save(cluster, layout.record)
    say(f"{layout.name}: up in {since(start)}; KUBECONFIG={layout.kubeconfig}")
    return cluster


def _write(plane: ControlPlane) -> None:
    layout, network = plane.layout, plane.network
    certificates = control_plane.certificates(plane) + (node.certificates(network) if network else [])
    pki.make(layout.pki, certificates)
    control_plane.write_files(plane)
    services, setup = control_plane.services(plane), []
    if network:
        kernel.make_cgroups(layout)
        node.write_files(plane, network, kernel.snapshotter(layout.node))
        services += node.services(plane, network)
        setup = node.setup(layout, network)
    layout.plan.write_text(json.dumps({"setup": setup, "services": services, "logs": str(layout.logs)}, indent=2))


def _launch(layout: Layout) -> subprocess.Popen[bytes]:
    with (layout.logs / "init.log").open("ab") as log:
        return subprocess.Popen(
            processes.command(layout.plan, sys.executable),
            cwd="/",
            env={"PATH": with_sbin("/usr/local/bin:/usr/bin:/bin"), "HOME": str(layout.state), "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _running_ids() -> set[str]:
    """Ids of all clusters that run on this machine, whatever checkout they belong to."""
    return {Layout(found.plan.parent.name, found.plan.parent).id for found in processes.supervisors()}


def down_everywhere() -> None:
    """End every local cluster on this machine, those of other checkouts too; their files stay."""
    with locked(_MACHINE_LOCK):
        for plan in sorted({supervisor.plan for supervisor in processes.supervisors()}):
            say(f"ending the cluster of {plan.parent}")
            processes.kill(plan)
            kernel.sweep_link(Layout(plan.parent.name, plan.parent))
        kernel.sweep_ownerless_cgroups(_running_ids())


def _free_network(layout: Layout) -> Network:
    return choose_network(layout.id, networks_of_routes(run(["ip", "-4", "route", "show", "table", "all"])))


def _import_pause(layout: Layout, tools: Tools) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch) / "pause.tar"
        files = {"/pause": (tools.path("pause"), 0o755)}
        docker_archive(archive, node.PAUSE_IMAGE, files, ImageConfig(entrypoint=("/pause",), user="65535:65535"))
        load(layout, archive)


def load(layout: Layout, archive: Path) -> None:
    """Import a docker-archive into the cluster's containerd; waits while containerd is still starting."""
    pid = processes.first_process(layout.plan)
    if pid is None:
        raise ClusterError(f"{layout.name} is not running; run: python3 -m hack.cluster up --name {layout.name}")
    ctr = [*processes.enter(pid), "ctr", f"--address={node.CONTAINERD_SOCKET}", "--namespace=k8s.io"]
    end = time.monotonic() + 30
    while True:
        try:
            run([*ctr, "version"], env={**os.environ, "PATH": with_sbin()})
            break
        except ClusterError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
    run([*ctr, "images", "import", archive.absolute()], env={**os.environ, "PATH": with_sbin()})


@contextlib.contextmanager
def _ended_on_failure(layout: Layout) -> Iterator[None]:
    """A cluster that does not become ready is taken down again; the error tells what its logs say."""
    try:
        yield
    except ClusterError as error:
        told = _with_logs(error, layout)
        remove(layout)
        raise told from None


def _with_logs(error: ClusterError, layout: Layout) -> ClusterError:
    """The error with the last lines of the log that most likely tells why."""
    parts = [str(error)]
    for name in ("init", "etcd", "kube-apiserver", "containerd", "kubelet"):
        path = layout.logs / f"{name}.log"
        if path.exists() and path.stat().st_size:
            parts.append(f"--- {path}\n{tail(path)}")
    return ClusterError("\n".join(parts))


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file against other runs; the kernel lets it go when this process ends in whatever way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another run is starting or stopping a cluster; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
