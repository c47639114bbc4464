"""Reads the pages of a gopls's debug server, within bounds of bytes, count and time.

Asked for are `/info`, `/` and what that page links to of caches and sessions: never a guessed id, and nothing that
shows people's sources (`/file`, `/metadata`, `/package`), makes the process work (`/gc`, `/flightrecorder`) or has no
bound (`/metrics`). All of it is a courtesy: the first page that fails ends the look, and what was read until then
stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from leakwarden.adapters.pprof_http import PprofConnection
from leakwarden.core.gopls_info import GoplsInfo, parse_info
from leakwarden.core.gopls_pages import (
    MAIN,
    MAX_CACHES,
    MAX_PAGE,
    MAX_SESSIONS,
    CachePage,
    GoplsState,
    MainPage,
    SessionPage,
    parse_cache,
    parse_main,
    parse_session,
    state_of,
)
from leakwarden.core.parts import IDENTITY, PARTS
from leakwarden.errors import SamplingError

PATIENCE = 2.0
"""Seconds for all pages together."""
MOST = 1 << 20
"""Bytes of all pages together."""

_Page = TypeVar("_Page")


async def read_gopls(connection: PprofConnection, most: float) -> GoplsInfo | None:
    """None where nothing answers to `/info`. `most` seconds at the utmost. Never raises for what the process does."""
    look = _Look(connection)
    try:
        async with asyncio.timeout(min(PATIENCE, most)):
            await look.take()
    except (SamplingError, TimeoutError):
        pass
    return look.found()


class _Look:
    """What was read so far."""

    def __init__(self, connection: PprofConnection) -> None:
        self._connection = connection
        self._left = MOST
        self._info: GoplsInfo | None = None
        self._main: MainPage | None = None
        self._caches: list[CachePage] = []
        self._sessions: list[SessionPage] = []

    async def take(self) -> None:
        self._info = await self._page(PARTS[IDENTITY].path, parse_info)
        if not self._info.told:
            return  # something else answers there
        self._main = await self._page(MAIN, parse_main)
        for number in (self._main.sessions or ())[:MAX_SESSIONS]:
            self._sessions.append(await self._page(f"/session/{number}", parse_session))
        for number in (self._main.caches or ())[:MAX_CACHES]:
            self._caches.append(await self._page(f"/cache/{number}", parse_cache))

    def found(self) -> GoplsInfo | None:
        if self._info is None or self._main is None:
            return self._info
        state = state_of(self._main, self._caches, self._sessions)
        return replace(self._info, state=None if state == GoplsState() else state)

    async def _page(self, path: str, parse: Callable[[bytes], _Page]) -> _Page:
        page = await self._connection.get(path, PARTS[IDENTITY].content_type, min(MAX_PAGE, self._left))
        self._left -= len(page)
        return parse(page)
