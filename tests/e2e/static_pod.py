"""A pod that kubelet runs from a file: the only way to a mirror pod that runs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hack.cluster import Cluster
from workloads.manifests import Manifest


@dataclass(frozen=True, slots=True)
class _Manifests:
    """Kubelet's directory of static pods, wherever the node is."""

    cluster: Cluster

    def put(self, file: str, text: str) -> None:
        if self.cluster.backend == "kind":
            self._in_node(f"cat > /etc/kubernetes/manifests/{file}", text)
        else:
            (self._directory / file).write_text(text)

    def remove(self, file: str) -> None:
        if self.cluster.backend == "kind":
            self._in_node(f"rm -f /etc/kubernetes/manifests/{file}", "")
        else:
            (self._directory / file).unlink(missing_ok=True)

    @property
    def _directory(self) -> Path:
        return self.cluster.state_dir / "static-pods"

    def _in_node(self, command: str, text: str) -> None:
        node = self.cluster.kubectl("get", "nodes", "-o", "name").strip().removeprefix("node/")
        subprocess.run(["docker", "exec", "-i", node, "sh", "-c", command], input=text.encode(), check=True, timeout=60)


@contextmanager
def static_pod(cluster: Cluster, pod: Manifest) -> Iterator[None]:
    """The pod runs meanwhile; its mirror has the node's name behind its own."""
    manifests, file = _Manifests(cluster), f"{pod['metadata']['name']}.json"
    manifests.put(file, json.dumps(pod))
    try:
        yield
    finally:
        manifests.remove(file)
