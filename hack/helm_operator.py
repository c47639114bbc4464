"""The operator in the cluster, installed by Helm from the built image: what a user has. For demo and tests."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hack import cluster, helm
from hack.cluster import Cluster, ClusterError
from hack.helm import CHART, NAMESPACE
from hack.operator_image import OperatorImage

PODS = "app.kubernetes.io/component=operator"


@dataclass
class HelmOperator:
    """One release, named `leakwarden` in the namespace `leakwarden`. `values` are those beside the image's name.

    `url` is the operator's own port, reached by a port-forward that ends with `stop` or `uninstall`.
    """

    cluster: Cluster
    image: OperatorImage
    values: Mapping[str, Any] = field(default_factory=dict)
    _forward: subprocess.Popen[str] | None = None
    _url: str = ""

    @property
    def log(self) -> str:
        """The command that shows it."""
        return f"kubectl logs -n {NAMESPACE} -l {PODS}"

    @property
    def url(self) -> str:
        if self._forward is None or self._forward.poll() is not None:
            self._open_forward()
        return self._url

    def install(self, chart: Path = CHART, **values: Any) -> None:
        """Load the image, and install or upgrade; ClusterError with what the pods say when it does not get ready."""
        cluster.load(self.image.tar, self.cluster.name)
        image = {"repository": self.image.repository, "tag": self.image.tag, "pullPolicy": "Never"}
        # An account or a CRD that was applied by hand is taken over.
        helm.install(self.cluster, {"image": image, **self.values, **values}, "--take-ownership", chart=chart)

    def uninstall(self) -> None:
        self.close()
        helm.uninstall(self.cluster)

    def close(self) -> None:
        """End the port-forward; the operator goes on."""
        if self._forward is not None:
            self._forward.terminate()
            self._forward.wait(timeout=10)
            self._forward = None

    def metrics(self) -> str:
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=5) as answer:
            return str(answer.read().decode())

    def tail(self, lines: int = 30) -> str:
        return self.cluster.kubectl("logs", "-n", NAMESPACE, "-l", PODS, "--prefix", f"--tail={lines}")

    def exec(self, *command: str) -> str:
        """Standard output of a command in one of its pods, which have no shell."""
        return self.cluster.kubectl("exec", "-n", NAMESPACE, self.leader(), "--", *command)

    def pods(self) -> list[str]:
        """Names of its pods that are Ready."""
        listed = json.loads(self.cluster.kubectl("get", "pods", "-n", NAMESPACE, "-l", PODS, "-o", "json"))
        return sorted(pod["metadata"]["name"] for pod in listed["items"] if _ready(pod))

    def leader(self) -> str:
        """The pod that holds the Lease; ClusterError when it is not known within 30 s."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            holder = self._get("lease", "leakwarden", "jsonpath={.spec.holderIdentity}")
            pod, _, _ = holder.partition("_")  # <pod>_<operator>_<process>
            if pod and self._get("pod", pod, "name"):
                return pod
            time.sleep(0.5)
        raise ClusterError(f"no operator leads; see: {self.log}")

    def _get(self, kind: str, name: str, output: str) -> str:
        """Empty when it is not there."""
        return self.cluster.kubectl("get", kind, name, "-n", NAMESPACE, "-o", output, "--ignore-not-found")

    def _open_forward(self) -> None:
        kubectl = [str(self.cluster.bin_dir / "kubectl"), "--kubeconfig", str(self.cluster.kubeconfig)]
        process = subprocess.Popen(
            [*kubectl, "port-forward", "-n", NAMESPACE, f"pod/{self.leader()}", ":http"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        first = process.stdout.readline()
        found = re.search(r"127\.0\.0\.1:\d+", first)
        if found is None:
            process.kill()
            raise ClusterError(f"kubectl port-forward: {first.strip()} {process.stdout.read().strip()}")
        self._forward, self._url = process, f"http://{found[0]}"


def _ready(pod: dict[str, Any]) -> bool:
    return any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", []))
