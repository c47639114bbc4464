"""The gate's verdict as a JSON document; docs/gate.md names its fields."""

from __future__ import annotations

from typing import Any

from leakwarden.core.gate.say import fix, headline
from leakwarden.core.gate.values import Check, Grower, Outcome, Report


def document(report: Report) -> dict[str, Any]:
    """Bytes and counts as numbers; growth is that of `repeats` runs."""
    return {
        "leak": report.leaks,
        "command": report.command,
        "url": report.target,
        "warmup": report.plan.warmup,
        "repeats": report.plan.repeats,
        "runs": report.runs,
        "bytesPerSample": report.sampling,
        "seconds": round(report.seconds, 3),
        "checks": [_check(check, report) for check in report.checks],
    }


def _check(check: Check, report: Report) -> dict[str, Any]:
    growth = check.growth
    return {
        "check": check.kind,
        "outcome": check.outcome,
        "unit": check.kind.unit,
        "tolerance": check.tolerance,
        "growth": round(growth.amount),
        "growthAtLeast": round(growth.low),
        "growthAtMost": round(growth.high),
        "growthOfLastRuns": round(growth.recent),
        "values": list(check.values),
        "places": [_place(grower) for grower in check.growers],
        "message": headline(check, report),
        "fix": None if check.outcome is Outcome.PASSED else fix(check, report),
    }


def _place(grower: Grower) -> dict[str, Any]:
    site = grower.site
    return {
        "function": site.function, "file": site.file, "line": site.line, "leaf": site.leaf, "wait": grower.wait,
        "growth": round(grower.growth), "share": round(grower.share, 3),
        "pattern": grower.pattern.name if grower.pattern else None,
    }  # fmt: skip
