"""A proxy between an operator and its API server that kills or stops the operator exactly at a chosen request.

Plain HTTP on loopback in, TLS with the cluster's CA out; the Authorization header is passed on, watches are streamed,
WebSockets are bridged. So the operator needs no hook for tests: what is killed is the program that users run.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from hack.cluster import Cluster

_PASSED_ON = ("Authorization", "Accept", "Content-Type", "User-Agent")
_STOP = 10.0


class Moment(Enum):
    """When the process dies or is stopped, as seen from the API server."""

    BEFORE = "the request does not reach it"
    AFTER = "it has answered, the answer does not arrive"


@dataclass(frozen=True, slots=True)
class Seen:
    """A request of the operator. `body` is the parsed JSON, None where there is none."""

    method: str
    path: str
    body: Any


@dataclass(slots=True)
class Trap:
    """Sends `how` to process group `pid` at the first request that `catches` says yes to. `sprung` is set once it has.

    What a dead process would have got is lost; one that is only stopped gets the answer when it wakes.
    """

    pid: int
    catches: Callable[[Seen], bool]
    moment: Moment
    how: signal.Signals = signal.SIGKILL
    sprung: threading.Event = field(default_factory=threading.Event)
    caught: Seen | None = None


class KillingProxy:
    """A context manager; it lives in a thread of its own. `url` is what the operator's kubeconfig must name."""

    def __init__(self, cluster: Cluster, directory: Path) -> None:
        view = json.loads(cluster.kubectl("config", "view", "--raw", "-o", "json"))
        self._server = str(view["clusters"][0]["cluster"]["server"]).rstrip("/")
        self._tls = _trust(view["clusters"][0]["cluster"], directory)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="killing-proxy", daemon=True)
        self._trap: Trap | None = None
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self.seen: list[Seen] = []
        """Every request that arrived whole, in order."""
        self.url = ""

    def __enter__(self) -> KillingProxy:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(_STOP)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(2 * _STOP)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_STOP)

    def arm(
        self, pid: int, catches: Callable[[Seen], bool], moment: Moment, how: signal.Signals = signal.SIGKILL
    ) -> Trap:
        """From now on that request is the process's last, for a while at least."""
        self._trap = Trap(pid, catches, moment, how)
        return self._trap

    def disarm(self) -> None:
        """A new process, or one that wakes, may speak again."""
        self._trap = None

    def kubeconfig(self, token: str, out: Path) -> Path:
        """A kubeconfig whose server is this proxy."""
        cluster = {"name": "proxy", "cluster": {"server": self.url}}
        context = {"name": "proxy", "context": {"cluster": "proxy", "user": "token"}}
        user = {"name": "token", "user": {"token": token}}
        out.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "proxy",
            "clusters": [cluster], "contexts": [context], "users": [user],
        }))  # fmt: skip
        return out

    async def _start(self) -> None:
        connector = aiohttp.TCPConnector(ssl=self._tls, limit=0)
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(total=None), auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )  # fmt: skip
        app = web.Application(client_max_size=64 << 20)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def _stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        trap = self._trap
        if trap is not None and trap.sprung.is_set():
            return web.Response(status=503)  # what a dead process had sent before does not count
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._bridge(request)
        raw = await request.read()
        seen = Seen(request.method, request.path, _parsed(raw))
        self.seen.append(seen)
        caught = trap is not None and trap.catches(seen)
        if trap is not None and caught and trap.moment is Moment.BEFORE:
            return _spring(trap, seen)
        return await self._forward(request, raw, trap if caught else None, seen)

    async def _forward(self, request: web.Request, raw: bytes, trap: Trap | None, seen: Seen) -> web.StreamResponse:
        assert self._session is not None
        headers = {key: request.headers[key] for key in _PASSED_ON if key in request.headers}
        target = self._server + request.raw_path
        async with self._session.request(
            request.method, _exactly(target), data=raw or None, headers=headers, allow_redirects=False
        ) as answer:
            if trap is not None:
                body = await answer.read()
                lost = _spring(trap, seen)
                stopped = trap.how is signal.SIGSTOP
                return web.Response(status=answer.status, headers=_kept(answer), body=body) if stopped else lost
            response = web.StreamResponse(status=answer.status, headers=_kept(answer))
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response

    async def _bridge(self, request: web.Request) -> web.StreamResponse:
        assert self._session is not None
        protocols = [each.strip() for each in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if each]
        try:
            upstream = await self._session.ws_connect(
                _exactly(self._server + request.raw_path), protocols=protocols, max_msg_size=0,
                headers={"Authorization": request.headers.get("Authorization", "")},
            )  # fmt: skip
        except aiohttp.WSServerHandshakeError as refused:
            return web.Response(status=refused.status, text=refused.message)
        client = web.WebSocketResponse(protocols=protocols, max_msg_size=0)
        await client.prepare(request)
        ways = [asyncio.create_task(_pour(client, upstream)), asyncio.create_task(_pour(upstream, client))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await upstream.close()
        await client.close()
        return client


WebSocket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def _pour(source: WebSocket, sink: WebSocket) -> None:
    async for message in source:
        if message.type is aiohttp.WSMsgType.BINARY:
            await sink.send_bytes(message.data)
        elif message.type is aiohttp.WSMsgType.TEXT:
            await sink.send_str(message.data)


def _spring(trap: Trap, seen: Seen) -> web.Response:
    """The whole group: the operator and its worker processes. It led its session, so its pid is the group's."""
    os.killpg(trap.pid, trap.how)
    trap.caught = seen
    trap.sprung.set()
    return web.Response(status=503)


def _trust(cluster: dict[str, Any], directory: Path) -> ssl.SSLContext:
    import base64

    if "certificate-authority-data" in cluster:
        return ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    return ssl.create_default_context(cafile=str(directory / str(cluster["certificate-authority"])))


def _exactly(url: str) -> Any:
    """The URL as it came: its query is signed by nobody, but `dryRun=All` must stay what it is."""
    from yarl import URL

    return URL(url, encoded=True)


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return None


def _kept(answer: aiohttp.ClientResponse) -> dict[str, str]:
    kept = ("Content-Type", "Content-Encoding", "Content-Length", "Warning", "Retry-After")
    return {key: answer.headers[key] for key in kept if key in answer.headers}
