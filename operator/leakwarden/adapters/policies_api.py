"""LeakPolicies over the API: listed to check what kopf's watch says, and their status replaced whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leakwarden.adapters.ports import KubeApi, KubeReader
from leakwarden.api import GROUP, PLURAL, SUMMARY_ANNOTATION, VERSION
from leakwarden.core.policy import Policy, parse_policy
from leakwarden.core.targets import PolicyKey

_ROOT = f"/apis/{GROUP}/{VERSION}"


class PolicyList:
    """Implements `pipeline.ports.PolicyList`."""

    def __init__(self, api: KubeReader, namespaces: tuple[str, ...]) -> None:
        self._api = api
        self._namespaces = namespaces

    async def policies(self) -> list[Policy]:
        """Every LeakPolicy of the watched namespaces. Raises ApiError."""
        return [
            parse_policy(item)
            for path in self._paths(_ROOT, PLURAL)
            async for items, _ in self._api.list_pages(path)
            for item in items
        ]


    async def annotated_namespaces(self) -> frozenset[str]:
        """Namespaces with a pod that carries our annotation: annotations have no selector, so every pod is listed."""
        found = {
            item["metadata"]["namespace"]
            for path in self._paths("/api/v1", "pods")
            async for items, _ in self._api.list_pages(path)
            for item in items
            if SUMMARY_ANNOTATION in (item["metadata"].get("annotations") or {})
        }
        return frozenset(found)

    def _paths(self, root: str, plural: str) -> list[str]:
        scoped = [f"{root}/namespaces/{namespace}/{plural}" for namespace in self._namespaces]
        return scoped or [f"{root}/{plural}"]


class StatusPatch:
    """Implements `pipeline.ports.StatusWriter`."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api

    async def write(self, key: PolicyKey, uid: str, status: Mapping[str, Any]) -> None:
        """Replace the status as a whole, so that nothing of an older one stays. Raises ApiError.

        The `test` makes the API refuse it when the policy was deleted and made anew meanwhile.
        """
        await self._api.request(
            "PATCH",
            f"{_ROOT}/namespaces/{key.namespace}/{PLURAL}/{key.name}/status",
            body=[
                {"op": "test", "path": "/metadata/uid", "value": uid},
                {"op": "add", "path": "/status", "value": status},
            ],
            content_type="application/json-patch+json",
        )
