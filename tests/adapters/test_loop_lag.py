"""A loop that is held up is seen to be."""

from __future__ import annotations

import asyncio
import time

from leakwarden.adapters.loop_lag import watch_loop_lag


async def test_a_loop_that_somebody_blocks_is_told_to_be_late() -> None:
    seen: list[float] = []
    told = asyncio.Event()

    def observe(seconds: float) -> None:
        seen.append(seconds)
        if len(seen) == 3:
            told.set()

    watching = asyncio.create_task(watch_loop_lag(observe, 0.01))
    try:
        await asyncio.sleep(0)
        time.sleep(0.3)  # noqa: ASYNC251 - the very fault that is to be seen
        async with asyncio.timeout(10):
            await told.wait()
    finally:
        watching.cancel()
    assert seen[0] > 0.2
    assert min(seen) < seen[0]
