"""A gopls is asked for what its pages link to, within bounds, and whatever it answers costs the context alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from leakwarden.adapters import gopls_reader
from leakwarden.adapters.gopls_reader import read_gopls
from leakwarden.adapters.pod_ip import PodIPDialer
from leakwarden.adapters.pprof_http import PprofConnection
from leakwarden.core.gopls_info import GoplsInfo
from leakwarden.core.gopls_pages import MAX_CACHES, MAX_PAGE, MAX_SESSIONS, GoplsState
from tests.adapters.servers import answer, http_server, request_line, target, tcp_server

PAGES = Path(__file__).parents[1] / "recordings" / "gopls"
HTML = "text/html; charset=utf-8"
NAMES = {"/": "main", "/info": "info", "/cache/1": "cache-1", "/session/1": "session-1"}


def recorded(version: str = "v0.22.0", /, **instead: bytes) -> Callable[[str], bytes]:
    """Answers as that gopls did; `instead` by the name of a page."""

    def answers(path: str) -> bytes:
        name = NAMES.get(path)
        if name is None:
            return answer(b"", HTML, "404 Not Found")
        return instead.get(name.replace("-", "_")) or answer((PAGES / version / f"{name}.html").read_bytes(), HTML)

    return answers


async def read(answers: Callable[[str], bytes], most: float = 5.0) -> tuple[GoplsInfo | None, list[str]]:
    async with http_server(answers) as (port, asked):
        where = target(port)
        connection = PprofConnection(lambda: PodIPDialer().open(where), f"localhost:{port}")
        try:
            return await read_gopls(connection, most), asked
        finally:
            await connection.close()


@pytest.mark.parametrize("version", ["v0.10.1", "v0.22.0", "v0.24.0"])
async def test_a_gopls_of_each_version_is_read_on_one_connection(version: str) -> None:
    info, asked = await read(recorded(version))
    assert asked == ["+", "/info", "/", "/session/1", "/cache/1"]
    assert info is not None and info.version.endswith(version) and info.state is not None
    assert info.state.sessions == 1 and info.state.documents is not None


@pytest.mark.parametrize(
    ("page", "state"),
    [
        ("main", None),
        ("session_1", GoplsState(sessions=1)),
        ("cache_1", GoplsState(1, 1, 4, None, None, None, "0cc9e2ee593be2dd")),
    ],
)
@pytest.mark.parametrize(
    "instead",
    [
        answer(b"", HTML, "404 Not Found"),
        answer(b"<html>changed</html>", "application/json"),
        answer(b"x" * (MAX_PAGE + 1), HTML),
        answer(b"", HTML, "302 Found", "Location: /gc"),
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\ncut",
    ],
    ids=["missing", "json", "too large", "redirected", "cut off"],
)
async def test_a_page_that_fails_ends_the_look_and_what_was_read_stands(
    page: str, state: GoplsState | None, instead: bytes
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            path = (await request_line(reader)).split()[1]
            asked.append(path)
            writer.write(answers(path))
            await writer.drain()
            if answers(path) == instead:
                return

    answers, asked = recorded(**{page: instead}), list[str]()
    async with tcp_server(talk) as port:
        where = target(port)
        info = await read_gopls(PprofConnection(lambda: PodIPDialer().open(where), "localhost"), 5.0)
    assert info is not None and info.version == "golang.org/x/tools/gopls v0.22.0"
    assert info.state == state
    assert asked[-1] == {"main": "/", "session_1": "/session/1", "cache_1": "/cache/1"}[page]


async def test_without_its_info_page_nothing_more_is_asked() -> None:
    assert await read(recorded(info=answer(b"", HTML, "404 Not Found"))) == (None, ["+", "/info"])


async def test_a_page_that_is_not_that_of_gopls_ends_the_look() -> None:
    info, asked = await read(recorded(info=answer(b"<html>hello</html>", HTML)))
    assert (info, asked) == (GoplsInfo(), ["+", "/info"])


async def test_an_info_page_of_monstrous_numbers_costs_the_context_alone() -> None:
    assert await read(recorded(info=answer(b"&#" + b"1" * 5000 + b";", HTML))) == (GoplsInfo(), ["+", "/info"])


async def test_ids_that_could_not_go_into_a_request_are_not_asked_for() -> None:
    main = '<h2>Caches</h2><a href="/cache/٣">3</a><h2>Sessions</h2><a href="/session/٣">3</a></html>'
    info, asked = await read(recorded(main=answer(main.encode(), HTML)))
    assert info is not None and info.version == "golang.org/x/tools/gopls v0.22.0"
    assert (info.state, asked) == (None, ["+", "/info", "/"])


async def test_no_more_pages_are_read_than_allowed_and_the_rest_is_unknown() -> None:
    def links(kind: str) -> str:
        return "".join(f'<li><a href="/{kind}/{n}">x</a></li>' for n in range(1, 101))

    main = f"<h2>Caches</h2>{links('cache')}<h2>Sessions</h2>{links('session')}</html>".encode()
    one = (PAGES / "v0.22.0" / "session-1.html").read_bytes()
    pages = recorded(main=answer(main, HTML))
    info, asked = await read(lambda path: answer(one, HTML) if path.startswith("/session/") else pages(path))
    assert info is not None and info.state is not None
    assert len([path for path in asked if path.startswith("/session/")]) == MAX_SESSIONS
    assert len([path for path in asked if path.startswith("/cache/")]) <= MAX_CACHES
    assert (info.state.sessions, info.state.views, info.state.documents) == (100, None, 4 * MAX_SESSIONS)
    assert info.state.cached_files is None


async def test_all_pages_together_are_bounded() -> None:
    links = "".join(f'<li><a href="/session/{n}">x</a></li>' for n in range(1, MAX_SESSIONS + 1))
    pages = recorded(main=answer(f"<h2>Sessions</h2>{links}</html>".encode(), HTML))
    large = answer(b"x" * MAX_PAGE, HTML)
    _, asked = await read(lambda path: large if path.startswith("/session/") else pages(path))
    assert len([path for path in asked if path.startswith("/session/")]) == gopls_reader.MOST // MAX_PAGE


async def test_a_gopls_that_stalls_is_waited_for_no_longer_than_allowed() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_line(reader)
        writer.write(recorded()("/info"))
        await asyncio.Event().wait()

    async with tcp_server(talk) as port, asyncio.timeout(60):
        where = target(port)
        info = await read_gopls(PprofConnection(lambda: PodIPDialer().open(where), "localhost"), 0.2)
    assert info is not None and info.state is None and info.version.endswith("v0.22.0")
