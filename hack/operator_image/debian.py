"""Base images from Debian packages, unpacked and not installed: Python and the libraries it needs, no shell.

What a distroless Python image is, made on this machine: no registry, no chroot, no mounts, a second or two.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from hack.cluster.console import ClusterError, run
from hack.cluster.packages import download, refresh_lists
from hack.images import ImageConfig, docker_archive, tree_as_it_is

PYTHON = "python3.11"
"""Of Debian 12."""

RUNTIME = (
    "base-files", "ca-certificates", "libbz2-1.0", "libc6", "libcrypt1", "libexpat1", "libffi8", "libgcc-s1",
    "liblzma5", f"lib{PYTHON}-minimal", f"lib{PYTHON}-stdlib", "libsqlite3-0", "libssl3", "libstdc++6", "libuuid1",
    "media-types", f"{PYTHON}-minimal", "tzdata", "zlib1g",
)  # fmt: skip
PIP = "python3-pip-whl"

UNUSED = ("usr/share/doc", "usr/share/man", "usr/share/lintian", "usr/share/bug", "usr/share/python-wheels")
STDLIB_UNUSED = ("pydoc_data", "idlelib", "lib2to3", "ensurepip", "turtledemo", "unittest/test", "test")


def versions(packages: Sequence[str]) -> list[str]:
    """`NAME=VERSION` of each, as apt would install them now: what decides the bytes of a base."""
    known = _candidates(packages)
    if len(known) < len(packages):  # a machine that has never run apt-get update
        refresh_lists()
        known = _candidates(packages)
    for name in packages:
        if name not in known:
            raise ClusterError(f"apt knows no package {name}: the image is made on Debian 12")
    return [f"{name}={known[name]}" for name in packages]


def make_base(out: Path, ref: str, pinned: Sequence[str]) -> None:
    """Write the image `ref` with the unpacked packages (`NAME=VERSION`) to `out`; it appears whole or not at all.

    With PIP among them, pip is importable. Raises ListsWereOld when `pinned` is of lists that were old.
    """
    with tempfile.TemporaryDirectory(prefix=".base-", dir=out.parent) as scratch:
        debs, root = Path(scratch, "debs"), Path(scratch, "root")
        debs.mkdir()
        for deb in download(pinned, debs):
            run(["dpkg-deb", "--extract", deb, root])
            _keep_status(deb, root)
        _finish(root)
        files, symlinks, directories = tree_as_it_is(root)
        docker_archive(out, ref, files, ImageConfig(), symlinks=symlinks, directories=directories)


def _keep_status(deb: Path, root: Path) -> None:
    """Where scanners for known vulnerabilities look in images without dpkg's own database."""
    status = root / "var" / "lib" / "dpkg" / "status.d"
    status.mkdir(parents=True, exist_ok=True)
    (status / deb.name.split("_")[0]).write_text(run(["dpkg-deb", "--field", deb]))


def _finish(root: Path) -> None:
    """What the packages' installation scripts would have done, as far as Python needs it."""
    (root / "usr" / "bin" / "python3").symlink_to(PYTHON)
    bundle = root / "etc" / "ssl" / "certs" / "ca-certificates.crt"
    authorities = sorted((root / "usr" / "share" / "ca-certificates").rglob("*.crt"))
    bundle.write_text("".join(path.read_text() for path in authorities))
    (root / "etc" / "passwd").write_text("root:x:0:0::/root:/sbin/nologin\nnonroot:x:65532:65532::/:/sbin/nologin\n")
    (root / "etc" / "group").write_text("root:x:0:\nnonroot:x:65532:\n")
    for wheel in (root / "usr" / "share" / "python-wheels").glob("pip-*.whl"):
        zipfile.ZipFile(wheel).extractall(root / "usr" / "lib" / "python3" / "dist-packages")
    for name in UNUSED:
        shutil.rmtree(root / name, ignore_errors=True)
    for name in STDLIB_UNUSED:
        shutil.rmtree(root / "usr" / "lib" / PYTHON / name, ignore_errors=True)


def _candidates(packages: Sequence[str]) -> dict[str, str]:
    return candidates_in(run(["apt-cache", "policy", *packages], env={**os.environ, "LC_ALL": "C"}))


def candidates_in(policy: str) -> dict[str, str]:
    """Package to version out of what `apt-cache policy` prints; without those that cannot be installed."""
    found = re.findall(r"^(\S+):\n.*\n  Candidate: (\S+)", policy, re.MULTILINE)
    return {name: candidate for name, candidate in found if candidate != "(none)"}
