"""One attempt at one target: one connection, the parts in order, each fetched under the deadline and then decoded.

Nothing that a target does raises here: it becomes a Failure, or the PartFailure of a Reading.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict

from leakwarden.adapters.connections import KEEP, KeptConnections
from leakwarden.adapters.gopls_reader import read_gopls
from leakwarden.adapters.kube_errors import cap
from leakwarden.adapters.ports import ByteStream, Decoder, Dialer, PartReading
from leakwarden.adapters.pprof_http import PprofConnection
from leakwarden.adapters.tls_stream import TlsStream
from leakwarden.api.words import FailureReason, Scheme, Transport
from leakwarden.core.gopls_info import GoplsInfo, looks_like_gopls
from leakwarden.core.parts import GOROUTINE, GOROUTINE_LEAK, HEAP, HEAP_AFTER_GC, IDENTITY, MEMSTATS, PARTS, Part
from leakwarden.core.readings import (
    Failure,
    GoroutineReading,
    HeapReading,
    MemStats,
    PartFailure,
    Reading,
)
from leakwarden.core.samples import SampleResult
from leakwarden.core.targets import Target
from leakwarden.errors import MalformedProfile, ProfileTooLarge, SamplingError

log = logging.getLogger(__name__)

_ONE_PART_ONLY = frozenset({FailureReason.HTTP_STATUS, FailureReason.TOO_LARGE})
"""Failures that say nothing about the next part; after any other the attempt asks for no more."""
FORCED_GC_PATIENCE = 60.0
"""Seconds at least for a forced collection, after all other parts: 0.5 GB of heap take up to 1.5 s, and what leaks is
large. One that was forced and not waited for costs the process as much, for nothing."""
_MEMSTATS_MARK = b"\n# runtime.MemStats\n"


class PodSampler:
    """Implements `ports.Sampler`. `clock` gives unix seconds; `keep` connections at most stay open between rounds."""

    def __init__(
        self,
        dialers: Mapping[Transport, Dialer],
        decoder: Decoder,
        clock: Callable[[], float] = time.time,
        *,
        keep: int = KEEP,
    ) -> None:
        self._dialers = dialers
        self._decoder = decoder
        self._clock = clock
        self._kept = KeptConnections(keep)

    async def close(self) -> None:
        """Ends the connections that are kept."""
        await self._kept.close()

    async def sample(self, target: Target, wanted: frozenset[str]) -> SampleResult:
        at, started = self._clock(), time.monotonic()
        connection = self._kept.take(target) or connection_to(self._dialers[target.transport], target)
        connection.opening = 0.0
        attempt = _Attempt(target, connection, self._decoder)
        try:
            await attempt.run(wanted)
            outcome = attempt.outcome()
        except Exception as error:
            log.exception("sampling %s/%s failed in a way that is a bug", target.namespace, target.pod)
            outcome = Failure(FailureReason.INTERNAL, cap(f"{type(error).__name__}: {error}"))
        finally:
            await self._kept.give(target, connection)
        return SampleResult(
            # At least a millisecond: recordings are named by it.
            at=round(at, 3),
            latency=time.monotonic() - started,
            outcome=outcome,
            opening=connection.opening,
            decoding=attempt.decoding,
            parts=attempt.raw,
            info=attempt.info,
        )


class _Attempt:
    """What one attempt has so far."""

    def __init__(self, target: Target, connection: PprofConnection, decoder: Decoder) -> None:
        self.raw: dict[str, bytes] = {}
        self.info = GoplsInfo()
        self.decoding = 0.0
        self._target = target
        self._connection = connection
        self._decoder = decoder
        self._readings: dict[str, PartReading] = {}
        self._failures: dict[str, PartFailure] = {}
        self._not_served: set[str] = set()

    async def run(self, wanted: frozenset[str]) -> None:
        await self._fetch([part for part in PARTS.values() if part.name in wanted and part.name != IDENTITY])
        fetched = time.monotonic()
        await self._decode()
        self.decoding = time.monotonic() - fetched
        if IDENTITY in wanted and looks_like_gopls(self._functions()):
            await self._ask_identity()

    def outcome(self) -> Reading | Failure:
        if not self._readings:
            first = next(iter(self._failures.values()), PartFailure(FailureReason.INTERNAL, "nothing was asked for"))
            return Failure(first.reason, first.message)
        heap, goroutines, memstats = (self._readings.get(name) for name in (HEAP, GOROUTINE, MEMSTATS))
        leaked = self._readings.get(GOROUTINE_LEAK)
        forced = self._readings.get(HEAP_AFTER_GC)
        return Reading(
            heap=heap if isinstance(heap, HeapReading) else None,
            goroutines=goroutines if isinstance(goroutines, GoroutineReading) else None,
            memstats=memstats if isinstance(memstats, MemStats) else None,
            leaked=leaked if isinstance(leaked, GoroutineReading) else None,
            not_served=frozenset(self._not_served),
            failures=self._failures,
            heap_after_gc=forced if isinstance(forced, HeapReading) else None,
        )

    async def _fetch(self, parts: list[Part]) -> None:
        """Fills `raw` and `_failures`; the first failure that is not of one part alone stands for the rest too."""
        left, patience = list(parts), self._target.timeout
        try:
            async with asyncio.timeout(patience) as deadline:
                while left:
                    if left[0].name == HEAP_AFTER_GC:
                        patience = max(patience, FORCED_GC_PATIENCE)
                        deadline.reschedule(asyncio.get_running_loop().time() + patience)
                    await self._fetch_one(left[0])
                    left.pop(0)
        except SamplingError as error:
            self._fail(left, FailureReason(error.reason), str(error))
        except TimeoutError:
            if not deadline.expired():
                raise
            waited = f"no answer within {patience:g} s: {self._connection.phase}"
            self._fail(left, FailureReason.TIMEOUT, waited)

    async def _fetch_one(self, part: Part) -> None:
        path = part.path if part.from_root else self._target.endpoint.path.rstrip("/") + part.path
        try:
            data = await self._connection.get(path, part.content_type, self._target.max_bytes)
        except SamplingError as error:
            if error.reason not in _ONE_PART_ONLY:
                raise
            if part.optional and error.status == 404:
                self._not_served.add(part.name)
            else:
                self._fail([part], FailureReason(error.reason), str(error))
            return
        if part.name == MEMSTATS:
            data = _memstats_block(data)
        self.raw[part.name] = data

    async def _decode(self) -> None:
        for name, data in self.raw.items():
            try:
                self._readings[name] = await self._decoder.decode(name, data, self._target.max_bytes)
            except MalformedProfile as error:
                self._fail([PARTS[name]], FailureReason.MALFORMED, cap(str(error)))
            except ProfileTooLarge as error:
                self._fail([PARTS[name]], FailureReason.TOO_LARGE, cap(str(error)))

    async def _ask_identity(self) -> None:
        """Without it a restarted process is still told by its falling counters."""
        info = await read_gopls(self._connection, self._target.timeout)
        if info is not None:
            self.info = info
            self.raw[IDENTITY] = json.dumps(asdict(info), sort_keys=True).encode()

    def _functions(self) -> list[str]:
        heap, goroutines = self._readings.get(HEAP), self._readings.get(GOROUTINE)
        functions = list(heap.sites) if isinstance(heap, HeapReading) else []
        if isinstance(goroutines, GoroutineReading):
            functions += [group.site.function for group in goroutines.groups]
        return functions

    def _fail(self, parts: list[Part], reason: FailureReason, message: str) -> None:
        for part in parts:
            self._failures[part.name] = PartFailure(reason, message)


def connection_to(dialer: Dialer, target: Target) -> PprofConnection:
    """Not open yet: it is opened by the first `get`."""
    host = target.pod_ip if target.transport is Transport.POD_IP else "localhost"
    host = f"[{host}]" if ":" in host else host
    return PprofConnection(lambda: _connect(dialer, target), f"{host}:{target.endpoint.port}")


async def _connect(dialer: Dialer, target: Target) -> ByteStream:
    stream = await dialer.open(target)
    if target.endpoint.scheme is not Scheme.HTTPS:
        return stream
    tls = TlsStream(stream)
    try:
        await tls.start()
    except BaseException:
        await stream.close()
        raise
    return tls


def _memstats_block(text: bytes) -> bytes:
    """Head line and block: the sample rows between them are what the heap proto says better, and a megabyte of them."""
    start = text.rfind(_MEMSTATS_MARK)
    return text[: text.find(b"\n")] + text[start:] if start >= 0 else text
