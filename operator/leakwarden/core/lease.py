"""Who may act: a Lease as values, and when it may be taken. Pure; docs/ha.md has the argument.

Times are seconds of the caller's own clock, which must run on while the process or the machine sleeps. Times of two
machines are never compared: a Lease is free when this process has seen one version of it, unchanged, for as long as its
holder said that others must wait.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Timing:
    """`retry` < `renew_deadline` < `duration`, all in seconds.

    `duration`: how long others wait for a sign of life before they take over. `renew_deadline`: how long the holder
    acts on one renewal, from before the request for it left. What lies between the two is the room for clocks that run
    at different speeds. `retry`: from one try to the next.
    """

    duration: int
    renew_deadline: float
    retry: float


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """A Lease as it stands in the API. `acquired_at` and `renewed_at` are unix seconds, for people only."""

    holder: str
    """Empty: nobody, it was given back."""
    duration: int
    """Seconds that its holder asked the others to wait; 0: it did not say."""
    transitions: int
    """How often it has changed hands."""
    acquired_at: float
    renewed_at: float
    version: str = ""
    """Its resourceVersion; empty: it is not in the API yet."""


@dataclass(frozen=True, slots=True)
class Observed:
    """The Lease as last read (None: there is none), and since when it has looked like this."""

    record: LeaseRecord | None
    since: float

    @property
    def version(self) -> str:
        return self.record.version if self.record else ""


NEVER = Observed(None, float("-inf"))
"""Not read yet."""


def observe(before: Observed, found: LeaseRecord | None, now: float) -> Observed:
    """`now` must be read after the answer came: waiting too long is safe."""
    after = Observed(found, now)
    return before if before.version == after.version else after


def free_at(observed: Observed, me: str, timing: Timing, *, fresh: bool = False) -> float:
    """When this Lease may be taken by `me`; -inf for one that was given back or is mine, and, while this process is
    `fresh` (it has never led), for one that was held from my own home.

    One that was there and is gone was deleted by hand: its holder may not know it yet, and has its time.
    """
    record = observed.record
    if record is None:
        return observed.since + timing.duration
    inherited = fresh and home_of(me) != "" and home_of(record.holder) == home_of(me)
    if inherited or record.holder in ("", me):
        return float("-inf")
    return observed.since + (record.duration or timing.duration)


def home_of(holder: str) -> str:
    """The state directory in a name of the form `<host>_<home>_<process>`; empty where it has another form.

    Whoever has that directory now knows that the one before is no more, and need not wait for it. Should that be wrong
    all the same (a volume that was torn from a node which lives on), they have different names: the other loses the
    Lease at its next renewal, and the journal at its next write.
    """
    parts = holder.rsplit("_", 2)
    return parts[1] if len(parts) == 3 else ""


def taken(found: LeaseRecord | None, me: str, timing: Timing, wall: float) -> LeaseRecord:
    """What to write over `found` to hold it; the API must refuse that where it is another version by now."""
    if found is None:
        return LeaseRecord(me, timing.duration, 0, wall, wall)
    if found.holder == me:
        return replace(found, duration=timing.duration, renewed_at=wall)
    return LeaseRecord(me, timing.duration, found.transitions + 1, wall, wall, found.version)


def given_back(held: LeaseRecord, wall: float) -> LeaseRecord:
    """What to write so that the next need not wait."""
    return replace(held, holder="", duration=1, renewed_at=wall)
