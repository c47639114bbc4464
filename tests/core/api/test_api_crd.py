"""The CRD that comes out of the models: structural, described, bounded, and the committed file is current."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hack import gen_crds
from leakwarden.api.crd import custom_resource_definition
from leakwarden.api.status import ActionState as WireActionState
from leakwarden.api.status import ConditionReason
from leakwarden.core.actions import ActionState
from leakwarden.core.decide.view import Suspend

FORBIDDEN_KEYS = {"$ref", "$defs", "title", "x-default-in-code", "const", "oneOf", "allOf", "propertyNames"}


def schemas(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema of the tree with its path."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from schemas(child, f"{path}.{name}")
    if "items" in schema:
        yield from schemas(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from schemas(schema["additionalProperties"], f"{path}{{}}")


def root() -> dict[str, Any]:
    found: dict[str, Any] = custom_resource_definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


ALL = dict(schemas(root()))


@pytest.mark.parametrize("path", ALL)
def test_every_schema_is_structural_and_bounded(path: str) -> None:
    schema = ALL[path]
    assert not FORBIDDEN_KEYS & schema.keys()
    assert schema.get("type") or schema.get("x-kubernetes-int-or-string")
    assert None not in schema.values()
    match schema.get("type"):
        case "array":
            assert schema["maxItems"] <= 64
            assert schema["x-kubernetes-list-type"] in ("map", "set", "atomic")
        case "string" if path not in (".apiVersion", ".kind"):
            assert "maxLength" in schema or "enum" in schema or schema["format"] == "date-time"
        case "integer":
            assert schema["format"] in ("int32", "int64")
        case "object" if "additionalProperties" in schema:
            assert schema["maxProperties"] <= 64


@pytest.mark.parametrize("path", [path for path in ALL if path and path[-1] not in "]}" and path != ".metadata"])
def test_every_field_is_described(path: str) -> None:
    assert len(ALL[path]["description"]) > 2


def test_only_scalars_and_their_objects_have_defaults_and_rules_and_status_have_none() -> None:
    with_default = {path for path, schema in ALL.items() if "default" in schema}
    assert not {path for path in with_default if path.startswith((".spec.rules", ".status"))}
    assert ALL[".spec.sampling"]["default"] == ALL[".spec.remediation"]["default"] == {}
    assert ALL[".spec.target.endpoints"]["default"] == [{"name": "pprof", "port": 6060}]
    assert ALL[".spec.remediation.mode"]["default"] == "Observe"
    assert ALL[".spec.sampling.interval"]["default"] == "30s"


SPEC_FIELDS = [path for path in ALL if path.startswith(".spec.") and path[-1] not in "]}"]
REQUIRED = {f"{path}.{name}" for path, schema in ALL.items() for name in schema.get("required", [])}
OBJECTS = {".spec.sampling", ".spec.remediation.budget"}
"""Their fields bring defaults of their own."""


@pytest.mark.parametrize("path", [path for path in SPEC_FIELDS if path not in REQUIRED | OBJECTS])
def test_an_optional_field_says_its_default(path: str) -> None:
    says = ALL[path]["description"].partition(" Default: ")[2]
    default = ALL[path].get("default")
    assert says.endswith(".")
    assert says == f"{default}." or not isinstance(default, str | int)


@pytest.mark.parametrize("path", SPEC_FIELDS)
def test_a_quantity_and_a_duration_say_how_they_are_written(path: str) -> None:
    schema = ALL[path]
    says = "A quantity such as 64Mi, or a number." in schema["description"]
    assert says == bool(schema.get("x-kubernetes-int-or-string"))
    assert ("A duration such as 30s, 15m, 1h30m." in schema["description"]) == (schema.get("format") == "duration")


@pytest.mark.parametrize("path", [path for path in ALL if path.endswith("[]") and "description" in ALL[path]])
def test_what_an_item_is_does_not_run_into_what_its_list_is(path: str) -> None:
    assert ALL[path]["description"].startswith("Each: ")


def test_lists_with_names_merge_by_name() -> None:
    keys = {path: schema.get("x-kubernetes-list-map-keys") for path, schema in ALL.items()}
    assert keys[".spec.rules"] == keys[".spec.target.endpoints"] == keys[".status.rules"] == ["name"]
    assert keys[".status.conditions"] == ["type"]
    assert keys[".status.findings"] == ["signature", "type"]


def test_no_column_shows_a_coming_time_as_a_date() -> None:
    columns = custom_resource_definition()["spec"]["versions"][0]["additionalPrinterColumns"]
    assert [column["name"] for column in columns if column["type"] == "date"] == ["Age"]
    narrow = [column["name"] for column in columns if "priority" not in column]
    assert narrow == ["Mode", "Matched", "Healthy", "Learning", "Leaking", "Unreachable", "Top Leak", "Ready", "Age"]


def test_words_that_stand_in_two_places_are_the_same() -> None:
    assert [word.value for word in WireActionState] == [word.value for word in ActionState]
    assert {word.value for word in Suspend} <= {word.value for word in ConditionReason}


def test_the_committed_file_is_what_the_models_say() -> None:
    assert gen_crds.main(["--check"]) == 0


def test_a_file_that_is_not_what_the_models_say_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "crd.yaml"
    file.write_text(gen_crds.render().replace("Observe", "Look"))
    assert gen_crds.main(["--check", "--path", str(file)]) == 1
    assert "+                    default: Observe" in capsys.readouterr().err
    assert gen_crds.main(["--path", str(file)]) == 0
    assert gen_crds.main(["--check", "--path", str(file)]) == 0
