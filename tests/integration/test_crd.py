"""LeakPolicy before a real API server: what it refuses, and by which field; what it accepts, explains and stores."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from hack.cluster import Cluster
from leakwarden.api.crd import custom_resource_definition
from leakwarden.api.spec import LeakPolicySpec
from tests.core.api.policies import FULL, SMALLEST, WRONG, Wrong
from tests.core.report.samples import full_status

pytestmark = pytest.mark.integration


def policy(spec: dict[str, Any], name: str = "gopls", **more: Any) -> str:
    meta = {"name": name, "namespace": "default"}
    return json.dumps(
        {"apiVersion": "leakwarden.io/v1alpha1", "kind": "LeakPolicy", "metadata": meta, "spec": spec, **more}
    )


def apply(cluster: Cluster, text: str, *flags: str) -> tuple[int, str]:
    """Exit code and everything that kubectl said."""
    done = subprocess.run(
        [cluster.bin_dir / "kubectl", "apply", "-f", "-", *flags],
        input=text,
        env={**os.environ, **cluster.environment()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def stored(with_crd: Cluster) -> Iterator[Cluster]:
    """With the full policy in it."""
    code, said = apply(with_crd, policy(FULL))
    assert code == 0, said
    yield with_crd
    with_crd.kubectl("delete", "leakpolicy", "gopls", "--ignore-not-found")


def fields() -> Iterator[str]:
    """`leakpolicy.spec.rules.growth`, for every field of the CRD."""
    pending = [("leakpolicy", custom_resource_definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"])]
    while pending:
        path, schema = pending.pop()
        for name, child in schema.get("items", schema).get("properties", {}).items():
            if path != "leakpolicy" or name in ("spec", "status"):
                yield f"{path}.{name}"
                pending.append((f"{path}.{name}", child))


def test_the_api_server_takes_the_schema_as_structural(with_crd: Cluster) -> None:
    crd = json.loads(with_crd.kubectl("get", "crd", "leakpolicies.leakwarden.io", "-o", "json"))
    states = {condition["type"]: condition["status"] for condition in crd["status"]["conditions"]}
    assert states.get("NonStructuralSchema", "False") == "False"
    assert states["Established"] == states["NamesAccepted"] == "True"


@pytest.mark.parametrize("wrong", [wrong for wrong in WRONG if wrong.at_admission], ids=lambda wrong: wrong.why)
def test_a_wrong_policy_is_refused_with_its_field(with_crd: Cluster, wrong: Wrong) -> None:
    code, said = apply(with_crd, policy(wrong.spec), "--dry-run=server")
    assert code != 0
    if wrong.says == "unknown field":
        assert f'unknown field "{wrong.admission_field}"' in said
    else:
        named = re.escape(wrong.admission_field) + r": (Invalid|Required|Unsupported|Duplicate|Too)"
        assert re.search(named, said), said


@pytest.mark.parametrize("wrong", [wrong for wrong in WRONG if not wrong.at_admission], ids=lambda wrong: wrong.why)
def test_what_no_schema_can_see_passes_admission(with_crd: Cluster, wrong: Wrong) -> None:
    code, said = apply(with_crd, policy(wrong.spec), "--dry-run=server")
    assert code == 0, said


@pytest.mark.parametrize("spec", [SMALLEST, FULL], ids=["smallest", "full"])
def test_a_good_policy_comes_back_as_the_models_read_it(with_crd: Cluster, spec: dict[str, Any]) -> None:
    code, said = apply(with_crd, policy(spec), "--dry-run=server", "-o", "json")
    assert code == 0, said
    assert LeakPolicySpec.parse(json.loads(said)["spec"]) == LeakPolicySpec.parse(spec)


def test_absent_rules_stay_absent_so_that_a_new_version_can_bring_better_ones(with_crd: Cluster) -> None:
    code, said = apply(with_crd, policy(SMALLEST), "--dry-run=server", "-o", "json")
    assert code == 0, said
    assert "rules" not in json.loads(said)["spec"]


def test_rules_of_two_managers_merge_by_name(with_crd: Cluster) -> None:
    for name in ("mine", "theirs"):
        only = {**SMALLEST, "rules": [{"name": name, "signal": "Sys", "above": "4Gi"}]}
        text = policy(only, name="shared")
        code, said = apply(with_crd, text, "--server-side", f"--field-manager={name}", "-o", "json")
        assert code == 0, said
    assert [rule["name"] for rule in json.loads(said)["spec"]["rules"]] == ["mine", "theirs"]
    with_crd.kubectl("delete", "leakpolicy", "shared")


def test_every_field_is_explained(stored: Cluster) -> None:
    tops = {path for path in fields() if path.count(".") == 1}
    whole = {top: stored.kubectl("explain", top, "--recursive") for top in tops}
    for path in fields():
        assert f"{path.rsplit('.', 1)[-1]}\t<" in whole[".".join(path.split(".")[:2])] or path in tops
    for path in (path for path in fields() if path.startswith("leakpolicy.spec")):
        text = stored.kubectl("explain", path)
        description = text.split("DESCRIPTION:")[1].split("FIELDS:")[0].strip()
        assert description not in ("", "<empty>"), path


def test_status_is_a_subresource_that_keeps_every_field(stored: Cluster) -> None:
    status = full_status()
    stored.kubectl(
        "patch", "leakpolicy", "gopls", "--subresource=status", "--type=merge", "-p", json.dumps({"status": status})
    )
    found = json.loads(stored.kubectl("get", "leakpolicy", "gopls", "-o", "json"))
    assert found["status"] == status
    code, said = apply(stored, policy(FULL, status={"topLeak": "forged"}))
    assert code == 0, said
    again = json.loads(stored.kubectl("get", "leakpolicy", "gopls", "-o", "json"))
    assert again["status"] == status
    assert again["metadata"]["generation"] == found["metadata"]["generation"]


def test_columns_and_describe_show_what_matters(stored: Cluster) -> None:
    status = full_status()
    stored.kubectl(
        "patch", "leakpolicy", "gopls", "--subresource=status", "--type=merge", "-p", json.dumps({"status": status})
    )
    head, row = stored.kubectl("get", "lp", "-o", "wide").splitlines()[:2]
    assert head.startswith("NAME    MODE    MATCHED   HEALTHY   LEARNING   LEAKING   UNREACHABLE   TOP LEAK")
    assert status["topLeak"] in row
    assert "<invalid>" not in row
    assert "2026-12-03T08:00:00Z" in row
    described = stored.kubectl("describe", "leakpolicy", "gopls")
    assert "Fix:" in described
    assert "gopls" in stored.kubectl("get", "leakwarden")


def test_a_status_that_is_not_ours_is_refused(stored: Cluster) -> None:
    bad = {"status": {"conditions": [{"type": "Happy", "status": "Maybe"}]}}
    done = subprocess.run(
        [stored.bin_dir / "kubectl", "patch", "leakpolicy", "gopls", "--subresource=status", "--type=merge", "-p",
         json.dumps(bad)],
        env={**os.environ, **stored.environment()}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "status.conditions[0].type" in done.stderr
