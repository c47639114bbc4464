"""The operator's reading port: single targets as JSON, for `top` and `explain`. Only GET, and only on loopback.

No token: who reaches it may port-forward to the operator's pod. docs/commands.md says why that is the lock.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Protocol

from aiohttp import web

from leakwarden.adapters.listener import Listener
from leakwarden.api.inspection import Details, InspectionModel, Leadership, Targets
from leakwarden.core.printable import printable

DEFAULT_ROWS = 100
_ROWS = re.compile(r"[1-9][0-9]{0,5}")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Inspector(Protocol):
    """What stands now. A namespace of "" means all."""

    def targets(self, namespace: str, policy: str, most: int) -> Targets: ...

    def pod(self, namespace: str, name: str) -> Details: ...


class InspectServer:
    """`ask` gives who can tell at this moment, or says in a sentence why nobody here can."""

    def __init__(self, host: str, port: int, ask: Callable[[], Inspector | str]) -> None:
        self._listener = Listener(host, port, "LEAKWARDEN_INSPECT")
        self._ask = ask

    async def start(self) -> int:
        """Listen; returns the port (asked for 0, the kernel chose one). Raises InvalidSpec where it is taken."""
        app = web.Application(client_max_size=1024, middlewares=[_only_by_name_of_this_machine])
        app.add_routes(
            [
                web.get("/v1/leader", self._leader),
                web.get("/v1/targets", self._targets),
                web.get("/v1/targets/{pod}", self._pod),
            ]
        )
        return await self._listener.start(app)

    async def stop(self) -> None:
        await self._listener.stop()

    async def _leader(self, _: web.Request) -> web.Response:
        asked = self._ask()
        leads = not isinstance(asked, str)
        return _answer(Leadership(leads=leads, says="" if leads else str(asked)))

    async def _targets(self, request: web.Request) -> web.Response:
        most = request.query.get("most", str(DEFAULT_ROWS))
        if not _ROWS.fullmatch(most):
            return web.Response(status=400, text=f"most={printable(most[:40])} is no number of rows\n")
        inspector = self._ask()
        if isinstance(inspector, str):
            return _nobody(inspector)
        return _answer(
            inspector.targets(request.query.get("namespace", ""), request.query.get("policy", ""), int(most))
        )

    async def _pod(self, request: web.Request) -> web.Response:
        inspector = self._ask()
        if isinstance(inspector, str):
            return _nobody(inspector)
        return _answer(inspector.pod(request.query.get("namespace", ""), request.match_info["pod"]))


@web.middleware
async def _only_by_name_of_this_machine(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A page in the browser of somebody who forwards the port must not read it under a name of its own (rebinding)."""
    host = request.host.rpartition(":")[0] if not request.host.endswith("]") and ":" in request.host else request.host
    if host.strip("[]") not in _LOOPBACK:
        return web.Response(status=421, text="asked for under the name of another machine\n")
    return await handler(request)


def _answer(value: InspectionModel) -> web.Response:
    return web.Response(text=value.wire(), content_type="application/json", headers={"Cache-Control": "no-store"})


def _nobody(why: str) -> web.Response:
    return web.Response(status=503, text=f"{why}\n")
