"""One node, one operator, one fleet for the whole run.

Long waits overlap: the fleet (every leaking shape beside its healthy twin, two leaks of gopls beside a gopls that does
not leak, targets that cannot be read) is deployed before the first test, and ages while the other modules run. What
asks for its age comes last. `ORDER` is that order; a module that it does not name is an error.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from hack import cluster, helm, operator_image
from hack.cluster import Cluster
from hack.helm_operator import HelmOperator
from hack.local_operator import apply
from tests.e2e import findings_page, upgrade
from tests.e2e.policies import FLEET_RULES, policy
from tests.e2e.scene import Scene
from workloads import build, manifests
from workloads.build import Image

ORDER = (
    "test_e2e_install",
    "test_e2e_admission",
    "test_e2e_rails",
    "test_e2e_faults",
    "test_e2e_leaks",
    "test_e2e_commands",
    "test_e2e_actions",
    "test_e2e_policies",
    "test_e2e_crashes",
    "test_e2e_leader",
    "test_e2e_recordings",
    "test_e2e_monitoring",
    "test_e2e_healthy",
    "test_e2e_uninstall",
)

FLEET, RAILS, ACTIONS, POLICIES = "e2e-fleet", "e2e-rails", "e2e-actions", "e2e-policies"
SHARED = (FLEET, RAILS, ACTIONS, POLICIES)
"""Namespaces of the session's operator. Operators that are killed have others, which this one must not watch."""

LABEL = "leakwarden.io/e2e"
RENAMED = {"parseAndKeep": "holdOnto"}
"""The function of the AST cache that leaks, and what it is called in one of the fleet's images."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Modules in ORDER, whatever their names; tests of other directories stay where they are."""
    here = [item for item in items if Path(item.path).parent == Path(__file__).parent]
    unknown = {Path(item.path).stem for item in here} - set(ORDER)
    if unknown:
        raise pytest.UsageError(f"tests/e2e/conftest.py: ORDER does not name {', '.join(sorted(unknown))}")
    ordered = iter(sorted(here, key=lambda item: ORDER.index(Path(item.path).stem)))
    mine = {id(item) for item in here}
    items[:] = [next(ordered) if id(item) in mine else item for item in items]


@dataclass(frozen=True, slots=True)
class Stage:
    """What every test shares. `before` is what the cluster was like under the older chart."""

    cluster: Cluster
    images: Mapping[str, Image]
    operator: HelmOperator
    before: upgrade.Before

    def scene(self, namespace: str) -> Scene:
        return Scene(self.cluster, namespace, self.operator)


@dataclass(frozen=True, slots=True)
class Fleet:
    """The long-running pods. `since` is monotonic: when all of them were Ready."""

    scene: Scene
    since: float


@pytest.fixture(scope="session")
def node() -> Iterator[Cluster]:
    """A node of this run alone; or the one that $LEAKWARDEN_E2E_CLUSTER names, which is kept."""
    backend = os.environ.get("LEAKWARDEN_BACKEND", "auto")
    kept = os.environ.get("LEAKWARDEN_E2E_CLUSTER", "")
    if kept:
        up = cluster.up(kept, backend=backend)
        _sweep(up)
        yield up
        return
    name = f"e2e-{os.getpid()}"
    try:
        yield cluster.up(name, backend=backend)
    finally:
        cluster.down(name)


def _sweep(up: Cluster) -> None:
    """What an earlier run left in a cluster that is kept."""
    for which in (("-l", f"{LABEL}=true"), (helm.NAMESPACE, "--ignore-not-found")):
        up.kubectl("delete", "namespaces", *which, "--wait", "--timeout=120s", timeout=180)


@pytest.fixture(scope="session")
def images(node: Cluster) -> Mapping[str, Image]:
    """The workloads, and `renamed`: the leak server with one function called otherwise. All known to the node."""
    built = build.build(["leakserver", "gopls"])
    built["renamed"] = build.build(["leakserver"], rename=RENAMED)["leakserver"]
    for image in built.values():
        cluster.load(image.tar, node.name)
    return built


@pytest.fixture(scope="session")
def stage(node: Cluster, images: Mapping[str, Image], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The operator in the cluster, by Helm, from the built image: installed by an older chart, upgraded to this one.

    It has the rights of its four namespaces and no others. One replica: of two, a busy machine could make the other
    take over, which learns anew.
    """
    for namespace in SHARED:
        apply(node, namespace_manifest(namespace))
    values = {
        "watchNamespaces": list(SHARED),
        "actions": {"annotate": True, "evict": True},
        "settings": {"statusInterval": 1},
    }
    operator = HelmOperator(node, operator_image.build(), values)
    before = upgrade.install_older(operator, POLICIES, tmp_path_factory.mktemp("older"))
    # It samples each pod every second or two, beside language servers that take whatever CPU they find.
    operator.install(replicas=1, resources={"requests": {"cpu": "500m"}})
    try:
        yield Stage(node, images, operator, before)
    finally:
        operator.close()


def namespace_manifest(name: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {LABEL: "true"}}}


@pytest.fixture(scope="session")
def fleet(stage: Stage) -> Iterator[Fleet]:
    """Deployed, with three policies: `leaks`, `twins` and `faults`, each on its part, and `builtin` on all of it."""
    scene = stage.scene(FLEET)
    pods = {"leaking": [], "healthy": [], "faulty": []}  # type: dict[str, list[manifests.Workload]]
    for workload in manifests.fleet(stage.images, FLEET):
        pods["healthy" if workload.name.endswith("-healthy") else "leaking"].append(workload)
    renamed = manifests.leakserver(stage.images, "ast-cache")
    pods["leaking"].append(replace(renamed, name="ast-cache-renamed", image=stage.images["renamed"].ref))
    pods["faulty"] = [manifests.faulty(stage.images, fault) for fault in manifests.FAULTS]
    scene.apply(*[
        manifests.manifest(replace(workload, namespace=FLEET, labels={"twin": kind}))
        for kind, workloads in pods.items() for workload in workloads
    ])  # fmt: skip
    scene.apply(
        policy("leaks", {"twin": "leaking"}, interval="2s", grace="5s", timeout="10s", rules=FLEET_RULES),
        policy("twins", {"twin": "healthy"}, interval="2s", grace="5s", timeout="10s", rules=FLEET_RULES),
        policy("faults", {"twin": "faulty"}, interval="2s", timeout="2s", rules=FLEET_RULES),
        policy("builtin", {"app.kubernetes.io/part-of": "leakwarden-demo"}, interval="2s", grace="5s"),
    )
    scene.kubectl("rollout", "status", "deployment", "--timeout=110s")
    yield Fleet(scene, time.monotonic())
    findings_page.write(stage.cluster, FLEET)


@pytest.fixture(scope="session", autouse=True)
def fleet_first(request: pytest.FixtureRequest) -> None:
    """Whoever needs the fleet's age needs it deployed before the first test, not when their turn comes."""
    if any("fleet" in getattr(item, "fixturenames", ()) for item in request.session.items):
        request.getfixturevalue("fleet")


@pytest.fixture(scope="module")
def new_namespace(stage: Stage) -> Iterator[Callable[[str], str]]:
    """Makes namespaces that go with the module."""
    made: list[str] = []

    def make(name: str) -> str:
        apply(stage.cluster, namespace_manifest(name))
        made.append(name)
        return name

    yield make
    if made:
        stage.cluster.kubectl("delete", "namespaces", *made, "--wait=false")
