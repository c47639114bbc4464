"""One HTTP port, and clients that are slow, silent or no HTTP at all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp import web

from leakwarden.adapters.listener import Listener


async def _answer(request: web.Request) -> web.Response:
    if "break" in request.query:
        raise RuntimeError("a bug of ours")
    return web.Response(text="ok")


@asynccontextmanager
async def listening(idle: float = 0.2) -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_get("/", _answer)
    listener = Listener("127.0.0.1", 0, "LEAKWARDEN_LISTEN", idle)
    try:
        yield await listener.start(app)
    finally:
        await listener.stop()


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHo", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"])
async def test_a_client_that_keeps_its_request_to_itself_is_not_kept_for_good(sent: bytes) -> None:
    """Silent, half a request, and one that is answered and asks no more."""
    async with listening() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        await asyncio.wait_for(reader.read(), 30)  # until it is closed
        writer.close()


async def test_a_client_that_sends_its_request_byte_by_byte_is_not_waited_for_without_end() -> None:
    async with listening() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def trickle() -> None:
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
            while True:
                writer.write(b"x")
                await asyncio.sleep(0.02)

        trickling = asyncio.create_task(trickle())
        try:
            await asyncio.wait_for(_ended(reader), 30)
        finally:
            trickling.cancel()
            writer.close()


async def _ended(reader: asyncio.StreamReader) -> None:
    with suppress(ConnectionResetError):
        await reader.read()


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02\x00", b"GET /" + b"a" * 20_000, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"]
)
async def test_what_is_no_request_is_answered_and_not_logged(sent: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with listening(30) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        assert (await asyncio.wait_for(reader.readline(), 30)).startswith(b"HTTP/1.0 400 ")
        writer.close()
    assert caplog.records == []


async def test_a_bug_of_ours_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with listening(30) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /?break HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 500 " in await asyncio.wait_for(reader.readline(), 30)
        writer.close()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
