"""The stacks behind an open finding, put down seldom. They decide nothing: after the fold they tell its pattern."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice

from leakwarden.api.words import BLOCKED, Family, WaitKind
from leakwarden.core.findings import Finding
from leakwarden.core.judge.course import Now
from leakwarden.core.judge.intake import place_of
from leakwarden.core.judge.series import gained
from leakwarden.core.judge.values import OpenFinding, Segment
from leakwarden.core.readings import Kept, Reading
from leakwarden.core.traces import Beside, Traces

BESIDE = 4
"""Groups of goroutines that are put down beside a finding."""
CALLED = 4
"""What functions that it calls hold, put down with a finding."""
GROWN = 8.0
"""Goroutines by which a group must have grown to stand beside a finding."""
WAITING = BLOCKED | {WaitKind.IO, WaitKind.SLEEP}
"""Goroutines that do something are no reason why memory stays."""


def traced(one: OpenFinding, now: Now) -> OpenFinding:
    """With its traces as of this sample, where it has none yet, or where what its function holds has doubled since.

    A heap profile is sampled: of what is small when a finding opens, more tells better. Both parts must be there."""
    finding, reading = one.finding, now.attempt.outcome
    if finding.site is None or not isinstance(reading, Reading) or reading.heap is None or reading.goroutines is None:
        return one
    function = finding.site.function
    kept = reading.heap.kept.get(function, ())
    if finding.traces is not None and not _doubled(finding.traces.kept, kept):
        return one
    if finding.family is Family.GOROUTINE:
        calls = reading.goroutines.calls.get(place_of(finding), ())
    else:
        calls = kept[0].calls if kept else ()
    traces = Traces(
        calls=calls,
        kept=kept,
        called=tuple(islice(called_ways(function, reading.heap.kept), CALLED)),
        beside=tuple(islice(_beside(finding, now.segment, reading.goroutines.calls), BESIDE)),
    )
    return replace(one, finding=replace(finding, traces=traces))


def _doubled(before: Iterable[Kept], after: Iterable[Kept]) -> bool:
    held = sum(way.bytes for way in after)
    return held > 0 and held >= 2 * sum(way.bytes for way in before)


def called_ways(function: str, kept: Mapping[str, Iterable[Kept]]) -> Iterator[Kept]:
    """What other functions hold when this one calls them, most first."""
    ways = [way for name, all_ways in kept.items() if name != function for way in all_ways]
    called = [way for way in ways if way.calls[way.inner : way.inner + 1] == (function,)]
    yield from sorted(called, key=lambda way: (-way.bytes, way.calls))


def _beside(finding: Finding, segment: Segment, calls: Mapping[str, tuple[str, ...]]) -> Iterator[Beside]:
    """Groups that grew since the onset of the finding, those that wait, most growth first. Not the finding's own."""
    grown = []
    for key, track in segment.groups.followed.items():
        more = gained(track.series, finding.since, 0.0)
        if track.wait in WAITING and key != place_of(finding) and more >= GROWN:
            grown.append(Beside(track.site.function, track.wait, calls.get(key, ()), more))
    yield from sorted(grown, key=lambda one: (-one.grown, one.function, one.wait))
