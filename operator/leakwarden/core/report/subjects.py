"""What a signal measures, in words."""

from __future__ import annotations

from leakwarden.api.words import Signal

SUBJECTS: dict[Signal, str] = {
    Signal.LIVE_HEAP: "live heap",
    Signal.HEAP_INUSE: "heap in use",
    Signal.SYS: "memory taken from the system",
    Signal.SITE_BYTES: "live heap",
    Signal.CONTAINER_MEMORY: "memory of the container",
    Signal.GOROUTINES: "goroutines",
    Signal.BLOCKED_GOROUTINES: "blocked goroutines",
    Signal.LEAKED_GOROUTINES: "proven leaked goroutines",
    Signal.MAP_ENTRIES: "map entries",
    Signal.WATER_LEVEL: "heap in use as a share of the memory taken from the system",
    Signal.GC_PAUSE: "GC pauses in 5 min",
}

NOUNS: dict[Signal, str] = {
    Signal.GOROUTINES: "goroutines",
    Signal.BLOCKED_GOROUTINES: "goroutines",
    Signal.LEAKED_GOROUTINES: "goroutines",
    Signal.MAP_ENTRIES: "entries",
}
"""What a bare number counts."""


def verb(signal: Signal) -> str:
    return "are" if SUBJECTS[signal].partition(" in ")[0].endswith("s") and signal is not Signal.WATER_LEVEL else "is"
