"""`Cluster`: what other code needs to know of a running cluster, and the few things it does with one."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from hack.cluster.console import run

PLUGIN_DIRECTORY = Path(__file__).resolve().parents[2] / ".venv" / "bin"
"""Where `make venv` installs kubectl-leakwarden."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that is up.

    `backend` is `local` or `kind`; `node_address` is empty for a control plane alone; `audit_log` is a file of JSON
    lines (audit.k8s.io/v1 events) on this machine; `bin_dir` holds kubectl of the cluster's version.
    """

    name: str
    backend: str
    control_plane_only: bool
    kubeconfig: Path
    server: str
    node_address: str
    audit_log: Path
    state_dir: Path
    bin_dir: Path

    def info(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return {key: str(value) if isinstance(value, Path) else value for key, value in asdict(self).items()}

    @classmethod
    def from_info(cls, info: dict[str, Any]) -> Cluster:
        """The inverse of `info`."""
        values = dict(info)
        for key in ("kubeconfig", "audit_log", "state_dir", "bin_dir"):
            values[key] = Path(values[key])
        return cls(**values)

    def environment(self) -> dict[str, str]:
        """KUBECONFIG and PATH for commands that use the cluster: its own kubectl first, then our plugin of it."""
        path = f"{self.bin_dir}:{PLUGIN_DIRECTORY}:{os.environ.get('PATH', '')}"
        return {"KUBECONFIG": str(self.kubeconfig), "PATH": path}

    def as_user(self, kubeconfig: Path) -> Cluster:
        """The same cluster for `kubectl` of whoever that file names."""
        return replace(self, kubeconfig=kubeconfig)

    def kubectl(self, *arguments: str, stdin: str | None = None, timeout: float = 120) -> str:
        """Standard output of a kubectl command as administrator; ClusterError when it fails."""
        env = {**os.environ, **self.environment()}
        return run([self.bin_dir / "kubectl", *arguments], env=env, stdin=stdin, timeout=timeout)

    def token(self, namespace: str, service_account: str, hours: int = 24) -> str:
        """A bearer token of a ServiceAccount that exists."""
        wanted = ["create", "token", service_account, "--namespace", namespace, f"--duration={hours}h"]
        return self.kubectl(*wanted).strip()

    def kubeconfig_for_token(self, token: str, out: Path) -> Path:
        """Write a kubeconfig that shows `token`, not the administrator's certificate, to `out` (0600); return it."""
        view: dict[str, Any] = json.loads(self.kubectl("config", "view", "--raw", "-o", "json"))
        view["users"] = [{"name": "token", "user": {"token": token}}]
        for context in view["contexts"]:
            context["context"]["user"] = "token"
        out.touch(mode=0o600)
        out.write_text(json.dumps(view, indent=2))
        return out


def save(cluster: Cluster, path: Path) -> None:
    """Write the record of a cluster that became ready; it appears at once or not at all."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(cluster.info(), indent=2) + "\n")
    temporary.replace(path)


def load(path: Path) -> Cluster | None:
    """The recorded cluster, None when there is no readable record."""
    try:
        return Cluster.from_info(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError, KeyError):
        return None
