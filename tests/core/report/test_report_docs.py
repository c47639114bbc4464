"""docs/leakpolicy.md says something about every field, word and reason that a user can meet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from leakwarden.api import words
from leakwarden.api.builtins import BUILTINS
from leakwarden.api.crd import custom_resource_definition
from leakwarden.api.spec import SelectorOperator
from leakwarden.api.status import ActionState, ConditionReason, ConditionStatus, ConditionType
from leakwarden.core.report.events import EventReason

PAGE = (Path(__file__).parents[3] / "docs" / "leakpolicy.md").read_text()
PROSE = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
CODE = {word for span in re.findall(r"`([^`\n]+)`", PROSE) for word in re.findall(r"[\w-]+", span)}
VOCABULARIES: list[type[StrEnum]] = [
    words.Signal, words.Verdict, words.Resolution, words.FailureReason, words.Transport, words.Scheme, words.Cadence,
    words.Mode, words.Execution, words.ConfirmedBy, words.LabelValues, words.Outcome, words.Severity, words.FindingType,
    words.Confidence, words.Family, SelectorOperator, ActionState, ConditionType, ConditionReason, ConditionStatus,
    EventReason,
]  # fmt: skip


def fields(schema: dict[str, Any]) -> Iterator[str]:
    for name, child in schema.get("items", schema).get("properties", {}).items():
        yield name
        yield from fields(child)


ROOT = custom_resource_definition()["spec"]["versions"][0]
SCHEMAS = ROOT["schema"]["openAPIV3Schema"]["properties"]
NAMES = sorted({*fields(SCHEMAS["spec"]), *fields(SCHEMAS["status"])})


@pytest.mark.parametrize("name", NAMES)
def test_every_field_is_on_the_page(name: str) -> None:
    assert name in CODE


@pytest.mark.parametrize("vocabulary", VOCABULARIES, ids=lambda vocabulary: vocabulary.__name__)
def test_every_word_is_on_the_page(vocabulary: type[StrEnum]) -> None:
    assert [word.value for word in vocabulary if word.value not in CODE] == []


@pytest.mark.parametrize("column", [column["name"] for column in ROOT["additionalPrinterColumns"]])
def test_every_column_is_on_the_page(column: str) -> None:
    assert column in PAGE


@pytest.mark.parametrize("builtin", BUILTINS, ids=lambda builtin: builtin.name)
def test_every_built_in_rule_is_on_the_page_with_its_numbers(builtin: Any) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{builtin.name}` |")]
    rule = builtin.scaled(30)
    assert rule.growth is None or f"{builtin.at_least} in {rule.growth.window}" in row
    assert f"held {rule.hold}" in row
    assert row.endswith(f"| {builtin.severity} |")
    assert builtin.above is None or f"above {builtin.above}" in row
