"""The process that the gate measures: waits until it answers, and reads it when it has come to rest."""

from __future__ import annotations

import asyncio
from typing import Final

from leakwarden.adapters.pod_ip import PodIPDialer
from leakwarden.adapters.sampler import connection_to
from leakwarden.api.words import FailureReason
from leakwarden.core.gate.values import Counters, Measurement
from leakwarden.core.memstats import parse_memstats
from leakwarden.core.parts import GOROUTINE, HEAP, PARTS, PROTO, TEXT
from leakwarden.core.pprof.decode import decode
from leakwarden.core.pprof.profile import Profile
from leakwarden.core.readings import GoroutineReading, MemStats
from leakwarden.core.reduce import reduce_goroutines, reduce_heap
from leakwarden.core.targets import Target
from leakwarden.errors import MalformedProfile, NotMeasured, ProfileTooLarge, SamplingError

PAUSE: Final = 0.05
"""Seconds between two readings, and between two looks whether it answers."""
CALM: Final = 3
"""Readings in a row that bring nothing less. Each forces a collection: a sync.Pool needs two to let go, and what a
finalizer or clean-up holds one more."""
PATIENCE: Final = 10.0
"""Seconds after which what is still falling is taken as it is."""
_GRAIN: Final = 16 << 10
"""Bytes: a heap that is less by no more than this is not falling."""
_NEVER_BETTER: Final = frozenset({FailureReason.NOT_PPROF, FailureReason.REDIRECTED})
"""Answers of something else than a Go process that is about to start: waiting does not help."""


class GateTarget:
    """One process by its pprof endpoint, reached directly. All methods raise NotMeasured."""

    def __init__(self, target: Target) -> None:
        endpoint = target.endpoint
        host = f"[{target.pod}]" if ":" in target.pod else target.pod
        self.url = f"{endpoint.scheme.lower()}://{host}:{endpoint.port}{endpoint.path}"
        self._target = target
        self._connection = connection_to(PodIPDialer(), target)

    async def close(self) -> None:
        await self._connection.close()

    async def ready(self, seconds: float) -> None:
        """Until it serves a goroutine profile."""
        last = "nothing was heard"
        try:
            async with asyncio.timeout(seconds):
                while True:
                    try:
                        await self._connection.get(self._path(PARTS[GOROUTINE].path), PROTO, self._target.max_bytes)
                    except SamplingError as error:
                        last = str(error)
                        if error.reason in _NEVER_BETTER:
                            raise NotMeasured(
                                f"{self.url} is no pprof endpoint: {last}; --url wants where net/http/pprof is "
                                "served, usually http://HOST:PORT/debug/pprof"
                            ) from error
                    else:
                        return
                    await asyncio.sleep(PAUSE)
        except TimeoutError as error:
            raise NotMeasured(
                f"{self.url} did not answer within {seconds:g} s ({last}): is the server started, and does it serve "
                "net/http/pprof there? --ready-timeout waits longer"
            ) from error

    async def measure(self) -> Measurement:
        """Its least heap and goroutines, as of collections forced until neither falls any more."""
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE
        stats, standing = await self._reading()
        first, heap, calm = stats, stats.heap_alloc, 1
        while calm < CALM and loop.time() < until:
            await asyncio.sleep(PAUSE)
            stats, now = await self._reading()
            calm = 1 if stats.heap_alloc < heap - _GRAIN or now.total < standing.total else calm + 1
            heap = min(heap, stats.heap_alloc)
            standing = now if now.total < standing.total else standing
        profile = await self._profile(HEAP)
        return Measurement(heap, _counters(first), _counters(stats), reduce_heap(profile), standing, profile.period)

    async def _reading(self) -> tuple[MemStats, GoroutineReading]:
        """Right after a collection."""
        text = await self._get("/heap?gc=1&debug=1", TEXT)
        try:
            stats = parse_memstats(text)
        except MalformedProfile as error:
            raise NotMeasured(f"{self.url}/heap?gc=1&debug=1: {error}") from error
        return stats, reduce_goroutines(await self._profile(GOROUTINE))

    async def _profile(self, part: str) -> Profile:
        path = PARTS[part].path
        try:
            return decode(await self._get(path, PROTO), max_bytes=self._target.max_bytes)
        except (MalformedProfile, ProfileTooLarge) as error:
            raise NotMeasured(f"{self.url}{path}: {error}") from error

    async def _get(self, path: str, content_type: str) -> bytes:
        try:
            async with asyncio.timeout(self._target.timeout):
                return await self._connection.get(self._path(path), content_type, self._target.max_bytes)
        except SamplingError as error:
            raise NotMeasured(f"{self.url} can no longer be read: {error}") from error
        except TimeoutError as error:
            waited = f"no answer within {self._target.timeout:g} s: {self._connection.phase}"
            raise NotMeasured(f"{self.url} can no longer be read: {waited}") from error

    def _path(self, path: str) -> str:
        return self._target.endpoint.path.rstrip("/") + path


def _counters(stats: MemStats) -> Counters:
    return Counters(stats.total_alloc, stats.num_gc)
