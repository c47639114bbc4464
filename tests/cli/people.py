"""As much of a cluster as the commands for people ask: LeakPolicies that are read and merge-patched, pods, refusals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from click.testing import CliRunner, Result

from leakwarden.cli import main
from tests.adapters.servers import forward, status, web_app

_POLICIES = "/apis/leakwarden.io/v1alpha1"
_CONFIG = """
apiVersion: v1
kind: Config
current-context: here
contexts:
- {{name: here, context: {{cluster: here, user: me, namespace: demo}}}}
- {{name: elsewhere, context: {{cluster: here, user: me, namespace: other}}}}
clusters: [{{name: here, cluster: {{server: "{server}"}}}}]
users: [{{name: me, user: {{token: abc}}}}]
"""


def policy(name: str = "gopls", namespace: str = "demo", **more: Any) -> dict[str, Any]:
    """As the API has it; `spec` and `status` are added to the smallest."""
    spec = {"target": {"selector": {"matchLabels": {"app": "gopls"}}}, **more.pop("spec", {})}
    meta = {"namespace": namespace, "name": name, "uid": f"uid-{name}", "creationTimestamp": "2026-11-24T08:00:00Z"}
    return {"metadata": meta, "spec": spec, **more}


def finding(signature: str = "memory/example.org/lsp/internal/cache.(*Cache).keep", **more: Any) -> dict[str, Any]:
    """A row of status.findings."""
    row = {
        "signature": signature,
        "type": "Leak",
        "severity": "Critical",
        "affected": 3,
        "pods": ["ws-1", "ws-2", "ws-3"],
        "since": "2026-11-24T08:00:00Z",
        "growth": "512Mi",
        "growthPerHour": "96Mi",
        "message": "3 pods, the worst ws-1: it grows. Fix: clear it.",
    }
    return {**row, **more}


def pod(name: str, namespace: str = "demo", **more: Any) -> dict[str, Any]:
    """A running one of a ReplicaSet; `labels`, `annotations`, and what else its spec has."""
    meta = {
        "namespace": namespace,
        "name": name,
        "uid": f"uid-{name}",
        "labels": more.pop("labels", {"app": "gopls"}),
        "annotations": more.pop("annotations", {}),
        "ownerReferences": [{"kind": "ReplicaSet", "name": "ws", "uid": "uid-ws", "controller": True}],
    }
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-24T08:00:00Z"}
    return {
        "metadata": meta,
        "spec": {"containers": [{"name": "dev"}], **more},
        "status": {"phase": "Running", "conditions": [ready]},
    }


@dataclass
class Cluster:
    """`forbid` holds what is refused, as `VERB RESOURCE`; `faster` are edits of somebody else, each made right before a
    patch of ours arrives."""

    policies: list[dict[str, Any]] = field(default_factory=list)
    pods: list[dict[str, Any]] = field(default_factory=list)
    forbid: set[str] = field(default_factory=set)
    faster: list[dict[str, Any]] = field(default_factory=list)
    installed: bool = True
    ports: dict[tuple[str, int], int] = field(default_factory=dict)
    """By pod and port: the port of this machine that stands for it."""
    asked: list[str] = field(default_factory=list)
    directory: Path = field(default_factory=Path)
    server: str = ""

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._note])
        for root in (_POLICIES, f"{_POLICIES}/namespaces/{{namespace}}"):
            app.router.add_get(f"{root}/leakpolicies", self._list_policies)
        app.router.add_get(f"{_POLICIES}/namespaces/{{namespace}}/leakpolicies/{{name}}", self._get_policy)
        app.router.add_patch(f"{_POLICIES}/namespaces/{{namespace}}/leakpolicies/{{name}}", self._patch_policy)
        for root in ("/api/v1", "/api/v1/namespaces/{namespace}"):
            app.router.add_get(f"{root}/pods", self._list_pods)
        app.router.add_get("/api/v1/namespaces/{namespace}/pods/{name}", self._get_pod)
        app.router.add_get("/api/v1/namespaces/{namespace}/pods/{name}/portforward", self._forward)
        app.router.add_get("/api/v1/namespaces", self._list_namespaces)
        return app

    @web.middleware
    async def _note(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path_qs}")
        verbs = {"PATCH": "patch", "GET": "get" if "name" in request.match_info else "list"}
        parts = [part for part in ("leakpolicies", "pods", "namespaces") if part in request.path.split("/")]
        right = f"{verbs[request.method]} {parts[0]}" + ("/portforward" if "portforward" in request.path else "")
        if right in self.forbid:
            return status(403, f'User "jo" cannot {right}')
        response: web.StreamResponse = await handler(request)
        return response

    async def _list_policies(self, request: web.Request) -> web.Response:
        if not self.installed:
            return status(404, "the server could not find the requested resource")
        return _listed(self.policies, request)

    async def _list_pods(self, request: web.Request) -> web.Response:
        return _listed(self.pods, request)

    async def _list_namespaces(self, _: web.Request) -> web.Response:
        names = {item["metadata"]["namespace"] for item in (*self.policies, *self.pods)}
        return web.json_response({"metadata": {}, "items": [{"metadata": {"name": name}} for name in sorted(names)]})

    async def _get_pod(self, request: web.Request) -> web.Response:
        found = _found(self.pods, request)
        return web.json_response(found) if found else status(404, f'pods "{request.match_info["name"]}" not found')

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        return await forward(request, self.ports.get((request.match_info["name"], int(request.query["ports"]))))

    async def _get_policy(self, request: web.Request) -> web.Response:
        found = _found(self.policies, request)
        return web.json_response(found) if found else status(404, "not found")

    async def _patch_policy(self, request: web.Request) -> web.Response:
        found = _found(self.policies, request)
        assert found is not None
        assert request.content_type == "application/merge-patch+json"
        if self.faster:
            _merge(found, self.faster.pop(0))
            _touched(found)
        patch = await request.json()
        if patch["metadata"]["resourceVersion"] != found["metadata"]["resourceVersion"]:
            return status(409, "the object has been modified; please apply your changes to the latest version")
        if "dryRun" not in request.query:
            _merge(found, patch)
            _touched(found)
        return web.json_response(found)

    async def run(self, *arguments: str, **environment: str) -> Result:
        """The command, under the kubeconfig of this cluster, in a thread of its own."""
        config = self.directory / "kubeconfig"
        config.write_text(_CONFIG.format(server=self.server))
        env = {"KUBECONFIG": str(config), "KUBERNETES_SERVICE_HOST": None, "NO_COLOR": None, **environment}
        return await asyncio.to_thread(CliRunner().invoke, main, arguments, env=env)

    async def good(self, *arguments: str) -> str:
        """What it prints."""
        result = await self.run(*arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    async def bad(self, *arguments: str) -> list[str]:
        """The lines on stderr of a command that fails."""
        result = await self.run(*arguments)
        assert (result.exit_code, result.stdout) == (2, ""), result.output
        return result.stderr.splitlines()


def _listed(items: list[dict[str, Any]], request: web.Request) -> web.Response:
    wanted = request.match_info.get("namespace")
    name = request.query.get("fieldSelector", "").removeprefix("metadata.name=")
    labels = {tuple(part.split("=")) for part in request.query.get("labelSelector", "").split(",") if part}
    found = [
        item for item in items
        if wanted in (None, item["metadata"]["namespace"]) and name in ("", item["metadata"]["name"])
        and labels <= set(item["metadata"].get("labels", {}).items())
    ]  # fmt: skip
    return web.json_response({"metadata": {"resourceVersion": "1"}, "items": found})


def _found(items: list[dict[str, Any]], request: web.Request) -> dict[str, Any] | None:
    wanted = request.match_info["namespace"], request.match_info["name"]
    return next((one for one in items if (one["metadata"]["namespace"], one["metadata"]["name"]) == wanted), None)


def _merge(into: dict[str, Any], patch: dict[str, Any]) -> None:
    """RFC 7386."""
    for key, value in patch.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, dict):
            _merge(into.setdefault(key, {}), value)
        else:
            into[key] = deepcopy(value)


def _touched(item: dict[str, Any]) -> None:
    item["metadata"]["resourceVersion"] = str(int(item["metadata"]["resourceVersion"]) + 1)


@asynccontextmanager
async def cluster(directory: Path, *policies: dict[str, Any], **more: Any) -> AsyncIterator[Cluster]:
    made = Cluster(list(policies), directory=directory, **more)
    for item in made.policies:
        item["metadata"].setdefault("resourceVersion", "1")
    async with web_app(made.app()) as connection:
        made.server = connection.server
        yield made
