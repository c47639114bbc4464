"""One HTTP port of the operator: listened on from `start` to `stop`."""

from __future__ import annotations

import logging

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from leakwarden.errors import InvalidSpec

IDLE = 75.0
"""Seconds that a client may take to send a request, or wait between two: Prometheus asks more often, and one that never
does is not kept for good. Each costs a file descriptor, which connections to pods need."""


def _ours(record: logging.LogRecord) -> bool:
    """Who sends no HTTP is answered, not logged: anybody in the pod network could fill the log with stack traces."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


_log = logging.getLogger(__name__)
_log.addFilter(_ours)


class Listener:
    """`setting` is the variable that names host and port, for the error; `idle` in seconds."""

    def __init__(self, host: str, port: int, setting: str, idle: float = IDLE) -> None:
        self._host, self._port = host, port
        self._setting = setting
        self._idle = idle
        self._runner: web.AppRunner | None = None

    async def start(self, app: web.Application) -> int:
        """Listen; returns the port (asked for 0, the kernel chose one). Raises InvalidSpec where it is taken."""
        self._runner = web.AppRunner(app, access_log=None, keepalive_timeout=self._idle, logger=_log)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise InvalidSpec(self._setting, f"cannot listen on {self._host}:{self._port}: {error}") from error
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
