"""Specs as data: one with every field, and each way to get one wrong, with the field that must be named.

The same table is put before the models (unit tests) and before a real API server (integration tests).
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

Spec = dict[str, Any]

SMALLEST: Spec = {"target": {"selector": {"matchLabels": {"app.kubernetes.io/name": "coder-workspace"}}}}

FULL: Spec = {
    "target": {
        "selector": {
            "matchLabels": {"app": "gopls-remote"},
            "matchExpressions": [
                {"key": "tier", "operator": "In", "values": ["dev", "test"]},
                {"key": "legacy", "operator": "DoesNotExist"},
            ],
        },
        "transport": "PortForward",
        "endpoints": [
            {"name": "gopls", "port": 6060, "path": "/debug/pprof", "scheme": "HTTP", "container": "dev"},
            {"name": "app", "port": 6061},
        ],
    },
    "sampling": {
        "interval": "30s",
        "cadence": "Fixed",
        "timeout": "10s",
        "startupGrace": "2m",
        "maxProfileSize": "32Mi",
        "confirmedBy": "ForcedGC",
    },
    "rules": [
        {
            "name": "live-heap",
            "signal": "LiveHeap",
            "growth": {"atLeast": "64Mi", "window": "15m"},
            "for": "2m",
            "severity": "Critical",
        },
        {
            "name": "blocked",
            "signal": "BlockedGoroutines",
            "above": 1000,
            "growth": {"atLeast": 200, "window": "15m"},
            "for": "2m",
        },
        {"name": "level", "signal": "WaterLevel", "above": "92.5"},
        {"name": "map", "signal": "MapEntries", "growth": {"atLeast": "5k", "window": "15m"}},
    ],
    "labels": {"values": "Show"},
    "remediation": {
        "mode": "Evict",
        "execution": "DryRun",
        "minSeverity": "Warning",
        "budget": {"actions": 3, "window": "1h"},
        "cooldown": "1h",
        "minReadyPeers": 1,
        "openDocuments": "Protect",
        "stormPercent": 20,
        "verifyFor": "30m",
        "pausedUntil": "2026-12-03T08:00:00Z",
    },
    "mutes": [
        {
            "signature": "goroutine/example.org/lsp/internal/server.(*Server).onChange/chan-send",
            "reason": "fixed in v0.23",
            "until": "2026-12-03T08:00:00Z",
        },
        {"signature": "memory/example.org/lsp/internal/cache.intern", "reason": "bounded by the module cache"},
    ],
}


def spec_with(path: str, value: Any, base: Spec = FULL) -> Spec:
    """A copy of `base` with one value replaced (`rules.0.growth.window`); `...` takes it away."""
    spec = deepcopy(base)
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    node: Any = spec
    for part in way:
        node = node[part]
    if value is ...:
        del node[last]
    else:
        node[last] = value
    return spec


@dataclass(frozen=True)
class Wrong:
    """A spec that must be refused. `field` as the operator names it; `api_field` where admission names it otherwise."""

    why: str
    spec: Spec
    field: str
    says: str
    api_field: str = ""
    at_admission: bool = True

    @property
    def admission_field(self) -> str:
        return self.api_field or self.field


def _rule(**fields: Any) -> Spec:
    return {**SMALLEST, "rules": [{"name": "r", "signal": "LiveHeap", **fields}]}


_GROWTH = {"atLeast": "64Mi", "window": "15m"}
_SELECTOR = "spec.target.selector"
_RANGES: tuple[tuple[str, Any, Any], ...] = (
    ("sampling.interval", "999ms", "61m"),
    ("sampling.timeout", "500ms", "121s"),
    ("sampling.startupGrace", None, "25h"),
    ("sampling.maxProfileSize", "63Ki", "513Mi"),
    ("rules.0.growth.window", "7s", "721h"),
    ("rules.0.for", None, "169h"),
    ("remediation.budget.window", "59s", "169h"),
    ("remediation.cooldown", None, "169h"),
    ("remediation.verifyFor", "59s", "169h"),
)
_NUMBERS: tuple[tuple[str, int, int], ...] = (
    ("target.endpoints.0.port", 0, 65536),
    ("remediation.budget.actions", 0, 101),
    ("remediation.minReadyPeers", -1, 1001),
    ("remediation.stormPercent", 0, 101),
)
_ENUMS = (
    "target.transport",
    "target.endpoints.0.scheme",
    "target.selector.matchExpressions.0.operator",
    "sampling.cadence",
    "rules.0.signal",
    "rules.0.severity",
    "remediation.mode",
    "remediation.execution",
    "remediation.minSeverity",
    "remediation.openDocuments",
)
_REQUIRED = (
    "target",
    "target.selector",
    "target.endpoints.0.name",
    "target.endpoints.0.port",
    "target.selector.matchExpressions.0.key",
    "target.selector.matchExpressions.0.operator",
    "rules.0.name",
    "rules.0.signal",
    "rules.0.growth.window",
    "rules.0.growth.atLeast",
    "mutes.0.signature",
    "mutes.0.reason",
)
_DURATIONS = ("1d", "1 day", "30", "-1s", "")
_QUANTITIES = ("64m", "64MB", "-1", "1e3", "")


def _dotted(path: str) -> str:
    field = "spec"
    for part in path.split("."):
        field += f"[{part}]" if part.isdigit() else f".{part}"
    return field


def _generated() -> list[Wrong]:
    wrong = [
        Wrong(f"{path} {value}", spec_with(path, value), _dotted(path), "must be from")
        for path, low, high in _RANGES
        for value in (low, high)
        if value is not None
    ]
    wrong += [
        Wrong(f"{path} {number}", spec_with(path, number), _dotted(path), "")
        for path, below, beyond in _NUMBERS
        for number in (below, beyond)
    ]
    wrong += [Wrong(f"{path} unknown word", spec_with(path, "Sometimes"), _dotted(path), "") for path in _ENUMS]
    wrong += [Wrong(f"{path} missing", spec_with(path, ...), _dotted(path), "") for path in _REQUIRED]
    wrong += [
        Wrong(f"duration {text!r}", spec_with("sampling.interval", text), "spec.sampling.interval", "")
        for text in _DURATIONS
    ]
    wrong += [
        Wrong(f"quantity {text!r}", spec_with("rules.0.growth.atLeast", text), "spec.rules[0].growth.atLeast", "")
        for text in _QUANTITIES
    ]
    return wrong


WRONG: tuple[Wrong, ...] = (
    *_generated(),
    Wrong("empty selector", {"target": {"selector": {}}}, _SELECTOR, "every pod"),
    Wrong(
        "In without values",
        spec_with("target.selector.matchExpressions.0.values", ...),
        f"{_SELECTOR}.matchExpressions[0].values",
        "values",
        api_field=f"{_SELECTOR}.matchExpressions[0]",
    ),
    Wrong(
        "DoesNotExist with values",
        spec_with("target.selector.matchExpressions.1.values", ["x"]),
        f"{_SELECTOR}.matchExpressions[1].values",
        "no",
        api_field=f"{_SELECTOR}.matchExpressions[1]",
    ),
    Wrong(
        "two endpoints on one port",
        spec_with("target.endpoints.1.port", 6060),
        "spec.target.endpoints[1].port",
        "one process",
        api_field="spec.target.endpoints",
    ),
    Wrong(
        "two endpoints of one name",
        spec_with("target.endpoints.1.name", "gopls"),
        "spec.target.endpoints[1].name",
        "",
        api_field="spec.target.endpoints[1]",
    ),
    Wrong("no endpoint", spec_with("target.endpoints", []), "spec.target.endpoints", ""),
    Wrong(
        "five endpoints",
        spec_with("target.endpoints", [{"name": f"e{port}", "port": port} for port in range(1, 6)]),
        "spec.target.endpoints",
        "",
    ),
    Wrong("name not a label", spec_with("target.endpoints.0.name", "Gopls!"), "spec.target.endpoints[0].name", ""),
    Wrong("path climbs", spec_with("target.endpoints.0.path", "/debug/../x"), "spec.target.endpoints[0].path", ""),
    Wrong("path with a query", spec_with("target.endpoints.0.path", "/x?gc=1"), "spec.target.endpoints[0].path", ""),
    Wrong("rules empty", spec_with("rules", []), "spec.rules", ""),
    Wrong(
        "seventeen rules",
        spec_with("rules", [{"name": f"r{i}", "signal": "Sys", "above": "1Gi"} for i in range(17)]),
        "spec.rules",
        "",
    ),
    Wrong(
        "two rules of one name",
        spec_with("rules.1.name", "live-heap"),
        "spec.rules[1].name",
        "",
        api_field="spec.rules[1]",
    ),
    Wrong("neither above nor growth", _rule(), "spec.rules[0]", "a rule needs above, growth, or both"),
    Wrong("for beyond window", _rule(growth=_GROWTH, **{"for": "16m"}), "spec.rules[0].for", "longer than"),
    Wrong("level over 100", _rule(signal="WaterLevel", above=101), "spec.rules[0].above", "percentage"),
    Wrong(
        "level grows over 100",
        _rule(signal="WaterLevel", growth={"atLeast": "100.5", "window": "15m"}),
        "spec.rules[0].growth.atLeast",
        "percentage",
    ),
    Wrong("growth of nothing", _rule(growth={**_GROWTH, "atLeast": 0}), "spec.rules[0].growth.atLeast", "more than 0"),
    Wrong("a pause without a time", spec_with("remediation.pausedUntil", "now"), "spec.remediation.pausedUntil", ""),
    Wrong(
        "a pause without a zone",
        spec_with("remediation.pausedUntil", "2026-12-03T08:00:00"),
        "spec.remediation.pausedUntil",
        "",
    ),
    Wrong("a mute of no family", spec_with("mutes.0.signature", "heap/main.keep"), "spec.mutes[0].signature", ""),
    Wrong("a mute of a whole family", spec_with("mutes.0.signature", "memory/"), "spec.mutes[0].signature", ""),
    Wrong("a mute for no reason", spec_with("mutes.0.reason", ""), "spec.mutes[0].reason", ""),
    Wrong("a mute without a zone", spec_with("mutes.0.until", "2026-12-03T08:00:00"), "spec.mutes[0].until", ""),
    Wrong(
        "two mutes of one signature",
        spec_with("mutes.0.signature", "memory/example.org/lsp/internal/cache.intern"),
        "spec.mutes[1].signature",
        "",
        api_field="spec.mutes[1]",
    ),
    Wrong(
        "sixty-five mutes",
        spec_with("mutes", [{"signature": f"memory/main.f{i}", "reason": "r"} for i in range(65)]),
        "spec.mutes",
        "",
    ),
    Wrong("unknown field", spec_with("rules.0.level", 5), "spec.rules[0].level", "unknown field"),
    Wrong(
        "window below 8 intervals",
        spec_with("rules.0.growth.window", "3m", spec_with("sampling.interval", "30s")),
        "spec.rules[0].growth.window",
        "8 sampling intervals",
        at_admission=False,
    ),
    Wrong(
        "label key",
        {"target": {"selector": {"matchLabels": {"no spaces": "x"}}}},
        f"{_SELECTOR}.matchLabels[no spaces]",
        "label key",
        at_admission=False,
    ),
    Wrong(
        "label value",
        {"target": {"selector": {"matchLabels": {"app": "-x-"}}}},
        f"{_SELECTOR}.matchLabels[app]",
        "label value",
        at_admission=False,
    ),
    Wrong(
        "label prefix",
        {"target": {"selector": {"matchExpressions": [{"key": "a..b/c", "operator": "Exists"}]}}},
        f"{_SELECTOR}.matchExpressions[0].key",
        "label key",
        at_admission=False,
    ),
)
