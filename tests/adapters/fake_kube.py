"""A small API server in memory behind the KubeApi Protocol: objects by path, versions, UIDs, and faults on demand.

tests/integration asks the real one the same questions, so that what is believed here stays true.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leakwarden.errors import ApiConflict, ApiError, ApiNotFound

Json = dict[str, Any]


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    body: Any
    params: Mapping[str, str]
    content_type: str


@dataclass
class FakeKube:
    """`fault` sees each request first and may return an error: raised before (or `after`) it is carried out."""

    objects: dict[str, Json] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    fault: Callable[[Request], ApiError | None] = lambda _: None
    fault_after: Callable[[Request], ApiError | None] = lambda _: None
    version: int = 0

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | Sequence[Any] | None = None,
        params: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Json:
        asked = Request(method, path, copy.deepcopy(body), dict(params or {}), content_type)
        self.requests.append(asked)
        if error := self.fault(asked):
            raise error
        answer = self._answer(asked)
        if error := self.fault_after(asked):
            raise error
        return copy.deepcopy(answer)

    def pod(self, namespace: str, name: str, uid: str, **metadata: Any) -> str:
        """Puts a pod there; returns its path."""
        path = f"/api/v1/namespaces/{namespace}/pods/{name}"
        self._store(path, {"metadata": {"name": name, "namespace": namespace, "uid": uid, **metadata}})
        return path

    def _answer(self, asked: Request) -> Json:
        keep = asked.params.get("dryRun") != "All"
        match asked.method:
            case "GET":
                return self._get(asked.path)
            case "POST" if asked.path.endswith("/eviction"):
                return self._evict(asked, keep)
            case "POST":
                path = f"{asked.path}/{asked.body['metadata']['name']}"
                if path in self.objects:
                    raise ApiConflict(f"{path} already exists", 409)
                return self._store(path, asked.body)
            case "PUT":
                self._check(asked.path, asked.body["metadata"])
                return self._store(asked.path, asked.body)
            case "PATCH":
                if asked.body.get("metadata", {}).get("uid") not in (
                    None,
                    self._get(asked.path)["metadata"].get("uid"),
                ):
                    raise ApiError("metadata.uid: Invalid value: field is immutable", 422)
                merged = _merge(self._get(asked.path), asked.body)
                return self._store(asked.path, merged) if keep else merged
        raise AssertionError(f"nobody asks {asked.method}")

    def _evict(self, asked: Request, keep: bool) -> Json:
        path = asked.path.removesuffix("/eviction")
        self._check(path, asked.body["deleteOptions"]["preconditions"])
        if keep:
            self.objects[path]["metadata"]["deletionTimestamp"] = "2026-11-23T13:13:20Z"
        return {"kind": "Status", "status": "Success"}

    def _get(self, path: str) -> Json:
        if path not in self.objects:
            raise ApiNotFound(f"{path} not found", 404)
        return self.objects[path]

    def _check(self, path: str, precondition: Mapping[str, Any]) -> None:
        metadata = self._get(path)["metadata"]
        for key in ("uid", "resourceVersion"):
            if key in precondition and precondition[key] != metadata.get(key):
                raise ApiConflict(f"{path}: the {key} is another", 409)

    def _store(self, path: str, value: Mapping[str, Any]) -> Json:
        self.version += 1
        stored: Json = copy.deepcopy(dict(value))
        stored["metadata"]["resourceVersion"] = str(self.version)
        self.objects[path] = stored
        return stored


def _merge(base: Json, patch: Mapping[str, Any]) -> Json:
    """RFC 7386."""
    merged = dict(base)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            merged[key] = _merge(merged.get(key) or {}, value)
        else:
            merged[key] = value
    return merged
