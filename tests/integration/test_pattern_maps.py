"""Patterns of users from a real API server, under the operator's own token."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hack.cluster import Cluster
from leakwarden.adapters.pattern_maps import PatternMaps
from leakwarden.core.patterns import Source
from leakwarden.errors import ApiForbidden
from tests.integration.acting import OPERATOR_NAMESPACE, admin, operator, prepare

pytestmark = pytest.mark.integration

NAMESPACE = "patterns"
MAPS = f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/configmaps"


def config_map(name: str, labels: dict[str, str], **data: str) -> dict[str, object]:
    return json.loads(json.dumps({"metadata": {"name": name, "labels": labels}, "data": data}))  # type: ignore[no-any-return]


async def test_the_operator_may_read_labelled_config_maps_of_its_own_namespace_and_no_other(
    control_plane: Cluster, tmp_path: Path
) -> None:
    prepare(control_plane, NAMESPACE)
    marked = {"leakwarden.io/patterns": "true"}
    async with admin(control_plane) as api:
        for body in (
            config_map("ours", marked, b="patterns: []", a="broken: ["),
            config_map("off", {"leakwarden.io/patterns": "false"}, a="x"),
            config_map("other", {}, a="x"),
        ):
            await api.request("POST", MAPS, body=body)
    async with operator(control_plane, tmp_path) as api:
        assert await PatternMaps(api, OPERATOR_NAMESPACE).sources() == [
            Source(f"ConfigMap {OPERATOR_NAMESPACE}/ours, key a", "broken: ["),
            Source(f"ConfigMap {OPERATOR_NAMESPACE}/ours, key b", "patterns: []"),
        ]
        with pytest.raises(ApiForbidden, match=f"configmaps.*{NAMESPACE}"):
            await PatternMaps(api, NAMESPACE).sources()
