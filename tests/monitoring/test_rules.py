"""The rules that the chart ships: sound to promtool, each tested, in the runbook, and about metrics that exist."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from hack import prometheus
from tests.test_docs import exposed

HERE = Path(__file__).parent
REPO = HERE.parent.parent
RULES = sorted((REPO / "charts" / "leakwarden" / "files" / "rules").glob("*.yaml"))
TESTS = sorted(HERE.glob("*.yaml"))
SUFFIXES = ("_bucket", "_sum", "_count")


@cache
def promtool() -> str:
    return str(prometheus.ensure() / "promtool")


def run(*arguments: str | Path) -> None:
    done = subprocess.run([promtool(), *arguments], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def rules() -> list[dict[str, Any]]:
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


@pytest.mark.integration
def test_promtool_finds_nothing_wrong_with_the_rules() -> None:
    run("check", "rules", *RULES)


@pytest.mark.integration
@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_not_otherwise(path: Path) -> None:
    run("test", "rules", path)


def test_every_alert_is_tested_to_fire() -> None:
    fired = set()
    for path in TESTS:
        for scene in yaml.safe_load(path.read_text())["tests"]:
            fired |= {case["alertname"] for case in scene.get("alert_rule_test", ()) if case.get("exp_alerts")}
    assert fired == {rule["alert"] for rule in alerts()}


def test_every_alert_has_its_entry_in_the_runbook_and_links_there() -> None:
    entries = set(re.findall(r"^## (Leakwarden\w+)$", (REPO / "docs" / "runbook.md").read_text(), re.MULTILINE))
    assert entries == {rule["alert"] for rule in alerts()}
    for rule in alerts():
        assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{rule['alert'].lower()}"


def test_rules_ask_only_for_metrics_that_there_are() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    for rule in rules():
        named = set(re.findall(r"(?<![\w:])leakwarden_[a-z_]+", re.sub(r"[\w]*:[\w:]+", "", rule["expr"])))
        for suffix in SUFFIXES:
            named = {name.removesuffix(suffix) for name in named}
        assert named <= exposed(), rule
        assert set(re.findall(r"[a-z]+:[\w:]+", rule["expr"])) <= recorded, rule
