"""Times, durations and names as the sentences of decisions show them: absolute, in UTC, steady between decisions."""

from __future__ import annotations

from datetime import UTC, datetime

from leakwarden.core.targets import Owner, PodFacts

LAST = datetime.max.replace(tzinfo=UTC, microsecond=0).timestamp()


def clock(at: float, now: float) -> str:
    """`14:20 UTC`, with the date in front where it is not today's."""
    moment = _utc(at)
    same_day = moment.date() == datetime.fromtimestamp(now, UTC).date()
    return moment.strftime("%H:%M UTC" if same_day else "%Y-%m-%d %H:%M UTC")


def stamp(at: float) -> str:
    """`2026-11-23T13:02Z`: for what is read on another day."""
    return _utc(at).strftime("%Y-%m-%dT%H:%MZ")


def _utc(at: float) -> datetime:
    """A time that somebody wrote west of Greenwich at the end of the last year that there is lies in the next."""
    return datetime.fromtimestamp(min(at, LAST), UTC)


def span(seconds: float) -> str:
    """`1h`, `1h30m`, `45s`, as the spec writes durations."""
    left = round(seconds)
    parts = []
    for unit, size in (("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def owned(owner: Owner | None) -> str:
    return str(owner) if owner else "no owner"


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def pod_name(pod: PodFacts) -> str:
    return f"{pod.namespace}/{pod.name}"
