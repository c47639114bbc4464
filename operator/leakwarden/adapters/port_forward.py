"""A byte stream to `localhost:PORT` inside a pod, by a WebSocket through API server and kubelet.

The `v4.channel.k8s.io` protocol: the first byte of each binary frame is the channel (0 data, 1 error), the first
frame on each channel is the port as little-endian uint16, an error is a text on channel 1. One WebSocket carries one
TCP stream.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

import aiohttp

from leakwarden.adapters.kube_errors import cap
from leakwarden.api.words import FailureReason
from leakwarden.core.targets import Target
from leakwarden.errors import ApiError, ApiForbidden, ApiNotFound, SamplingError

PROTOCOL = "v4.channel.k8s.io"
MAX_FRAME = 4 << 20
"""Bytes; kubelet sends frames of 32 KiB."""
_DATA, _ERROR = 0, 1


class WebSockets(Protocol):
    """What is asked of the Kubernetes client: one upgraded connection. Raises ApiError."""

    async def websocket(
        self, path: str, *, params: Mapping[str, str], protocol: str, max_frame: int
    ) -> aiohttp.ClientWebSocketResponse[bool]: ...


class PortForwardDialer:
    """Implements `ports.Dialer` for `transport: PortForward`."""

    def __init__(self, api: WebSockets) -> None:
        self._api = api

    async def open(self, target: Target) -> PortForwardStream:
        path = f"/api/v1/namespaces/{target.namespace}/pods/{target.pod}/portforward"
        port = target.endpoint.port
        try:
            socket = await self._api.websocket(
                path, params={"ports": str(port)}, protocol=PROTOCOL, max_frame=MAX_FRAME
            )
        except ApiError as error:
            raise _refused(error) from error
        return PortForwardStream(socket, port)


class PortForwardStream:
    """Implements `ports.ByteStream`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse[bool], port: int) -> None:
        self._socket = socket
        self._port = port
        self._greeted = [False, False]

    async def read(self) -> bytes:
        while True:
            frame = await self._frame()
            if not frame:
                return b""
            channel, payload = frame[0], frame[1:]
            if channel not in {_DATA, _ERROR}:
                raise SamplingError(FailureReason.INTERNAL, f"the port-forward speaks of channel {channel}")
            if not self._greeted[channel]:
                payload = self._greeting(channel, payload)
            if not payload:
                continue
            if channel == _ERROR:
                raise forward_error(payload.decode("utf-8", "replace"), self._port)
            return payload

    async def write(self, data: bytes) -> None:
        try:
            await self._socket.send_bytes(bytes((_DATA,)) + data)
        except (aiohttp.ClientError, OSError):
            # The other end has closed; why is told by what it sent before, which the next read finds.
            return

    async def close(self) -> None:
        try:
            await self._socket.close()
        except (aiohttp.ClientError, OSError, TimeoutError):
            return

    async def _frame(self) -> bytes:
        """The next binary frame, b"" when the connection has ended."""
        try:
            message = await self._socket.receive()
        except (aiohttp.ClientError, OSError) as error:
            raise SamplingError(FailureReason.CONNECTION_LOST, f"the port-forward broke: {cap(str(error))}") from error
        if message.type is aiohttp.WSMsgType.BINARY:
            return bytes(message.data)
        if message.type is aiohttp.WSMsgType.ERROR:
            raise SamplingError(FailureReason.CONNECTION_LOST, f"the port-forward broke: {cap(str(message.data))}")
        if message.type is aiohttp.WSMsgType.TEXT:
            raise SamplingError(FailureReason.INTERNAL, "the port-forward sent a text frame")
        return b""

    def _greeting(self, channel: int, payload: bytes) -> bytes:
        if len(payload) < 2 or int.from_bytes(payload[:2], "little") != self._port:
            raise SamplingError(FailureReason.INTERNAL, f"the port-forward does not begin with port {self._port}")
        self._greeted[channel] = True
        return payload[2:]


_GONE = re.compile(
    r"network namespace for sandbox .* is closed|sandbox .* not running|not find sandbox|pod (?:\S+ )?not found"
    r"|(?:pod|container) (?:is )?not running|not found in (?:pod|namespace)", re.IGNORECASE
)  # fmt: skip


def forward_error(text: str, port: int) -> SamplingError:
    """What kubelet or the container runtime wrote on the error channel, in the words of FailureReason."""
    if "connection refused" in text.lower():
        return SamplingError(FailureReason.CONNECTION_REFUSED, f"nothing listens on port {port} in the pod")
    if _GONE.search(text):
        return SamplingError(FailureReason.POD_GONE, f"the pod is not running: {cap(text)}")
    if "timed out" in text.lower() or "timeout" in text.lower():
        return SamplingError(FailureReason.TIMEOUT, f"the node could not connect to port {port}: {cap(text)}")
    return SamplingError(FailureReason.CONNECTION_LOST, f"the node could not forward port {port}: {cap(text)}")


def _refused(error: ApiError) -> SamplingError:
    """Why the API server would not open the forward."""
    match error:
        case ApiNotFound():
            return SamplingError(FailureReason.POD_GONE, str(error))
        case ApiForbidden():
            return SamplingError(
                FailureReason.FORBIDDEN, f"{error} (a forward needs get and create on pods/portforward)"
            )
        case _ if _GONE.search(str(error)) or "does not have a host assigned" in str(error):
            return SamplingError(FailureReason.POD_GONE, str(error))
        case _:
            return SamplingError(FailureReason.CONNECTION_LOST, str(error))
