"""The operator's own HTTP port: /metrics, /healthz (the loop turns) and /readyz (it does its part)."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from leakwarden.adapters.listener import Listener


class WebServer:
    """Read-only; nothing here takes a body or changes a thing. `readiness`: whether it is ready, and a line that says
    what it is ready for, or why not."""

    def __init__(
        self, host: str, port: int, registry: CollectorRegistry, readiness: Callable[[], tuple[bool, str]]
    ) -> None:
        self._listener = Listener(host, port, "LEAKWARDEN_LISTEN")
        self._registry = registry
        self._readiness = readiness

    async def start(self) -> int:
        """Listen; returns the port (asked for 0, the kernel chose one). Raises InvalidSpec where it is taken."""
        app = web.Application(client_max_size=1024)
        app.add_routes(
            [
                web.get("/metrics", self._metrics),
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
            ]
        )
        return await self._listener.start(app)

    async def stop(self) -> None:
        await self._listener.stop()

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        ready, why = self._readiness()
        return web.Response(status=200 if ready else 503, text=f"{why}\n")
