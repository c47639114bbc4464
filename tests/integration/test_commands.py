"""The commands that edit policies, before a real API server: what it takes, what it refuses, and to whom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hack.cluster import Cluster
from leakwarden.cli import main
from tests.core.report.samples import full_status, heap_leak

pytestmark = pytest.mark.integration

NAMESPACE = "commands"
READER = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: commands}
rules: [{apiGroups: [leakwarden.io], resources: [leakpolicies], verbs: [get, list]}]
"""


@pytest.fixture(scope="module")
def there(with_crd: Cluster) -> Iterator[Cluster]:
    """A policy with an operator's status, and somebody who may only read it."""
    with_crd.kubectl("create", "namespace", NAMESPACE)
    with_crd.kubectl("-n", NAMESPACE, "create", "serviceaccount", "reader")
    with_crd.kubectl("apply", "-f", "-", stdin=READER)
    with_crd.kubectl(
        "-n", NAMESPACE, "create", "rolebinding", "reader", "--role=reader", f"--serviceaccount={NAMESPACE}:reader"
    )
    spec = {"target": {"selector": {"matchLabels": {"app": "gopls"}}}, "remediation": {"mode": "Evict"}}
    policy = {"apiVersion": "leakwarden.io/v1alpha1", "kind": "LeakPolicy", "metadata": {"name": "gopls"}, "spec": spec}
    with_crd.kubectl("-n", NAMESPACE, "apply", "--server-side", "-f", "-", stdin=json.dumps(policy))
    status = json.dumps({"status": full_status()})
    with_crd.kubectl("-n", NAMESPACE, "patch", "lp", "gopls", "--subresource=status", "--type=merge", "-p", status)
    yield with_crd
    with_crd.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def leakwarden(kubeconfig: Path, *arguments: str) -> Result:
    environment = {"KUBECONFIG": str(kubeconfig), "KUBERNETES_SERVICE_HOST": None}
    return CliRunner().invoke(main, [*arguments, "-n", NAMESPACE], env=environment)


def spec(there: Cluster) -> dict[str, Any]:
    found = json.loads(there.kubectl("-n", NAMESPACE, "get", "leakpolicy", "gopls", "-o", "json"))
    return dict(found["spec"])


def test_a_leak_is_muted_and_unmuted_and_the_rest_of_the_spec_stays(there: Cluster) -> None:
    before = spec(there)
    muted = leakwarden(there.kubeconfig, "mute", "parseAndKeep", "--until", "7d", "--reason", "fixed in v2")
    assert muted.exit_code == 0, muted.output
    (mute,) = spec(there)["mutes"]
    assert (mute["signature"], mute["reason"]) == (heap_leak().signature, "fixed in v2")
    assert leakwarden(there.kubeconfig, "unmute", "parseAndKeep").exit_code == 0
    assert spec(there) == before


def test_a_mute_that_admission_refuses_is_said_with_its_field(there: Cluster) -> None:
    refused = leakwarden(there.kubeconfig, "mute", "parseAndKeep", "--for-good", "--reason", "x" * 257)
    assert refused.exit_code == 2
    assert "spec.mutes[0].reason: Too long" in refused.stderr


def test_a_policy_is_paused_and_goes_on(there: Cluster) -> None:
    before = spec(there)
    assert leakwarden(there.kubeconfig, "pause", "gopls", "--until", "2h", "--dry-run").exit_code == 0
    assert spec(there) == before
    assert leakwarden(there.kubeconfig, "pause", "gopls", "--until", "2h").exit_code == 0
    assert "pausedUntil" in spec(there)["remediation"]
    assert leakwarden(there.kubeconfig, "resume", "gopls").stdout == f"{NAMESPACE}/gopls goes on, in mode Evict\n"
    assert spec(there) == before


def test_who_may_only_read_sees_findings_and_is_told_the_verb_for_more(there: Cluster, tmp_path: Path) -> None:
    token = there.token(NAMESPACE, "reader")
    reader = there.kubeconfig_for_token(token, tmp_path / "reader")
    before = spec(there)
    assert "parseAndKeep" in leakwarden(reader, "findings").stdout
    for command in (["pause", "gopls", "--until", "2h"], ["mute", "parseAndKeep", "--for-good", "--reason", "x"]):
        refused = leakwarden(reader, *command)
        assert refused.exit_code == 2
        assert "cannot patch leakpolicies.leakwarden.io in namespace commands" in refused.stderr
        assert "kubectl auth can-i patch leakpolicies.leakwarden.io -n commands" in refused.stderr
    assert spec(there) == before
