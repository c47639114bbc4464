"""A real Prometheus for the tests: Debian's package, unpacked into the cache and not installed: no service starts.

python3 -m hack.prometheus     fetch it, and print where prometheus and promtool are
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hack.cluster.console import ClusterError, run, say, tail
from hack.cluster.packages import download, with_fresh_lists
from hack.cluster.tools import exclusive
from hack.cluster.versions import cache_directory

PACKAGE = "prometheus"
PROGRAMS = ("prometheus", "promtool")


def ensure() -> Path:
    """The directory with both programs: those on PATH where both are, else from Debian's package."""
    found = [shutil.which(program) for program in PROGRAMS]
    if all(found) and len({Path(str(path)).parent for path in found}) == 1:
        return Path(str(found[0])).parent
    target = cache_directory() / "bin" / PACKAGE
    if not all((target / program).is_file() for program in PROGRAMS):
        with exclusive(cache_directory() / "bin" / ".prometheus.lock"):
            if not all((target / program).is_file() for program in PROGRAMS):
                _unpack(target)
    return target


def _unpack(target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    for stale in target.parent.glob(".prometheus-*/"):  # of a run that was killed: we hold the lock
        shutil.rmtree(stale, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=".prometheus-", dir=target.parent) as scratch:
        say("fetching Debian's prometheus package")
        (package,) = with_fresh_lists(lambda: download([PACKAGE], Path(scratch)))
        run(["dpkg", "-x", package, Path(scratch) / "root"])
        shutil.rmtree(target, ignore_errors=True)
        (Path(scratch) / "root" / "usr" / "bin").rename(target)


@dataclass(frozen=True, slots=True)
class Prometheus:
    """One that runs, on loopback."""

    url: str
    log: Path

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Series of an instant query: `{"metric": labels, "value": [time, text]}` each. ClusterError if it is wrong."""
        answer = self._get("/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
        return list(answer["data"]["result"])

    def alerts(self) -> list[dict[str, Any]]:
        """Pending and firing, each with `labels`, `annotations` and `state`."""
        return list(self._get("/api/v1/alerts")["data"]["alerts"])

    def _get(self, path: str) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as answer:
                return dict(json.loads(answer.read()))
        except urllib.error.HTTPError as error:
            raise ClusterError(f"{path}: {error.read().decode(errors='replace')[:500]}") from error


@contextlib.contextmanager
def running(directory: Path, target: str, rules: Sequence[Path], *, interval: str = "2s") -> Iterator[Prometheus]:
    """Scrape `target` (host:port) at `interval` and evaluate `rules` as often. Stopped, by pid, when left."""
    directory.mkdir(parents=True, exist_ok=True)
    config = {
        "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
        "rule_files": [str(path.resolve()) for path in rules],
        "scrape_configs": [{"job_name": "leakwarden", "static_configs": [{"targets": [target]}]}],
    }
    (directory / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
    port, log = _free_port(), directory / "prometheus.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                str(ensure() / "prometheus"),
                f"--config.file={directory}/prometheus.yml",
                f"--storage.tsdb.path={directory}/data",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            env={**os.environ, "GOMAXPROCS": "1"},
            cwd=directory, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        _wait_ready(process, f"http://127.0.0.1:{port}", log)
        yield Prometheus(f"http://127.0.0.1:{port}", log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_ready(process: subprocess.Popen[bytes], url: str, log: Path, patience: float = 30.0) -> None:
    end = time.monotonic() + patience
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/-/ready", timeout=2) as answer:
            if answer.status == 200:
                return
        time.sleep(0.1)
    raise ClusterError(f"Prometheus is not ready; the end of its log:\n{tail(log)}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    try:
        print(ensure())
    except ClusterError as problem:
        sys.exit(str(problem))
