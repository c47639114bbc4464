"""Answers of the Kubernetes API and failures to reach it, translated once into the ApiError family."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from leakwarden.core.printable import printable
from leakwarden.errors import (
    ApiConflict,
    ApiError,
    ApiForbidden,
    ApiNotFound,
    ApiUnavailable,
    DisruptionBudget,
)

TEXT_CAP = 400
"""Characters of a foreign text that may end up in a log line, an Event or a condition."""

_RESOURCE = re.compile(
    r"^/(?:api/v1|apis/(?P<group>[^/]+)/[^/]+)"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/))?"
    r"/(?P<resource>[^/]+)(?:/(?P<name>[^/]+)(?:/(?P<sub>[^/]+))?)?$"
)
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class WatchExpired(ApiError):
    """410: the resourceVersion is older than what the API server still has; list again."""


def cap(text: str, limit: int = TEXT_CAP) -> str:
    """One line of at most `limit` characters, all of them printable."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def describe(method: str, path: str, params: Mapping[str, str] | None = None) -> str:
    """The RBAC words of a request: `create pods/eviction in namespace demo`."""
    match = _RESOURCE.match(path)
    if not match:
        return f"{method} {cap(path)}"
    verb = _VERBS.get(method) or ("get" if match["name"] else "watch" if (params or {}).get("watch") else "list")
    resource = match["resource"] + (f".{match['group']}" if match["group"] else "")
    resource += f"/{match['sub']}" if match["sub"] else ""
    return f"{verb} {resource}" + (f" in namespace {match['namespace']}" if match["namespace"] else "")


def status_of(body: bytes | str) -> dict[str, Any]:
    """The Status object in an error body, or {} when the body is something else (a proxy's page, say)."""
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def api_error(http_status: int, body: bytes | str, what: str) -> ApiError:
    """The error for an answer outside 2xx. `what` is the request in RBAC words, from `describe`."""
    status = status_of(body)
    text = str(status.get("message") or (body if isinstance(body, str) else body.decode("utf-8", "replace")))
    said = cap(text) or f"HTTP {http_status} without a body"
    match http_status:
        case 401:
            return ApiForbidden(f"cannot {what}: the token is not accepted: {said}", 401, what)
        case 403:
            return ApiForbidden(f"cannot {what}: {said}", 403, what)
        case 404:
            return ApiNotFound(f"cannot {what}: {said}", 404, what)
        case 409:
            return ApiConflict(f"cannot {what}: {said}", 409, what)
        case 410:
            return WatchExpired(f"cannot {what}: {said}", 410, what)
        case 429 if budget := _budget_cause(status):
            return DisruptionBudget(f"{said} {budget}".strip(), 429, what)
        case 429:
            return ApiUnavailable(f"cannot {what}: throttled: {said}", 429, what)
        case _ if http_status >= 500:
            return ApiUnavailable(f"cannot {what}: HTTP {http_status}: {said}", http_status, what)
        case _:
            return ApiError(f"cannot {what}: HTTP {http_status}: {said}", http_status, what)


def unreachable(what: str, error: BaseException) -> ApiUnavailable:
    """The error for no answer at all: connection, TLS, timeout."""
    said = "no answer in time" if isinstance(error, TimeoutError) else cap(str(error) or type(error).__name__)
    return ApiUnavailable(f"cannot {what}: {said}", asked=what)


def _budget_cause(status: Mapping[str, Any]) -> str | None:
    """The message of the DisruptionBudget cause, None when the 429 is throttling."""
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    for cause in causes or ():
        if isinstance(cause, dict) and cause.get("reason") == "DisruptionBudget":
            return cap(str(cause.get("message") or ""))
    return None
