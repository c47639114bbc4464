"""Decoding that never holds up the event loop: small profiles inline, large ones in a worker process.

Python holds its lock while it aggregates a profile, so threads would not help. What counts as small is the unpacked
size, found with a bounded gunzip, since the packed size of a hostile body says nothing.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import resource
import zlib
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from leakwarden.adapters.ports import PartReading
from leakwarden.core.parts import GOROUTINE, GOROUTINE_LEAK, HEAP, HEAP_AFTER_GC, MEMSTATS
from leakwarden.core.reduce import goroutines_from_bytes, heap_from_bytes, memstats_from_bytes
from leakwarden.errors import MalformedProfile, ProfileTooLarge

INLINE_BYTES = 256 << 10
"""Unpacked bytes up to which decoding takes a few milliseconds at most, less than the way to a worker and back."""
CPU_SECONDS = 30
"""Of a worker for one profile; the kernel ends it beyond that."""
DEADLINE = 60.0
"""Seconds for one profile, the start of a worker included; one that is late is given up, and so is its worker."""
WORKER_MEMORY = 1 << 30
"""Bytes of address space that a worker may take on top of what it holds at start."""
JOBS_PER_WORKER = 500
"""After which a worker is replaced, so that a heap grown by one huge profile is given back."""


def decode_part(part: str, data: bytes, max_bytes: int) -> PartReading:
    """Raises MalformedProfile or ProfileTooLarge; `max_bytes` caps what the bytes unpack to."""
    match part:
        case _ if part in {HEAP, HEAP_AFTER_GC}:
            return heap_from_bytes(data, max_bytes)
        case _ if part in {GOROUTINE, GOROUTINE_LEAK}:
            return goroutines_from_bytes(data, max_bytes)
        case _ if part == MEMSTATS:
            return memstats_from_bytes(data, max_bytes)
        case _:
            raise MalformedProfile(f"{part} is no part that can be decoded")


class DecodePool:
    """Implements `ports.Decoder`. `workers` processes at most, each started when first needed. Close it at the end.

    Every worker is an executor of its own: a profile that kills one takes no other profile with it.
    """

    def __init__(self, workers: int = 2, inline_bytes: int = INLINE_BYTES) -> None:
        self._inline_bytes = inline_bytes
        self._free: asyncio.LifoQueue[ProcessPoolExecutor | None] = asyncio.LifoQueue()
        for _ in range(workers):
            self._free.put_nowait(None)
        self._closed = False
        self.restarts = 0
        """Workers lost to a profile so far."""

    async def decode(self, part: str, data: bytes, max_bytes: int) -> PartReading:
        if not unpacks_beyond(data, self._inline_bytes):
            return decode_part(part, data, max_bytes)
        executor: ProcessPoolExecutor | None = await self._free.get() or _executor()
        try:
            async with asyncio.timeout(DEADLINE):
                return await asyncio.get_running_loop().run_in_executor(executor, _in_worker, part, data, max_bytes)
        except (BrokenProcessPool, TimeoutError) as error:
            self.restarts += 1
            _end(executor)
            executor = None
            raise MalformedProfile(f"{part}: decoding it ended its worker process (memory or time)") from error
        finally:
            if self._closed:
                _end(executor)
            else:
                self._free.put_nowait(executor)

    def close(self) -> None:
        """Ends idle workers now, busy ones after what they do."""
        self._closed = True
        while not self._free.empty():
            _end(self._free.get_nowait())


def unpacks_beyond(data: bytes, limit: int) -> bool:
    """Whether `data`, gunzipped where it is gzip, is larger than `limit` bytes; looks at no more than that."""
    if data[:2] != b"\x1f\x8b":
        return len(data) > limit
    try:
        return len(zlib.decompressobj(wbits=31).decompress(data, limit + 1)) > limit
    except zlib.error:
        return False  # malformed; the decoder finds it as early


def _executor() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        max_workers=1, mp_context=multiprocessing.get_context("spawn"), initializer=prepare_worker,
        max_tasks_per_child=JOBS_PER_WORKER,
    )  # fmt: skip


def _end(executor: ProcessPoolExecutor | None) -> None:
    if executor is not None:
        executor.shutdown(wait=False, cancel_futures=True)


def prepare_worker() -> None:
    """Caps the memory, and leaves out garbage collections: reducing a profile makes no cycles to speak of, a collection
    walks all that is alive, and a worker is replaced after JOBS_PER_WORKER."""
    gc.disable()
    _limit_memory()


def _limit_memory() -> None:
    now = _address_space()
    resource.setrlimit(resource.RLIMIT_AS, (now + WORKER_MEMORY, now + WORKER_MEMORY))


def _address_space() -> int:
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[0]) * resource.getpagesize()


def _in_worker(part: str, data: bytes, max_bytes: int) -> PartReading:
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + CPU_SECONDS, hard))
    try:
        return decode_part(part, data, max_bytes)
    except MemoryError:
        raise ProfileTooLarge(f"{part}: decoding needs more than {WORKER_MEMORY >> 20} MiB") from None
