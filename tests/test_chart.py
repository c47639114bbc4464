"""The chart's files agree with each other, without Helm: values, schema, page, settings. Helm's part is integration."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from hack import gen_values
from hack.helm import CHART
from hack.operator_image import builder
from leakwarden.settings import PREFIX, Settings

VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
WORKLOAD = (CHART / "templates" / "workload.yaml").read_text()
NOT_SET_BY_THE_CHART = {"kubeconfig", "listen_file", "record_dir", "record_max", "lease_name"}
"""Of a process beside the cluster, named in the roles, or set by `extraEnv` together with a volume."""


def schema_paths(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    for name, child in schema.get("properties", {}).items():
        inner = list(schema_paths(child, f"{path}{name}."))
        yield from inner if child.get("additionalProperties") is False else [f"{path}{name}"]


def value_paths(values: dict[str, Any], path: str = "") -> Iterator[str]:
    """Every value; what the schema leaves open (a probe) counts as one."""
    opened = set(schema_paths(SCHEMA))
    for name, value in values.items():
        if f"{path}{name}" in opened or not isinstance(value, dict):
            yield f"{path}{name}"
        else:
            yield from value_paths(value, f"{path}{name}.")


def test_the_schema_knows_every_value_and_no_other() -> None:
    by_cluster_tools = {"global", "resources.claims"}
    assert set(schema_paths(SCHEMA)) - by_cluster_tools == set(value_paths(VALUES))


def test_every_value_is_used_by_a_template() -> None:
    """By itself, or with all that is beside it."""
    text = "".join(path.read_text() for path in (CHART / "templates").rglob("*") if path.is_file())
    used = {match.rstrip(".") for match in re.findall(r"\.Values\.([A-Za-z.]+)", text)}
    assert [path for path in value_paths(VALUES) if not {path, path.rpartition(".")[0]} & used] == []


def test_every_value_has_a_row_on_the_page() -> None:
    page = gen_values.PAGE.read_text()
    rows = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    assert [path for path in value_paths(VALUES) if path not in rows and path.split(".")[0] not in rows] == []
    assert gen_values.main(["--check"]) == 0


def test_chart_and_image_say_the_packages_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == builder.version()
    assert f"ARG VERSION={builder.version()}\n" in (builder.REPO / "operator" / "Dockerfile").read_text()


def test_a_value_without_a_comment_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"a\.c has no comment"):
        gen_values.values("a:\n  # Said.\n  b: 1\n\n  c: 2\n")


def test_parts_of_a_value_with_a_comment_are_its_default() -> None:
    [probe, spread] = gen_values.values(
        "# How it is asked.\nprobe:\n  path: /x\n  port: http\n\n# Where.\nspread:\n- over: zone\n  skew: 1\n"
    )
    assert (probe.path, probe.default) == ("probe", {"path": "/x", "port": "http"})
    assert (spread.path, spread.default) == ("spread", [{"over": "zone", "skew": 1}])


def test_the_chart_sets_every_setting_of_the_operator() -> None:
    missing = [
        name for name in Settings.model_fields
        if f"name: {PREFIX}{name.upper()}" not in WORKLOAD and name not in NOT_SET_BY_THE_CHART
    ]  # fmt: skip
    assert missing == []


@pytest.mark.parametrize(
    ("value", "setting"),
    [
        ("settings.logLevel", "log_level"),
        ("settings.maxInFlight", "max_in_flight"),
        ("settings.samplesPerSecond", "samples_per_second"),
        ("settings.decodeWorkers", "decode_workers"),
        ("settings.inspect", "inspect"),
        ("settings.metricsTargets", "metrics_targets"),
        ("settings.statusInterval", "status_interval"),
        ("leaderElection.duration", "lease_duration"),
        ("leaderElection.renewDeadline", "lease_renew_deadline"),
        ("leaderElection.retry", "lease_retry"),
    ],
)
def test_defaults_are_those_of_the_operator(value: str, setting: str) -> None:
    group, name = value.split(".")
    assert VALUES[group][name] == Settings.model_fields[setting].default
