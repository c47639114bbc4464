"""The `# runtime.MemStats` block at the end of `heap?debug=1`."""

from __future__ import annotations

import math
import re
from typing import Final

from leakwarden.core.readings import MemStats
from leakwarden.errors import MalformedProfile

_HEADER = b"heap profile: "
_BLOCK = b"\n# runtime.MemStats\n"
_LINE = re.compile(rb"^# (\w+) = ([^\n]*)\n", re.MULTILINE)
_COUNT = re.compile(rb"\d{1,20}")
_RING: Final = 256
"""Pauses that the runtime remembers."""

_COUNTS: Final = {
    "heap_alloc": b"HeapAlloc",
    "heap_inuse": b"HeapInuse",
    "heap_sys": b"HeapSys",
    "heap_idle": b"HeapIdle",
    "heap_released": b"HeapReleased",
    "sys": b"Sys",
    "total_alloc": b"TotalAlloc",
    "mallocs": b"Mallocs",
    "frees": b"Frees",
    "next_gc": b"NextGC",
    "num_gc": b"NumGC",
}


def parse_memstats(text: bytes) -> MemStats:
    """The statistics in a debug=1 heap profile; everything before the block is passed over.

    Raises MalformedProfile when the text is no such profile, when the block is missing (cut short), and when a field is
    missing or no number; the message names the fields.
    """
    if not text.startswith(_HEADER):
        raise MalformedProfile(f"memstats: not a debug=1 heap profile: it begins with {text[:40]!r}")
    start = text.rfind(_BLOCK)
    if start < 0:
        raise MalformedProfile("memstats: the runtime.MemStats block is missing; was the text cut short?")
    fields = dict(_LINE.findall(text, start))
    wanted = [*_COUNTS.values(), b"GCCPUFraction", b"PauseNs"]
    if missing := [name.decode() for name in wanted if name not in fields]:
        raise MalformedProfile(f"memstats: missing {', '.join(missing)}; was the text cut short?")
    counts = {field: _count(name, fields[name]) for field, name in _COUNTS.items()}
    return MemStats(
        **counts,
        gc_cpu_fraction=_fraction(fields[b"GCCPUFraction"]),
        pause_ns=_pauses(fields[b"PauseNs"], counts["num_gc"]),
    )


def _count(name: bytes, text: bytes) -> int:
    if not _COUNT.fullmatch(text):
        raise MalformedProfile(f"memstats: {name.decode()} is no count: {text[:40]!r}")
    return int(text)


def _fraction(text: bytes) -> float:
    try:
        fraction = float(text)
    except ValueError:
        fraction = math.nan
    if not math.isfinite(fraction):
        raise MalformedProfile(f"memstats: GCCPUFraction is no number: {text[:40]!r}")
    return fraction


def _pauses(text: bytes, num_gc: int) -> tuple[int, ...]:
    """The pauses that happened, oldest first: the latest stands at (NumGC+255)%256, later places are older or
    unused."""
    if not (text.startswith(b"[") and text.endswith(b"]")):
        raise MalformedProfile(f"memstats: PauseNs is no list: {text[:40]!r}")
    ring = tuple(_count(b"PauseNs", pause) for pause in text[1:-1].split())
    if len(ring) != _RING:
        raise MalformedProfile(f"memstats: PauseNs has {len(ring)} entries, not {_RING}; was the text cut short?")
    if num_gc < _RING:
        return ring[:num_gc]
    oldest = num_gc % _RING
    return ring[oldest:] + ring[:oldest]
