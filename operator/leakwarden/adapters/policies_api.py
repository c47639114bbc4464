"""LeakPolicies over the API: listed to check what kopf's watch says, and their status replaced whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leakwarden.adapters.ports import KubeApi, KubeReader
from leakwarden.api import GROUP, PLURAL, VERSION
from leakwarden.core.policy import Policy, parse_policy
from leakwarden.core.targets import PolicyKey

_ROOT = f"/apis/{GROUP}/{VERSION}"


class PolicyList:
    """Implements `pipeline.ports.PolicyList`."""

    def __init__(self, api: KubeReader, namespaces: tuple[str, ...]) -> None:
        self._api = api
        self._paths = [f"{_ROOT}/namespaces/{namespace}/{PLURAL}" for namespace in namespaces] or [f"{_ROOT}/{PLURAL}"]

    async def policies(self) -> list[Policy]:
        """Every LeakPolicy of the watched namespaces. Raises ApiError."""
        return [
            parse_policy(item)
            for path in self._paths
            async for items, _ in self._api.list_pages(path)
            for item in items
        ]


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
