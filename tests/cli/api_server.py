"""As much of an API server as `leakwarden run` asks: discovery, LeakPolicies with watches, pods, the journal."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

POLICIES = "/apis/leakwarden.io/v1alpha1/leakpolicies"
_KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: here
contexts: [{{name: here, context: {{cluster: here, user: me}}}}]
clusters: [{{name: here, cluster: {{server: "http://127.0.0.1:{port}"}}}}]
users: [{{name: me, user: {{token: abc}}}}]
"""


def kubeconfig(directory: Path, port: int) -> Path:
    path = directory / "kubeconfig"
    path.write_text(_KUBECONFIG.format(port=port))
    return path


def _resource(name: str, kind: str, *, namespaced: bool = True) -> dict[str, Any]:
    verbs = ["get", "list", "watch", "patch"]
    return {"name": name, "kind": kind, "singularName": kind.lower(), "namespaced": namespaced, "verbs": verbs}


def _group(name: str, version: str) -> dict[str, Any]:
    return {"name": name, "versions": [{"version": version}], "preferredVersion": {"version": version}}


_DISCOVERY: dict[str, dict[str, Any]] = {
    "/api": {"versions": ["v1"]},
    "/apis": {"groups": [_group("apiextensions.k8s.io", "v1"), _group("leakwarden.io", "v1alpha1")]},
    "/api/v1": {"resources": [_resource("namespaces", "Namespace", namespaced=False), _resource("events", "Event")]},
    "/apis/apiextensions.k8s.io/v1": {
        "resources": [_resource("customresourcedefinitions", "CustomResourceDefinition", namespaced=False)]
    },
    "/apis/leakwarden.io/v1alpha1": {"resources": [_resource("leakpolicies", "LeakPolicy")]},
}


@dataclass
class ApiServer:
    """`policies` as listed; `say` sends a watch event to whoever watches them. `refuse` answers everything."""

    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    patched: list[tuple[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Leases and ConfigMaps by path, compared and swapped by resourceVersion."""
    refuse: int = 0
    port: int = 0
    _watchers: list[asyncio.Queue[tuple[str, dict[str, Any]] | None]] = field(default_factory=list)

    @property
    def watchers(self) -> int:
        return len(self._watchers)

    def say(self, kind: str, policy: dict[str, Any]) -> None:
        name = policy["metadata"]["name"]
        if kind == "DELETED":
            self.policies.pop(name, None)
        else:
            self.policies[name] = policy
        for queue in self._watchers:
            queue.put_nowait((kind, policy))

    def fail(self, status: int) -> None:
        """From now on everything is refused so, and watches end."""
        self.refuse = status
        for queue in self._watchers:
            queue.put_nowait(None)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path}")
        if self.refuse:
            return _status(self.refuse, "it is down")
        if request.path in _DISCOVERY:
            return web.json_response(_DISCOVERY[request.path])
        if request.method == "PATCH":
            self.patched.append((request.path, await request.json()))
            return web.json_response({})
        if request.path == POLICIES and "watch" in request.query:
            return await self._watch(request)
        if "watch" in request.query:
            return await self._silence(request)
        if "/leases" in request.path or "/configmaps" in request.path:
            return await self._object(request)
        if request.path == POLICIES:
            return _list(list(self.policies.values()))
        if request.path.endswith("/pods"):
            return _list([])
        return _status(404, "not found")

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        queue: asyncio.Queue[tuple[str, dict[str, Any]] | None] = asyncio.Queue()
        self._watchers.append(queue)
        response = web.StreamResponse()
        try:
            await response.prepare(request)
            while (event := await queue.get()) is not None:
                await response.write(json.dumps({"type": event[0], "object": event[1]}).encode() + b"\n")
        finally:
            self._watchers.remove(queue)
        return response

    async def _object(self, request: web.Request) -> web.Response:
        if request.method == "GET":
            found = self.objects.get(request.path)
            return web.json_response(found) if found else _status(404, "not found")
        body = await request.json()
        name, version = body["metadata"]["name"], body["metadata"].get("resourceVersion")
        path = f"{request.path}/{name}" if request.method == "POST" else request.path
        before = self.objects.get(path)
        if version != (before["metadata"]["resourceVersion"] if before else None):
            return _status(409, "the object has been modified")
        return web.json_response(self.put(path, body))

    def put(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """As somebody else would change it."""
        version = str(int(self.objects.get(path, {}).get("metadata", {}).get("resourceVersion", "0")) + 1)
        self.objects[path] = {**body, "metadata": {**body["metadata"], "resourceVersion": version}}
        return self.objects[path]

    async def _silence(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await asyncio.sleep(60)
        return response


def _list(items: list[dict[str, Any]]) -> web.Response:
    metadata = {"resourceVersion": "10"}
    return web.json_response({"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items})


def _status(code: int, message: str) -> web.Response:
    return web.json_response({"kind": "Status", "status": "Failure", "message": message, "code": code}, status=code)


@asynccontextmanager
async def api_server() -> AsyncIterator[ApiServer]:
    server, app = ApiServer(), web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.port = int(runner.addresses[0][1])
    try:
        yield server
    finally:
        await runner.cleanup()
