"""From a reading to points: every part that is new adds to its series, nothing else does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from leakwarden.api.words import GOROUTINE_FAMILY, UNITS, Unit
from leakwarden.core.findings import Finding
from leakwarden.core.judge import gopls, labels, leaks, pauses, tracks
from leakwarden.core.judge.segments import known_identity
from leakwarden.core.judge.series import Series, append
from leakwarden.core.judge.tracks import Bounds, Use
from leakwarden.core.judge.values import Coverage, Hold, OpenFinding, Segment
from leakwarden.core.readings import POOLED, Attempt, GoroutineReading, HeapReading, MemStats, Reading, group_key
from leakwarden.core.rules import RuleSet

DETAIL = 32
"""Thinning of a process's series: old points lie age/32 apart."""
LIFE = 48 * 3600.0
"""Seconds: a process's series reach back two days at least, so that a daily rhythm is known on its second day."""
SMALL = 1 / 16
"""A place that holds less than this share of the smallest `atLeast` is not followed."""
USUAL_LEAST = 16.0 * 1024 * 1024
"""Bytes: stands for `atLeast` where no rule counts what a place holds, bytes or goroutines."""
GAP = 4
"""In intervals: a larger distance is a gap."""


def gap_of(attempt: Attempt) -> float:
    """Seconds beyond which the distance of two samples is a gap."""
    return GAP * attempt.interval * (1 + 1e-9)


def noted(segment: Segment, attempt: Attempt, reading: Reading) -> Segment:
    """What is remembered of any reading, judged or not: who it is and what it does, and the cumulative counters."""
    heap, memstats = reading.heap, reading.memstats
    return replace(
        segment,
        process=known_identity(segment.process, attempt.process),
        oom_flag=attempt.oom_killed,
        alloc_bytes=heap.alloc_bytes if heap else segment.alloc_bytes,
        ballast_bytes=heap.ballast_bytes if heap else segment.ballast_bytes,
        total_alloc=memstats.total_alloc if memstats else segment.total_alloc,
        gopls=gopls.looked(segment.gopls, attempt.at, attempt.gopls, gap_of(attempt)),
    )


def taken_in(
    segment: Segment, attempt: Attempt, reading: Reading, rules: RuleSet, pinned: frozenset[str]
) -> Segment:  # fmt: skip
    """The segment with this reading's points; the caller has seen to it that grace is over."""
    segment = replace(segment, readings=segment.readings + 1)
    if reading.heap is not None:
        segment = _with_heap(segment, attempt, reading.heap, rules, pinned)
    if reading.memstats is not None:
        segment = _with_memstats(segment, attempt.at, reading.memstats, rules)
    if reading.goroutines is not None:
        segment = _with_goroutines(segment, attempt.at, reading.goroutines, rules, pinned)
    return _with_leaks(segment, attempt.at, reading, rules)


def _with_heap(
    segment: Segment, attempt: Attempt, heap: HeapReading, rules: RuleSet, pinned: frozenset[str]
) -> Segment:  # fmt: skip
    at = attempt.at
    coverage = _covered(segment.heap_read, attempt)
    if len(segment.live) and heap.fingerprint == segment.fingerprint:
        return replace(segment, heap_read=coverage)
    bounds = _bounds(rules, pinned, segment.live.times, goroutines=False)
    sites = segment.sites if bounds is None else tracks.update(segment.sites, _site_uses(heap), at, bounds)
    reach = _reach(rules)
    if heap.entries is not None:
        segment = replace(
            segment,
            entries=append(segment.entries, at, heap.entries.count, reach, DETAIL),
            entry_each=heap.entries.each,
            entry_site=heap.entries.site or segment.entry_site,
        )
    return replace(
        segment,
        fingerprint=heap.fingerprint,
        heap_read=coverage,
        live=append(segment.live, at, heap.live_bytes, reach, DETAIL),
        alloc=append(segment.alloc, at, heap.alloc_bytes, reach, DETAIL),
        sites=sites,
    )


def _covered(before: Coverage | None, attempt: Attempt) -> Coverage:
    if before is None or attempt.at - before.last > gap_of(attempt):
        return Coverage(attempt.at, attempt.at, 1)
    return Coverage(before.since, attempt.at, before.count + 1)


def _with_memstats(segment: Segment, at: float, memstats: MemStats, rules: RuleSet) -> Segment:
    reach = _reach(rules)

    def more(series: Series, value: float) -> Series:
        return append(series, at, value, reach, DETAIL)

    summed = pauses.read(segment.pauses, at, memstats)
    paused = pauses.in_five_minutes(summed, at)
    return replace(
        segment,
        pauses=summed,
        gc_cpu=pauses.cpu_read(segment.gc_cpu, at, memstats, segment.process.started_at),
        gc_pause=segment.gc_pause if paused is None else more(segment.gc_pause, paused),
        heap_inuse=more(segment.heap_inuse, memstats.heap_inuse),
        sys=more(segment.sys, memstats.sys),
        container=more(segment.container, memstats.container_estimate),
        water=more(segment.water, memstats.water_level),
    )


def _with_goroutines(
    segment: Segment, at: float, reading: GoroutineReading, rules: RuleSet, pinned: frozenset[str]
) -> Segment:  # fmt: skip
    bounds = _bounds(rules, pinned, segment.goroutines.times, goroutines=True)
    groups = segment.groups if bounds is None else tracks.update(segment.groups, tracks.group_uses(reading), at, bounds)
    return replace(
        segment,
        goroutines=append(segment.goroutines, at, reading.total, _reach(rules), DETAIL),
        labels=labels.noted(segment.labels, at, reading.total, reading.labels, hide=rules.hide_labels),
        groups=groups,
    )


def _with_leaks(segment: Segment, at: float, reading: Reading, rules: RuleSet) -> Segment:
    profile = leaks.read(segment.leaks, at, reading)
    if reading.leaked is None or not profile.known:
        return replace(segment, leaks=profile)
    leaked = append(segment.leaked, at, leaks.total(profile), _reach(rules), DETAIL)
    return replace(segment, leaks=profile, leaked=leaked)


def _site_uses(heap: HeapReading) -> Iterator[Use]:
    for function, use in heap.sites.items():
        if function == POOLED.function:
            continue
        yield Use(function, use.site, None, use.inuse_bytes, use.alloc_bytes)


def _bounds(
    rules: RuleSet, pinned: frozenset[str], earlier: Sequence[float], *, goroutines: bool
) -> Bounds | None:  # fmt: skip
    """None where no rule grows in this family: then nobody asks which place it is."""
    growing = [r for r in rules.rules if r.growth is not None and (r.signal in GOROUTINE_FAMILY) is goroutines]
    growths = [rule.growth for rule in growing if rule.growth is not None]
    if not growths:
        return None
    held = Unit.COUNT if goroutines else Unit.BYTES
    countable = [r.growth.at_least for r in growing if r.growth is not None and UNITS[r.signal] is held]
    floor = SMALL * min(countable, default=USUAL_LEAST)
    return Bounds(floor, 2 * max(growth.window for growth in growths), pinned, earlier, rules.hide_labels)


def _reach(rules: RuleSet) -> float:
    return max([LIFE, *(4 * rule.growth.window for rule in rules.rules if rule.growth)])


def pinned_places(holds: Mapping[str, Hold], findings: tuple[OpenFinding, ...]) -> frozenset[str]:
    """Keys of places that a hold or an open finding rests on."""
    held = {key.split("\n", 1)[1] for key in holds}
    found = {part.key for finding in findings for part in finding.parts}
    shown = {place_of(one.finding) for one in findings}
    return frozenset(held | found | shown)


def place_of(finding: Finding) -> str:
    """The key of the place that a finding names; empty where it names none."""
    if finding.site is None:
        return ""
    return group_key(finding.site.function, finding.wait) if finding.wait else finding.site.function
