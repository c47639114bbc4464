"""`leakwarden cleanup` where another release shares the namespace. tests/integration asks the real API server."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from click.testing import CliRunner, Result

from leakwarden.cli import main
from tests.adapters.servers import web_app
from tests.cli.api_server import kubeconfig
from tests.cli.people import pod

OTHERS = "app.kubernetes.io/component=operator,app.kubernetes.io/instance!=mine"


@dataclass
class Api:
    """Its pods by the selector that they are asked for with; what is deleted."""

    pods: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/api/v1/pods", self._list)
        app.router.add_get("/api/v1/namespaces/home/pods", self._list)
        app.router.add_get("/{path:.*}", self._own)
        app.router.add_delete("/{path:.*}", self._delete)
        return app

    async def _list(self, request: web.Request) -> web.Response:
        return web.json_response({"metadata": {}, "items": self.pods.get(request.query.get("labelSelector", ""), [])})

    async def _own(self, _: web.Request) -> web.Response:
        return web.json_response({"metadata": {"uid": "u-1", "resourceVersion": "7"}})

    async def _delete(self, request: web.Request) -> web.Response:
        self.deleted.append(request.path.rpartition("/")[2])
        return web.json_response({})


async def cleanup(api: Api, directory: Path, *arguments: str) -> Result:
    async with web_app(api.app()) as connection:
        config = kubeconfig(directory, int(connection.server.rpartition(":")[2]))
        environment = {"LEAKWARDEN_KUBECONFIG": str(config), "LEAKWARDEN_NAMESPACE": "home"}
        return await asyncio.to_thread(CliRunner().invoke, main, ["cleanup", *arguments], env=environment)


async def test_what_another_release_leads_and_acts_by_stays(tmp_path: Path) -> None:
    api = Api({OTHERS: [pod("theirs-1", "home"), pod("theirs-0", "home")]})
    result = await cleanup(api, tmp_path, "--unless", OTHERS)
    assert (result.exit_code, api.deleted) == (0, [])
    assert result.output == "journal and Lease in namespace home stay: pod theirs-0 of another release has them\n"


@pytest.mark.parametrize("arguments", [["--unless", OTHERS], []])
async def test_without_another_release_they_go(tmp_path: Path, arguments: list[str]) -> None:
    api = Api()
    result = await cleanup(api, tmp_path, *arguments)
    assert (result.exit_code, api.deleted) == (0, ["leakwarden-journal", "leakwarden"])
