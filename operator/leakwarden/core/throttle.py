"""How much at once, and how fast: an adaptive bound on samples in flight, and a token bucket. Pure: `now` is an
argument.

On 2 cores 4 in flight gave 87 pods/s, 16 gave 65 and 64 gave 45: more only makes the servers fight for the cores. So
the bound is found by additive increase and multiplicative decrease on the latency seen (as TCP Vegas does: compare
with the best latency known), and never by configuration alone.
"""

from __future__ import annotations

from dataclasses import dataclass

PATIENCE = 1.0
"""Seconds after which a sample that still waits is taken to cost nobody anything: a hung pod must not hold a place."""
TOLERANCE = 2.0
"""Times the best latency known that counts as crowding."""
_DECREASE = 0.75
_FORGET = 0.002
"""Share by which the best latency is let rise with every sample, so that a change of the cluster is learnt again."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A sample in flight, given by `Concurrency.enter` and handed back to `leave`."""

    number: int
    since: float


class Concurrency:
    """The bound on samples that are being worked on. Those that only wait (older than PATIENCE) count towards
    `ceiling` alone."""

    def __init__(self, start: float = 4.0, least: int = 1, most: int = 32, ceiling: int = 256) -> None:
        self._bound = start
        self._least = least
        self._most = most
        self._ceiling = ceiling
        self._flying: dict[int, Ticket] = {}
        self._issued = 0
        self._best: float | None = None
        self._smooth = 0.0
        self._decreased_at = float("-inf")

    @property
    def bound(self) -> int:
        return int(self._bound)

    @property
    def in_flight(self) -> int:
        return len(self._flying)

    def enter(self, now: float) -> Ticket | None:
        """A place, or None when all are taken: then wait for a `leave`, or for `free_at`."""
        if len(self._flying) >= self._ceiling or self._working(now) >= self.bound:
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

    def leave(self, ticket: Ticket, latency: float, *, crowded: bool, useful: bool, now: float) -> None:
        """The sample has ended after `latency` seconds.

        `crowded`: the API server or the node gave way (throttled, 5xx, connection lost). `useful`: its latency tells
        something about the way there, so not that of a refused or hung target.
        """
        full = self._working(now) >= self.bound
        if self._flying.pop(ticket.number, None) is None:
            return
        if crowded:
            self._decrease(now)
        elif useful:
            self._learn(latency)
            if self._best is not None and self._smooth > TOLERANCE * self._best:
                self._decrease(now)
            elif full:
                # Only a bound that was reached has been tried out.
                self._bound = min(float(self._most), self._bound + 1.0 / self._bound)

    def _learn(self, latency: float) -> None:
        self._smooth = latency if self._best is None else self._smooth + 0.1 * (latency - self._smooth)
        best = latency if self._best is None else min(latency, self._best)
        self._best = best + _FORGET * max(0.0, self._smooth - best)

    def _decrease(self, now: float) -> None:
        # Once a round trip: all that is in flight was sent under the old bound and tells the same news.
        if now - self._decreased_at >= max(0.2, self._smooth):
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
