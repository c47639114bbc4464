"""Decoding beside the event loop: what is small, what goes to a worker, and what a killed worker takes with it."""

from __future__ import annotations

import asyncio
import gzip
import os
import signal
from pathlib import Path

import pytest

from leakwarden.adapters.decode_pool import DecodePool, decode_part, unpacks_beyond
from leakwarden.adapters.pod_ip import PodIPDialer
from leakwarden.adapters.pprof_http import PprofConnection
from leakwarden.core.parts import GOROUTINE, HEAP, MEMSTATS, PROTO
from leakwarden.errors import MalformedProfile, ProfileTooLarge
from tests.adapters.servers import go_process, target

CAP = 32 << 20


@pytest.fixture(scope="module")
def heap(pprof_server: Path) -> bytes:
    async def fetch() -> bytes:
        async with go_process(pprof_server) as port:
            connection = PprofConnection(lambda: PodIPDialer().open(target(port)), "localhost")
            try:
                return await connection.get("/debug/pprof/heap", PROTO, CAP)
            finally:
                await connection.close()

    return asyncio.run(fetch())


def worker_pids() -> set[int]:
    """Children of this process that are decoders."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat, command = (entry / "stat").read_text(), (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if int(stat.rsplit(")", 1)[1].split()[1]) == os.getpid() and b"spawn_main" in command:
                found.add(int(entry.name))
    return found


async def test_a_worker_reads_what_inline_decoding_reads(heap: bytes) -> None:
    inline, worker = DecodePool(workers=1), DecodePool(workers=1, inline_bytes=0)
    try:
        assert await inline.decode(HEAP, heap, CAP) == await worker.decode(HEAP, heap, CAP)
        assert len(worker_pids()) == 1
    finally:
        inline.close()
        worker.close()


async def test_errors_of_a_worker_arrive_as_what_they_are(heap: bytes) -> None:
    pool = DecodePool(workers=1, inline_bytes=0)
    try:
        with pytest.raises(MalformedProfile):
            await pool.decode(HEAP, b"\x1f\x8b not a profile", CAP)
        with pytest.raises(ProfileTooLarge):
            await pool.decode(HEAP, heap, 100)
        assert (await pool.decode(HEAP, heap, CAP)) == decode_part(HEAP, heap, CAP)
    finally:
        pool.close()


async def test_a_worker_that_dies_loses_its_own_profile_and_the_next_one_works(heap: bytes) -> None:
    pool = DecodePool(workers=1, inline_bytes=0)
    try:
        await pool.decode(HEAP, heap, CAP)
        for pid in worker_pids():
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(MalformedProfile, match="ended its worker"):
            await pool.decode(HEAP, heap, CAP)
        assert pool.restarts == 1
        assert await pool.decode(HEAP, heap, CAP) == decode_part(HEAP, heap, CAP)
    finally:
        pool.close()


async def test_the_event_loop_turns_while_a_worker_decodes(heap: bytes) -> None:
    pool = DecodePool(workers=1, inline_bytes=0)
    try:
        decoding = asyncio.create_task(pool.decode(HEAP, heap, CAP))  # starts a process: a good part of a second
        turns = 0
        while not decoding.done():
            await asyncio.sleep(0.001)
            turns += 1
        await decoding
        assert turns > 10
    finally:
        pool.close()


@pytest.mark.parametrize(
    ("data", "beyond"),
    [
        (b"x" * 1000, False),
        (b"x" * 1001, True),
        (gzip.compress(b"x" * 1000), False),
        (gzip.compress(b"x" * 1001), True),
        (gzip.compress(b"\0" * (100 << 20)), True),
        (b"\x1f\x8bbroken", False),
        (b"", False),
    ],
    ids=["plain small", "plain large", "packed small", "packed large", "bomb", "malformed", "empty"],
)
def test_small_means_the_unpacked_size(data: bytes, beyond: bool) -> None:
    assert unpacks_beyond(data, 1000) is beyond


def test_each_part_has_its_own_decoder() -> None:
    with pytest.raises(MalformedProfile):
        decode_part("trace", b"", CAP)
    for part in (HEAP, GOROUTINE, MEMSTATS):
        with pytest.raises(MalformedProfile):
            decode_part(part, b"nothing of the kind", CAP)
