"""Times as people give them on a command line, and as they read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from leakwarden.api.duration import Duration
from leakwarden.errors import InvalidSpec

_DAYS = re.compile(r"([0-9]{1,4})d")


def later(option: str, text: str, now: datetime) -> datetime:
    """`2h`, `7d` or `2026-12-03T08:00:00Z` as a moment after `now`, in UTC, whole seconds. Raises InvalidSpec."""
    moment = (_from_now(text, now) or _absolute(option, text)).replace(microsecond=0)
    if moment <= now:
        raise InvalidSpec(option, f"{text} is over already: it is {stamp(now)}")
    return moment


def _from_now(text: str, now: datetime) -> datetime | None:
    try:
        if days := _DAYS.fullmatch(text):
            return now + timedelta(days=int(days[1]))
        return now + timedelta(seconds=Duration(text).seconds)
    except (ValueError, OverflowError):
        return None


def _absolute(option: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        wanted = "wants how long, such as 2h or 7d, or a time with its zone, such as 2026-12-03T08:00:00Z"
        raise InvalidSpec(option, f"{text!r}: {wanted}") from error
    raise InvalidSpec(option, f"{text!r} has no zone: {moment.isoformat()}Z is that time in UTC")


def stamp(moment: datetime) -> str:
    """`2026-12-03T08:00:00Z`, as the API has it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def age(seconds: float) -> str:
    """`45s`, `12m`, `3h20m`, `5d`, as kubectl has ages; a time to come has none and is "0s"."""
    whole = max(0, round(seconds))
    if whole < 120:
        return f"{whole}s"
    if whole < 7200:
        return f"{whole // 60}m"
    hours = whole // 3600
    if hours < 48:
        rest = whole % 3600 // 60
        return f"{hours}h{rest}m" if hours < 10 and rest else f"{hours}h"
    return f"{hours // 24}d"
