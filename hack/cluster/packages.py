"""Debian packages the node needs: only what is missing is installed, told by the programs, not by package names."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from hack.cluster.console import ClusterError, run, say, since

CNI_DIRECTORIES = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))
CNI_PLUGINS = ("bridge", "host-local", "loopback", "portmap")

CONTROL_PLANE_PROGRAMS = {"openssl": "openssl", "unshare": "util-linux", "nsenter": "util-linux", "mount": "mount"}
NODE_PROGRAMS = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "conntrack": "conntrack",
    "socat": "socat",
    "iptables": "iptables",
    "ip": "iproute2",
}
CNI_PACKAGE = "containernetworking-plugins"


def with_sbin(path: str | None = None) -> str:
    """PATH with the sbin directories, which a login shell of Debian may lack."""
    words = (path or os.environ.get("PATH", "")).split(":")
    return ":".join([*words, *(d for d in ("/usr/local/sbin", "/usr/sbin", "/sbin") if d not in words)])


def which(program: str) -> str | None:
    """Path of a program, sbin included."""
    return shutil.which(program, path=with_sbin())


def cni_directory(directories: Sequence[Path] = CNI_DIRECTORIES) -> Path | None:
    """The directory that holds every CNI plugin used here, or None."""
    for directory in directories:
        if all((directory / plugin).is_file() for plugin in CNI_PLUGINS):
            return directory
    return None


def missing_packages(
    *,
    control_plane_only: bool,
    find: Callable[[str], str | None] = which,
    cni_directories: Sequence[Path] = CNI_DIRECTORIES,
) -> list[str]:
    """Debian packages whose programs `find` does not find, sorted."""
    programs = CONTROL_PLANE_PROGRAMS if control_plane_only else {**CONTROL_PLANE_PROGRAMS, **NODE_PROGRAMS}
    missing = {package for program, package in programs.items() if find(program) is None}
    if not control_plane_only and cni_directory(cni_directories) is None:
        missing.add(CNI_PACKAGE)
    return sorted(missing)


def ensure_packages(*, control_plane_only: bool = False) -> None:
    """Install what is missing by apt; a no-op without any call to apt when nothing is."""
    missing = missing_packages(control_plane_only=control_plane_only)
    if not missing:
        return
    if os.geteuid() != 0:
        raise ClusterError(f"these Debian packages are needed, install them as root: {' '.join(missing)}")
    if which("apt-get") is None:
        raise ClusterError(f"no apt-get here; install what Debian calls: {' '.join(missing)}")
    start = time.monotonic()
    say(f"installing Debian packages: {' '.join(missing)}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "PATH": with_sbin()}
    # The lock may be held by a system's own upgrade: wait for it.
    install = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "install", "-y", "--no-install-recommends", *missing]
    if subprocess.run(install, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode != 0:
        say("the package lists may be old: apt-get update")
        run(["apt-get", "-o", "DPkg::Lock::Timeout=300", "update"], env=env)
        run(install, env=env, timeout=1200)
    still = missing_packages(control_plane_only=control_plane_only)
    if still:
        raise ClusterError(f"apt-get installed {' '.join(missing)}, yet these programs are missing: {' '.join(still)}")
    say(f"installed in {since(start)}")
