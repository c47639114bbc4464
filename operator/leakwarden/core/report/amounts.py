"""Numbers and times as people read them: binary units, RFC 3339 in UTC to the minute, few digits."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from leakwarden.api.quantity import Quantity
from leakwarden.api.words import Unit

_MOST = 2.0**63 - 1024
"""The last number before what does not fit into 64 bits with a sign."""
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def significant(value: float, digits: int) -> float:
    """Rounded to so many significant digits: `significant(963, 2)` is 960."""
    return float(f"{value:.{digits}g}")


def amount(value: float, unit: Unit, digits: int = 3) -> str:
    """`512 MiB`, `1,200`, `92 %`, `2.1 s`, rounded to so many significant digits."""
    match unit:
        case Unit.BYTES:
            return _binary(value, digits)
        case Unit.COUNT:
            rounded = significant(value, digits)
            return f"{rounded:,.0f}" if abs(rounded) >= 10 else f"{rounded:g}"
        case Unit.PERCENT:
            return f"{significant(value, digits):g} %"
        case Unit.SECONDS:
            return f"{significant(value, digits):g} s"


def _binary(value: float, digits: int) -> str:
    scaled, unit = value, 0
    while round(abs(scaled)) >= 1024 and unit < len(_BINARY) - 1:
        scaled, unit = scaled / 1024, unit + 1
    rounded = significant(scaled, digits)
    if abs(rounded) >= 1024 and unit < len(_BINARY) - 1:
        rounded, unit = 1.0, unit + 1
    return f"{rounded:g} {_BINARY[unit]}" if abs(rounded) < 1000 else f"{round(rounded)} {_BINARY[unit]}"


def rate(per_hour: float, unit: Unit) -> str:
    """`96 MiB/h`: two significant digits, more would pretend."""
    return f"{amount(per_hour, unit, digits=2)}/h"


def quantity(value: float, unit: Unit) -> Quantity:
    """For a status field: `512Mi`, `1230`; never negative.

    Never more than a quantity of Kubernetes may be either: a program may claim whatever it likes."""
    positive = min(max(0.0, value), _MOST)
    return Quantity.bytes(positive) if unit is Unit.BYTES else Quantity(str(round(significant(positive, 3))))


def moment(at: float) -> datetime:
    """Rounded to the minute, in UTC."""
    return datetime.fromtimestamp(round(at / 60) * 60, UTC)


def minute(at: float) -> str:
    """`2026-11-23T14:02Z`, for sentences."""
    return moment(at).strftime("%Y-%m-%dT%H:%MZ")


_DATED = re.compile(r'"(?:[^"\\]|\\.)*"|(?<= )(\d{4}-\d\d-\d\d)T(?=\d\d:\d\dZ)')
"""What is quoted is somebody else's and stays."""


def dates_once(sentences: Iterable[str]) -> list[str]:
    """Without the date of a time (as of `minute`) that is on the same day as the one before it."""
    day = ""

    def told(match: re.Match[str]) -> str:
        nonlocal day
        if match[1] is None:
            return match[0]
        before, day = day, match[1]
        return "" if before == day else match[0]

    return [_DATED.sub(told, sentence) for sentence in sentences]


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def clip(text: str, limit: int) -> str:
    """Cut at the limit, visibly."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def clip_bytes(text: str, limit: int) -> str:
    """The same where bytes of UTF-8 count; no character is cut in two."""
    data = text.encode()
    return text if len(data) <= limit else data[: limit - len("…".encode())].decode(errors="ignore") + "…"
