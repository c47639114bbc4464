"""The pages name everything that there is, and nothing that there is not."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry

from leakwarden.adapters.metrics import FleetCollector, ProcessMetrics, SampleMetrics
from leakwarden.adapters.target_metrics import TargetCollector, TargetLevels
from leakwarden.core.actions import Action
from leakwarden.core.decide import Plan
from leakwarden.core.report.values import TargetReport
from leakwarden.core.targets import PolicyKey
from leakwarden.settings import PREFIX, Settings

DOCS = Path(__file__).parent.parent / "docs"
NOT_OF_THE_OPERATOR = {"LEAKWARDEN_CACHE", "LEAKWARDEN_STATE", "LEAKWARDEN_KIND_NODE_IMAGE"}
"""Variables of the local cluster and the tests, which the page of settings mentions too."""
_SUFFIXES = ("_bucket", "_sum", "_count", "_created")


class Nothing:
    """A fleet of no policies: the families are there all the same."""

    plan = Plan()
    journal: tuple[Action, ...] = ()

    def reports_by_policy(self) -> Iterable[tuple[PolicyKey, list[TargetReport]]]:
        return ()

    def conditions(self) -> Mapping[PolicyKey, Sequence[Mapping[str, str]]]:
        return {}

    def muted(self) -> Mapping[PolicyKey, Collection[str]]:
        return {}

    def levels(self) -> Iterable[TargetLevels]:
        return ()


def exposed() -> set[str]:
    """Names of the metrics as a query writes them."""
    registry = CollectorRegistry()
    SampleMetrics(registry)
    registry.register(FleetCollector(Nothing()))
    registry.register(TargetCollector(Nothing(), 10))
    ProcessMetrics(registry, "0", "")
    return {f"{family.name}_total" if family.type == "counter" else family.name for family in registry.collect()}


def rows(page: str) -> set[str]:
    """What stands in the first column of the page's tables."""
    return set(re.findall(r"^\| `([a-zA-Z_]+)` \|", (DOCS / page).read_text(), re.MULTILINE))


def test_every_metric_has_its_row_and_every_row_its_metric() -> None:
    assert rows("metrics.md") == exposed()


def test_every_metric_in_a_query_of_the_page_exists() -> None:
    named = set(re.findall(r"\bleakwarden_[a-z_]+", (DOCS / "metrics.md").read_text()))
    for suffix in _SUFFIXES:
        named = {name.removesuffix(suffix) for name in named}
    assert named <= exposed()


def test_every_setting_has_its_row_and_every_row_its_setting() -> None:
    assert rows("settings.md") == {PREFIX + name.upper() for name in Settings.model_fields}


def test_every_variable_that_the_page_of_settings_mentions_exists() -> None:
    mentioned = set(re.findall(rf"\b{PREFIX}[A-Z_]+[A-Z]\b", (DOCS / "settings.md").read_text()))
    assert mentioned <= rows("settings.md") | NOT_OF_THE_OPERATOR


def test_defaults_on_the_page_are_those_of_the_code() -> None:
    text = (DOCS / "settings.md").read_text()
    for name, setting in Settings.model_fields.items():
        if setting.default in (None, ()):
            continue
        assert f"| `{PREFIX}{name.upper()}` | `{setting.default}` |" in text, name
