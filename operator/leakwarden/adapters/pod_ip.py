"""A plain connection to the pod's address, for pods that listen there and a network that lets the operator through."""

from __future__ import annotations

import asyncio
import errno

from leakwarden.adapters.kube_errors import cap
from leakwarden.api.words import FailureReason
from leakwarden.core.targets import Target
from leakwarden.errors import SamplingError

CHUNK = 64 << 10
_CLOSE_PATIENCE = 0.5
"""Seconds that a close may wait for what is still in the socket."""


class PodIPDialer:
    """Implements `ports.Dialer` for `transport: PodIP`."""

    async def open(self, target: Target) -> TcpStream:
        address, port = target.pod_ip, target.endpoint.port
        if not address:
            raise SamplingError(FailureReason.POD_GONE, "the pod has no address")
        try:
            reader, writer = await asyncio.open_connection(address, port)
        except OSError as error:
            raise _connect_error(error, address, port) from error
        return TcpStream(reader, writer)


class TcpStream:
    """Implements `ports.ByteStream`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        try:
            return await self._reader.read(CHUNK)
        except OSError as error:
            raise SamplingError(FailureReason.CONNECTION_LOST, f"the connection broke: {cap(str(error))}") from error

    async def write(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError:
            return  # told by the next read

    async def close(self) -> None:
        try:
            self._writer.close()
            async with asyncio.timeout(_CLOSE_PATIENCE):
                await self._writer.wait_closed()
        except (OSError, TimeoutError):
            self._writer.transport.abort()


def _connect_error(error: OSError, address: str, port: int) -> SamplingError:
    where = f"{address}:{port}"
    if isinstance(error, ConnectionRefusedError):
        return SamplingError(FailureReason.CONNECTION_REFUSED, f"nothing listens on {where}")
    if error.errno == errno.ETIMEDOUT:
        return SamplingError(FailureReason.TIMEOUT, f"no connection to {where}: timed out")
    return SamplingError(FailureReason.CONNECTION_LOST, f"no connection to {where}: {cap(str(error))}")
