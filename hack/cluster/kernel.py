"""What a node leaves in the kernel: control groups, the link, mounts.  Made before it starts, swept after it ended."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Collection
from pathlib import Path

from hack.cluster.console import ClusterError, run
from hack.cluster.layout import Layout
from hack.cluster.packages import which

_CGROUPS = Path("/sys/fs/cgroup")


def cgroup_mounts(mounts: str, *, every: bool = False) -> list[Path]:
    """Where the control group hierarchies that hold pods are mounted, from the text of /proc/mounts.

    Those of version 1 where there are any, else the one of version 2; with `every`, both (runc makes an empty group in
    a version 2 hierarchy that stands beside those of version 1).
    """
    rows = [line.split() for line in mounts.splitlines()]
    first = [Path(row[1]) for row in rows if len(row) > 2 and row[2] == "cgroup"]
    second = [Path(row[1]) for row in rows if len(row) > 2 and row[2] == "cgroup2"]
    return first + second if every else first or second


def make_cgroups(layout: Layout) -> None:
    """The parent group of all pods; kubelet insists that it is there."""
    for mount in cgroup_mounts(Path("/proc/mounts").read_text()):
        (mount / layout.cgroup.lstrip("/")).mkdir(exist_ok=True)


def sweep_cgroups(layout: Layout) -> None:
    """Remove the cluster's groups; the processes in them have ended, but the kernel may need a moment."""
    mounts = cgroup_mounts(Path("/proc/mounts").read_text(), every=True)
    roots = [mount / layout.cgroup.lstrip("/") for mount in mounts]
    end = time.monotonic() + 10
    while any(root.exists() for root in roots) and time.monotonic() < end:
        for root in roots:
            for directory, _, _ in os.walk(root, topdown=False):
                with contextlib.suppress(OSError):
                    Path(directory).rmdir()
        if any(root.exists() for root in roots):
            time.sleep(0.1)


def sweep_ownerless_cgroups(running: Collection[str]) -> None:
    """Remove the groups of clusters that ended without `down` (their checkout was deleted), not those of `running` ids.

    Call it with the machine's lock held: a cluster about to start has groups before it has processes.
    """
    for mount in cgroup_mounts(Path("/proc/mounts").read_text(), every=True):
        for root in mount.glob("leakwarden-*"):
            if root.name.removeprefix("leakwarden-") in running:
                continue
            for directory, _, _ in os.walk(root, topdown=False):
                with contextlib.suppress(OSError):
                    Path(directory).rmdir()


def link_exists(interface: str) -> bool:
    return Path("/sys/class/net", interface).exists()


def sweep_link(layout: Layout) -> None:
    """Remove the host's end of the link; routes go with it.  (The kernel does so too, a little after the namespace.)"""
    if link_exists(layout.interface):
        with contextlib.suppress(ClusterError):  # the kernel was faster
            run(["ip", "link", "del", layout.interface])
    if link_exists(layout.interface):
        raise ClusterError(f"interface {layout.interface} cannot be removed: ip link del {layout.interface}")


def mounts_below(directory: Path, mounts: str) -> list[str]:
    """Mount points below `directory` in the text of /proc/mounts, the innermost first."""
    prefix = f"{directory}/"
    points = [line.split()[1].replace("\\040", " ") for line in mounts.splitlines() if line]
    return sorted((point for point in points if point.startswith(prefix)), key=len, reverse=True)


def sweep_mounts(directory: Path) -> None:
    """Unmount whatever is mounted below `directory` in the host's own view.

    A cluster's mounts are private to it; this guards the deletion that follows against anything mounted by hand.
    """
    for point in mounts_below(directory, Path("/proc/mounts").read_text()):
        run(["umount", "--lazy", point])


def snapshotter(directory: Path) -> str:
    """`overlayfs` where `directory` can hold an overlay, else `native` (slower: it copies)."""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        for part in ("lower", "upper", "work", "merged"):
            Path(scratch, part).mkdir()
        options = f"lowerdir={scratch}/lower,upperdir={scratch}/upper,workdir={scratch}/work"
        mount = ["unshare", "--mount", "mount", "-t", "overlay", "overlay", "-o", options, f"{scratch}/merged"]
        done = subprocess.run(mount, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return "overlayfs" if done.returncode == 0 else "native"


def check_host() -> None:
    """ClusterError, with what to do, where a cluster cannot run at all."""
    if os.geteuid() != 0:
        raise ClusterError("a local cluster needs root (namespaces, mounts, network interfaces): run it with sudo")
    if not _CGROUPS.is_dir() or not cgroup_mounts(Path("/proc/mounts").read_text()):
        raise ClusterError("no control groups are mounted at /sys/fs/cgroup: a node cannot run here")
    if which("unshare") is None:
        raise ClusterError("unshare (Debian package util-linux) is missing")
