"""The real gopls out of its image, driven for a few seconds: each leak shows, the healthy load works, and both end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from leakwarden.adapters.decode_pool import DecodePool
from leakwarden.adapters.pod_ip import PodIPDialer
from leakwarden.adapters.sampler import PodSampler
from leakwarden.api.words import Scheme, Transport
from leakwarden.core.gopls_info import GoplsInfo
from leakwarden.core.parts import IDENTITY, ROUTINE
from leakwarden.core.targets import EndpointSpec, Target, TargetKey
from workloads.build import build

DEADLINE = 90.0


@dataclass(frozen=True, slots=True)
class Driver:
    process: subprocess.Popen[bytes]
    debug: int
    health: int

    def get(self, path: str, port: int | None = None) -> str:
        """The page, or nothing while there is no answer."""
        try:
            with urllib.request.urlopen(f"http://localhost:{port or self.debug}{path}", timeout=10) as answer:
                return str(answer.read().decode())
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return ""

    def goroutines_in(self, function: str) -> int:
        """How many goroutines have the function on their stack."""
        groups = self.get("/debug/pprof/goroutine?debug=1").split("\n\n")
        return sum(int(group.split("@")[0].split()[-1]) for group in groups if function in group)

    def heap_bytes_in(self, function: str) -> int:
        """Sampled live bytes, unscaled, of the sites with the function on their stack."""
        groups = self.get("/debug/pprof/heap?debug=1").partition("# runtime.MemStats")[0].split("\n\n")
        lines = [line for group in groups if function in group for line in group.splitlines() if " @ " in line]
        return sum(int(line.split(":")[1].split()[0]) for line in lines)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image's file system, unpacked."""
    image, root = build(["gopls"])["gopls"], tmp_path_factory.mktemp("root")
    with tarfile.open(image.tar) as archive:
        [layer] = [name for name in archive.getnames() if name.endswith("layer.tar")]
        with tarfile.open(fileobj=archive.extractfile(layer)) as files:
            files.extractall(root, filter="tar")
    return root


@pytest.fixture
def drive(root: Path, tmp_path: Path) -> Iterator[Callable[..., Driver]]:
    """Starts drivers with the given flags; their programs, Go's included, come from the image."""
    started: list[Driver] = []

    def start(*flags: str) -> Driver:
        debug, health = _free_port(), _free_port()
        env = {"PATH": f"{root}/usr/local/go/bin:{root}/usr/local/bin", "TMPDIR": str(tmp_path)}
        command = [f"{root}/usr/local/bin/goplsdriver", f"-debug=localhost:{debug}", f"-health-addr=localhost:{health}"]
        started.append(Driver(subprocess.Popen([*command, *flags], env=env, cwd=tmp_path), debug, health))
        return started[-1]

    yield start
    for driver in started:
        driver.process.kill()
        driver.process.wait()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("localhost", 0))
        return int(found.getsockname()[1])


def _wait(what: str, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, f"not within {DEADLINE:.0f} s: {what}"
        time.sleep(0.2)


def test_a_configuration_never_answered_leaves_a_goroutine_for_each_request(
    drive: Callable[..., Driver],
) -> None:
    driver = drive("-leak=unanswered-config", "-requests=200", "-max-requests=1000")
    _wait("1,000 queued requests", lambda: driver.goroutines_in("AsyncHandler") >= 1000)
    assert driver.process.poll() is None


def test_files_that_came_and_went_stay_in_the_file_cache(drive: Callable[..., Driver]) -> None:
    driver = drive("-leak=file-cache", "-every=300ms", "-edits=4", f"-max-bytes={120 << 20}")
    _wait("60 MB held by readFile", lambda: driver.heap_bytes_in("internal/cache.readFile") > 60 << 20)
    assert driver.process.poll() is None


def test_the_healthy_load_gets_answers_from_gopls_and_leaves_nothing_behind(drive: Callable[..., Driver]) -> None:
    driver = drive("-leak=none", "-edits=20")
    _wait("readiness", lambda: driver.get("/healthz", driver.health) == "ok\n")
    # The driver asks after each edit and ends when no answer comes. gopls's ballast is 100 MB of what it allocates.
    _wait("the garbage of many edits", lambda: _total_allocated(driver) > 250_000_000)
    assert driver.process.poll() is None
    assert driver.goroutines_in("AsyncHandler") < 20


def _total_allocated(driver: Driver) -> int:
    lines = driver.get("/debug/pprof/heap?debug=1").splitlines()
    return next((int(line.split()[-1]) for line in lines if line.startswith("# TotalAlloc")), 0)


def test_sigterm_ends_the_driver_and_its_gopls_at_once(drive: Callable[..., Driver]) -> None:
    driver = drive("-leak=none")
    _wait("gopls's pages", lambda: bool(driver.get("/info")))
    [gopls] = _children(driver.process.pid)
    driver.process.send_signal(signal.SIGTERM)
    assert driver.process.wait(timeout=5) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(gopls, 0)


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


async def test_what_an_editor_has_open_is_read_off_the_pages_of_its_gopls(drive: Callable[..., Driver]) -> None:
    driver = drive("-leak=file-cache", "-every=300ms", "-edits=4", f"-max-bytes={600 << 20}")
    _wait("four open documents", lambda: driver.get("/session/1").count("/file/1/") == 4)
    pool = DecodePool(1)
    sampler = PodSampler({Transport.POD_IP: PodIPDialer()}, pool)
    looks = [await _look(sampler, driver)]
    _wait("60 MB held by readFile", lambda: driver.heap_bytes_in("internal/cache.readFile") > 60 << 20)
    looks.append(await _look(sampler, driver))
    await sampler.close()
    pool.close()
    assert [(info.version, info.pid > 1) for info in looks] == [("golang.org/x/tools/gopls v0.22.0", True)] * 2
    before, after = (info.state for info in looks)
    assert before is not None and after is not None
    assert (
        (before.sessions, before.views, before.documents) == (after.sessions, after.views, after.documents) == (1, 1, 4)
    )
    assert before.cached_files is not None and after.cached_files is not None
    assert after.cached_files >= before.cached_files + 30
    assert after.largest_file is not None and 1 << 20 <= after.largest_file < 2 << 20
    assert after.fingerprint != before.fingerprint


async def _look(sampler: PodSampler, driver: Driver) -> GoplsInfo:
    endpoint = EndpointSpec("gopls", driver.debug, "/debug/pprof", Scheme.HTTP, None)
    where = Target(TargetKey("", "gopls"), "", "localhost", "127.0.0.1", endpoint, Transport.POD_IP, 30.0, 32 << 20)
    return (await sampler.sample(where, ROUTINE | {IDENTITY})).info
