"""A real Prometheus over the running operator: an alert fires and ends, every query of the dashboard has an answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from hack import prometheus
from hack.prometheus import Prometheus
from tests.e2e.conftest import POLICIES, Fleet, Stage
from tests.e2e.policies import QUICK, policy, quick_leak
from tests.e2e.scene import Scene
from workloads.manifests import manifest

pytestmark = pytest.mark.e2e

FILES = Path(__file__).parent.parent.parent / "charts" / "leakwarden" / "files"
NAME = "alerted"


@pytest.fixture(scope="module")
def scene(stage: Stage) -> Iterator[Scene]:
    scene = stage.scene(POLICIES)
    yield scene
    scene.delete("leakpolicies", NAME)
    scene.delete("deployments", NAME)


@pytest.fixture(scope="module")
def monitored(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """It scrapes the operator that serves all these tests, by the rules that the chart ships."""
    rules = sorted((FILES / "rules").glob("*.yaml"))
    with prometheus.running(tmp_path_factory.mktemp("prometheus"), urlsplit(stage.operator.url).netloc, rules) as one:
        yield one


def state_of(alerts: list[dict[str, Any]], name: str, policy: str) -> list[str]:
    return [a["state"] for a in alerts if a["labels"]["alertname"] == name and a["labels"].get("policy") == policy]


def test_the_alert_of_a_leak_fires_for_a_leaking_pod_and_ends_when_the_pod_is_gone(
    stage: Stage, scene: Scene, monitored: Prometheus
) -> None:
    scene.apply(policy(NAME, {"app": NAME}, rules=[QUICK]), manifest(quick_leak(stage.images, NAME, POLICIES)))

    def firing() -> None:
        states = state_of(monitored.alerts(), "LeakwardenLeakFound", NAME)
        assert states == ["firing"], (states, monitored.query("leakwarden_findings_open > 0"))

    def over() -> None:
        assert state_of(monitored.alerts(), "LeakwardenLeakFound", NAME) == []

    over()
    scene.eventually(firing, 120)
    scene.delete("deployments", NAME)
    scene.eventually(over, 120)


def test_the_operator_is_scraped_and_is_neither_blind_nor_slow(monitored: Prometheus, scene: Scene) -> None:
    def read() -> None:
        (rate,) = monitored.query("leakwarden:samples_read:rate10m")
        assert float(rate["value"][1]) > 0

    scene.eventually(read, 60)
    firing = {alert["labels"]["alertname"] for alert in monitored.alerts() if alert["state"] == "firing"}
    assert firing.isdisjoint({"LeakwardenAbsent", "LeakwardenBlind", "LeakwardenSlow"}), firing


def queries() -> list[tuple[str, str]]:
    """Title of the panel, and what it asks with the variables filled in for everything."""
    dashboard = json.loads((FILES / "dashboard.json").read_text())
    found = []
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            asked = target["expr"]
            for variable in ("$namespace", "$policy", "$pod"):
                asked = asked.replace(variable, ".*")
            found.append((panel["title"], asked))
    return found


@pytest.mark.parametrize(("title", "asked"), queries(), ids=[f"{title}-{n}" for n, (title, _) in enumerate(queries())])
def test_every_query_of_the_dashboard_returns_series(
    monitored: Prometheus, fleet: Fleet, title: str, asked: str
) -> None:
    def answered() -> None:
        assert monitored.query(asked) != [], f"{title}: no series for {asked}"

    fleet.scene.eventually(answered, 60)


def test_the_dashboard_s_variables_find_the_fleet(monitored: Prometheus, fleet: Fleet) -> None:
    def found() -> None:
        for label in ("policy_namespace", "policy"):
            assert monitored.query(f"count by ({label}) (leakwarden_targets)") != []
        assert monitored.query("count by (pod) (leakwarden_target_verdict)") != []

    fleet.scene.eventually(found, 30)
