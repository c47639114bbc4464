"""Real servers on loopback for these tests: raw bytes over TCP, a Go process with net/http/pprof, and as much of a
Kubernetes API server as lists, watches and port-forwards need."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from leakwarden.adapters.kube_config import KubeConnection
from leakwarden.api.words import Scheme, Transport
from leakwarden.core.targets import EndpointSpec, Target, TargetKey

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def target(
    port: int,
    *,
    transport: Transport = Transport.POD_IP,
    timeout: float = 5.0,
    max_bytes: int = 32 << 20,
    scheme: Scheme = Scheme.HTTP,
) -> Target:
    return Target(
        key=TargetKey("uid-1", "pprof"),
        namespace="demo",
        pod="gopls-1",
        pod_ip="127.0.0.1",
        endpoint=EndpointSpec("pprof", port, "/debug/pprof", scheme, None),
        transport=transport,
        timeout=timeout,
        max_bytes=max_bytes,
    )


@asynccontextmanager
async def tcp_server(talk: Talk, **options: Any) -> AsyncIterator[int]:
    """The port of a server that runs `talk` for each connection."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client hung up, which some tests are about
        finally:
            writer.close()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(begin, "127.0.0.1", 0, **options)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def request_line(reader: asyncio.StreamReader) -> str:
    """Reads one request; its first line."""
    head = await reader.readuntil(b"\r\n\r\n")
    return head.split(b"\r\n")[0].decode()


def answer(body: bytes, content_type: str = "application/octet-stream", status: str = "200 OK", *extra: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", f"Content-Length: {len(body)}", *extra]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@asynccontextmanager
async def http_server(answers: Callable[[str], bytes]) -> AsyncIterator[tuple[int, list[str]]]:
    """Keep-alive; `answers` makes the raw answer to a path. Yields the port and what was asked, `+` for a connect."""
    asked: list[str] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append("+")
        while True:
            path = (await request_line(reader)).split()[1]
            asked.append(path)
            writer.write(answers(path))
            await writer.drain()

    async with tcp_server(talk) as port:
        yield port, asked


FIXTURES = Path(__file__).parent.parent / "fixtures"


@asynccontextmanager
async def go_process(binary: Path, *arguments: str) -> AsyncIterator[int]:
    """The pprof port of a running Go process."""
    process = await asyncio.create_subprocess_exec(str(binary), *arguments, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield int(await asyncio.wait_for(process.stdout.readline(), 30))
    finally:
        process.kill()
        await process.wait()


def fetched(port: int, path: str) -> bytes:
    """What a Go process serves below /debug/pprof/. Blocks."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/debug/pprof/{path}") as response:
        body: bytes = response.read()
    return body


@asynccontextmanager
async def forwarded(listen: int, port: int) -> AsyncIterator[None]:
    """Whoever connects to `listen` talks to `port`."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    async def both(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, back), pump(there, writer))

    server = await asyncio.start_server(both, "127.0.0.1", listen)
    try:
        yield
    finally:
        server.close()


@asynccontextmanager
async def web_app(app: web.Application) -> AsyncIterator[KubeConnection]:
    """The app on loopback, as a connection for KubeClient."""
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield KubeConnection(server=f"http://127.0.0.1:{runner.addresses[0][1]}", ssl_context=None)
    finally:
        await runner.cleanup()


def status(code: int, message: str, **more: Any) -> web.Response:
    """An error as the API server says it."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code, **more}
    return web.json_response(body, status=code)


REFUSED = (
    "error forwarding port {port} to pod 5f2, uid : failed to execute portforward in network namespace "
    '"/var/run/netns/cni-1": failed to connect to localhost:{port} inside namespace "5f2", IPv4: dial tcp4 '
    "127.0.0.1:{port}: connect: connection refused IPv6 dial tcp6: address localhost: no suitable address found"
)


async def forward(request: web.Request, to: int | None = None) -> web.StreamResponse:
    """kubelet's side of v4.channel.k8s.io: port frames on both channels, then bytes to and from 127.0.0.1:PORT, or
    another port of this machine that stands for it."""
    port = int(request.query["ports"])
    socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
    await socket.prepare(request)
    for channel in (0, 1):
        await socket.send_bytes(bytes([channel]) + port.to_bytes(2, "little"))
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", to or port)
    except OSError:
        await socket.send_bytes(b"\x01" + REFUSED.format(port=port).encode())
        await socket.close(code=WSCloseCode.OK)
        return socket

    async def down() -> None:
        while data := await reader.read(32 << 10):
            await socket.send_bytes(b"\x00" + data)
        await socket.close()

    pump = asyncio.create_task(down())
    try:
        async for message in socket:
            if message.type is WSMsgType.BINARY and message.data[:1] == b"\x00":
                writer.write(message.data[1:])
    finally:
        pump.cancel()
        writer.close()
    return socket


def event_line(kind: str, value: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": value}).encode() + b"\n"


async def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Until it holds; fails after `seconds`."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (it waits for others, who know of no event)
            await asyncio.sleep(0.005)


def running(word: str) -> list[str]:
    """Processes that have the word in their command line."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line, state = (entry / "cmdline").read_bytes(), (entry / "stat").read_text()
        except OSError:
            continue
        if word.encode() in line and ") Z " not in state:
            found.append(entry.name)
    return found
