"""Times as the Kubernetes API writes them (MicroTime)."""

from __future__ import annotations

from datetime import UTC, datetime


def micro_time(at: float) -> str:
    """Unix seconds as RFC 3339 with microseconds."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def seconds_of(text: object) -> float:
    """Unix seconds; 0 where it is no time."""
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return 0.0
