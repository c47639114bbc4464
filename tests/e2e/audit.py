"""The API server's audit log as the witness of what really was asked of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """One write that the API server answered. `uid` is the precondition of an eviction, empty where there is none."""

    verb: str
    resource: str
    namespace: str
    name: str
    user: str
    code: int
    uid: str
    dry_run: bool

    @property
    def accepted(self) -> bool:
        return 200 <= self.code < 300


def evictions(log: Path, namespace: str) -> list[Request]:
    """Every eviction request in a namespace, in order, refused ones too."""
    return [
        request for request in _requests(log) if request.resource == "pods/eviction" and request.namespace == namespace
    ]


def real_evictions(log: Path, namespace: str) -> list[Request]:
    """Those that the API server accepted and carried out."""
    return [request for request in evictions(log, namespace) if request.accepted and not request.dry_run]


def writes_by(log: Path, user: str, namespace: str) -> list[Request]:
    """All writes of one user in a namespace."""
    return [request for request in _requests(log) if request.user == user and request.namespace == namespace]


def _requests(log: Path) -> Iterator[Request]:
    """A line that is still being written is left out; the next look finds it."""
    with log.open("rb") as lines:
        for line in lines:
            if b'"auditID"' not in line or not line.endswith(b"\n"):
                continue
            event = json.loads(line)
            if event.get("stage") == "ResponseComplete" and "objectRef" in event:
                yield _request(event)


def _request(event: dict[str, Any]) -> Request:
    about = event["objectRef"]
    resource = about.get("resource", "")
    if about.get("subresource"):
        resource += f"/{about['subresource']}"
    options = (event.get("requestObject") or {}).get("deleteOptions") or {}
    return Request(
        verb=event["verb"],
        resource=resource,
        namespace=about.get("namespace", ""),
        name=about.get("name", ""),
        user=event["user"]["username"],
        code=int((event.get("responseStatus") or {}).get("code", 0)),
        uid=(options.get("preconditions") or {}).get("uid", ""),
        dry_run="dryRun=All" in event["requestURI"] or "All" in (options.get("dryRun") or ()),
    )
