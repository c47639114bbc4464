"""Patterns that users add: ConfigMaps with a label, in the operator's own namespace."""

from __future__ import annotations

from typing import Final

from leakwarden.adapters.ports import KubeReader
from leakwarden.core.patterns import Source

LABEL: Final = "leakwarden.io/patterns=true"
PAGE: Final = 20
"""ConfigMaps a page: one may have a MiB."""


class PatternMaps:
    """Implements `pipeline.ports.PatternSources`."""

    def __init__(self, api: KubeReader, namespace: str) -> None:
        self._api = api
        self._path = f"/api/v1/namespaces/{namespace}/configmaps"
        self._namespace = namespace

    async def sources(self) -> list[Source]:
        """Every key of every such ConfigMap, by name and key. Raises ApiError."""
        found = [
            Source(f"ConfigMap {self._namespace}/{item['metadata']['name']}, key {key}", text)
            async for items, _ in self._api.list_pages(self._path, params={"labelSelector": LABEL}, page_size=PAGE)
            for item in items
            for key, text in (item.get("data") or {}).items()
        ]
        return sorted(found, key=lambda one: one.name)
