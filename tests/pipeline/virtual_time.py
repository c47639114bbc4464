"""An event loop whose time passes only by waiting: sleeping an hour takes no time at all.

While work is under way in a thread (the store), time stands still and the loop really waits. A loop that waits for
nothing at all would hang for ever; here that fails instead.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Mapping
from typing import Any

REAL_PATIENCE = 10.0
"""Seconds of real time that one piece of work in a thread may take."""


class _Selector(selectors.DefaultSelector):  # type: ignore[misc,valid-type,unused-ignore]
    def __init__(self) -> None:
        super().__init__()
        self.loop: VirtualTimeLoop | None = None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        loop = self.loop
        if loop is None or (timeout is not None and timeout <= 0):
            return list(super().select(timeout))
        if loop.in_threads:
            return list(super().select(REAL_PATIENCE))
        ready = list(super().select(0))
        if not ready:
            assert timeout is not None, "everything waits, and nothing will ever happen"
            loop.moved += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """`time()` starts at 0 and jumps to whatever is due next."""

    def __init__(self) -> None:
        self.moved = 0.0
        self.in_threads = 0
        selector = _Selector()
        super().__init__(selector)
        selector.loop = self

    def time(self) -> float:
        return self.moved

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        self.in_threads += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._back)
        return future

    async def shutdown_default_executor(self, *args: Any, **options: Any) -> None:
        self.in_threads += 1
        try:
            await super().shutdown_default_executor(*args, **options)
        finally:
            self.in_threads -= 1

    def _back(self, _: asyncio.Future[Any]) -> None:
        self.in_threads -= 1


def factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"virtual": VirtualTimeLoop}
