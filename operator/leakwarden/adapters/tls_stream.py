"""TLS over any byte stream, for endpoints with `scheme: HTTPS`.

The certificate is not verified: it is the pod's own, for a name that nobody outside knows, and a port-forward already
authenticates the pod. Nothing secret is sent either way.
"""

from __future__ import annotations

import ssl

from leakwarden.adapters.kube_errors import cap
from leakwarden.adapters.ports import ByteStream
from leakwarden.api.words import FailureReason
from leakwarden.errors import SamplingError

CHUNK = 64 << 10


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class TlsStream:
    """Implements `ports.ByteStream`; `await start()` first."""

    def __init__(self, inner: ByteStream) -> None:
        self._inner = inner
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = _context().wrap_bio(self._incoming, self._outgoing)

    async def start(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._feed()
            except ssl.SSLError as error:
                raise SamplingError(FailureReason.NOT_PPROF, f"no TLS on this port: {cap(str(error))}") from error
            else:
                await self._flush()
                return

    async def read(self) -> bytes:
        while True:
            try:
                return self._tls.read(CHUNK)
            except ssl.SSLWantReadError:
                await self._flush()
                await self._feed()
            except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
                return b""
            except ssl.SSLError as error:
                raise SamplingError(FailureReason.CONNECTION_LOST, f"TLS broke: {cap(str(error))}") from error

    async def write(self, data: bytes) -> None:
        self._tls.write(data)
        await self._flush()

    async def close(self) -> None:
        await self._inner.close()

    async def _flush(self) -> None:
        if data := self._outgoing.read():
            await self._inner.write(data)

    async def _feed(self) -> None:
        if data := await self._inner.read():
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
