"""The clock of these tests keeps its word, else nothing that they say about time is worth anything."""

from __future__ import annotations

import asyncio
import time

from leakwarden.adapters.store import SqliteStore


async def test_an_hour_passes_at_once_and_in_order() -> None:
    began, loop = time.monotonic(), asyncio.get_running_loop()
    heard: list[float] = []
    for seconds in (3600.0, 60.0, 0.5):
        loop.call_later(seconds, lambda: heard.append(loop.time()))
    await asyncio.sleep(3601)
    assert [round(at, 3) for at in heard] == [0.5, 60.0, 3600.0]
    assert time.monotonic() - began < 5.0


async def test_time_stands_still_while_the_store_works(store: SqliteStore) -> None:
    before = asyncio.get_running_loop().time()
    async with asyncio.timeout(0.001):
        for _ in range(5):
            await store.enqueue("policy", ["{}"])
    assert asyncio.get_running_loop().time() == before
