"""Leaks as SARIF 2.1.0 (OASIS), which code hosts show beside the lines of a change."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from leakwarden.core.gate.say import NAMES, fix, grew, headline, where
from leakwarden.core.gate.values import Check, Grower, Kind, Outcome, Report
from leakwarden.core.report.amounts import capital
from leakwarden.core.report.pattern import sentence

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
Locate = Callable[[str], str | None]
"""The path of a file relative to the repository, None where it is not in it."""

_RULES: dict[Kind, tuple[str, str, str]] = {
    Kind.HEAP: (
        "memory-leak", "MemoryLeak",
        "Live heap after forced collections grows with every run of the command, beyond the tolerance.",
    ),
    Kind.GOROUTINES: (
        "goroutine-leak", "GoroutineLeak",
        "Goroutines that stay grow in number with every run of the command, beyond the tolerance.",
    ),
}  # fmt: skip
_LEVELS = {Outcome.LEAK: "error", Outcome.UNPROVEN: "warning"}


def sarif(report: Report, version: str, locate: Locate, elsewhere: str) -> str:
    """A result for each place that grew: of leaks errors, of unproven growth warnings.

    Places in no file of the repository are shown at the file `elsewhere`: GitHub refuses a SARIF file as a
    whole that has one result without a physical location (github/codeql-action#2459).
    """
    results = [
        _result(check, grower, report, _location(grower, locate, elsewhere))
        for check in report.checks
        if check.outcome in _LEVELS
        for grower in check.growers or (None,)
    ]
    driver = {
        "name": "leakwarden gate",
        "version": version,
        "rules": [
            {
                "id": rule, "name": name, "shortDescription": {"text": f"Growth of {NAMES[kind]}"},
                "fullDescription": {"text": says}, "defaultConfiguration": {"level": "error"},
            }
            for kind, (rule, name, says) in _RULES.items()
        ],
    }  # fmt: skip
    run = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": True, "commandLine": report.command}],
        "originalUriBaseIds": {"SRCROOT": {"description": {"text": "The root of the repository."}}},
        "columnKind": "utf16CodeUnits",
        "results": results,
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _result(check: Check, grower: Grower | None, report: Report, location: dict[str, Any]) -> dict[str, Any]:
    rule = _RULES[check.kind][0]
    place = f" {grew(grower, check.kind)} of it at {where(grower)}." if grower else ""
    named = f" {sentence(grower.pattern)}" if grower and grower.pattern else ""
    function = grower.site.function if grower else ""
    key = f"{rule}/{function}/{grower.wait or ''}" if grower else rule
    return {
        "ruleId": rule,
        "ruleIndex": [*_RULES].index(check.kind),
        "level": _LEVELS[check.outcome],
        "message": {"text": f"{capital(headline(check, report))}.{place}{named} Fix: {fix(check, report, grower)}."},
        "locations": [location],
        # Not the line: it moves with each change, and the finding would be a new one.
        "partialFingerprints": {"leakwardenPlace/v1": sha256(key.encode()).hexdigest()[:32]},
    }


def _location(grower: Grower | None, locate: Locate, elsewhere: str) -> dict[str, Any]:
    path = locate(grower.site.file) if grower else None
    line = grower.site.line if grower and path is not None else 1
    physical = {
        "artifactLocation": {"uri": quote(path or elsewhere), "uriBaseId": "SRCROOT"},
        "region": {"startLine": max(line, 1)},
    }
    if grower is None:
        return {"physicalLocation": physical}
    function = {"fullyQualifiedName": grower.site.function, "kind": "function"}
    return {"physicalLocation": physical, "logicalLocations": [function]}
