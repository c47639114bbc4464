"""The gate's eyes, on a real Go process and on servers that are none."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from leakwarden.adapters.gate_target import GateTarget
from leakwarden.api.words import WaitKind
from leakwarden.errors import NotMeasured
from tests.adapters.servers import FIXTURES, answer, fetched, forwarded, go_process, http_server, target


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    binary = tmp_path_factory.mktemp("bin") / "pprofserver"
    subprocess.run(["go", "build", "-o", str(binary), "."], cwd=FIXTURES / "pprofserver", check=True)
    return binary


async def test_a_go_process_is_measured_to_the_places_that_hold(program: Path) -> None:
    async with go_process(program, "-hold", "8", "-senders", "30") as port:
        gate = GateTarget(target(port))
        await gate.ready(30)
        measured = await gate.measure()
        await gate.close()
    assert 8 << 20 < measured.heap_alloc < 10 << 20
    assert measured.heap.sites["main.hold"].inuse_bytes == pytest.approx(8 << 20, rel=0.05)
    senders = {(group.site.function, group.wait): group.count for group in measured.goroutines.groups}
    assert senders["main.blockedSender", WaitKind.CHAN_SEND] == 30
    assert measured.sampling == 4096


async def test_garbage_is_not_measured(program: Path) -> None:
    async with go_process(program, "-hold", "8", "-drop", "8") as port:
        gate = GateTarget(target(port))
        assert (await gate.measure()).heap_alloc < 2 << 20
        await gate.close()


async def test_a_restart_between_two_measurements_is_seen_and_nothing_else_is_taken_for_one(program: Path) -> None:
    async with go_process(program) as port:
        gate = GateTarget(target(port))
        one, two = await gate.measure(), await gate.measure()
        await gate.close()
    async with go_process(program) as port:
        gate = GateTarget(target(port))
        fresh = await gate.measure()
        await gate.close()
    assert not two.is_of_another_process(one)
    assert fresh.is_of_another_process(one)


@pytest.mark.parametrize(
    ("falls", "least", "readings"),
    [
        ([900], 900, 3),
        ([900, 700, 500, 500], 500, 5),
        ([500, 900], 500, 3),
        ([900, 900, 500, 600], 500, 5),
        ([900, 890], 890, 3),
    ],
    ids=["at rest", "falling", "a request in flight", "a late clean-up", "hardly falling"],
)
async def test_collections_are_forced_until_nothing_falls_any_more(
    program: Path, falls: list[int], least: int, readings: int
) -> None:
    """What a real process served, with the heap (in KiB) that each further collection finds; the last for ever."""
    async with go_process(program) as real:
        served = {
            path: await asyncio.to_thread(fetched, real, path) for path in ("heap?gc=1&debug=1", "heap", "goroutine")
        }
    found = [*falls]
    collections = count(1)

    def answers(path: str) -> bytes:
        body = served[path.removeprefix("/debug/pprof/")]
        if "debug=1" not in path:
            return answer(body)
        kib = found.pop(0) if len(found) > 1 else found[0]
        body = re.sub(rb"NumGC = \d+", b"NumGC = %d" % next(collections), body)
        return answer(re.sub(rb"HeapAlloc = \d+", b"HeapAlloc = %d" % (kib << 10), body), "text/plain")

    async with http_server(answers) as (port, asked):
        gate = GateTarget(target(port))
        measured = await gate.measure()
        await gate.close()
    assert measured.heap_alloc == least << 10
    assert (measured.first.num_gc, measured.last.num_gc) == (1, readings)
    assert asked.count("/debug/pprof/heap?gc=1&debug=1") == readings


async def test_goroutines_that_are_just_ending_are_waited_for_and_the_least_of_them_count(program: Path) -> None:
    """What two real processes served, one of them with more goroutines: in the first reading and in the third."""

    async def served(path: str, *arguments: str) -> bytes:
        async with go_process(program, *arguments) as real:
            return await asyncio.to_thread(fetched, real, path)

    stats, heap = await served("heap?gc=1&debug=1"), await served("heap")
    many, few = await served("goroutine", "-senders", "30"), await served("goroutine", "-senders", "10")
    standing = [many, few, many]

    def answers(path: str) -> bytes:
        if path.endswith("goroutine"):
            return answer(standing.pop(0) if standing else few)
        return answer(stats, "text/plain") if "debug=1" in path else answer(heap)

    async with http_server(answers) as (port, asked):
        gate = GateTarget(target(port))
        measured = await gate.measure()
        await gate.close()
    senders = [one.count for one in measured.goroutines.groups if one.site.function == "main.blockedSender"]
    assert senders == [10]
    assert asked.count("/debug/pprof/goroutine") == 4


async def test_a_server_that_is_still_starting_is_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    gate = GateTarget(target(free))
    waiting = asyncio.create_task(gate.ready(30))
    async with http_server(lambda _: answer(b"profile")) as (port, _):
        done, _ = await asyncio.wait([waiting], timeout=0.2)
        assert done == set()
        async with forwarded(free, port):
            await waiting
    await gate.close()


async def test_a_server_that_never_answers_is_told_with_what_was_seen_last() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    with pytest.raises(NotMeasured, match=rf"did not answer within 0.2 s \(nothing listens on 127.0.0.1:{free}\)"):
        await GateTarget(target(free)).ready(0.2)
    async with http_server(lambda _: answer(b"no", status="404 Not Found")) as (port, _):
        with pytest.raises(NotMeasured, match=r"answered HTTP 404.*does it serve net/http/pprof there"):
            await GateTarget(target(port)).ready(0.2)


async def test_something_else_on_the_port_is_not_waited_for() -> None:
    async with http_server(lambda _: answer(b"<html>hello", "text/html")) as (port, _):
        with pytest.raises(NotMeasured, match=r"is no pprof endpoint: .*served text/html"):
            await GateTarget(target(port)).ready(600)


async def test_an_endpoint_that_leads_elsewhere_is_not_waited_for() -> None:
    def leads(_: str) -> bytes:
        return answer(b"", "text/html", "302 Found", "Location: /login")

    async with http_server(leads) as (port, _):
        with pytest.raises(NotMeasured, match=r"is no pprof endpoint: .*redirects to /login.*; --url wants where"):
            await GateTarget(target(port)).ready(600)


async def test_a_process_that_is_gone_is_told(program: Path) -> None:
    async with go_process(program) as port:
        gate = GateTarget(target(port))
        await gate.ready(30)
    with pytest.raises(NotMeasured, match="can no longer be read: nothing listens"):
        await gate.measure()


async def test_an_answer_that_never_comes_is_told() -> None:
    async with http_server(lambda path: b"" if "heap" in path else answer(b"profile")) as (port, _):
        gate = GateTarget(target(port, timeout=0.2))
        with pytest.raises(NotMeasured, match=r"no answer within 0.2 s: waiting for the answer to /debug/pprof/heap"):
            await gate.measure()
        await gate.close()


@pytest.mark.parametrize(
    ("heap", "goroutines", "says"),
    [(b"heap profile: cut", b"", "MemStats block is missing"), (b"not", b"", "not a debug=1 heap profile")],
)
async def test_what_is_no_profile_is_told(heap: bytes, goroutines: bytes, says: str) -> None:
    def served(path: str) -> bytes:
        return answer(heap, "text/plain") if "debug=1" in path else answer(goroutines)

    async with http_server(served) as (port, _):
        gate = GateTarget(target(port))
        with pytest.raises(NotMeasured, match=says):
            await gate.measure()
        await gate.close()


def test_the_url_is_told_as_it_was_meant() -> None:
    assert GateTarget(target(6060)).url == "http://gopls-1:6060/debug/pprof"
    assert GateTarget(replace(target(6060), pod="::1")).url == "http://[::1]:6060/debug/pprof"
