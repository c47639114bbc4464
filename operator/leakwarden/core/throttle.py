"""How much at once, and how fast: an adaptive bound on samples in flight, and a token bucket. Pure: `now` is given.

On 2 cores 4 in flight gave 87 pods/s, 16 gave 65 and 64 gave 45: more only makes the servers fight for the cores. So
the bound is found by additive increase and multiplicative decrease on how long connections take to open, compared with
what they take on the same cluster when little is in flight (TCP Vegas's idea, with BBR's regular look at the unloaded
path: without it, crowding that lasts would become the new normal).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

PATIENCE = 1.0
"""Seconds after which a sample that still waits is taken to cost nobody anything: a hung pod must not hold a place."""
TOLERANCE = 2.0
"""Times the unloaded opening time that counts as crowding."""
PROBE_EVERY = 30.0
"""Seconds between two looks at the unloaded opening time."""
PROBE_SAMPLES = 8
"""Taken one at a time, so that a probe is over in a fraction of a second."""
PROBE_SECONDS = 2.0
"""After which a probe that met only refused and hung targets is given up; what was known before still stands."""
_DECREASE = 0.75
_SMOOTHING = 0.1


@dataclass(frozen=True, slots=True)
class Ticket:
    """A sample in flight, given by `Concurrency.enter` and handed back to `leave`."""

    number: int
    since: float


class Concurrency:
    """The bound on samples that are being worked on. Those that only wait (older than PATIENCE) count towards
    `ceiling` alone."""

    def __init__(self, start: float = 4.0, least: int = 1, most: int = 32, ceiling: int = 256) -> None:
        self._bound = min(start, float(most))
        self._least = least
        self._most = most
        self._ceiling = ceiling
        self._flying: dict[int, Ticket] = {}
        self._issued = 0
        self._unloaded: float | None = None
        self._smooth: float | None = None
        self._probe: list[float] | None = None
        """Opening times of the probe under way; None between probes."""
        self._probe_from = float("-inf")
        self._decreased_at = float("-inf")

    @property
    def bound(self) -> int:
        return int(self._bound)

    @property
    def in_flight(self) -> int:
        return len(self._flying)

    def enter(self, now: float) -> Ticket | None:
        """A place, or None when all are taken: then wait for a `leave`, or for `free_at`."""
        if len(self._flying) >= self._ceiling or self._working(now) >= self._places(now):
            return None
        self._issued += 1
        ticket = self._flying[self._issued] = Ticket(self._issued, now)
        return ticket

    def free_at(self, now: float) -> float | None:
        """When a place will be free by patience alone; None when only a `leave` can free one."""
        working = [ticket.since for ticket in self._flying.values() if now - ticket.since < PATIENCE]
        if len(self._flying) >= self._ceiling or not working:
            return None
        return min(working) + PATIENCE

    def leave(self, ticket: Ticket, opening: float, *, crowded: bool, now: float) -> None:
        """The sample has ended. `opening`: seconds until its connection stood, 0 if none was opened.

        That is the share of API server and node: what comes after depends on the process and the size of its profiles.
        `crowded`: API server or node gave way (throttled, 5xx, connection lost).
        """
        full = self._working(now) >= self.bound
        if self._flying.pop(ticket.number, None) is None:
            return
        if crowded:
            self._decrease(now)
        elif self._probe is not None:
            if ticket.since >= self._probe_from:
                self._learn_unloaded(opening)
        elif opening > 0:
            self._adapt(opening, full, now)
        elif full:
            self._widen()  # on a kept connection: it costs API server and node next to nothing

    def _places(self, now: float) -> int:
        """The bound, or a single place while the unloaded way is looked at."""
        if self._probe is None and now - self._probe_from >= PROBE_EVERY:
            self._probe, self._probe_from = [], now
        elif self._probe is not None and now - self._probe_from >= PROBE_SECONDS:
            self._probe = None
        return self.bound if self._probe is None else self._least

    def _learn_unloaded(self, opening: float) -> None:
        probe = self._probe = [*(self._probe or []), opening]
        if len(probe) >= PROBE_SAMPLES:
            self._probe = None
            opened = [time for time in probe if time > 0]
            # Where connections are kept, few are opened: then what was learnt before still stands.
            if len(opened) > PROBE_SAMPLES // 2:
                self._unloaded, self._smooth = median(opened), None

    def _adapt(self, opening: float, full: bool, now: float) -> None:
        before = self._smooth
        self._smooth = opening if before is None else before + _SMOOTHING * (opening - before)
        if self._unloaded is not None and self._smooth > TOLERANCE * self._unloaded:
            self._decrease(now)
        elif full:
            self._widen()

    def _widen(self) -> None:
        """By one a round. Only a bound that was reached has been tried out."""
        self._bound = min(float(self._most), self._bound + 1.0 / self._bound)

    def _decrease(self, now: float) -> None:
        # Once a round trip or so: all that is in flight was sent under the old bound and tells the same news.
        if now - self._decreased_at >= max(0.2, 10 * (self._smooth or 0.0)):
            self._bound = max(float(self._least), self._bound * _DECREASE)
            self._decreased_at = now

    def _working(self, now: float) -> int:
        return sum(1 for ticket in self._flying.values() if now - ticket.since < PATIENCE)


class RateLimit:
    """A token bucket: `rate` a second, `burst` at once."""

    def __init__(self, rate: float, burst: int = 10) -> None:
        self._rate = rate
        self._burst = float(max(1, burst))
        self._tokens = self._burst
        self._at: float | None = None

    def take(self, now: float) -> bool:
        self._refill(now)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def next_at(self, now: float) -> float:
        """When `take` will be true, at the earliest."""
        self._refill(now)
        return now + max(0.0, 1.0 - self._tokens) / self._rate

    def _refill(self, now: float) -> None:
        if self._at is not None and now > self._at:
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
