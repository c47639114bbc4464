"""Quantities and durations in words, for the `why` of a rule and the reason of a verdict."""

from __future__ import annotations

from leakwarden.api.words import Unit

_STEPS = ((1024.0**3, "Gi"), (1024.0**2, "Mi"), (1024.0, "Ki"))


def quantity(value: float, unit: Unit) -> str:
    """`64Mi`, `1200`, `81 %`, `2.1 s`: at most three digits that say something."""
    if unit is Unit.BYTES:
        for size, suffix in _STEPS:
            if abs(value) >= size:
                return f"{_short(value / size)}{suffix}"
        return f"{value:.0f}"
    if unit is Unit.PERCENT:
        return f"{_short(value)} %"
    if unit is Unit.SECONDS:
        return f"{_short(value)} s"
    return f"{value:.0f}"


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.1f}"


def duration(seconds: float) -> str:
    """`45 s`, `15 m`, `1 h 36 m`: the two largest parts, whole."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 10 and rest:
        return f"{minutes} m {rest} s"
    hours, minutes = divmod(minutes, 60)
    if not hours:
        return f"{minutes} m"
    return f"{hours} h {minutes} m" if minutes else f"{hours} h"
