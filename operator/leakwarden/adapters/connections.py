"""A few connections kept open between rounds: opening one costs API server and node ten times what the sample does.

Few, because each holds memory on every hop: `most` at once, the longest unused goes first. A kept connection that the
other side has closed meanwhile is noticed at its next use and opened anew (see PprofConnection). docs/sampling.md has
the figures.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from leakwarden.adapters.pprof_http import PprofConnection
from leakwarden.core.targets import Target

KEEP = 64
"""Connections by default: about 0.3 MB each in this process, and a few buffers in API server and kubelet."""
MAX_IDLE = 300.0
"""Seconds; beyond the longest distance between two samples of a default policy (3 x 30 s) with room to spare."""

Key = tuple[str, str, int, str, str]


class KeptConnections:
    """`take` one for a target, use it alone, `give` it back. `clock` is monotonic seconds."""

    def __init__(self, most: int, *, max_idle: float = MAX_IDLE, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._max_idle = max_idle
        self._clock = clock
        self._idle: OrderedDict[Key, tuple[float, PprofConnection]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._idle)

    def take(self, target: Target) -> PprofConnection | None:
        """The one kept for this target, now the caller's; None when there is none."""
        _, connection = self._idle.pop(_key(target), (0.0, None))
        return connection

    async def give(self, target: Target, connection: PprofConnection) -> None:
        """Keeps it when it is still open and there is room, and closes what has to go instead."""
        surplus = []
        if connection.is_open and self._most > 0:
            if (before := self.take(target)) is not None:
                surplus.append(before)
            self._idle[_key(target)] = (self._clock(), connection)
        else:
            surplus.append(connection)
        surplus += self._overdue()
        for one in surplus:
            await one.close()

    async def close(self) -> None:
        while self._idle:
            _, (_, connection) = self._idle.popitem()
            await connection.close()

    def _overdue(self) -> list[PprofConnection]:
        found = []
        while self._idle:
            since, connection = next(iter(self._idle.values()))
            if len(self._idle) <= self._most and self._clock() - since <= self._max_idle:
                break
            self._idle.popitem(last=False)
            found.append(connection)
        return found


def _key(target: Target) -> Key:
    endpoint = target.endpoint
    return target.key.pod_uid, target.pod_ip, endpoint.port, endpoint.scheme.value, target.transport.value
