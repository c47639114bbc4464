"""What the pipeline asks of the outside, each as a Protocol of one to three methods, and the values they hand over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from leakwarden.core.readings import GoroutineReading, HeapReading, MemStats
from leakwarden.core.samples import SampleResult
from leakwarden.core.targets import Target


class KubeApi(Protocol):
    """One request to the Kubernetes API, raw JSON in and out. Raises ApiError and its kinds only."""

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | Sequence[Any] | None = None,
        params: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]: ...


OPENED = "OPENED"
"""Not the API server's: says that the watch stands, before anything has changed."""


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """`kind` is ADDED, MODIFIED, DELETED, or one of which only `metadata.resourceVersion` counts: OPENED, BOOKMARK."""

    kind: str
    object: dict[str, Any]


class KubeReader(Protocol):
    """Lists and watches of any resource, raw JSON. Raises ApiError; `watch` raises WatchExpired when a list is due."""

    def list_pages(
        self, path: str, *, params: Mapping[str, str] | None = None, page_size: int = 100
    ) -> AsyncIterator[tuple[list[dict[str, Any]], str]]:
        """Pages of items, each with the resourceVersion of the whole list."""
        ...

    def watch(
        self, path: str, *, resource_version: str, params: Mapping[str, str] | None = None
    ) -> AsyncIterator[WatchEvent]:
        """Events after `resource_version` until the server ends the watch (normal) or it goes silent (normal too)."""
        ...


class ByteStream(Protocol):
    """A connection into a pod. Raises SamplingError only; deadlines are the caller's (`asyncio.timeout`)."""

    async def read(self) -> bytes:
        """Whatever came next, at least one byte; b"" when the other end has closed."""
        ...

    async def write(self, data: bytes) -> None: ...

    async def close(self) -> None:
        """Never raises, and never waits longer than a moment."""
        ...


class Dialer(Protocol):
    """Opens a stream to the target's port. Raises SamplingError with the FailureReason."""

    async def open(self, target: Target) -> ByteStream: ...


PartReading = HeapReading | GoroutineReading | MemStats


class Decoder(Protocol):
    """Reduces the bytes of one part. Raises MalformedProfile or ProfileTooLarge only."""

    async def decode(self, part: str, data: bytes, max_bytes: int) -> PartReading: ...


class Sampler(Protocol):
    """Never raises for what a target does: every failure is in the result."""

    async def sample(self, target: Target, wanted: frozenset[str]) -> SampleResult: ...
