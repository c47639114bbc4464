"""buildah, run so that nothing of a run outlives it: storage and mounts of its own, results that appear whole."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hack.cluster.console import ClusterError, run, say, since
from hack.cluster.packages import ensure_image_packages, with_fresh_lists, with_sbin
from hack.cluster.tools import die_with_parent
from hack.cluster.versions import cache_directory
from hack.operator_image import debian
from workloads.gobuild import digest

REPO = Path(__file__).resolve().parent.parent.parent
HERE = Path(__file__).resolve().parent
REPOSITORY = "leakwarden/operator"
SOURCES = ("operator/Dockerfile", "operator/leakwarden", "pyproject.toml", "requirements.lock", "README.md")
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
LOCK = ".lock"
KEPT = 9
"""Archives: three builds and their bases."""


@dataclass(frozen=True, slots=True)
class OperatorImage:
    """`ref` is `repository:tag`, `tar` its docker-archive, `commit` what it is stamped with."""

    ref: str
    tar: Path
    commit: str

    @property
    def repository(self) -> str:
        return self.ref.rpartition(":")[0]

    @property
    def tag(self) -> str:
        return self.ref.rpartition(":")[2]


def build() -> OperatorImage:
    """The image of these sources, built unless it is there. ClusterError says what is missing.

    The tag is a hash of everything that decides the image, so an image of that name is never stale.
    """
    ensure_image_packages()
    directory = cache_directory() / "image"
    directory.mkdir(parents=True, exist_ok=True)
    with _alone(directory / LOCK):
        sweep(directory)
        runtime = _base(directory, "python", debian.RUNTIME)
        builder = _base(directory, "python-pip", (*debian.RUNTIME, debian.PIP))
        key = digest([REPO / path for path in SOURCES], digest([HERE]), commit(), runtime.ref, builder.ref)
        image = OperatorImage(f"{REPOSITORY}:{key}", directory / f"operator-{key}.tar", commit())
        if not image.tar.exists():
            _build(image, runtime, builder, directory)
            forget_old(directory)
        for used in (image.tar, runtime.tar, builder.tar):
            used.touch()
    return image


@dataclass(frozen=True, slots=True)
class _Base:
    ref: str
    tar: Path


def commit() -> str:
    """The last one that changed the image's sources, with `-dirty` where they have changed since; or `unknown`."""
    try:
        last = run(["git", "log", "-1", "--format=%h", "--abbrev=12", "--", *SOURCES], cwd=REPO).strip()
        dirty = run(["git", "status", "--porcelain", "--", *SOURCES], cwd=REPO).strip()
    except ClusterError:
        return "unknown"
    return f"{last}-dirty" if dirty else last


def version() -> str:
    """What pyproject.toml says."""
    return str(tomllib.loads((REPO / "pyproject.toml").read_text())["project"]["version"])


def _base(directory: Path, name: str, packages: Sequence[str]) -> _Base:
    return with_fresh_lists(lambda: _pinned_base(directory, name, debian.versions(packages)))


def _pinned_base(directory: Path, name: str, pinned: Sequence[str]) -> _Base:
    key = digest([HERE / "debian.py", REPO / "hack" / "images.py"], *pinned)
    base = _Base(f"localhost/leakwarden-{name}:{key}", directory / f"{name}-{key}.tar")
    if not base.tar.exists():
        say(f"unpacking {len(pinned)} Debian packages into the base image {base.ref}")
        debian.make_base(base.tar, base.ref, pinned)
    return base


def _build(image: OperatorImage, runtime: _Base, builder: _Base, directory: Path) -> None:
    start = time.monotonic()
    say(f"building {image.ref} (commit {image.commit}); the first time PyPI is asked for the locked wheels")
    with tempfile.TemporaryDirectory(prefix=".building-", dir=directory) as scratch:
        storage, made = Path(scratch), Path(scratch, "operator.tar")
        for base in (runtime, builder):
            _buildah(storage, "pull", "--quiet", f"docker-archive:{base.tar}")
        arguments = {"BUILD_BASE": builder.ref, "BASE": runtime.ref, "COMMIT": image.commit, "VERSION": version()}
        _buildah(
            storage, "build", "--quiet", "--isolation", "chroot", "--pull-never", "--file", "operator/Dockerfile",
            *(f"--build-arg={name}={value}" for name, value in arguments.items()),
            *(f"--secret=id={name},src={path}" for name, path in _secrets(storage)),
            "--tag", image.ref, ".",
        )  # fmt: skip
        _buildah(storage, "push", "--quiet", image.ref, f"docker-archive:{made}:{image.ref}")
        made.replace(image.tar)
    say(f"built {image.ref} in {since(start)}")


def _buildah(storage: Path, command: str, *arguments: str) -> None:
    """In namespaces of its own that end when this process does: a killed run leaves no mount and no process."""
    own = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"]
    places = ["--storage-driver", "vfs", "--root", f"{storage}/root", "--runroot", f"{storage}/run"]
    done = subprocess.run(
        [*own, "buildah", *places, command, *arguments],
        env={**os.environ, "TMPDIR": str(storage), "PATH": with_sbin()}, cwd=REPO, timeout=900,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        preexec_fn=die_with_parent,
    )  # fmt: skip
    if done.returncode != 0:
        end = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise ClusterError(f"buildah {command}: exit status {done.returncode}\n{end}")


def _secrets(storage: Path) -> list[tuple[str, Path]]:
    """How pip reaches its index from this machine, its configuration and environment in one file."""
    shown = subprocess.run(["python3", "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    keys = {"index-url", "extra-index-url", "trusted-host", "proxy", "default-timeout"}
    lines = [line.rpartition(".")[2].split("=", 1) for line in shown.stdout.splitlines()]
    options = {name: value.strip("'") for name, value in (pair for pair in lines if len(pair) == 2) if name in keys}
    config = storage / "pip.conf"
    config.write_text("[global]\n" + "".join(f"{name} = {value}\n" for name, value in options.items()))
    return [("pip", config), *([("ca", CA_BUNDLE)] if CA_BUNDLE.is_file() else [])]


def sweep(directory: Path) -> None:
    """What builds that were killed left half done: we hold the lock, so nobody uses it. Results have no dot."""
    for stale in directory.glob(".*"):
        if stale.is_dir():
            shutil.rmtree(stale)
        elif stale.name != LOCK:
            stale.unlink()


def forget_old(directory: Path) -> None:
    """All but the archives used last: an older one may still be on its way into a cluster."""
    for path in sorted(directory.glob("*.tar"), key=lambda path: path.stat().st_mtime, reverse=True)[KEPT:]:
        path.unlink()


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """One build at a time on this machine; the kernel lets the lock go when this process ends in whatever way."""
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
