"""Events by events.k8s.io/v1: created once with a note that stays, and counted in `series` while they last.

An Event's name is made of its key, so that a restarted operator, or one that lost its answer, finds its own Event and
doubles nothing.
"""

from __future__ import annotations

import hashlib
import platform
from typing import Any

from leakwarden.adapters.kube_time import micro_time, seconds_of
from leakwarden.adapters.ports import KubeApi
from leakwarden.api import GROUP, VERSION
from leakwarden.core.report.events import MAX_NOTE, EventNote
from leakwarden.errors import ApiConflict, ApiNotFound

CONTROLLER = "leakwarden.io/operator"
COUNT_AFTER = 25 * 60.0
"""Seconds: seen again sooner than that is the same writing once more, after a restart or a lost answer. A little less
than the 30 min at which what lasts is posted again."""
MERGE_PATCH = "application/merge-patch+json"
_API_VERSIONS = {"Pod": "v1", "LeakPolicy": f"{GROUP}/{VERSION}"}


class EventsApi:
    """Implements `pipeline.ports.EventWriter`."""

    def __init__(self, api: KubeApi, instance: str = "") -> None:
        self._api = api
        self._instance = (instance or f"leakwarden-{platform.node()}")[:128]

    async def post(self, note: EventNote, now: float) -> None:
        """Create the Event; where it exists, count it once more if last seen COUNT_AFTER ago. Raises ApiError."""
        path = f"/apis/events.k8s.io/v1/namespaces/{note.regarding.namespace}/events"
        try:
            await self._api.request("POST", path, body=self._event(note, now))
        except ApiConflict:
            await self._count(f"{path}/{event_name(note)}", now)

    async def _count(self, path: str, now: float) -> None:
        """A restarted operator counts on from what the API has."""
        try:
            event = await self._api.request("GET", path)
            series = event.get("series") or {}
            last = seconds_of(series.get("lastObservedTime") or event.get("eventTime"))
            if now - last < COUNT_AFTER:
                return
            again = {"series": {"count": int(series.get("count") or 1) + 1, "lastObservedTime": micro_time(now)}}
            await self._api.request("PATCH", path, body=again, content_type=MERGE_PATCH)
        except ApiNotFound:
            return  # it expired just now: the next time it is a new one

    def _event(self, note: EventNote, now: float) -> dict[str, Any]:
        regarding = note.regarding
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": event_name(note), "namespace": regarding.namespace},
            "eventTime": micro_time(now),
            "reportingController": CONTROLLER,
            "reportingInstance": self._instance,
            "type": note.type.value,
            "reason": note.reason.value,
            "action": note.action,
            "note": note.note.encode()[:MAX_NOTE].decode(errors="ignore"),
            "regarding": {
                "apiVersion": _API_VERSIONS[regarding.kind],
                "kind": regarding.kind,
                "namespace": regarding.namespace,
                "name": regarding.name,
                "uid": regarding.uid,
            },
        }


def event_name(note: EventNote) -> str:
    """`<name of what it regards>.<hash of the key>`, as client-go names them; at most 253 characters."""
    return f"{note.regarding.name[:236]}.{hashlib.sha256(note.key.encode()).hexdigest()[:16]}"
