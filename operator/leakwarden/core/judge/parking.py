"""What surrounds a goroutine finding: is the process blocked or busy, what its function holds, where they began."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from leakwarden.api.words import WaitKind
from leakwarden.core.findings import Finding
from leakwarden.core.frames import is_std
from leakwarden.core.judge.intake import place_of
from leakwarden.core.readings import Calls, GoroutineReading, HeapReading, Reading
from leakwarden.core.stacks import CALLS

BLOCKED: Final = 70.0
"""Percent of all goroutines that are parked from which on a process is said to be blocked rather than busy."""
HELD: Final = 0.05
"""Share of the live heap from which on what their function retains is told."""
STAYS: Final = 0.8
"""What was told is told as long as it is this share of what it takes, so that no sentence comes and goes."""
AWAKE: Final = frozenset({WaitKind.RUNNING, WaitKind.SYSCALL})
LAUNCHERS: Final = ("golang.org/x/sync/errgroup.",)
"""Packages that begin goroutines for others: their functions tell nothing."""


def seen(finding: Finding, reading: Reading) -> Finding:
    """As of this sample; what a part that is missing would tell stays as it was."""
    if reading.goroutines is not None:
        calls = reading.goroutines.calls.get(place_of(finding), ())
        finding = replace(
            finding,
            parked=_telling(_parked(reading.goroutines), BLOCKED, finding.parked),
            started=_started(finding, calls) or finding.started,
        )
    if reading.heap is not None:
        least = HELD * reading.heap.live_bytes
        finding = replace(finding, retained=_telling(_retained(finding, reading.heap), least, finding.retained))
    return finding


def _parked(reading: GoroutineReading) -> float:
    """Percent."""
    awake = sum(group.count for group in reading.groups if group.wait in AWAKE)
    return 100.0 * (reading.total - awake) / reading.total if reading.total else 0.0


def _retained(finding: Finding, heap: HeapReading) -> float:
    """Of the largest ways of allocating those that lead through the function."""
    if finding.site is None:
        return 0.0
    function = finding.site.function
    return float(sum(way.bytes for ways in heap.kept.values() for way in ways if function in way.calls))


def _started(finding: Finding, calls: Calls) -> str:
    """The outermost function of the program; a stack that was cut off does not tell it."""
    if finding.site is None or len(calls) >= CALLS:
        return ""
    own = [name for name in calls if not is_std(name) and not name.startswith(LAUNCHERS)]
    return own[-1] if own and own[-1] != finding.site.function else ""


def _telling(value: float, least: float, before: float | None) -> float | None:
    wanted = least if before is None else STAYS * least
    return value if value > 0 and value >= wanted else None
