"""Connections kept between rounds: reused, never trusted, never many."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from leakwarden.adapters.connections import KeptConnections
from leakwarden.adapters.pod_ip import PodIPDialer
from leakwarden.adapters.ports import PartReading
from leakwarden.adapters.pprof_http import PprofConnection
from leakwarden.adapters.sampler import PodSampler
from leakwarden.api.words import FailureReason, Transport
from leakwarden.core.parts import HEAP, PROTO, ROUTINE
from leakwarden.core.readings import Failure, GoroutineReading, HeapReading, Reading
from leakwarden.core.targets import Target, TargetKey
from tests.adapters.servers import answer, http_server, request_line, target, tcp_server


class Verbatim:
    async def decode(self, part: str, data: bytes, max_bytes: int) -> PartReading:
        return HeapReading(len(data), 0, 1, "f", {}) if part == HEAP else GoroutineReading(0, ())


@asynccontextmanager
async def sampler(keep: int = 8) -> AsyncIterator[PodSampler]:
    made = PodSampler({Transport.POD_IP: PodIPDialer()}, Verbatim(), keep=keep)
    try:
        yield made
    finally:
        await made.close()


async def test_the_next_round_uses_the_connection_of_the_last() -> None:
    async with http_server(lambda _: answer(b"x")) as (port, asked), sampler() as own:
        results = [await own.sample(target(port), ROUTINE) for _ in range(3)]
    assert asked.count("+") == 1 and len(asked) == 7
    assert [result.opening > 0 for result in results] == [True, False, False]


async def test_without_room_every_round_opens_its_own() -> None:
    async with http_server(lambda _: answer(b"x")) as (port, asked), sampler(keep=0) as own:
        for _ in range(3):
            await own.sample(target(port), ROUTINE)
    assert asked.count("+") == 3


async def test_a_kept_connection_that_was_closed_meanwhile_costs_no_sample() -> None:
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for _ in ROUTINE:
            await request_line(reader)
            writer.write(answer(b"x"))
            await writer.drain()

    async with tcp_server(talk) as port, sampler() as own:
        for _ in range(3):
            result = await own.sample(target(port), ROUTINE)
            assert isinstance(result.outcome, Reading) and not result.outcome.failures
    assert connections == 3


async def test_a_connection_that_failed_is_not_kept() -> None:
    answers = iter([answer(b"<html>", "text/html"), answer(b"x"), answer(b"x")])
    async with http_server(lambda _: next(answers)) as (port, asked), sampler() as own:
        first = await own.sample(target(port), ROUTINE)
        second = await own.sample(target(port), ROUTINE)
    assert isinstance(first.outcome, Failure) and first.outcome.reason is FailureReason.NOT_PPROF
    assert isinstance(second.outcome, Reading)
    assert asked.count("+") == 2


async def test_a_kept_connection_whose_other_side_fell_silent_is_a_timeout_once_and_then_opened_anew() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in ROUTINE:
            await request_line(reader)
            writer.write(answer(b"x"))
            await writer.drain()
        await asyncio.sleep(60)

    async with tcp_server(talk) as port, sampler() as own:
        outcomes = [(await own.sample(target(port, timeout=0.3), ROUTINE)).outcome for _ in range(3)]
    assert [type(outcome) for outcome in outcomes] == [Reading, Failure, Reading]


async def opened(there: Target) -> PprofConnection:
    connection = PprofConnection(lambda: PodIPDialer().open(there), "localhost")
    await connection.get("/x", PROTO, 10)
    return connection


def of_pod(there: Target, uid: str) -> Target:
    return replace(there, key=TargetKey(uid, "pprof"))


async def test_the_longest_unused_goes_when_there_is_no_room() -> None:
    async with http_server(lambda _: answer(b"x")) as (port, _):
        kept = KeptConnections(2)
        pods = [of_pod(target(port), uid) for uid in "abc"]
        connections = [await opened(pod) for pod in pods]
        for pod, connection in zip(pods, connections, strict=True):
            await kept.give(pod, connection)
        assert len(kept) == 2
        assert [kept.take(pod) for pod in pods] == [None, connections[1], connections[2]]
        assert [connection.is_open for connection in connections] == [False, True, True]
        for connection in connections:
            await connection.close()


async def test_a_closed_connection_takes_no_room() -> None:
    async with http_server(lambda _: answer(b"x")) as (port, _):
        kept, connection = KeptConnections(2), await opened(target(port))
        await connection.close()
        await kept.give(target(port), connection)
        assert len(kept) == 0


async def test_the_idle_are_closed_when_the_next_is_given_back() -> None:
    now = 0.0
    async with http_server(lambda _: answer(b"x")) as (port, _):
        kept = KeptConnections(9, max_idle=100.0, clock=lambda: now)
        old, young = of_pod(target(port), "old"), of_pod(target(port), "young")
        stale = await opened(old)
        await kept.give(old, stale)
        now = 101.0
        await kept.give(young, await opened(young))
        assert kept.take(old) is None and not stale.is_open
        await kept.close()
        assert len(kept) == 0


@pytest.mark.parametrize(
    "other",
    [
        lambda t: of_pod(t, "another"),
        lambda t: replace(t, endpoint=replace(t.endpoint, port=1)),
        lambda t: replace(t, transport=Transport.PORT_FORWARD),
        lambda t: replace(t, pod_ip="10.0.0.9"),
    ],
    ids=["pod", "port", "transport", "address"],
)
async def test_a_connection_is_never_used_for_another(other: object) -> None:
    assert callable(other)
    async with http_server(lambda _: answer(b"x")) as (port, _):
        kept = KeptConnections(9)
        await kept.give(target(port), await opened(target(port)))
        assert kept.take(other(target(port))) is None
        await kept.close()
