"""One HTTP port of the operator: listened on from `start` to `stop`."""

from __future__ import annotations

from aiohttp import web

from leakwarden.errors import InvalidSpec


class Listener:
    """`setting` is the variable that names host and port, for the error."""

    def __init__(self, host: str, port: int, setting: str) -> None:
        self._host, self._port = host, port
        self._setting = setting
        self._runner: web.AppRunner | None = None

    async def start(self, app: web.Application) -> int:
        """Listen; returns the port (asked for 0, the kernel chose one). Raises InvalidSpec where it is taken."""
        self._runner = web.AppRunner(app, access_log=None)
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
