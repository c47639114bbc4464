"""Uninstalled: what the operator wrote goes with it, the CRD and everybody's policies stay. It has the last word."""

from __future__ import annotations

import pytest

from hack.helm import NAMESPACE
from hack.local_operator import get
from tests.e2e.conftest import POLICIES, Stage
from tests.e2e.policies import QUICK, policy, quick_leak
from tests.e2e.scene import Scene, annotation
from workloads.manifests import manifest

pytestmark = pytest.mark.e2e

APP = "left-behind"
KINDS = (
    "deployments,statefulsets,replicasets,pods,jobs,services,serviceaccounts,poddisruptionbudgets,roles,rolebindings,"
    "clusterroles,clusterrolebindings,networkpolicies,leases,configmaps"
)


@pytest.fixture(scope="module")
def scene(stage: Stage) -> Scene:
    """With a leaking pod that the operator has annotated, and a Lease and a journal of it; and then without it."""
    scene = stage.scene(POLICIES)
    scene.apply(
        manifest(quick_leak(stage.images, APP, POLICIES)), policy(APP, {"app": APP}, rules=[QUICK], mode="Annotate")
    )

    def annotated() -> None:
        assert annotation(scene.pod(APP)) is not None

    scene.eventually(annotated, 120)
    get(stage.cluster, "lease", "leakwarden", "-n", NAMESPACE)
    get(stage.cluster, "configmap", "leakwarden-journal", "-n", NAMESPACE)
    stage.operator.uninstall()
    return scene


def test_no_pod_carries_our_annotation_any_more(scene: Scene) -> None:
    assert [pod["metadata"]["name"] for pod in scene.pods(APP) if annotation(pod) is not None] == []


def test_of_its_namespace_nothing_is_left_but_what_kubernetes_puts_into_each(stage: Stage, scene: Scene) -> None:
    left = {f"{each['kind']}/{each['metadata']['name']}" for each in get(stage.cluster, KINDS, "-n", NAMESPACE)["items"]
            if each["metadata"].get("namespace") == NAMESPACE}  # fmt: skip
    assert left <= {"ServiceAccount/default", "ConfigMap/kube-root-ca.crt"}


def test_in_no_other_namespace_is_anything_of_the_release(stage: Stage, scene: Scene) -> None:
    ours = get(stage.cluster, KINDS, "-A", "-l", "app.kubernetes.io/instance=leakwarden")["items"]
    assert [f"{each['kind']}/{each['metadata']['name']}" for each in ours] == []


def test_the_crd_and_the_policies_stay(stage: Stage, scene: Scene) -> None:
    get(stage.cluster, "crd", "leakpolicies.leakwarden.io")
    assert scene.get("leakpolicy", APP)["spec"]["remediation"]["mode"] == "Annotate"
