"""The CustomResourceDefinition, derived from the pydantic models. Pure: `hack/gen_crds.py` writes the file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leakwarden.api import GROUP, KIND, PLURAL, VERSION
from leakwarden.api.spec import LeakPolicySpec
from leakwarden.api.status import LeakPolicyStatus

Schema = dict[str, Any]

_DROPPED = frozenset({"title", "additionalProperties", "$defs", "x-default-in-code", "default"})
"""Of pydantic's keys: what a structural schema has no place for, or what is put back by hand below."""

_ROOT = (
    "LeakPolicy says which pods of its namespace are sampled for memory leaks, what counts as a leak, and what is done "
    "about one. Go processes are sampled over net/http/pprof; the smallest policy is a selector, and only observes."
)


def custom_resource_definition() -> Schema:
    """The whole CRD as `apiextensions.k8s.io/v1` wants it."""
    singular = KIND.lower()
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": singular,
                "shortNames": ["lp"],
                "categories": ["leakwarden"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": _columns(),
                    "schema": {"openAPIV3Schema": _root()},
                }
            ],
        },
    }


def _root() -> Schema:
    return {
        "type": "object",
        "description": _ROOT,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": f"{GROUP}/{VERSION}"},
            "kind": {"type": "string", "description": KIND},
            "metadata": {"type": "object"},
            "spec": structural(LeakPolicySpec.model_json_schema(by_alias=True)),
            "status": structural(LeakPolicyStatus.model_json_schema(by_alias=True), with_defaults=False),
        },
    }


def _columns() -> list[Schema]:
    def column(name: str, path: str, kind: str = "string", *, wide: bool = False) -> Schema:
        return {"name": name, "type": kind, "jsonPath": path, **({"priority": 1} if wide else {})}

    def condition(kind: str, field: str) -> str:
        return f'.status.conditions[?(@.type=="{kind}")].{field}'

    return [
        column("Mode", ".spec.remediation.mode"),
        column("Matched", ".status.targets.matched", "integer"),
        column("Healthy", ".status.targets.healthy", "integer"),
        column("Learning", ".status.targets.learning", "integer"),
        column("Leaking", ".status.targets.leaking", "integer"),
        column("Unreachable", ".status.targets.unreachable", "integer"),
        column("Top Leak", ".status.topLeak"),
        column("Ready", condition("Ready", "status")),
        column("Age", ".metadata.creationTimestamp", "date"),
        column("Reason", condition("Ready", "reason"), wide=True),
        column("Inconclusive", ".status.targets.inconclusive", "integer", wide=True),
        column("Not Running", ".status.targets.notRunning", "integer", wide=True),
        column("Findings", ".status.findingsTotal", "integer", wide=True),
        column("Degraded", condition("Degraded", "status"), wide=True),
        column("Suspended", condition("Suspended", "reason"), wide=True),
        column("Execution", ".spec.remediation.execution", wide=True),
        column("Interval", ".spec.sampling.interval", wide=True),
        column("Reached", ".status.targets.reachedInterval", wide=True),
        # A time in the future must never be of type date: kubectl would print it as <invalid>.
        column("Paused Until", ".spec.remediation.pausedUntil", wide=True),
    ]


def structural(schema: Mapping[str, Any], *, with_defaults: bool = True) -> Schema:
    """A structural schema out of pydantic's: `$ref` inlined, optional fields merely not required, no `title`."""
    return _convert(schema, schema.get("$defs", {}), with_defaults)


def _convert(node: Mapping[str, Any], defs: Mapping[str, Any], with_defaults: bool) -> Schema:
    node = _without_null(_inlined(node, defs), defs)
    out: Schema = {key: value for key, value in node.items() if key not in _DROPPED}
    default = _default(node) if _has_default(node, with_defaults) else None
    if "description" in out:
        out["description"] = _explained(node, default) if with_defaults else _one_line(node)
    if out.get("type") == "integer":
        out.setdefault("format", "int32")
    if "properties" in node:
        out["properties"] = {name: _convert(child, defs, with_defaults) for name, child in node["properties"].items()}
    if "items" in node:
        out["items"] = _each(_convert(node["items"], defs, with_defaults))
    if isinstance(node.get("additionalProperties"), Mapping):
        out["additionalProperties"] = _convert(node["additionalProperties"], defs, with_defaults)
        out.pop("propertyNames", None)
    if default is not None:
        out["default"] = default
    return out


def _has_default(node: Schema, with_defaults: bool) -> bool:
    return with_defaults and node.get("default") is not None and "x-default-in-code" not in node


def _one_line(node: Schema) -> str:
    return " ".join(str(node["description"]).split())


def _explained(node: Schema, default: Any) -> str:
    """The description, how such a value is written, and the default, which `kubectl explain` does not show."""
    text, says, in_code = _one_line(node).partition("Default: ")
    parts = [text.strip()]
    if node.get("x-kubernetes-int-or-string"):
        parts.append("A quantity such as 64Mi, or a number.")
    if node.get("format") == "duration":
        parts.append("A duration such as 30s, 15m, 1h30m.")
    if says:
        parts.append(f"{says}{in_code}")
    elif isinstance(default, str | int):
        parts.append(f"Default: {default}.")
    return " ".join(parts)


def _each(items: Schema) -> Schema:
    """`kubectl explain` prints an item's description right behind that of its list."""
    text = items.get("description")
    return {**items, "description": f"Each: {text[0].lower()}{text[1:]}"} if text else items


def _inlined(node: Mapping[str, Any], defs: Mapping[str, Any]) -> Schema:
    """The keys beside a `$ref` win over those of what it names."""
    if "$ref" not in node:
        return dict(node)
    named = defs[str(node["$ref"]).rsplit("/", 1)[-1]]
    return {**named, **{key: value for key, value in node.items() if key != "$ref"}}


def _without_null(node: Schema, defs: Mapping[str, Any]) -> Schema:
    """`anyOf [X, null]` is X: in the Kubernetes API an optional field is absent, not null."""
    branches = node.get("anyOf")
    if branches is None or {"type": "null"} not in branches:
        return node
    (branch,) = [branch for branch in branches if branch != {"type": "null"}]
    beside = {key: value for key, value in node.items() if key != "anyOf"}
    return {**_inlined(branch, defs), **beside}


def _default(node: Schema) -> Any:
    """Of an object `{}`: its fields bring their own. Of a list of objects what differs from the items' own defaults."""
    default = node["default"]
    if isinstance(default, dict):
        return {}
    if isinstance(default, list):
        return [
            {key: value for key, value in item.items() if key in ("name", "port")} if isinstance(item, dict) else item
            for item in default
        ]
    return default
