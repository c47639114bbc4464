"""Is it a leak or garbage? What a forced collection leaves of the growth of an open memory leak."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from leakwarden.api.words import Family, FindingType, Unit
from leakwarden.core.findings import Confirmation, ConfirmationResult, Finding
from leakwarden.core.judge import attribute, say
from leakwarden.core.judge.course import Now
from leakwarden.core.judge.intake import place_of
from leakwarden.core.judge.series import Series, floor
from leakwarden.core.judge.shapes import LASTING
from leakwarden.core.judge.values import OpenFinding, Segment
from leakwarden.core.parts import HEAP_AFTER_GC
from leakwarden.core.readings import Attempt, HeapReading, Reading

KEPT = 0.5
"""Share of the growth that must outlive the forced collection."""
AGAIN = 10.0
"""Intervals after which a target that gave garbage, or no answer, is asked again."""
NEAR = 0.8
"""Share of the container's memory limit beyond which nothing is asked: a collection needs room, and time."""
HEADROOM = 2.0
"""What a process holds for each live byte where memstats do not tell: Go's default of GOGC=100."""
FRESH = 8.0
"""Intervals for which memstats tell what the process holds now."""
BLOCKS = 16
"""The growth is read off the minima of so many stretches: a burst is no growth that could be given back."""


def after(one: OpenFinding, now: Now) -> OpenFinding:
    """The finding with what this sample tells about its confirmation. Newer evidence replaces older."""
    if not _needs(one.finding):
        return one
    confirmation = _told(one, now)
    if confirmation == one.finding.confirmation:
        return one
    return replace(one, finding=replace(one.finding, confirmation=confirmation))


def wanted(findings: Iterable[OpenFinding], attempt: Attempt) -> frozenset[str]:
    """HEAP_AFTER_GC where an open memory leak waits to be confirmed and may be asked about; else nothing."""
    waits = any(
        _needs(one.finding) and _due(one.finding.confirmation, attempt) and not _near(one.finding.confirmation)
        for one in findings
    )
    return frozenset({HEAP_AFTER_GC}) if waits else frozenset()


def _needs(finding: Finding) -> bool:
    """Goroutines are no garbage, and Pressure never leads to an action."""
    return finding.family is Family.MEMORY and finding.type is FindingType.LEAK


def _due(before: Confirmation | None, attempt: Attempt) -> bool:
    if before is None or before.near_limit:
        return True
    if before.result is ConfirmationResult.CONFIRMED:
        return False
    since = attempt.at - before.at
    return since < 0 or since >= AGAIN * attempt.interval * (1 - 1e-9)


def _near(before: Confirmation | None) -> bool:
    return before is not None and before.near_limit


def _told(one: OpenFinding, now: Now) -> Confirmation | None:
    before, reading = one.finding.confirmation, now.attempt.outcome
    if not isinstance(reading, Reading):
        return before
    if reading.heap_after_gc is not None:
        return _measured(one, reading.heap_after_gc, now)
    if (failure := reading.failures.get(HEAP_AFTER_GC)) is not None:
        if before is not None and before.result is ConfirmationResult.CONFIRMED:
            return before  # another finding asked
        return Confirmation(ConfirmationResult.UNKNOWN, now.at, why=f"it failed with {failure.reason}")
    if not _due(before, now.attempt):
        return before
    if not (why := near_limit(now.segment, now.attempt)):
        return None if _near(before) else before
    if _near(before):
        return before  # said already, with the numbers of then
    return Confirmation(ConfirmationResult.UNKNOWN, now.at, why=why, near_limit=True)


def near_limit(segment: Segment, attempt: Attempt) -> str:
    """Why the process is too near the memory limit of its container to be asked, as a phrase; empty when it is not."""
    limit = attempt.memory_limit
    held = _held(segment, attempt)
    if not limit or held <= NEAR * limit:
        return ""
    size, whole = say.quantity(held, Unit.BYTES), say.quantity(limit, Unit.BYTES)
    return f"the process is near the limit: it holds about {size} of the {whole} of its container"


def _held(segment: Segment, attempt: Attempt) -> float:
    """Bytes that the process holds of the machine, as far as the newest parts tell."""
    container = segment.container
    if len(container) and attempt.at - container.last_time <= FRESH * attempt.interval:
        return container.last
    live = segment.live.last if len(segment.live) else 0.0
    return HEADROOM * (live + segment.ballast_bytes)


def _measured(one: OpenFinding, heap: HeapReading, now: Now) -> Confirmation:
    """At the finding's place, or for an unattributed one in the whole process."""
    key = place_of(one.finding)
    series = _series(key, now.segment)
    span = _span(one, now)
    if not len(series):
        return Confirmation(ConfirmationResult.UNKNOWN, now.at, why="its place is not followed")
    # The lowest of the first block, never a point before it: of thinned ones that may lie before a load at start.
    levels = floor(series, series.last_time - span, BLOCKS)[1]
    base = levels[0]
    grown = max(levels) - base
    if grown <= 0:
        return Confirmation(ConfirmationResult.UNKNOWN, now.at, why="nothing is left of its growth to compare with")
    kept = _live(key, heap) - base
    result = ConfirmationResult.CONFIRMED if kept >= KEPT * grown else ConfirmationResult.GARBAGE
    return Confirmation(result, now.at, grown, kept)


def _series(key: str, segment: Segment) -> Series:
    if not key:
        return segment.live
    track = attribute.places_of(Family.MEMORY, segment).get(key)
    return track.series if track else Series()


def _live(key: str, heap: HeapReading) -> float:
    if not key:
        return float(heap.live_bytes)
    use = heap.sites.get(key)
    return float(use.inuse_bytes) if use else 0.0


def _span(one: OpenFinding, now: Now) -> float:
    """Seconds back to where the growth is measured from: its onset, but not before the half window that showed it.

    An onset may be dated to a load at start, long before: what that holds is no part of the growth in question, which
    need not have lasted longer than half a window when its finding was opened.
    """
    rules = (now.rule(part.rule) for part in one.parts if part.leak)
    half = LASTING * next((rule.growth.window for rule in rules if rule is not None and rule.growth), 0.0)
    shown = now.at - one.finding.first_seen + half
    return max(half, min(now.at - one.finding.since, shown))
