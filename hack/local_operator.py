"""The operator as a process beside the cluster, with its own ServiceAccount's token and nothing else.

For tests that end it at a moment of their choice; what a user has is hack/helm_operator.py.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from hack.cluster import Cluster

REPO = Path(__file__).resolve().parent.parent


def apply(cluster: Cluster, *documents: object, namespace: str | None = None) -> str:
    """Server-side apply of manifests given as dicts (a test may apply the same thing twice)."""
    body = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(documents)})
    where = ["-n", namespace] if namespace else []
    return cluster.kubectl("apply", "--server-side", "--force-conflicts", *where, "-f", "-", stdin=body)


def get(cluster: Cluster, *what: str) -> dict[str, Any]:
    """`kubectl get … -o json`, parsed."""
    found: dict[str, Any] = json.loads(cluster.kubectl("get", *what, "-o", "json"))
    return found


@dataclass
class LocalOperator:
    """One operator process. `directory` holds its state and its log; `environment` names its kubeconfig."""

    directory: Path
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    _log: IO[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.directory / "operator.log"

    @property
    def url(self) -> str:
        return f"http://{(self.directory / 'listen').read_text().split()[0]}"

    def start(self, deadline: float = 30) -> None:
        """Start it and wait until it is ready; RuntimeError with the end of its log where it is not."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._log = self.log.open("ab")
        listen = self.directory / "listen"
        listen.unlink(missing_ok=True)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("LEAKWARDEN_")},
            "LEAKWARDEN_STATE_DIR": str(self.directory / "state"),
            "LEAKWARDEN_LISTEN": "127.0.0.1:0",
            "LEAKWARDEN_INSPECT": "127.0.0.1:0",
            "LEAKWARDEN_LISTEN_FILE": str(listen),
            **self.environment,
        }
        command = [str(REPO / ".venv" / "bin" / "leakwarden"), "run"]
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
            start_new_session=True,
        )  # fmt: skip
        self.wait_ready(deadline)

    def wait_ready(self, deadline: float = 30) -> None:
        end = time.monotonic() + deadline
        while time.monotonic() < end:
            if self.process is not None and self.process.poll() is not None:
                break
            if self._ready():
                return
            time.sleep(0.1)
        raise RuntimeError(f"the operator is not ready; the end of {self.log}:\n{self.tail()}")

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def says(self) -> str:
        """What /readyz says, ready or not."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                return str(answer.read().decode().strip())
        except urllib.error.HTTPError as refused:
            return refused.read().decode().strip()

    def metrics(self) -> str:
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=5) as answer:
            return str(answer.read().decode())

    def tail(self, lines: int = 30) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> int:
        """SIGTERM, then wait: a clean shutdown is part of what is tested. Returns the exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """SIGKILL: nothing is written any more."""
        return self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(timeout=30)
        if self._log is not None:
            self._log.close()
        return code
