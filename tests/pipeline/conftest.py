"""Every test here runs in virtual time, and most of them over the real store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest

from leakwarden.adapters.store import SqliteStore
from tests.pipeline.fakes import LoopClock
from tests.pipeline.virtual_time import factories


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return factories()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(tmp_path)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def clock() -> LoopClock:
    return LoopClock()
