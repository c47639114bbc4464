"""Every sample policy is taken by the API server to the letter, understood by the operator, and told of in the docs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from hack.cluster import Cluster
from leakwarden.core.policy import parse_policy

pytestmark = pytest.mark.integration

REPO = Path(__file__).parent.parent.parent
SAMPLES = sorted((REPO / "deploy" / "samples").glob("*.yaml"))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_applied_and_stored_as_it_is_written(with_crd: Cluster, sample: Path) -> None:
    written = yaml.safe_load(sample.read_text())
    namespace = written["metadata"]["namespace"]
    with_crd.kubectl("create", "namespace", namespace)
    with_crd.kubectl("apply", "--validate=strict", "-f", str(sample))
    name = written["metadata"]["name"]
    stored = json.loads(with_crd.kubectl("get", "leakpolicy", name, "-n", namespace, "-o", "json"))
    assert parse_policy(stored).problems == ()
    for part, wanted in written["spec"].items():
        assert contains(stored["spec"][part], wanted), part


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_has_its_row_in_the_docs(sample: Path) -> None:
    assert f"[{sample.name}](../deploy/samples/{sample.name})" in (REPO / "docs" / "install.md").read_text()


def contains(stored: object, wanted: object) -> bool:
    """What is stored has defaults besides."""
    if isinstance(wanted, dict) and isinstance(stored, dict):
        return all(key in stored and contains(stored[key], value) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(stored, list):
        return len(wanted) == len(stored) and all(map(contains, stored, wanted))
    return str(stored) == str(wanted)
