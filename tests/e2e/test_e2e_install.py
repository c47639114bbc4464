"""Installed by Helm from the built image, as a user does: upgraded, confined, and with the rights it needs, no more."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from hack import helm
from hack.cluster import Cluster, ClusterError
from hack.helm import NAMESPACE
from hack.local_operator import get
from tests.e2e import upgrade
from tests.e2e.conftest import POLICIES, SHARED, Stage
from tests.rights import FORBIDDEN, NEEDED, allowed

pytestmark = pytest.mark.e2e

TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"


@pytest.fixture(scope="module")
def as_operator(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster as the operator sees it: with the very token that kubelet gave to its pod."""
    token = stage.operator.exec("python3", "-c", f"print(open({TOKEN!r}).read())").strip()
    path = tmp_path_factory.mktemp("operator-token") / "kubeconfig"
    yield stage.cluster.as_user(stage.cluster.kubeconfig_for_token(token, path))


def test_the_default_is_two_replicas_that_are_both_ready_while_one_leads(stage: Stage) -> None:
    assert len(stage.before.pods) == 2
    assert stage.before.leader in stage.before.pods


def test_an_upgrade_brings_the_new_fields_of_the_crd_and_keeps_the_policies(stage: Stage) -> None:
    assert upgrade.FIELD in stage.before.refusal
    stage.scene(POLICIES).kubectl("apply", "--dry-run=server", "-f", "-", stdin=json.dumps(upgrade.newer_policy()))
    kept = get(stage.cluster, "leakpolicy", upgrade.KEPT, "-n", POLICIES)
    assert kept["metadata"]["uid"] == stage.before.kept_uid


def test_a_policy_of_before_the_upgrade_is_followed_after_it(stage: Stage) -> None:
    scene = stage.scene(POLICIES)
    scene.eventually(lambda: scene.condition(upgrade.KEPT, "Ready"), 30)


def test_helm_test_passes(stage: Stage) -> None:
    said = helm.helm("test", helm.RELEASE, "-n", NAMESPACE, "--timeout=90s", cluster=stage.cluster)
    assert "Phase:          Succeeded" in said


def test_it_says_which_commit_it_is(stage: Stage) -> None:
    assert f"(commit {stage.operator.image.commit})" in stage.operator.exec("python3", "-m", "leakwarden", "--version")
    assert f'commit="{stage.operator.image.commit}"' in stage.operator.metrics()


def test_its_process_has_no_rights_on_the_node_and_can_write_to_its_state_only(stage: Stage) -> None:
    status = stage.operator.exec("python3", "-c", "print(open('/proc/self/status').read())")
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert facts["Uid"].split() == ["65532"] * 4
    assert (int(facts["CapBnd"], 16), facts["NoNewPrivs"], facts["Seccomp"]) == (0, "1", "2")
    stage.operator.exec("python3", "-c", "open('/state/x', 'w'); import os; os.remove('/state/x')")
    with pytest.raises(ClusterError, match="Read-only file system"):
        stage.operator.exec("python3", "-c", "open('/opt/x', 'w')")


@pytest.mark.parametrize("program", ["sh", "bash", "apt-get", "pip"])
def test_the_image_has_no_shell_and_no_package_manager(stage: Stage, program: str) -> None:
    with pytest.raises(ClusterError, match="executable file not found"):
        stage.operator.exec(program, "--version")


def test_what_it_needs_it_may_in_each_namespace_that_it_watches(as_operator: Cluster) -> None:
    watched = [question for question in NEEDED if not question.at_home]
    for namespace in SHARED:
        assert allowed(as_operator, watched, namespace) == set(watched), namespace
    at_home = [question for question in NEEDED if question.at_home]
    assert allowed(as_operator, at_home, NAMESPACE) == set(at_home)


def test_nothing_of_that_is_allowed_in_other_namespaces(as_operator: Cluster) -> None:
    for namespace in ("kube-system", "default", ""):
        assert allowed(as_operator, NEEDED, namespace) == set(), namespace


def test_what_it_must_not_it_may_not_anywhere(as_operator: Cluster) -> None:
    for namespace in (NAMESPACE, *SHARED, "kube-system", ""):
        assert allowed(as_operator, FORBIDDEN, namespace) == set(), namespace
