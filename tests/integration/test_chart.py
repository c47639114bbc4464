"""The chart as Helm renders it, before a real API server: every value set is valid, and grants what it should."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from hack import helm
from hack.cluster import Cluster, ClusterError
from tests.integration.charts import EVERYTHING, SETS, WRONG, of_kind, rendered, resident
from tests.integration.conftest import CRD

pytestmark = pytest.mark.integration

REPO = helm.REPO
ROLES = ("ClusterRole", "Role")
BINDINGS = ("ClusterRoleBinding", "RoleBinding")


def _prometheus_operator_crds() -> Path:
    """From the Go module whose hash hack/gomods/prometheus-operator/go.sum holds."""
    module = "github.com/prometheus-operator/prometheus-operator"
    where = REPO / "hack" / "gomods" / "prometheus-operator"
    done = subprocess.run(["go", "mod", "download", "-json", module], cwd=where, capture_output=True, check=True)
    return Path(json.loads(done.stdout)["Dir"]) / "example" / "prometheus-operator-crd"


@pytest.fixture(scope="module")
def api(control_plane: Cluster) -> Cluster:
    """With the namespaces that the value sets name, and the CRDs of the Prometheus operator.

    The namespaces stay: nothing is made in them but by dry runs, other modules use `leakwarden` too, and a control
    plane without a namespace controller never ends one.
    """
    for namespace in ("leakwarden", "team-a", "team-b", "123", "1e3", "null", "true"):
        wanted = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        control_plane.kubectl("apply", "-f", "-", stdin=json.dumps(wanted))
    for plural in ("servicemonitors", "prometheusrules"):
        path = _prometheus_operator_crds() / f"monitoring.coreos.com_{plural}.yaml"
        control_plane.kubectl("apply", "--server-side", "-f", str(path))
        control_plane.kubectl("wait", "--for=condition=Established", f"crd/{plural}.monitoring.coreos.com")
    return control_plane


@pytest.mark.parametrize("values", SETS.values(), ids=SETS)
def test_lint_has_nothing_to_say(values: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "values.json"
    file.write_text(json.dumps(values))
    said = helm.helm("lint", "--strict", str(helm.CHART), "-f", str(file))
    assert "0 chart(s) failed" in said
    assert "WARNING" not in said


@pytest.mark.parametrize("values", SETS.values(), ids=SETS)
def test_the_api_server_takes_every_object_and_knows_every_field(api: Cluster, values: dict[str, Any]) -> None:
    documents = rendered(values)
    everything = json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})
    said = api.kubectl("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", stdin=everything)
    assert len(said.splitlines()) == len(documents)


def test_a_field_that_the_api_server_does_not_know_would_be_noticed(api: Cluster) -> None:
    [monitor] = of_kind(rendered({"serviceMonitor": {"enabled": True}}), "ServiceMonitor")
    monitor["spec"]["endpoints"][0]["intervall"] = "30s"
    with pytest.raises(ClusterError, match="intervall"):
        api.kubectl(
            "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", stdin=json.dumps(monitor)
        )


def texts(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """What must be text: names, namespaces, values of variables, labels and annotations."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        where = f"{path}.{key}"
        named = key in ("name", "namespace", "value", "image", "claimName", "storageClassName", "serviceAccountName")
        if named or path.endswith(("labels", "matchLabels", "annotations")):
            yield where, child
        yield from texts(child, where)


@pytest.mark.parametrize(
    ("namespace", "release"), [("123", "leakwarden"), ("1e3", "r"), ("null", "a.b"), ("true", "x" * 53)]
)
def test_a_name_that_looks_like_a_number_stays_a_name(namespace: str, release: str) -> None:
    values = json.dumps(SETS["names that look like numbers"])
    said = helm.helm("template", release, str(helm.CHART), "-n", namespace, "-f", "-", stdin=values)
    documents = [each for each in yaml.safe_load_all(said) if each and each["kind"] != "CustomResourceDefinition"]
    found = [(each["kind"], *text) for each in documents for text in texts(each)]
    assert len(found) > 100 and [each for each in found if not isinstance(each[-1], str)] == []
    assert {each["metadata"]["namespace"] for each in of_kind(documents, "Service")} == {namespace}
    names = [each["metadata"]["name"] for each in documents if each["kind"] != "ServiceAccount"]
    assert [name for name in names if not re.fullmatch(r"[a-z][-a-z0-9]{0,62}", name)] == []


@pytest.mark.parametrize(("values", "named"), WRONG.values(), ids=WRONG)
def test_a_wrong_value_is_refused_by_name(values: dict[str, Any], named: str) -> None:
    with pytest.raises(ClusterError, match=named):
        helm.template(values)


def test_the_crd_of_the_chart_is_the_generated_one() -> None:
    [crd] = of_kind(rendered({}), "CustomResourceDefinition")
    assert crd["spec"] == yaml.safe_load(CRD.read_text())["spec"]
    assert crd["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_the_crd_goes_with_the_release_only_when_asked_to() -> None:
    [crd] = of_kind(rendered({"crds": {"keep": False}}), "CustomResourceDefinition")
    assert "annotations" not in crd["metadata"]
    assert of_kind(rendered({"crds": {"install": False}}), "CustomResourceDefinition") == []


def grants(documents: list[dict[str, Any]]) -> set[tuple[str, str, str, str]]:
    """(kind and namespace of the role, group/resource, names, verb) of everything granted."""
    return {
        (f"{role['kind']} {role['metadata'].get('namespace', '')}", f"{group}/{resource}",
         ",".join(rule.get("resourceNames", [])), verb)
        for role in of_kind(documents, *ROLES) for rule in role["rules"]
        for group in rule["apiGroups"] for resource in rule["resources"] for verb in rule["verbs"]
    }  # fmt: skip


def test_the_chart_grants_what_deploy_rbac_yaml_grants() -> None:
    shipped = [document for document in yaml.safe_load_all((REPO / "deploy" / "rbac.yaml").read_text()) if document]
    chart = resident(rendered({"actions": {"annotate": True, "evict": True}}))
    assert grants(chart) == grants(shipped)
    assert {each["metadata"]["name"] for each in of_kind(chart, *ROLES, *BINDINGS)} == {
        each["metadata"]["name"] for each in of_kind(shipped, *ROLES, *BINDINGS)
    }


@pytest.mark.parametrize(
    ("actions", "verbs"),
    [
        ({}, set()),
        ({"annotate": True}, {("/pods", "patch")}),
        ({"evict": True}, {("/pods/eviction", "create")}),
        ({"annotate": True, "evict": True}, {("/pods", "patch"), ("/pods/eviction", "create")}),
    ],
)
def test_what_changes_pods_is_granted_only_when_switched_on(
    actions: dict[str, bool], verbs: set[tuple[str, str]]
) -> None:
    granted = {(resource, verb) for _, resource, _, verb in grants(resident(rendered({"actions": actions})))}
    assert granted & {("/pods", "patch"), ("/pods/eviction", "create")} == verbs


def test_by_namespace_there_are_roles_only_and_only_there() -> None:
    documents = rendered(SETS["by namespace"])
    assert of_kind(documents, "ClusterRole", "ClusterRoleBinding") == []
    assert {where for where, *_ in grants(documents)} == {"Role team-a", "Role team-b", "Role leakwarden"}
    at_home = {resource for where, resource, *_ in grants(resident(documents)) if where == "Role leakwarden"}
    assert at_home == {"/configmaps", "coordination.k8s.io/leases"}
    [workload] = of_kind(documents, "Deployment")
    [container] = workload["spec"]["template"]["spec"]["containers"]
    watched = [each["value"] for each in container["env"] if each["name"] == "LEAKWARDEN_WATCH_NAMESPACES"]
    assert watched == ["team-a,team-b"]


def test_every_role_is_bound_to_the_operators_account_and_to_nobody_else() -> None:
    for values in ({}, SETS["by namespace"]):
        documents = resident(rendered(values))
        bound = {(each["roleRef"]["kind"], each["roleRef"]["name"]) for each in of_kind(documents, *BINDINGS)}
        assert bound == {(each["kind"], each["metadata"]["name"]) for each in of_kind(documents, *ROLES)}
        account = {"kind": "ServiceAccount", "name": "leakwarden", "namespace": "leakwarden"}
        assert all(each["subjects"] == [account] for each in of_kind(documents, *BINDINGS))


@pytest.mark.parametrize("annotate", [True, False])
def test_the_cleanup_may_list_pods_delete_our_own_and_patch_only_what_the_operator_might(annotate: bool) -> None:
    documents = rendered({"actions": {"annotate": annotate, "evict": True}})
    hooks = [each for each in documents if each["metadata"].get("annotations", {}).get("helm.sh/hook") == "post-delete"]
    assert grants(hooks) == {
        ("ClusterRole ", "/pods", "", "list"),
        *([("ClusterRole ", "/pods", "", "patch")] if annotate else []),
        ("Role leakwarden", "/pods", "", "list"),
        *(("Role leakwarden", "/configmaps", "leakwarden-journal", verb) for verb in ("get", "delete")),
        *(("Role leakwarden", "coordination.k8s.io/leases", "leakwarden", verb) for verb in ("get", "delete")),
    }
    assert all(each["subjects"][0]["name"] == "leakwarden-cleanup" for each in of_kind(hooks, *BINDINGS))


def test_without_cleanup_nothing_runs_after_the_release() -> None:
    for values in ({"cleanup": {"enabled": False}}, {"rbac": {"create": False}}):
        assert of_kind(rendered(values), "Job") == []


@pytest.mark.parametrize("values", SETS.values(), ids=SETS)
def test_every_container_is_confined_and_runs_the_one_image(values: dict[str, Any]) -> None:
    for document in of_kind(rendered(values), "Deployment", "StatefulSet", "Job", "Pod"):
        spec = document["spec"] if document["kind"] == "Pod" else document["spec"]["template"]["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        for container in spec["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert container["image"].startswith(values.get("image", {}).get("repository", "leakwarden/operator"))


def test_a_claim_a_replica_or_one_that_exists_or_an_empty_directory() -> None:
    def volumes(workload: dict[str, Any]) -> dict[str, dict[str, Any]]:
        return {volume["name"]: volume for volume in workload["spec"]["template"]["spec"]["volumes"]}

    [own] = of_kind(rendered(EVERYTHING), "StatefulSet", "Deployment")
    assert own["kind"] == "StatefulSet"
    assert own["spec"]["volumeClaimTemplates"][0]["spec"]["storageClassName"] == "fast"
    [existing] = of_kind(rendered(SETS["an existing claim"]), "StatefulSet", "Deployment")
    assert volumes(existing)["state"]["persistentVolumeClaim"] == {"claimName": "old-state"}
    [empty] = of_kind(rendered({}), "StatefulSet", "Deployment")
    assert volumes(empty)["state"]["emptyDir"] == {"sizeLimit": "2Gi"}


def test_a_spread_without_a_selector_spreads_the_operators_pods() -> None:
    [workload] = of_kind(rendered(EVERYTHING), "StatefulSet")
    [spread] = workload["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"].items() <= workload["spec"]["template"]["metadata"]["labels"].items()


def test_alerts_and_dashboard_are_the_files_that_are_tested() -> None:
    """Helm's own templates have braces too: nothing in an alert's text may be taken for one."""
    [rule] = of_kind(rendered(EVERYTHING), "PrometheusRule")
    files = [helm.CHART / "files" / "rules" / f"{name}.yaml" for name in ("operator", "levels")]
    assert rule["spec"]["groups"] == [group for path in files for group in yaml.safe_load(path.read_text())["groups"]]
    [quiet] = of_kind(rendered({"prometheusRule": {"enabled": True}}), "PrometheusRule")
    assert quiet["spec"]["groups"] == yaml.safe_load(files[0].read_text())["groups"]
    [dashboard] = of_kind(rendered(EVERYTHING), "ConfigMap")
    assert json.loads(dashboard["data"]["leakwarden.json"]) == json.loads(
        (helm.CHART / "files" / "dashboard.json").read_text()
    )


@pytest.mark.parametrize("served", ["https://git.example.org/docs", "https://git.example.org/docs/"])
def test_alerts_link_to_the_runbook_where_the_pages_are_served(served: str) -> None:
    values = {"prometheusRule": {"enabled": True, "levels": True}, "settings": {"docsUrl": served}}
    [rule] = of_kind(rendered(values), "PrometheusRule")
    alerts = [each for group in rule["spec"]["groups"] for each in group["rules"] if "alert" in each]
    links = {alert["annotations"]["runbook_url"].partition("#")[0] for alert in alerts}
    assert links == {"https://git.example.org/docs/runbook.md"}
