"""The Lease of coordination.k8s.io that operators compete for, read and written with its resourceVersion as guard."""

from __future__ import annotations

from typing import Any

from leakwarden.adapters.kube_time import micro_time, seconds_of
from leakwarden.adapters.ports import KubeApi
from leakwarden.core.lease import LeaseRecord
from leakwarden.errors import ApiNotFound

_KEPT = ("labels", "annotations", "ownerReferences")
"""What others may have put onto it, and a replacement must not take away."""


class LeaseApi:
    """Implements `pipeline.ports.Leases`. One caller at a time."""

    def __init__(self, api: KubeApi, namespace: str, name: str) -> None:
        self._api = api
        self._root = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._namespace = namespace
        self._name = name
        self._metadata: dict[str, Any] = {}

    async def read(self) -> LeaseRecord | None:
        """As it is now; None where there is none. Raises ApiError."""
        try:
            return self._taken_in(await self._api.request("GET", f"{self._root}/{self._name}"))
        except ApiNotFound:
            self._metadata = {}
            return None

    async def write(self, record: LeaseRecord) -> LeaseRecord:
        """Make it `record`; as stored. ApiConflict when it is not at `record.version` any more, or is there already."""
        metadata = {**self._metadata, "name": self._name, "namespace": self._namespace}
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": _spec(record)}
        if not record.version:
            return self._taken_in(await self._api.request("POST", self._root, body=body))
        metadata["resourceVersion"] = record.version
        return self._taken_in(await self._api.request("PUT", f"{self._root}/{self._name}", body=body))

    def _taken_in(self, lease: dict[str, Any]) -> LeaseRecord:
        metadata, spec = lease["metadata"], lease.get("spec") or {}
        self._metadata = {key: metadata[key] for key in _KEPT if key in metadata}
        return LeaseRecord(
            holder=str(spec.get("holderIdentity") or ""),
            duration=int(spec.get("leaseDurationSeconds") or 0),
            transitions=int(spec.get("leaseTransitions") or 0),
            acquired_at=seconds_of(spec.get("acquireTime")),
            renewed_at=seconds_of(spec.get("renewTime")),
            version=str(metadata["resourceVersion"]),
        )


def _spec(record: LeaseRecord) -> dict[str, Any]:
    """An empty holder is left out: the API has no word for nobody."""
    spec = {
        "leaseDurationSeconds": record.duration,
        "leaseTransitions": record.transitions,
        "acquireTime": micro_time(record.acquired_at),
        "renewTime": micro_time(record.renewed_at),
    }
    return spec | ({"holderIdentity": record.holder} if record.holder else {})
