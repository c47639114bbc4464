"""Debian packages the node needs: only what is missing is installed, told by the programs, not by package names."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from hack.cluster.console import ClusterError, run, say, since

T = TypeVar("T")

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
IMAGE_PROGRAMS = {"buildah": "buildah", "dpkg-deb": "dpkg", "unshare": "util-linux"}
CNI_PACKAGE = "containernetworking-plugins"

_PATIENT = ("-o", "DPkg::Lock::Timeout=300")
"""The lock may be held by a system's own upgrade: wait for it."""


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
    _ensure(lambda: missing_packages(control_plane_only=control_plane_only))


def ensure_image_packages() -> None:
    """What building a container image needs, apart from what a node needs."""
    _ensure(lambda: sorted({package for program, package in IMAGE_PROGRAMS.items() if which(program) is None}))


def refresh_lists() -> None:
    """apt-get update."""
    run(["apt-get", *_PATIENT, "update"], env=_environment())


class ListsWereOld(ClusterError):
    """apt's lists named a version that the archive has no more. They are fresh now: ask them again."""


def download(packages: Sequence[str], into: Path) -> list[Path]:
    """The packages' files below `into`, not installed; each of `packages` is NAME or NAME=VERSION.

    Raises ListsWereOld where a second try with fresh lists may succeed, and ClusterError without apt-get.
    """
    if which("apt-get") is None:
        raise ClusterError(f"no apt-get here, which has these packages: {' '.join(packages)}")
    command = ["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", *packages]
    done = subprocess.run(command, cwd=into, env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        refresh_lists()
        raise ListsWereOld(f"apt-get download {' '.join(packages)}: {done.stderr.strip()}")
    return sorted(into.glob("*.deb"))


def with_fresh_lists(use: Callable[[], T]) -> T:
    """What `use` returns, which downloads packages; asked a second time where apt's lists were old."""
    try:
        return use()
    except ListsWereOld as error:
        say(f"{error}\nthe package lists were old: once more, with fresh ones")
        return use()


def _ensure(find_missing: Callable[[], list[str]]) -> None:
    missing = find_missing()
    if not missing:
        return
    if os.geteuid() != 0:
        raise ClusterError(f"these Debian packages are needed, install them as root: {' '.join(missing)}")
    if which("apt-get") is None:
        raise ClusterError(f"no apt-get here; install what Debian calls: {' '.join(missing)}")
    start = time.monotonic()
    say(f"installing Debian packages: {' '.join(missing)}")
    install = ["apt-get", *_PATIENT, "install", "-y", "--no-install-recommends", *missing]
    done = subprocess.run(install, env=_environment(), stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode != 0:
        say("the package lists may be old: apt-get update")
        refresh_lists()
        run(install, env=_environment(), timeout=1200)
    still = find_missing()
    if still:
        raise ClusterError(f"apt-get installed {' '.join(missing)}, yet these programs are missing: {' '.join(still)}")
    say(f"installed in {since(start)}")


def _environment() -> dict[str, str]:
    return {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "PATH": with_sbin()}
