"""When each target is due, and how many may be sampled at once. Pure: every method takes `now`, in any one clock's
seconds.

An interval is a wish. Targets wait in a heap of due times; quiet ones are asked less often, a rate limit and an
adaptive bound on what is in flight hold whatever the wishes add up to, and `lag` and `pace` say what is reached.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass
from enum import Enum
from hashlib import blake2b

from leakwarden.api.words import Cadence
from leakwarden.core.targets import TargetKey

MAX_STRETCH = 3.0
"""Under 4, beyond which a distance between samples is a gap that adds no hold (docs/leakpolicy.md)."""
STRETCH_STEP = 1.25
"""A target has to stay quiet for five samples in a row to be asked three times less often."""
JITTER = 0.05
"""Share of an interval by which each due time is moved, so that targets made together drift apart."""


class Tempo(Enum):
    """What the last attempt says about the next."""

    QUIET = "quiet"
    """Healthy and nothing grows, or nothing there to ask: may be asked less often."""
    STEADY = "steady"
    """At the interval, as the policy has it."""


def spread(key: TargetKey, salt: str = "") -> float:
    """A number in [0, 1), the same for a key on every run: jitter without chance, so that tests and replays agree."""
    digest = blake2b(f"{key.pod_uid}/{key.endpoint}/{salt}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


@dataclass(slots=True)
class _Entry:
    interval: float
    cadence: Cadence
    due: float
    stretch: float = 1.0
    rounds: int = 0
    in_flight: bool = False
    last_start: float | None = None


class Schedule:
    """Level-based: `put` and `remove` say what there is now; nothing is lost or doubled by saying it again."""

    def __init__(self) -> None:
        self._entries: dict[TargetKey, _Entry] = {}
        self._heap: list[tuple[float, TargetKey]] = []
        self._starts: deque[float] = deque(maxlen=512)
        self._slowdown = 1.0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: TargetKey) -> bool:
        return key in self._entries

    def put(self, key: TargetKey, interval: float, cadence: Cadence, now: float) -> None:
        """A target is there, asked each `interval` seconds. A new one is first due within one interval, spread by its
        key."""
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry(interval, cadence, now + spread(key) * interval)
            self._push(key, entry)
        elif (entry.interval, entry.cadence) != (interval, cadence):
            entry.interval, entry.cadence = interval, cadence
            entry.stretch = 1.0
            self._bring_forward(key, entry, now)

    def remove(self, key: TargetKey) -> None:
        """It is gone; an attempt in flight may still report, to no effect."""
        self._entries.pop(key, None)

    def take(self, now: float) -> TargetKey | None:
        """The target that has been due for longest, now in flight until `done`; None when none is due."""
        while self._heap and self._heap[0][0] <= now:
            due, key = heapq.heappop(self._heap)
            entry = self._entries.get(key)
            if entry is None or entry.in_flight or entry.due != due:
                continue  # an entry of the past: removed, or moved since
            if entry.last_start is not None:
                wished = entry.interval * entry.stretch
                self._slowdown += 0.05 * (max(1.0, (now - entry.last_start) / wished) - self._slowdown)
            entry.in_flight, entry.last_start = True, now
            self._starts.append(now)
            return key
        return None

    def done(self, key: TargetKey, tempo: Tempo, now: float) -> None:
        """The attempt has ended; the next is due an interval after its start, or later where the target is quiet."""
        entry = self._entries.get(key)
        if entry is None or not entry.in_flight:
            return
        entry.in_flight = False
        entry.rounds += 1
        if tempo is Tempo.QUIET and entry.cadence is Cadence.ADAPTIVE:
            entry.stretch = min(MAX_STRETCH, entry.stretch * STRETCH_STEP)
        else:
            entry.stretch = 1.0
        step = entry.interval * entry.stretch
        started = entry.last_start if entry.last_start is not None else now
        sway = JITTER * (2 * spread(key, str(entry.rounds)) - 1)
        # What was missed while the operator was behind is not caught up: nobody gains from two samples at once.
        entry.due = max(now, started + step * (1 + sway))
        self._push(key, entry)

    def hasten(self, key: TargetKey, now: float) -> None:
        """Something about it changed (a restart, a rule that is met): back to its interval, at once."""
        entry = self._entries.get(key)
        if entry is not None and entry.stretch != 1.0:
            entry.stretch = 1.0
            self._bring_forward(key, entry, now)

    def next_due(self) -> float | None:
        """When `take` will have something; None when nothing is waiting."""
        while self._heap:
            due, key = self._heap[0]
            entry = self._entries.get(key)
            if entry is not None and not entry.in_flight and entry.due == due:
                return due
            heapq.heappop(self._heap)
        return None

    def lag(self, now: float) -> float:
        """Seconds by which the target that waits longest is overdue."""
        due = self.next_due()
        return max(0.0, now - due) if due is not None else 0.0

    def slowdown(self) -> float:
        """How many times its wished distance a target really waits between samples, smoothed; 1.0 when on time."""
        return self._slowdown

    def rate(self, now: float) -> float:
        """Samples begun a second, over the last minute or the last 512, whichever is shorter."""
        recent = [at for at in self._starts if now - at <= 60.0]
        return len(recent) / max(1.0, now - recent[0]) if recent else 0.0

    def stretch(self, key: TargetKey) -> float:
        """By how much this target is asked less often, 1.0 to MAX_STRETCH."""
        entry = self._entries.get(key)
        return entry.stretch if entry else 1.0

    def _bring_forward(self, key: TargetKey, entry: _Entry, now: float) -> None:
        if entry.in_flight:
            return
        latest = now if entry.last_start is None else max(now, entry.last_start + entry.interval)
        if latest < entry.due:
            entry.due = latest
            self._push(key, entry)

    def _push(self, key: TargetKey, entry: _Entry) -> None:
        heapq.heappush(self._heap, (entry.due, key))
        if len(self._heap) > 64 + 4 * len(self._entries):
            self._heap = [(e.due, k) for k, e in self._entries.items() if not e.in_flight]
            heapq.heapify(self._heap)
