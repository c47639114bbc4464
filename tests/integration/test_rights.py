"""What the chart grants, asked of a real API server with the token of the account that it makes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from hack import helm
from hack.cluster import Cluster
from tests.integration.charts import of_kind, resident
from tests.rights import ACTIONS, FORBIDDEN, NEEDED, allowed

pytestmark = pytest.mark.integration

HOME, WATCHED, OTHER = "rights-home", "rights-watched", "rights-other"
GRANTS = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
BOTH = {"annotate": True, "evict": True}
OBSERVE = [question for question in NEEDED if question not in ACTIONS and not question.at_home]
AT_HOME = [question for question in NEEDED if question.at_home]


@pytest.fixture(scope="module")
def namespaces(control_plane: Cluster) -> Cluster:
    for namespace in (HOME, WATCHED, OTHER):
        control_plane.kubectl("create", "namespace", namespace)
    return control_plane


@pytest.fixture
def as_operator(namespaces: Cluster, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    """The cluster as an operator sees it that was installed with the values of the test's parameter."""
    values: dict[str, Any] = {"fullnameOverride": "rights", **request.param}
    documents = resident([each for each in yaml.safe_load_all(helm.template(values, namespace=HOME)) if each])
    granted = json.dumps({"apiVersion": "v1", "kind": "List", "items": of_kind(documents, *GRANTS)})
    namespaces.kubectl("apply", "-f", "-", stdin=granted)
    token = namespaces.token(HOME, "rights")
    yield namespaces.as_user(namespaces.kubeconfig_for_token(token, tmp_path / "kubeconfig"))
    namespaces.kubectl("delete", "-f", "-", stdin=granted)


@pytest.mark.parametrize("as_operator", [{"actions": BOTH}], indirect=True)
def test_for_the_whole_cluster_it_may_do_everywhere_what_it_needs_and_its_own_at_home_only(
    as_operator: Cluster,
) -> None:
    everywhere = {*OBSERVE, *ACTIONS}
    for namespace in (OTHER, "kube-system", ""):
        assert allowed(as_operator, NEEDED, namespace) == everywhere, namespace
    assert allowed(as_operator, NEEDED, HOME) == everywhere | set(AT_HOME)


@pytest.mark.parametrize("as_operator", [{"watchNamespaces": [WATCHED], "actions": BOTH}], indirect=True)
def test_by_namespace_it_may_nothing_in_any_other(as_operator: Cluster) -> None:
    assert allowed(as_operator, NEEDED, WATCHED) == {*OBSERVE, *ACTIONS}
    assert allowed(as_operator, NEEDED, HOME) == set(AT_HOME)
    for namespace in (OTHER, "kube-system", ""):
        assert allowed(as_operator, NEEDED, namespace) == set(), namespace


@pytest.mark.parametrize(
    ("as_operator", "may"),
    [({}, []), ({"actions": {"annotate": True}}, ACTIONS[:1]), ({"actions": {"evict": True}}, ACTIONS[1:])],
    indirect=["as_operator"],
)
def test_it_may_change_pods_only_as_far_as_that_is_switched_on(as_operator: Cluster, may: list[Any]) -> None:
    assert allowed(as_operator, [*OBSERVE, *ACTIONS], OTHER) == {*OBSERVE, *may}


@pytest.mark.parametrize(
    "as_operator", [{"actions": BOTH}, {"watchNamespaces": [WATCHED], "actions": BOTH}], indirect=True
)
def test_nothing_of_what_it_must_not_is_granted_anywhere(as_operator: Cluster) -> None:
    for namespace in (HOME, WATCHED, OTHER, "kube-system", ""):
        assert allowed(as_operator, FORBIDDEN, namespace) == set(), namespace
