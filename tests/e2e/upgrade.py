"""The chart as an earlier release had it: a CRD without a field that came later, and two replicas, the default."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hack.cluster import ClusterError
from hack.helm import CHART
from hack.helm_operator import HelmOperator
from hack.local_operator import apply, get
from leakwarden.api import GROUP, PLURAL
from tests.e2e.policies import policy

FIELD = "labels"
"""Of the spec: what the older CRD does not know."""
KEPT = "kept-over-the-upgrade"


@dataclass(frozen=True, slots=True)
class Before:
    """Under the older chart. `pods` were ready; `refusal` is what the API server said to a policy with FIELD."""

    kept_uid: str
    pods: tuple[str, ...]
    leader: str
    refusal: str


def newer_policy() -> dict[str, Any]:
    """One that only the CRD of today takes."""
    made = policy("newer", {"app": "nobody"})
    made["spec"][FIELD] = {"values": "Hide"}
    return made


def install_older(operator: HelmOperator, namespace: str, directory: Path) -> Before:
    """Install it, and make a policy that the upgrade must keep."""
    operator.install(_older_chart(directory))
    up = operator.cluster
    up.kubectl("wait", "--for=condition=Established", f"crd/{PLURAL}.{GROUP}", "--timeout=30s")
    apply(up, policy(KEPT, {"app": "nobody"}), namespace=namespace)
    try:
        body = json.dumps(newer_policy())
        refusal = up.kubectl("apply", "-n", namespace, "--dry-run=server", "--validate=strict", "-f", "-", stdin=body)
    except ClusterError as error:
        refusal = str(error)
    uid = get(up, "leakpolicy", KEPT, "-n", namespace)["metadata"]["uid"]
    return Before(uid, tuple(operator.pods()), operator.leader(), refusal)


def _older_chart(directory: Path) -> Path:
    chart = directory / CHART.name
    shutil.copytree(CHART, chart)
    path = chart / "files" / f"{GROUP}_{PLURAL}.yaml"
    crd = yaml.safe_load(path.read_text())
    [version] = crd["spec"]["versions"]
    del version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"][FIELD]
    path.write_text(yaml.safe_dump(crd))
    about = yaml.safe_load((chart / "Chart.yaml").read_text())
    (chart / "Chart.yaml").write_text(yaml.safe_dump({**about, "version": "0.0.1"}))
    return chart
