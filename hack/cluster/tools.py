"""The cluster's Go binaries: built once from pinned modules, cached by version, never left half-made."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from hack.cluster.console import ClusterError, run, say, since
from hack.cluster.packages import ensure_packages
from hack.cluster.versions import (
    CONTROL_PLANE,
    ETCD_MODULE,
    HELM_MODULE,
    KIND_MODULE,
    KUBERNETES_MODULE,
    NODE,
    PAUSE_MODULE,
    Module,
    bin_directory,
    cache_directory,
)

_HEARTBEAT_SECONDS = 20.0
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Tools:
    """Where the binaries are; `path` finds one by name."""

    directories: tuple[Path, ...]

    def path(self, name: str) -> Path:
        for directory in self.directories:
            if (directory / name).is_file():
                return directory / name
        raise ClusterError(f"{name} is not built; run: python3 -m hack.cluster tools")


def ensure_tools(*, control_plane_only: bool = False) -> Tools:
    """Debian packages and Go binaries, whatever of them is missing."""
    ensure_packages(control_plane_only=control_plane_only)
    wanted = [(KUBERNETES_MODULE, CONTROL_PLANE), (ETCD_MODULE, ("etcd",)), (HELM_MODULE, ("helm",))]
    if not control_plane_only:
        wanted[0] = (KUBERNETES_MODULE, (*CONTROL_PLANE, *NODE))
        wanted.append((PAUSE_MODULE, ("pause",)))
    for module, binaries in wanted:
        build(module, binaries)
    return tools()


def tools() -> Tools:
    """The binaries as they lie in the cache, without building anything."""
    return Tools(tuple(bin_directory(module) for module in (KUBERNETES_MODULE, ETCD_MODULE, PAUSE_MODULE)))


def kubectl_path() -> Path:
    """kubectl of the cluster's own version, built when it is missing."""
    build(KUBERNETES_MODULE, ("kubectl",))
    return tools().path("kubectl")


def helm_path() -> Path:
    """helm, built when it is missing."""
    build(HELM_MODULE, ("helm",))
    return bin_directory(HELM_MODULE) / "helm"


def kind_path() -> Path:
    """kind from PATH, else built."""
    found = shutil.which("kind")
    if found:
        return Path(found)
    build(KIND_MODULE, ("kind",))
    return bin_directory(KIND_MODULE) / "kind"


def build(module: Module, binaries: tuple[str, ...]) -> None:
    """Build those `binaries` of a module that are not in the cache; safe to call from several processes at once."""
    target = bin_directory(module)
    if not _missing(target, binaries):
        return
    check_go(module)
    with exclusive(cache_directory() / "bin" / ".lock"):
        missing = _missing(target, binaries)
        if missing:
            _build_missing(module, missing, target)


def _missing(target: Path, binaries: tuple[str, ...]) -> list[str]:
    return [name for name in binaries if not (target / name).is_file()]


def _build_missing(module: Module, binaries: list[str], target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for stale in target.parent.glob(".building-*"):  # of a build that was killed: we hold the lock, nobody uses it
        shutil.rmtree(stale, ignore_errors=True)
    start = time.monotonic()
    say(f"building {', '.join(binaries)} into {target}")
    if module is KUBERNETES_MODULE:
        say("  with an empty Go cache this takes about six minutes on two cores; later runs find what is built")
    with tempfile.TemporaryDirectory(prefix=".building-", dir=target.parent) as scratch:
        _go_build(module, binaries, Path(scratch), start)
        for name in binaries:
            _built(module, name, Path(scratch)).rename(target / name)
    say(f"built {len(binaries)} of {module.name} in {since(start)}")


def _built(module: Module, name: str, scratch: Path) -> Path:
    """go build names a binary after its package (etcd's is `server`), or the module when the package is the module."""
    path = scratch / name
    others = [entry for entry in scratch.iterdir() if entry.name not in module.binaries]
    return path if path.is_file() or not others else others[0]


def _go_build(module: Module, binaries: list[str], scratch: Path, start: float) -> None:
    packages = [module.binaries[name] for name in binaries]
    argv = ["go", "build", "-v", "-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags", module.ldflags]
    process = subprocess.Popen(
        [*argv, "-o", f"{scratch}/", *packages],
        cwd=module.directory,
        env={**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - one call into libc; a killed run must not leave go compiling
    )
    assert process.stderr is not None
    progress = _Progress(process.stderr)
    reader = threading.Thread(target=progress.read, daemon=True)
    reader.start()
    seen: set[str] = set()
    spoke = time.monotonic()
    while process.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1)
        for entry in sorted(path.name for path in scratch.iterdir()):
            if entry not in seen:
                seen.add(entry)
                spoke = time.monotonic()
                say(f"  {entry} linked after {since(start)} ({len(seen)} of {len(binaries)})")
        if time.monotonic() - spoke > _HEARTBEAT_SECONDS:
            spoke = time.monotonic()
            say(f"  {module.name}: {progress.packages} packages compiled after {since(start)}")
    reader.join(timeout=5)
    if process.returncode != 0:
        raise ClusterError(f"go build in {module.directory} failed:\n" + "\n".join(progress.errors[-15:]))


class _Progress:
    """Counts the packages that `go build -v` names and keeps the lines that are not package names."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self.packages = 0
        self.errors: list[str] = []

    def read(self) -> None:
        for line in self._stream:
            if re.fullmatch(r"[\w.~/-]+", line.strip()):
                self.packages += 1
            elif not line.startswith("go: downloading"):
                self.errors.append(line.rstrip())


def check_go(module: Module) -> None:
    """ClusterError that says what to do when there is no Go, or one that cannot build `module`."""
    wanted = _go_directive(module)
    if shutil.which("go") is None:
        raise ClusterError(
            f"Go {wanted} or newer is needed to build Kubernetes, and no `go` is on PATH: "
            "install it (https://go.dev/doc/install) and run this again"
        )
    version = run(["go", "env", "GOVERSION"], cwd=Path("/")).strip()
    toolchain = run(["go", "env", "GOTOOLCHAIN"], cwd=Path("/")).strip()
    if _as_numbers(version) >= _as_numbers(wanted):
        return
    if _as_numbers(version) >= (1, 21) and not toolchain.startswith("local"):
        return  # it fetches the toolchain that go.mod asks for by itself
    raise ClusterError(
        f"Go {wanted} or newer is needed to build Kubernetes; `go` on PATH is {version or 'too old'} with "
        f"GOTOOLCHAIN={toolchain or 'unknown'}: install a newer Go, or set GOTOOLCHAIN=auto (Go 1.21 or newer)"
    )


def _go_directive(module: Module) -> str:
    for line in (module.directory / "go.mod").read_text().splitlines():
        if line.startswith("go "):
            return line.split()[1]
    raise ClusterError(f"{module.directory}/go.mod has no go line")


def _as_numbers(version: str) -> tuple[int, ...]:
    match = re.match(r"(?:go)?(\d+)\.(\d+)(?:\.(\d+))?", version)
    return tuple(int(part or 0) for part in match.groups()) if match else (0,)


def die_with_parent() -> None:
    """For `preexec_fn`: the child gets SIGKILL when the thread that started it ends, in whatever way."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a lock file; the kernel lets it go when this process ends in whatever way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another build is at work; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
