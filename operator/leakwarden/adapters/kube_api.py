"""The Kubernetes API as raw JSON over one aiohttp session: requests, paged lists, watches and WebSockets.

No typed client: a `V1Pod` costs 1.7 ms and 123 KiB where `json.loads` takes 0.1 ms. Every call has a deadline, every
body a cap, and whatever goes wrong leaves here as an ApiError.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import aiohttp
from aiohttp.abc import AbstractStreamWriter

from leakwarden.adapters.kube_config import KubeConnection
from leakwarden.adapters.kube_errors import api_error, describe, unreachable
from leakwarden.adapters.ports import OPENED, WatchEvent
from leakwarden.errors import ApiError, ApiUnavailable

REQUEST_DEADLINE = 30.0
MAX_BODY = 64 << 20
"""Bytes of one answer; a page of 100 pods is 1-2 MB."""
MAX_LINE = 8 << 20
"""Bytes of one watch event; etcd refuses objects over 1.5 MB."""
MAX_ERROR_BODY = 64 << 10
WATCH_SECONDS = 290
"""After which the server ends a watch by itself; spread a little, so that watches do not all come back at once."""
SILENCE = 150.0
"""Seconds without a byte after which a watch is taken for dead: bookmarks come about once a minute."""


UNDELIVERED = 5.0
"""Seconds after which the kernel drops what it could not deliver of a write. Without it a partition that heals, minutes
later, would still bring an eviction that everybody has given up."""


def impatient_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """A socket that gives up UNDELIVERED seconds after the first byte that nobody acknowledged."""
    made = socket.socket(*address[:3])
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(UNDELIVERED * 1000))
    return made


class HandshakeRefused(Exception):
    """A WebSocket was asked for and an ordinary answer came."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.body = body


async def _keep_refusal(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """aiohttp drops the body of a refused upgrade, and with it the reason that the API server gives."""
    response = await handler(request)
    if "Upgrade" in request.headers and response.status != 101:
        body = await response.content.read(MAX_ERROR_BODY)
        response.close()
        raise HandshakeRefused(response.status, body)
    return response


class _GuardedBody(aiohttp.BytesPayload):
    """A body that is handed out only when `guard` does not raise, in the same breath: between the two nothing is
    waited for, neither a connection nor another task. Sent once more by aiohttp, it asks once more."""

    def __init__(self, data: bytes, guard: Callable[[], None], content_type: str) -> None:
        super().__init__(data, content_type=content_type)
        self._guard = guard
        self.refused: ApiError | None = None

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        try:
            self._guard()
        except ApiError as error:
            self.refused = error
            raise
        await super().write_with_length(writer, content_length)


class KubeClient:
    """Implements `ports.KubeApi` and `ports.KubeReader`. Close it, or use it as an async context manager.

    `guard` is asked right before the body of a request leaves. What it raises, an ApiError, is what the request raises,
    and then the API server has not got it. `for_writes`: what cannot be delivered soon is never delivered.
    """

    def __init__(
        self,
        connection: KubeConnection,
        *,
        deadline: float = REQUEST_DEADLINE,
        silence: float = SILENCE,
        max_body: int = MAX_BODY,
        guard: Callable[[], None] | None = None,
        for_writes: bool = False,
    ) -> None:
        self._connection = connection
        self._deadline = deadline
        self._silence = silence
        self._max_body = max_body
        self._guard = guard
        self._socket_factory = impatient_socket if for_writes else None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> KubeClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | Sequence[Any] | None = None,
        params: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        """One request; the JSON object of a 2xx answer ({} where it has no body). Raises ApiError."""
        what = describe(method, path, params)
        headers = {"Accept": "application/json"} | ({} if body is None else {"Content-Type": content_type})
        data: bytes | _GuardedBody | None = None
        if body is not None:
            data = json.dumps(body, separators=(",", ":")).encode()
            data = _GuardedBody(data, self._guard, content_type) if self._guard else data
        try:
            async with (
                asyncio.timeout(self._deadline),
                self._session_now().request(
                    method, self._connection.server + path, data=data, params=params,
                    headers=headers | await self._connection.headers(), allow_redirects=False,
                    **self._connect_options(),
                ) as response,
            ):  # fmt: skip
                raw = await _read_capped(response, self._max_body if response.status < 400 else MAX_ERROR_BODY, what)
                status = response.status
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            if isinstance(data, _GuardedBody) and data.refused is not None:
                raise data.refused from error
            raise unreachable(what, error) from error
        if not 200 <= status < 300:
            raise api_error(status, raw, what)
        return _json_object(raw, what)

    async def list_pages(
        self, path: str, *, params: Mapping[str, str] | None = None, page_size: int = 100
    ) -> AsyncIterator[tuple[list[dict[str, Any]], str]]:
        """Pages of items with the resourceVersion of the list. Raises ApiError; WatchExpired when a page token aged."""
        token = ""
        while True:
            query = {**(params or {}), "limit": str(page_size)} | ({"continue": token} if token else {})
            page = await self.request("GET", path, params=query)
            metadata = page.get("metadata") or {}
            yield page.get("items") or [], str(metadata.get("resourceVersion") or "")
            token = str(metadata.get("continue") or "")
            if not token:
                return

    async def watch(
        self, path: str, *, resource_version: str, params: Mapping[str, str] | None = None
    ) -> AsyncIterator[WatchEvent]:
        """OPENED, then events after `resource_version`, until the server ends the watch or it goes silent.

        Raises WatchExpired on 410 (as a status or as an ERROR event), ApiError otherwise.
        """
        query = {
            **(params or {}), "watch": "1", "allowWatchBookmarks": "true", "resourceVersion": resource_version,
            "timeoutSeconds": str(WATCH_SECONDS + random.randint(-20, 20)),
        }  # fmt: skip
        what = describe("GET", path, query)
        timeout = aiohttp.ClientTimeout(total=None, connect=self._deadline, sock_read=self._silence)
        try:
            async with self._session_now().get(
                self._connection.server + path, params=query, timeout=timeout, allow_redirects=False,
                headers=await self._connection.headers(), **self._connect_options(),
            ) as response:  # fmt: skip
                if response.status != 200:
                    raise api_error(response.status, await _read_capped(response, MAX_ERROR_BODY, what), what)
                yield WatchEvent(OPENED, {"metadata": {"resourceVersion": resource_version}})
                async for line in _lines(response, what):
                    yield _event(line, what)
        except TimeoutError:
            # Silent for too long: perhaps quiet, perhaps dead. The caller then watches again from where it was.
            return
        except aiohttp.ClientPayloadError:
            return  # the server went away in the middle of a line; nothing that was handed over is wrong
        except (aiohttp.ClientError, OSError) as error:
            raise unreachable(what, error) from error

    async def websocket(
        self, path: str, *, params: Mapping[str, str], protocol: str, max_frame: int
    ) -> aiohttp.ClientWebSocketResponse[bool]:
        """An upgraded connection. Raises ApiError; the deadline is the caller's."""
        what = describe("GET", path, params)
        try:
            socket: aiohttp.ClientWebSocketResponse[bool] = await self._session_now().ws_connect(
                self._connection.server + path, params=params, protocols=(protocol,), max_msg_size=max_frame,
                timeout=aiohttp.ClientWSTimeout(ws_receive=None, ws_close=1.0),
                headers=await self._connection.headers(), **self._connect_options(),
            )  # fmt: skip
        except HandshakeRefused as error:
            raise api_error(error.status, error.body, what) from error
        except (aiohttp.ClientError, OSError) as error:
            raise unreachable(what, error) from error
        if socket.protocol != protocol:
            await socket.close()
            raise ApiUnavailable(f"cannot {what}: the server does not speak {protocol}")
        return socket

    def _session_now(self) -> aiohttp.ClientSession:
        """Made at first use, since aiohttp binds a session to the loop that runs then."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # How much runs at once is decided by whoever calls; a limit here would only queue in silence.
                connector=aiohttp.TCPConnector(
                    limit=0, ssl=self._connection.ssl_context or True, socket_factory=self._socket_factory
                ),
                timeout=aiohttp.ClientTimeout(total=None, connect=self._deadline),
                cookie_jar=aiohttp.DummyCookieJar(),
                middlewares=(_keep_refusal,),
                headers={"User-Agent": "leakwarden"},
            )
        return self._session

    def _connect_options(self) -> dict[str, Any]:
        return {"proxy": self._connection.proxy, "server_hostname": self._connection.server_hostname}


async def _read_capped(response: aiohttp.ClientResponse, limit: int, what: str) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            if response.status >= 400:
                break  # enough to say what was wrong
            raise ApiError(f"cannot {what}: the answer is larger than {limit} bytes", response.status)
    return bytes(body)


async def _lines(response: aiohttp.ClientResponse, what: str) -> AsyncIterator[bytes]:
    """Lines of any length up to MAX_LINE (aiohttp's own readline gives up at its buffer size)."""
    rest = bytearray()
    async for chunk in response.content.iter_any():
        rest += chunk
        if b"\n" in chunk:
            *lines, tail = bytes(rest).split(b"\n")
            rest = bytearray(tail)
            for line in lines:
                if line:
                    yield line
        if len(rest) > MAX_LINE:
            raise ApiError(f"cannot {what}: an event is larger than {MAX_LINE >> 20} MiB", response.status)


def _event(line: bytes, what: str) -> WatchEvent:
    event = _json_object(line, what)
    kind, value = event.get("type"), event.get("object")
    if not isinstance(kind, str) or not isinstance(value, dict):
        raise ApiUnavailable(f"cannot {what}: an event without type or object")
    if kind == "ERROR":
        code = value.get("code")
        raise api_error(code if isinstance(code, int) else 500, json.dumps(value), what)
    return WatchEvent(kind, value)


def _json_object(raw: bytes, what: str) -> dict[str, Any]:
    if not raw:
        return {}
    try:
        value = json.loads(raw)
    except ValueError as error:
        raise ApiUnavailable(f"cannot {what}: the answer is not JSON") from error
    if not isinstance(value, dict):
        raise ApiUnavailable(f"cannot {what}: the answer is not a JSON object")
    return value
