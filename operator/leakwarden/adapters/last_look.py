"""What stands in the API at this moment: for the look right before an eviction, which no watch can replace."""

from __future__ import annotations

from typing import Any

from leakwarden.adapters.ports import KubeApi
from leakwarden.api import GROUP, PLURAL, VERSION
from leakwarden.core.pod_facts import pod_facts
from leakwarden.core.policy import Policy, parse_policy
from leakwarden.core.targets import PodFacts, PolicyKey
from leakwarden.errors import ApiNotFound


class LastLook:
    """Implements `pipeline.ports.LastLook`."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api

    async def policy(self, key: PolicyKey) -> Policy | None:
        """None where there is none of that name. Raises ApiError."""
        found = await self._get(f"/apis/{GROUP}/{VERSION}/namespaces/{key.namespace}/{PLURAL}/{key.name}")
        return None if found is None else parse_policy(found)

    async def pod(self, namespace: str, name: str) -> PodFacts | None:
        """The same for a pod."""
        found = await self._get(f"/api/v1/namespaces/{namespace}/pods/{name}")
        return None if found is None else pod_facts(found)

    async def _get(self, path: str) -> dict[str, Any] | None:
        try:
            return await self._api.request("GET", path)
        except ApiNotFound:
            return None
