"""How late the event loop is: everything that the operator does waits as long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

EVERY = 0.5
"""Seconds between two looks."""


async def watch_loop_lag(observe: Callable[[float], None], every: float = EVERY) -> None:
    """Until cancelled: tell by how many seconds each wake-up came too late."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + every
        await asyncio.sleep(every)
        observe(max(0.0, loop.time() - due))
