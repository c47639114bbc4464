"""The heap after a forced collection, as a real Go process gives it, and what happens when it does not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from leakwarden.adapters.decode_pool import DecodePool
from leakwarden.adapters.pod_ip import PodIPDialer
from leakwarden.adapters.ports import PartReading
from leakwarden.adapters.sampler import PodSampler
from leakwarden.api.words import FailureReason, Severity, Signal, Transport
from leakwarden.core import judge
from leakwarden.core.findings import ConfirmationResult
from leakwarden.core.parts import HEAP, HEAP_AFTER_GC, ROUTINE, TEXT
from leakwarden.core.readings import Attempt, GoroutineReading, HeapReading, ProcessIdentity, Reading
from leakwarden.core.rules import Growth, Rule
from tests.adapters.servers import answer, go_process, http_server, request_line, target, tcp_server
from tests.core.judge.builders import T0, rules

MIB = 1 << 20


class Anything:
    """A decoder for bodies that are no profiles."""

    async def decode(self, part: str, data: bytes, max_bytes: int) -> PartReading:
        return HeapReading(1, 0, 1, "f", {}) if part in {HEAP, HEAP_AFTER_GC} else GoroutineReading(0, ())


async def sampled(port: int, wanted: frozenset[str] = ROUTINE | {HEAP_AFTER_GC}) -> Reading:
    pool = DecodePool()
    sampler = PodSampler({Transport.POD_IP: PodIPDialer()}, pool)
    try:
        result = await sampler.sample(target(port), wanted)
    finally:
        pool.close()
        await sampler.close()
    assert isinstance(result.outcome, Reading), result.outcome
    assert set(result.parts) == wanted - set(result.outcome.failures)
    return result.outcome


def held(heap: HeapReading | None) -> int:
    """MiB that `hold` holds, rounded: the runtime samples, and the process adds a little of its own."""
    assert heap is not None
    return round(heap.sites["main.hold"].inuse_bytes / MIB)


async def test_of_a_real_go_process_it_is_what_lives_on_while_the_heap_before_still_counts_garbage(
    pprof_server: Path,
) -> None:
    async with go_process(pprof_server, "-hold=64", "-drop=48", "-senders=1") as port:
        told = await sampled(port)
        later = await sampled(port, ROUTINE)
    assert told.failures == {}
    assert (held(told.heap), held(told.heap_after_gc), held(later.heap)) == (64, 16, 16)
    assert told.heap_after_gc is not None and 16 * MIB <= told.heap_after_gc.live_bytes < 24 * MIB


async def test_a_process_that_keeps_what_it_holds_shows_the_same_after_a_forced_collection(pprof_server: Path) -> None:
    async with go_process(pprof_server, "-hold=64", "-senders=1") as port:
        told = await sampled(port)
    assert (held(told.heap), held(told.heap_after_gc)) == (64, 64)


async def test_without_being_asked_no_collection_is_forced(pprof_server: Path) -> None:
    async with go_process(pprof_server, "-hold=64", "-drop=48", "-senders=1") as port:
        first, second = await sampled(port, ROUTINE), await sampled(port, ROUTINE)
    assert first.heap_after_gc is None and second.heap_after_gc is None
    assert (held(first.heap), held(second.heap)) == (64, 64)


async def test_a_collection_that_takes_longer_than_the_timeout_is_waited_for() -> None:
    told = await slow_collection()
    assert (told.heap_after_gc is not None, told.failures) == (True, {})


async def test_one_that_does_not_end_fails_alone_and_says_how_long_it_was_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("leakwarden.adapters.sampler.FORCED_GC_PATIENCE", 0.6)
    told = await slow_collection()
    assert told.heap is not None and told.goroutines is not None and told.heap_after_gc is None
    assert {part: (failed.reason, failed.message[:22]) for part, failed in told.failures.items()} == {
        HEAP_AFTER_GC: (FailureReason.TIMEOUT, "no answer within 0.6 s")
    }


async def slow_collection() -> Reading:
    """From a server that takes 1 s to collect, under a timeout of 0.5 s for everything else."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await request_line(reader):
            await asyncio.sleep(1.0 if "gc=1" in line else 0.0)
            writer.write(answer(b"x"))

    sampler = PodSampler({Transport.POD_IP: PodIPDialer()}, Anything())
    async with tcp_server(talk) as port:
        result = await sampler.sample(replace(target(port), timeout=0.5), ROUTINE | {HEAP_AFTER_GC})
        await sampler.close()
    assert isinstance(result.outcome, Reading), result.outcome
    return result.outcome


async def test_it_is_asked_for_last_and_its_failure_is_its_own() -> None:
    def answers(path: str) -> bytes:
        return answer(b"no", TEXT, "400 Bad Request") if "gc=1" in path else answer(b"x")

    async with http_server(answers) as (port, asked):
        sampler = PodSampler({Transport.POD_IP: PodIPDialer()}, Anything())
        result = await sampler.sample(target(port), ROUTINE | {HEAP_AFTER_GC})
        await sampler.close()
    assert asked[-1] == "/debug/pprof/heap?gc=1"
    told = result.outcome
    assert isinstance(told, Reading)
    assert told.heap is not None and told.goroutines is not None and told.heap_after_gc is None
    assert {part: failed.reason for part, failed in told.failures.items()} == {HEAP_AFTER_GC: FailureReason.HTTP_STATUS}


@pytest.mark.parametrize(
    ("dropped", "result"), [(False, ConfirmationResult.CONFIRMED), (True, ConfirmationResult.GARBAGE)]
)
async def test_a_real_leak_is_confirmed_and_real_garbage_is_not(
    pprof_server: Path, dropped: bool, result: ConfirmationResult
) -> None:
    """Thirty-six real heaps of a process that grows, told to the judge as if thirty seconds lay between them."""
    rule = rules(Rule("live-heap", Signal.LIVE_HEAP, None, Growth(64.0 * MIB, 900.0), 120.0, Severity.CRITICAL))
    state, process, at = judge.start(rule), ProcessIdentity("pod", "c", 1, T0 - 3600), T0
    async with go_process(pprof_server, "-hold=1", "-senders=1") as port, aiohttp.ClientSession() as http:
        for _ in range(36):
            await http.get(f"http://127.0.0.1:{port}/grow")
            at += 30.0
            state = judge.step(state, Attempt(at, await sampled(port, ROUTINE), process, 30.0), rule).state
        await http.get(f"http://127.0.0.1:{port}/{'drop' if dropped else 'debug/pprof/cmdline'}")
        said = judge.step(state, Attempt(at + 30.0, await sampled(port), process, 30.0), rule)
    (finding,) = said.findings
    assert finding.signature == "memory/main.hold"
    assert finding.confirmation is not None
    assert finding.confirmation.result is result
