"""One attempt: parts in order on one connection, and every failure as data."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from leakwarden.adapters.decode_pool import DecodePool, decode_part
from leakwarden.adapters.kube_api import KubeClient
from leakwarden.adapters.pod_ip import PodIPDialer
from leakwarden.adapters.port_forward import PortForwardDialer
from leakwarden.adapters.ports import ByteStream, PartReading
from leakwarden.adapters.sampler import PodSampler
from leakwarden.api.words import FailureReason, Transport, WaitKind
from leakwarden.core.gopls_info import GoplsInfo
from leakwarden.core.gopls_pages import GoplsState
from leakwarden.core.parts import GOROUTINE, GOROUTINE_LEAK, HEAP, IDENTITY, MEMSTATS, ROUTINE, TEXT
from leakwarden.core.readings import Failure, GoroutineGroup, GoroutineReading, HeapReading, Reading, Site, SiteUse
from leakwarden.core.samples import SampleResult
from leakwarden.core.targets import Target
from leakwarden.errors import MalformedProfile, ProfileTooLarge
from tests.adapters.servers import answer, forward, go_process, http_server, request_line, target, tcp_server, web_app

HEAP_READING = HeapReading(1, 0, 1, "f", {})
GOROUTINE_READING = GoroutineReading(0, ())
INFO_PAGE = (
    b"<html><body><h3>server instance</h3>\n<pre>\nStart time: 2026-11-23 12:59:44.25 +0000 UTC m=+0.004\n"
    b"LogFile: \npid: 4711\n</pre>\n<h3>Build info</h3>\n<pre>\ngolang.org/x/tools/gopls v0.22.0\n"
    b"go: go1.26.8\n</pre></body></html>"
)
MAIN_PAGE = b"<html><body><h2>Sessions</h2><ul></ul></body></html>"


class Verbatim:
    """A decoder for bodies that are no profiles: `bad` is malformed, `huge` too large, `gopls` is gopls's own."""

    async def decode(self, part: str, data: bytes, max_bytes: int) -> PartReading:
        if data == b"bad":
            raise MalformedProfile("gunzip: not gzip")
        if data == b"huge":
            raise ProfileTooLarge("unpacks to more than allowed")
        if part == MEMSTATS:
            return decode_part(part, data, max_bytes)
        if data == b"gopls":
            site = Site("golang.org/x/tools/gopls/internal/cache.x", "x.go", 1, "x")
            if part == HEAP:
                return HeapReading(1, 0, 1, "f", {site.function: SiteUse(site, 1, 1, 1, 1)})
            return GoroutineReading(1, (GoroutineGroup(site, WaitKind.SELECT, 1),))
        return HEAP_READING if part == HEAP else GOROUTINE_READING


def sampler() -> PodSampler:
    return PodSampler({Transport.POD_IP: PodIPDialer()}, Verbatim(), clock=lambda: 1700000000.1234)


async def sampled(answers: Callable[[str], bytes], wanted: frozenset[str] = ROUTINE) -> tuple[SampleResult, list[str]]:
    async with http_server(answers) as (port, asked):
        return await sampler().sample(target(port), wanted), asked


def reading(result: SampleResult) -> Reading:
    assert isinstance(result.outcome, Reading), result.outcome
    return result.outcome


def failure(result: SampleResult) -> Failure:
    assert isinstance(result.outcome, Failure), result.outcome
    return result.outcome


async def test_a_real_go_process_is_sampled_by_pod_ip(pprof_server: Path) -> None:
    pool = DecodePool()
    async with go_process(pprof_server, "-hold=32", "-senders=50") as port:
        result = await PodSampler({Transport.POD_IP: PodIPDialer()}, pool).sample(
            target(port), ROUTINE | {MEMSTATS, IDENTITY}
        )
    pool.close()
    told = reading(result)
    assert told.failures == {}
    assert told.heap is not None and told.heap.live_bytes > 32 << 20
    assert "main.hold" in told.heap.sites
    assert told.goroutines is not None
    blocked = [group for group in told.goroutines.groups if group.site.function == "main.blockedSender"]
    assert [(group.wait, group.count) for group in blocked] == [(WaitKind.CHAN_SEND, 50)]
    assert told.memstats is not None and told.memstats.heap_inuse > 32 << 20
    assert set(result.parts) == {HEAP, GOROUTINE, MEMSTATS}
    assert result.parts[MEMSTATS].startswith(b"heap profile: ")
    assert b"# runtime.MemStats" in result.parts[MEMSTATS].splitlines()[1]
    assert abs(result.at - time.time()) < 60 and 0 < result.latency < 60
    assert result.info == GoplsInfo()


async def test_a_real_go_process_is_sampled_through_a_port_forward(pprof_server: Path) -> None:
    app = web.Application()
    app.router.add_get("/api/v1/namespaces/demo/pods/gopls-1/portforward", forward)
    pool = DecodePool()
    async with go_process(pprof_server) as port, web_app(app) as connection, KubeClient(connection) as api:
        result = await PodSampler({Transport.PORT_FORWARD: PortForwardDialer(api)}, pool).sample(
            target(port, transport=Transport.PORT_FORWARD), ROUTINE
        )
    pool.close()
    assert reading(result).heap is not None and reading(result).goroutines is not None


async def test_an_attempt_is_one_connection_and_asks_in_order() -> None:
    def answers(path: str) -> bytes:
        return answer(b"# runtime.MemStats", TEXT) if "debug=1" in path else answer(b"x")

    result, asked = await sampled(answers, frozenset({MEMSTATS, GOROUTINE, HEAP}))
    assert asked == ["+", "/debug/pprof/heap", "/debug/pprof/goroutine", "/debug/pprof/heap?debug=1"]
    assert result.at == 1700000000.123


async def test_a_part_that_is_not_served_fails_alone() -> None:
    def answers(path: str) -> bytes:
        return answer(b"Unknown profile", TEXT, "404 Not Found") if path.endswith("/heap") else answer(b"x")

    result, asked = await sampled(answers, ROUTINE | {GOROUTINE_LEAK})
    told = reading(result)
    assert told.heap is None and told.goroutines is GOROUTINE_READING and told.leaked is GOROUTINE_READING
    assert told.failures.keys() == {HEAP} and told.not_served == frozenset()
    assert told.failures[HEAP].reason is FailureReason.HTTP_STATUS
    assert len([path for path in asked if path != "+"]) == 3


@pytest.mark.parametrize(
    ("status", "failed", "not_served"),
    [("404 Not Found", set(), {GOROUTINE_LEAK}), ("500 Internal Server Error", {GOROUTINE_LEAK}, set())],
)
async def test_a_process_without_a_goroutineleak_profile_has_not_failed(
    status: str, failed: set[str], not_served: set[str]
) -> None:
    def answers(path: str) -> bytes:
        return answer(b"Unknown profile", TEXT, status) if path.endswith("/goroutineleak") else answer(b"x")

    told = reading((await sampled(answers, ROUTINE | {GOROUTINE_LEAK}))[0])
    assert told.leaked is None and told.heap is not None
    assert (set(told.failures), set(told.not_served)) == (failed, not_served)


async def test_a_part_that_cannot_be_decoded_fails_alone_and_its_bytes_are_kept() -> None:
    def answers(path: str) -> bytes:
        return answer(b"bad" if path.endswith("heap") else b"x")

    result, _ = await sampled(answers)
    assert reading(result).failures[HEAP].reason is FailureReason.MALFORMED
    assert reading(result).goroutines is GOROUTINE_READING
    assert result.parts[HEAP] == b"bad"


WHOLE_FAILURES = {
    "HTML": (answer(b"<h1>hi</h1>", "text/html"), FailureReason.NOT_PPROF),
    "a redirect": (answer(b"", TEXT, "301 Moved", "Location: /login"), FailureReason.REDIRECTED),
    "no pprof there": (answer(b"404 page not found", TEXT, "404 Not Found"), FailureReason.HTTP_STATUS),
    "garbage inside": (answer(b"bad"), FailureReason.MALFORMED),
    "a bomb inside": (answer(b"huge"), FailureReason.TOO_LARGE),
    "too much": (answer(b"x" * 100_000), FailureReason.TOO_LARGE),
}


@pytest.mark.parametrize("name", WHOLE_FAILURES)
async def test_an_attempt_that_read_nothing_is_a_failure_with_the_first_reason(name: str) -> None:
    raw, reason = WHOLE_FAILURES[name]
    async with http_server(lambda _: raw) as (port, _):
        result = await sampler().sample(target(port, max_bytes=50_000), ROUTINE)
    assert failure(result).reason is reason


async def test_an_endpoint_that_is_no_pprof_is_asked_once() -> None:
    _, asked = await sampled(lambda _: answer(b"<h1>hi</h1>", "text/html"))
    assert asked == ["+", "/debug/pprof/heap"]


async def test_a_port_where_nothing_listens_is_connection_refused() -> None:
    async with http_server(lambda _: b"") as (port, _):
        pass
    result = await sampler().sample(target(port), ROUTINE)
    assert failure(result).reason is FailureReason.CONNECTION_REFUSED


async def test_a_server_that_never_answers_is_a_timeout_that_says_what_was_waited_for() -> None:
    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await request_line(reader)
        await asyncio.sleep(60)

    async with tcp_server(talk) as port:
        result = await sampler().sample(target(port, timeout=0.2), ROUTINE)
    assert failure(result).reason is FailureReason.TIMEOUT
    assert failure(result).message == "no answer within 0.2 s: waiting for the answer to /debug/pprof/heap"
    assert 0.2 <= result.latency < 2


async def test_a_body_that_trickles_is_a_timeout_too() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_line(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 999999\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with tcp_server(talk) as port:
        result = await sampler().sample(target(port, timeout=0.3), ROUTINE)
    assert failure(result).reason is FailureReason.TIMEOUT
    assert "reading the body of /debug/pprof/heap" in failure(result).message


async def test_a_server_that_hangs_at_the_second_part_still_gave_the_first() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_line(reader)
        writer.write(answer(b"x"))
        await request_line(reader)
        await asyncio.sleep(60)

    async with tcp_server(talk) as port:
        result = await sampler().sample(target(port, timeout=0.3), ROUTINE | {MEMSTATS})
    assert reading(result).heap is HEAP_READING
    failures = {name: failed.reason for name, failed in reading(result).failures.items()}
    assert failures == {GOROUTINE: FailureReason.TIMEOUT, MEMSTATS: FailureReason.TIMEOUT}


async def test_a_connection_that_never_opens_is_a_timeout_while_connecting() -> None:
    class Black:
        async def open(self, _: Target) -> ByteStream:
            await asyncio.sleep(60)
            raise AssertionError

    result = await PodSampler({Transport.POD_IP: Black()}, Verbatim()).sample(target(1, timeout=0.1), ROUTINE)
    assert failure(result).message == "no answer within 0.1 s: connecting"


async def test_gopls_is_asked_who_it_is_on_the_same_connection() -> None:
    def answers(path: str) -> bytes:
        pages = {"/info": INFO_PAGE, "/": MAIN_PAGE}
        return answer(pages[path], "text/html; charset=utf-8") if path in pages else answer(b"gopls")

    result, asked = await sampled(answers, ROUTINE | {IDENTITY})
    idle = GoplsState(sessions=0, views=0, documents=0)
    assert result.info == GoplsInfo(4711, 1795438784.25, "golang.org/x/tools/gopls v0.22.0", "go1.26.8", idle)
    recorded = json.loads(result.parts[IDENTITY])
    assert (recorded["pid"], recorded["state"]["documents"]) == (4711, 0)
    assert asked == ["+", "/debug/pprof/heap", "/debug/pprof/goroutine", "/info", "/"]


async def test_a_process_that_is_not_gopls_is_not_asked_for_its_info_page() -> None:
    _, asked = await sampled(lambda _: answer(b"x"), ROUTINE | {IDENTITY})
    assert "/info" not in asked


async def test_an_info_page_that_fails_costs_nothing() -> None:
    def answers(path: str) -> bytes:
        return answer(b"", TEXT, "404 Not Found") if path == "/info" else answer(b"gopls")

    result, _ = await sampled(answers, ROUTINE | {IDENTITY})
    assert reading(result).failures == {} and result.info == GoplsInfo()
    assert IDENTITY not in result.parts


async def test_a_gzip_bomb_ends_at_the_cap(pprof_server: Path) -> None:
    bomb = gzip.compress(b"\0" * (64 << 20))
    pool = DecodePool()
    async with http_server(lambda _: answer(bomb)) as (port, _):
        result = await PodSampler({Transport.POD_IP: PodIPDialer()}, pool).sample(
            target(port, max_bytes=1 << 20), ROUTINE
        )
    pool.close()
    assert failure(result).reason is FailureReason.TOO_LARGE


async def test_a_bug_in_the_way_there_becomes_data_too() -> None:
    class Broken:
        async def open(self, _: Target) -> ByteStream:
            raise ZeroDivisionError("oops")

    result = await PodSampler({Transport.POD_IP: Broken()}, Verbatim()).sample(target(1), ROUTINE)
    assert failure(result) == Failure(FailureReason.INTERNAL, "ZeroDivisionError: oops")
