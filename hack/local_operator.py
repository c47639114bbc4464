"""The operator as a process beside the cluster, with its own ServiceAccount's token and nothing else.

The demo and the end-to-end tests start it through here. Only the standard library is used: `kubectl` does the talking.
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
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

REPO = Path(__file__).resolve().parent.parent
NAMESPACE = "leakwarden"
TOKEN_HOURS = 24


@dataclass(frozen=True)
class Kubectl:
    """kubectl with one kubeconfig; raises CalledProcessError with what kubectl said."""

    binary: Path
    kubeconfig: Path

    def run(self, *args: str, stdin: str | None = None, timeout: float = 60) -> str:
        command = [str(self.binary), "--kubeconfig", str(self.kubeconfig), *args]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
        if done.returncode:
            raise RuntimeError(f"kubectl {' '.join(args)}: {done.stderr.strip()}")
        return done.stdout

    def apply(self, *documents: object, namespace: str | None = None) -> str:
        """Server-side apply of manifests given as dicts (a test may apply the same thing twice)."""
        body = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(documents)})
        where = ["-n", namespace] if namespace else []
        return self.run("apply", "--server-side", "--force-conflicts", *where, "-f", "-", stdin=body)

    def get(self, *args: str) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.run("get", *args, "-o", "json"))
        return found


def install(kubectl: Kubectl) -> None:
    """CRD and RBAC, from the files a user would apply."""
    kubectl.run("apply", "--server-side", "--force-conflicts", "-f", str(REPO / "crds"))
    kubectl.run("apply", "--server-side", "--force-conflicts", "-f", str(REPO / "deploy" / "rbac.yaml"))
    kubectl.run("wait", "--for=condition=Established", "crd/leakpolicies.leakwarden.io", "--timeout=30s")


def service_account_kubeconfig(kubectl: Kubectl, path: Path) -> Path:
    """A kubeconfig that holds the server, its CA and a token of the operator's ServiceAccount."""
    admin = json.loads(kubectl.run("config", "view", "--raw", "--minify", "-o", "json"))
    token = kubectl.run("create", "token", "leakwarden", "-n", NAMESPACE, f"--duration={TOKEN_HOURS}h").strip()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "local", "cluster": admin["clusters"][0]["cluster"]}],
        "users": [{"name": "leakwarden", "user": {"token": token}}],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": "leakwarden"}}],
        "current-context": "local",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps(config))
    return path


@dataclass
class LocalOperator:
    """One operator process. `directory` holds its state, its log, its pid and its kubeconfig."""

    kubectl: Kubectl
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    _log: IO[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.directory / "operator.log"

    @property
    def url(self) -> str:
        return f"http://{(self.directory / 'listen').read_text().strip()}"

    def start(self, deadline: float = 30) -> None:
        """Start it and wait until it is ready; RuntimeError with the end of its log where it is not."""
        kubeconfig = service_account_kubeconfig(self.kubectl, self.directory / "kubeconfig")
        self._log = self.log.open("ab")
        listen = self.directory / "listen"
        listen.unlink(missing_ok=True)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("LEAKWARDEN_")},
            "LEAKWARDEN_STATE_DIR": str(self.directory / "state"),
            "LEAKWARDEN_KUBECONFIG": str(kubeconfig),
            "LEAKWARDEN_LISTEN": "127.0.0.1:0",
            "LEAKWARDEN_LISTEN_FILE": str(listen),
            **self.environment,
        }
        command = [str(REPO / ".venv" / "bin" / "leakwarden"), "run"]
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, start_new_session=True
        )
        (self.directory / "pid").write_text(str(self.process.pid))
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
