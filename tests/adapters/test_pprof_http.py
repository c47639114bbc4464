"""HTTP into a pod: what is believed, what is refused, and what is said about it."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from leakwarden.adapters.pod_ip import PodIPDialer
from leakwarden.adapters.pprof_http import PprofConnection
from leakwarden.adapters.tls_stream import TlsStream
from leakwarden.api.words import FailureReason
from leakwarden.core.parts import PROTO, TEXT
from leakwarden.errors import SamplingError
from tests.adapters.servers import answer, http_server, request_line, target, tcp_server

HTML_PAGE = b"<html><head><style>p{}</style><title>Welcome</title></head><body><p>to nginx!</p></body></html>"

REFUSED_ANSWERS = {
    "an HTML page": (
        answer(HTML_PAGE, "text/html; charset=utf-8"),
        FailureReason.NOT_PPROF,
        'served text/html, not application/octet-stream: "Welcome to nginx!"',
    ),
    "JSON": (
        answer(b"{}", "application/json"),
        FailureReason.NOT_PPROF,
        'application/json, not application/octet-stream: "{}"',
    ),
    "no content type": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        FailureReason.NOT_PPROF,
        "served no content type",
    ),
    "an encoding nobody asked for": (
        answer(b"\x1f\x8b", PROTO, "200 OK", "Content-Encoding: gzip"),
        FailureReason.NOT_PPROF,
        "came as gzip",
    ),
    "a redirect": (
        answer(b"", TEXT, "302 Found", "Location: https://login.example/"),
        FailureReason.REDIRECTED,
        "redirects to https://login.example/ (HTTP 302): not followed",
    ),
    "a profile that is not there": (
        answer(b"Unknown profile\n", TEXT, "404 Not Found"),
        FailureReason.HTTP_STATUS,
        'HTTP 404: "Unknown profile"',
    ),
    "a server error": (answer(b"", TEXT, "500 Oops"), FailureReason.HTTP_STATUS, "HTTP 500"),
    "another protocol": (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", FailureReason.NOT_PPROF, "no HTTP/1.1 on this port"),
    "endless headers": (
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
        FailureReason.NOT_PPROF,
        "no HTTP/1.1 on this port",
    ),
    "a body said to be too large": (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 9000000000\r\n\r\n",
        FailureReason.TOO_LARGE,
        "larger than 1000 bytes",
    ),
    "a body that turns out too large": (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        + (b"200\r\n" + b"x" * 512 + b"\r\n") * 100,
        FailureReason.TOO_LARGE,
        "larger than 1000 bytes",
    ),
}


def connection(port: int) -> PprofConnection:
    return PprofConnection(lambda: PodIPDialer().open(target(port)), f"127.0.0.1:{port}")


@pytest.mark.parametrize("name", REFUSED_ANSWERS)
async def test_an_answer_that_is_no_profile_is_refused_with_its_reason(name: str) -> None:
    raw, reason, message = REFUSED_ANSWERS[name]
    async with http_server(lambda _: raw) as (port, _), asyncio.timeout(10):
        with pytest.raises(SamplingError) as caught:
            await connection(port).get("/debug/pprof/heap", PROTO, 1000)
    assert caught.value.reason == reason
    assert message in str(caught.value)
    assert len(str(caught.value)) < 400


async def test_several_requests_travel_on_one_connection() -> None:
    async with http_server(lambda path: answer(path.encode())) as (port, asked):
        one = connection(port)
        bodies = [await one.get(path, PROTO, 100) for path in ("/a", "/b", "/c")]
        await one.close()
    assert bodies == [b"/a", b"/b", b"/c"]
    assert asked == ["+", "/a", "/b", "/c"]


async def test_no_encoding_is_asked_for() -> None:
    heads: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).lower())
        writer.write(answer(b"x"))
        await writer.drain()

    async with tcp_server(talk) as port:
        await connection(port).get("/heap", PROTO, 100)
    assert b"\r\naccept-encoding: identity\r\n" in heads[0]


async def test_a_chunked_body_is_put_together() -> None:
    raw = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"
    )
    async with http_server(lambda _: raw) as (port, _):
        assert await connection(port).get("/heap", PROTO, 7) == b"abcdefg"


async def test_a_server_that_closes_after_each_answer_is_connected_to_anew() -> None:
    raw = answer(b"x", PROTO, "200 OK", "Connection: close")
    async with http_server(lambda _: raw) as (port, asked):
        one = connection(port)
        assert [await one.get("/a", PROTO, 9), await one.get("/b", PROTO, 9)] == [b"x", b"x"]
    assert asked == ["+", "/a", "+", "/b"]


async def test_a_kept_connection_that_the_server_closed_unasked_is_opened_again_once() -> None:
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await request_line(reader)
        writer.write(answer(b"x"))
        await writer.drain()  # and closes, though it never said so

    async with tcp_server(talk) as port:
        one = connection(port)
        assert [await one.get("/a", PROTO, 9), await one.get("/b", PROTO, 9)] == [b"x", b"x"]
    assert connections == 2


async def test_a_server_that_closes_without_a_word_is_a_lost_connection_and_not_asked_again() -> None:
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await request_line(reader)

    async with tcp_server(talk) as port:
        with pytest.raises(SamplingError) as caught:
            await connection(port).get("/a", PROTO, 9)
    assert caught.value.reason == FailureReason.CONNECTION_LOST
    assert connections == 1


async def test_a_body_that_breaks_off_is_a_lost_connection_and_never_a_short_profile() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_line(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 100\r\n\r\nhalf")
        await writer.drain()

    async with tcp_server(talk) as port:
        with pytest.raises(SamplingError) as caught:
            await connection(port).get("/heap", PROTO, 1000)
    assert caught.value.reason == FailureReason.CONNECTION_LOST


async def test_a_refused_answer_leaves_the_next_request_a_clean_connection() -> None:
    def answers(path: str) -> bytes:
        return answer(HTML_PAGE * 1000, "text/html") if path == "/bad" else answer(b"good")

    async with http_server(answers) as (port, asked):
        one = connection(port)
        with pytest.raises(SamplingError):
            await one.get("/bad", PROTO, 100)
        assert await one.get("/good", PROTO, 100) == b"good"
    assert asked == ["+", "/bad", "+", "/good"]


async def test_https_works_over_any_stream_whatever_the_certificate_says(certificate: ssl.SSLContext) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            await request_line(reader)
            writer.write(answer(b"profile" * 50_000))
            await writer.drain()

    async with tcp_server(talk, ssl=certificate) as port:

        async def connect() -> TlsStream:
            stream = TlsStream(await PodIPDialer().open(target(port)))
            await stream.start()
            return stream

        one = PprofConnection(connect, "localhost")
        assert await one.get("/heap", PROTO, 1 << 20) == b"profile" * 50_000
        assert await one.get("/goroutine", PROTO, 1 << 20) == b"profile" * 50_000
        await one.close()


async def test_https_to_a_plain_port_says_that_there_is_no_tls() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with tcp_server(talk) as port:
        stream = TlsStream(await PodIPDialer().open(target(port)))
        with pytest.raises(SamplingError, match="no TLS"):
            await stream.start()
