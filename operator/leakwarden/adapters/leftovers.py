"""What the operator put into a cluster besides the status of policies: annotations, its journal, its Lease."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from leakwarden.adapters import journal
from leakwarden.adapters.actuator import LiveActuator
from leakwarden.adapters.ports import KubeApi, KubeReader
from leakwarden.api import SUMMARY_ANNOTATION
from leakwarden.core.lease import home_of
from leakwarden.core.pod_facts import pod_facts
from leakwarden.core.targets import PodFacts
from leakwarden.errors import ApiConflict, ApiNotFound

LOOK_AGAIN = 1.0
"""Seconds between two looks at whether an operator still runs."""


Json = Mapping[str, Any]


class KubeReadWrite(KubeApi, KubeReader, Protocol):
    """Both; KubeClient is."""


class Leftovers:
    """`namespaces`: where policies were followed, empty for all; `home`: the operator's own, `lease` the name of the
    Lease there. Methods raise ApiError."""

    def __init__(self, api: KubeReadWrite, home: str, lease: str, namespaces: Sequence[str]) -> None:
        self._api = api
        self._home = home
        self._lease = lease
        self._namespaces = namespaces

    async def wait_gone(self, selector: str, patience: float) -> None:
        """Until no pod of the operator's own namespace fits: one that runs would write all of it anew. TimeoutError."""
        path, labels = f"/api/v1/namespaces/{self._home}/pods", {"labelSelector": selector}
        async with asyncio.timeout(patience):
            while await self._pods(path, labels):  # noqa: ASYNC110 (they are another process's)
                await asyncio.sleep(LOOK_AGAIN)

    async def others(self, selector: str) -> list[str]:
        """Pods of the operator's own namespace that fit: they lead by the same Lease, and act by the same journal."""
        pods = await self._pods(f"/api/v1/namespaces/{self._home}/pods", {"labelSelector": selector})
        return sorted(str(pod["metadata"]["name"]) for pod in pods)

    async def annotated(self) -> list[PodFacts]:
        """Pods that carry our annotation: annotations have no selector, so every pod is listed."""
        paths = [f"/api/v1/namespaces/{namespace}/pods" for namespace in self._namespaces] or ["/api/v1/pods"]
        pods = [pod for path in paths for pod in await self._pods(path)]
        return [pod_facts(pod) for pod in pods if SUMMARY_ANNOTATION in (pod["metadata"].get("annotations") or {})]

    async def unannotate(self, pod: PodFacts) -> None:
        """A pod that is gone has none."""
        await LiveActuator(self._api).unannotate(pod)

    async def delete_journal(self) -> str:
        """Its name, or empty where there was none. ApiConflict for one of that name that is not ours."""
        path = f"/api/v1/namespaces/{self._home}/configmaps/{journal.NAME}"
        return await self._delete(f"ConfigMap {journal.NAME}", path, _foreign_config_map)

    async def delete_lease(self) -> str:
        """The same. The name of a Lease, and the namespace, are settings, and may be given wrongly."""
        path = f"/apis/coordination.k8s.io/v1/namespaces/{self._home}/leases/{self._lease}"
        return await self._delete(f"Lease {self._lease}", path, _foreign_lease)

    async def _delete(self, name: str, path: str, foreign: Callable[[Json], str]) -> str:
        """Exactly the object that was looked at."""
        try:
            found = await self._api.request("GET", path)
            if why := foreign(found):
                raise ApiConflict(f"{name} in namespace {self._home} is not ours and stays: {why}")
            version = {key: found["metadata"][key] for key in ("uid", "resourceVersion") if key in found["metadata"]}
            await self._api.request("DELETE", path, body={"preconditions": version})
        except ApiNotFound:
            return ""
        return name

    async def _pods(self, path: str, params: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        return [pod async for items, _ in self._api.list_pages(path, params=params) for pod in items]


def _foreign_config_map(found: Json) -> str:
    """What of it no operator writes; empty: nothing."""
    others = {*(found.get("data") or {}), *(found.get("binaryData") or {})} - {journal.KEY}
    return f"it has {', '.join(sorted(others))}" if others else ""


def _foreign_lease(found: Json) -> str:
    """Who holds it, where that is no operator; empty: one, or nobody."""
    holder = str((found.get("spec") or {}).get("holderIdentity") or "")
    return f"{holder} holds it" if holder and not home_of(holder) else ""
