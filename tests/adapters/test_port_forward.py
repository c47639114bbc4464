"""The port-forward protocol, against a server that speaks kubelet's side of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import WSMsgType, web

from leakwarden.adapters.kube_api import KubeClient
from leakwarden.adapters.port_forward import PortForwardDialer, forward_error
from leakwarden.adapters.pprof_http import PprofConnection
from leakwarden.api.words import FailureReason, Transport
from leakwarden.core.parts import PROTO
from leakwarden.errors import SamplingError
from tests.adapters.servers import answer, forward, http_server, status, target, web_app

PATH = "/api/v1/namespaces/demo/pods/gopls-1/portforward"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def app(handler: Handler) -> web.Application:
    made = web.Application()
    made.router.add_get(PATH, handler)
    return made


async def read_once(handler: Handler, port: int = 6060) -> bytes:
    """What the first read after a write gives."""
    async with web_app(app(handler)) as connection, KubeClient(connection) as api:
        stream = await PortForwardDialer(api).open(target(port, transport=Transport.PORT_FORWARD))
        try:
            await stream.write(b"GET")
            return await stream.read()
        finally:
            await stream.close()


async def failure(handler: Handler, port: int = 6060) -> SamplingError:
    with pytest.raises(SamplingError) as caught:
        async with asyncio.timeout(5):
            await read_once(handler, port)
    return caught.value


def speaks(*frames: bytes) -> Handler:
    """A kubelet that sends these frames and closes."""

    async def handler(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
        await socket.prepare(request)
        for frame in frames:
            await socket.send_bytes(frame)
        await socket.close()
        return socket

    return handler


GREETING = (b"\x00\xac\x17", b"\x01\xac\x17")  # 6060 as little-endian uint16, on both channels


async def test_requests_travel_through_the_forward_on_one_connection() -> None:
    big = bytes(range(256)) * 2000
    async with (
        asyncio.timeout(10),
        http_server(lambda path: answer(big if path == "/big" else b"small")) as (port, asked),
        web_app(app(forward)) as connection,
        KubeClient(connection) as api,
    ):
        one = PprofConnection(
            lambda: PortForwardDialer(api).open(target(port, transport=Transport.PORT_FORWARD)), "localhost"
        )
        assert await one.get("/big", PROTO, 1 << 20) == big
        assert await one.get("/small", PROTO, 1 << 20) == b"small"
        await one.close()
    assert asked == ["+", "/big", "/small"]


async def test_the_request_names_the_port_and_the_protocol() -> None:
    seen: list[tuple[str, str | None]] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append((request.query["ports"], request.headers.get("Sec-WebSocket-Protocol")))
        return await speaks(*GREETING, b"\x00data")(request)

    assert await read_once(handler) == b"data"
    assert seen == [("6060", "v4.channel.k8s.io")]


async def test_data_in_the_same_frame_as_the_port_is_kept() -> None:
    assert await read_once(speaks(b"\x00\xac\x17hello")) == b"hello"


async def test_an_orderly_end_is_an_empty_read() -> None:
    assert await read_once(speaks(*GREETING)) == b""


async def test_nothing_listening_in_the_pod_is_connection_refused() -> None:
    async with http_server(lambda _: b"") as (port, _):
        free = port
    error = await failure(forward, free)
    assert error.reason == FailureReason.CONNECTION_REFUSED
    assert str(error) == f"nothing listens on port {free} in the pod"


@pytest.mark.parametrize(
    "frames",
    [(b"\x00\x01\x00", b"\x01\x01\x00"), (b"\x00\xac",), (*GREETING, b"\x07what")],
    ids=["another port", "half a port", "another channel"],
)
async def test_a_peer_that_does_not_keep_to_the_protocol_is_not_listened_to(frames: tuple[bytes, ...]) -> None:
    assert (await failure(speaks(*frames))).reason == FailureReason.INTERNAL


async def test_a_text_frame_is_not_listened_to() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
        await socket.prepare(request)
        await socket.send_str("hello")
        await socket.close()
        return socket

    assert (await failure(handler)).reason == FailureReason.INTERNAL


async def test_a_frame_beyond_the_cap_breaks_the_connection() -> None:
    error = await failure(speaks(*GREETING, b"\x00" + b"x" * (5 << 20)))
    assert error.reason == FailureReason.CONNECTION_LOST


REFUSALS = {
    "the pod is gone": (404, 'pods "gopls-1" not found', FailureReason.POD_GONE),
    "no right": (
        403,
        'pods "gopls-1" is forbidden: User "x" cannot create resource "pods/portforward"',
        FailureReason.FORBIDDEN,
    ),
    "a token that is not accepted": (401, "Unauthorized", FailureReason.FORBIDDEN),
    "a pod without a node": (400, "pod gopls-1 does not have a host assigned", FailureReason.POD_GONE),
    "a pod that is not running": (
        500,
        'unable to upgrade connection: pod not found ("gopls-1_demo")',
        FailureReason.POD_GONE,
    ),
    "a node that cannot be reached": (
        502,
        "error dialing backend: dial tcp 10.0.0.9:10250: i/o timeout",
        FailureReason.CONNECTION_LOST,
    ),
    "throttling": (429, "Too many requests, please try again later.", FailureReason.CONNECTION_LOST),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_a_refused_forward_says_why_in_the_words_of_the_api_server(name: str) -> None:
    code, message, reason = REFUSALS[name]

    async def handler(_: web.Request) -> web.StreamResponse:
        return status(code, message)

    error = await failure(handler)
    assert error.reason == reason
    assert message.split(" (")[0] in str(error)


async def test_a_forbidden_forward_names_the_rights_it_needs() -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return status(403, "forbidden")

    assert "get and create on pods/portforward" in str(await failure(handler))


async def test_an_api_server_that_is_down_is_a_lost_connection() -> None:
    async with web_app(app(forward)) as connection:
        pass
    async with KubeClient(connection) as api:
        with pytest.raises(SamplingError) as caught:
            await PortForwardDialer(api).open(target(6060, transport=Transport.PORT_FORWARD))
    assert caught.value.reason == FailureReason.CONNECTION_LOST


ERROR_TEXTS = {
    "containerd, refused": (
        "... dial tcp4 127.0.0.1:6060: connect: connection refused",
        FailureReason.CONNECTION_REFUSED,
    ),
    "CRI-O, refused": (
        "socat: E connect(5, AF=2 127.0.0.1:6060, 16): Connection refused",
        FailureReason.CONNECTION_REFUSED,
    ),
    "containerd, sandbox ended": (
        'failed to execute portforward: network namespace for sandbox "5f2" is closed',
        FailureReason.POD_GONE,
    ),
    "kubelet, container ended": (
        "error forwarding port 6060 to pod 5f2: container not running (5f2)",
        FailureReason.POD_GONE,
    ),
    "a slow node": ("dial tcp 127.0.0.1:6060: i/o timeout", FailureReason.TIMEOUT),
    "anything else": ("exit status 1", FailureReason.CONNECTION_LOST),
}


@pytest.mark.parametrize("name", ERROR_TEXTS)
def test_what_the_node_writes_on_the_error_channel_becomes_a_reason(name: str) -> None:
    text, reason = ERROR_TEXTS[name]
    assert forward_error(text, 6060).reason == reason


async def test_closing_does_not_wait_for_a_peer_that_never_answers() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",), autoclose=False)
        await socket.prepare(request)
        with_close = await socket.receive()
        assert with_close.type is WSMsgType.CLOSE
        await asyncio.sleep(30)
        return socket

    async with web_app(app(handler)) as connection, KubeClient(connection) as api:
        stream = await PortForwardDialer(api).open(target(6060, transport=Transport.PORT_FORWARD))
        async with asyncio.timeout(3):
            await stream.close()
