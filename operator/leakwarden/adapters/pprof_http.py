"""HTTP/1.1 by h11 over a byte stream into a pod: several requests on one connection, every body under a cap.

A body is counted while it is read, never after; a redirect, a wrong content type or an encoding that nobody asked for
is an error with its reason and is not followed, unpacked or believed.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import h11

from leakwarden.adapters.kube_errors import cap
from leakwarden.adapters.ports import ByteStream
from leakwarden.api.words import FailureReason
from leakwarden.errors import SamplingError

GLIMPSE = 2048
"""Bytes read of an answer that is not what was asked for: enough for its first words."""
_WORDS_SHOWN = 80

Connect = Callable[[], Awaitable[ByteStream]]


@dataclass(frozen=True, slots=True)
class _Head:
    status: int
    content_type: str
    encoding: str
    location: str
    length: int | None


class PprofConnection:
    """One connection at a time, opened by `connect`; opened anew once where the server closed it between two requests.

    `phase` says in words what is being waited for, so that a deadline can say it too.
    """

    def __init__(self, connect: Connect, host: str) -> None:
        self._connect = connect
        self._host = host
        self._stream: ByteStream | None = None
        self._http = h11.Connection(h11.CLIENT)
        self._served = 0
        self.phase = "connecting"
        self.opening = 0.0
        """Seconds that opening took, 0 where nothing had to be opened since this was last set to 0."""

    @property
    def is_open(self) -> bool:
        """As far as is known without asking."""
        return self._stream is not None

    async def get(self, path: str, content_type: str, max_bytes: int) -> bytes:
        """The body of a 200 of `content_type`. Raises SamplingError; the next `get` then connects anew."""
        try:
            return await self._get(path, content_type, max_bytes)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.close()

    async def _get(self, path: str, content_type: str, max_bytes: int) -> bytes:
        reused = self._stream is not None
        head = await self._ask(path)
        if head is None and reused:
            # A server may close an idle connection at any moment; that says nothing about this request.
            await self.close()
            head = await self._ask(path)
        if head is None:
            raise SamplingError(FailureReason.CONNECTION_LOST, f"the connection closed before an answer to {path}")
        self.phase = f"waiting for the body of {path}"
        await self._check(head, path, content_type)
        if head.length is not None and head.length > max_bytes:
            raise _too_large(path, max_bytes)
        body = await self._body(max_bytes, path)
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        else:
            await self.close()
        return body

    async def _ask(self, path: str) -> _Head | None:
        """Sends the request and reads the head of the answer; None when the connection ended before one byte of it."""
        if self._stream is None:
            self.phase = "connecting"
            started = time.monotonic()
            self._stream = await self._connect()
            self.opening = self.opening or time.monotonic() - started
            self._http = h11.Connection(h11.CLIENT)
        self.phase = f"waiting for the answer to {path}"
        headers = [("Host", self._host), ("User-Agent", "leakwarden"), ("Accept-Encoding", "identity")]
        request = self._http.send(h11.Request(method="GET", target=path, headers=headers)) or b""
        await self._stream.write(request + (self._http.send(h11.EndOfMessage()) or b""))
        silent = True
        while True:
            event = self._event()
            if event is h11.NEED_DATA:
                data = await self._read()
                if not data and silent:
                    return None
                silent = False
                self._http.receive_data(data)
            elif isinstance(event, h11.Response):
                return _head(event)
            elif not isinstance(event, h11.InformationalResponse):
                raise SamplingError(FailureReason.CONNECTION_LOST, f"the connection closed in the answer to {path}")

    async def _body(self, limit: int, path: str, *, glimpse: bool = False) -> bytes:
        """The rest of the body. At `limit` bytes: stops there for a glimpse, else raises TooLarge."""
        body = bytearray()
        while True:
            event = self._event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._read())
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > limit:
                    if glimpse:
                        return bytes(body[:limit])
                    raise _too_large(path, limit)
                self.phase = f"reading the body of {path} ({len(body)} bytes so far)"
            else:
                return bytes(body)

    async def _check(self, head: _Head, path: str, content_type: str) -> None:
        """Raises where the answer is not a plain 200 of the content type, with the first words of what came."""
        if 300 <= head.status < 400:
            where = f" to {cap(head.location, 200)}" if head.location else ""
            raise SamplingError(FailureReason.REDIRECTED, f"{path} redirects{where} (HTTP {head.status}): not followed")
        if head.status != 200:
            said = await self._first_words(path)
            raise SamplingError(FailureReason.HTTP_STATUS, f"{path} answered HTTP {head.status}{said}", head.status)
        if head.encoding not in {"", "identity"}:
            raise SamplingError(
                FailureReason.NOT_PPROF, f"{path} came as {cap(head.encoding, 40)}, which was not asked for"
            )
        if head.content_type != content_type:
            said = await self._first_words(path)
            served = cap(head.content_type, 60) or "no content type"
            raise SamplingError(FailureReason.NOT_PPROF, f"{path} served {served}, not {content_type}{said}")

    async def _first_words(self, path: str) -> str:
        try:
            body = await self._body(GLIMPSE, path, glimpse=True)
        except SamplingError:
            return ""
        words = _words(body.decode("utf-8", "replace"))
        return f": {words}" if words else ""

    async def _read(self) -> bytes:
        return await self._stream.read() if self._stream is not None else b""

    def _event(self) -> object:
        try:
            return self._http.next_event()
        except h11.RemoteProtocolError as error:
            broken = "peer unexpectedly closed" in str(error) or "peer closed connection" in str(error)
            if broken:
                raise SamplingError(FailureReason.CONNECTION_LOST, "the connection closed in mid-answer") from error
            raise SamplingError(FailureReason.NOT_PPROF, f"no HTTP/1.1 on this port: {cap(str(error))}") from error


def _too_large(path: str, limit: int) -> SamplingError:
    return SamplingError(FailureReason.TOO_LARGE, f"{path} is larger than {limit} bytes (sampling.maxProfileSize)")


def _head(response: h11.Response) -> _Head:
    def header(name: bytes) -> str:
        return next((value.decode("latin-1") for key, value in response.headers if key == name), "")

    length = header(b"content-length")
    return _Head(
        status=response.status_code,
        content_type=header(b"content-type").split(";")[0].strip().lower(),
        encoding=header(b"content-encoding").strip().lower(),
        location=header(b"location"),
        length=int(length) if length.isdigit() else None,
    )


_NOT_TEXT = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>|[^\x20-\x7e\s]", re.IGNORECASE | re.DOTALL)


def _words(text: str) -> str:
    """The first readable words of a page, quoted."""
    words = cap(_NOT_TEXT.sub(" ", text), _WORDS_SHOWN)
    return f'"{words}"' if words else ""
