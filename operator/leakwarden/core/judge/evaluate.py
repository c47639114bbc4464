"""One rule against one segment: what is met where, and what is not known and why. No memory of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

from leakwarden.api.words import BLOCKED, MEMSTATS, UNITS, Signal
from leakwarden.core.judge import entries, intake, leaks, pauses, say, tracks, turnover
from leakwarden.core.judge.series import Series
from leakwarden.core.judge.shapes import POINTS, Question, Shape
from leakwarden.core.judge.trend import COVERAGE, Trend, trend
from leakwarden.core.judge.values import Coverage, Segment
from leakwarden.core.parts import GOROUTINE_LEAK
from leakwarden.core.readings import Attempt, Failure, Reading, Site
from leakwarden.core.rules import Growth, Rule

FORCED_GC = 150.0
"""Seconds: Go forces a GC after two minutes without one, so a table that is unchanged for longer has been confirmed."""


class Blind(Enum):
    """Why something is Unknown, as far as the verdict cares."""

    LACKING = "lacking"
    """Time or points will bring it: Learning."""
    ABSENT = "absent"
    """The part was not asked for in this round: neighbours on both sides of it still neighbour."""
    IDLE = "idle"
    """The part came, and no GC has run since the newest point: nothing new is known, and nothing was missed."""
    FAILED = "failed"
    """It was asked for and failed."""
    UNSUPPORTED = "unsupported"
    """Nothing can tell, in this version or of this process: the rule is left out of the verdict, which says why."""


@dataclass(frozen=True, slots=True)
class Look:
    """One place (or the process, key empty) as one rule sees it now. `met` None is Unknown, `blind` says why."""

    key: str
    met: bool | None
    why: str
    """Empty where the trend says it."""
    value: float | None = None
    trend: Trend | None = None
    site: Site | None = None
    blind: Blind | None = None
    missing: float = 0.0
    """Seconds of points that are still needed, for LACKING."""
    blames: str = ""
    """The key of the place that a signal of the whole process names by itself."""
    as_of: float | None = None
    """Time of the newest point that growth was judged by; None: this attempt's."""


OF_THE_HEAP = frozenset({Signal.LIVE_HEAP, Signal.SITE_BYTES, Signal.MAP_ENTRIES})
"""Signals that stand still between two GCs."""


@dataclass(frozen=True, slots=True)
class Place:
    """A series to look at: a place's, or with an empty key the whole process's."""

    key: str
    series: Series
    site: Site | None


def looks(rule: Rule, segment: Segment, attempt: Attempt, grace: float) -> list[Look]:
    """What the rule sees: one look for a whole-process signal, one for each place that is followed otherwise.

    `grace` in seconds is what is left of the start-up grace. Never empty.
    """
    blind = _blind(rule, segment, attempt)
    if blind is not None:
        return [blind]
    if grace > 0:
        return [Look("", None, f"start-up grace for another {say.duration(grace)}", blind=Blind.LACKING, missing=grace)]
    if rule.signal in (Signal.SITE_BYTES, Signal.BLOCKED_GOROUTINES):
        return list(_places(rule, segment, attempt)) or [_nothing(rule, segment, attempt)]
    unsettled = _unsettled(rule.signal, segment, attempt.at)
    if unsettled is not None:
        return [unsettled]
    look = _look(rule, Place("", series_of(rule.signal, segment), None), segment, attempt)
    if rule.signal is Signal.MAP_ENTRIES:
        return [_as_sampled(look, rule, segment)]
    return [_with_proof(look, segment) if rule.signal is Signal.LEAKED_GOROUTINES else look]


def _unsettled(signal: Signal, segment: Segment, now: float) -> Look | None:
    """Unknown although the part was read: what it takes two readings to know."""
    if signal is Signal.LEAKED_GOROUTINES and not segment.leaks.known:
        return Look("", None, "leaked goroutines that a second profile has yet to confirm", blind=Blind.LACKING)
    if signal is Signal.GC_PAUSE and segment.pauses is not None and segment.pauses.lost:
        return Look("", None, pauses.LOST, blind=Blind.FAILED)
    if signal is Signal.GC_PAUSE and (missing := pauses.missing(segment.pauses, now)) > 0:
        return Look("", None, "no five minutes of pauses yet", blind=Blind.LACKING, missing=missing)
    return None


def _as_sampled(look: Look, rule: Rule, segment: Segment) -> Look:
    """Left out where sampling is too coarse to tell; what is not met holds no longer all the same."""
    site = segment.entry_site
    named = replace(look, blames=site.function, site=site) if site else look
    if look.met is None or not len(segment.entries):
        return named
    coarse = entries.too_coarse(look.met, rule, segment.entries, segment.entry_each)
    return replace(named, met=None if look.met else False, why=coarse, blind=Blind.UNSUPPORTED) if coarse else named


def _with_proof(look: Look, segment: Segment) -> Look:
    """The runtime's profile names the place by itself."""
    key = leaks.worst(segment.leaks)
    return replace(look, blames=key, site=segment.leaks.places[key].site) if key else look


def why(rule: Rule, look: Look) -> str:
    """A phrase that says why the rule stands so at this place."""
    if look.why or look.trend is None or rule.growth is None:
        return look.why
    return look.trend.why(rule.growth, UNITS[rule.signal])


def _blind(rule: Rule, segment: Segment, attempt: Attempt) -> Look | None:
    """Unknown before anything is looked at: no evidence in this version or of this process, or the part is missing."""
    if rule.signal is Signal.LEAKED_GOROUTINES and (reason := leaks.unread(segment.leaks)):
        return Look("", None, reason, blind=Blind.UNSUPPORTED)
    if isinstance(attempt.outcome, Failure):
        return Look("", None, f"the attempt failed: {attempt.outcome.reason}", blind=Blind.FAILED)
    part, value = _part(rule.signal, attempt.outcome)
    if value is not None:
        return None
    failure = attempt.outcome.failures.get(part)
    if failure is not None:
        return Look("", None, f"{part} failed: {failure.reason}", blind=Blind.FAILED)
    return Look("", None, f"{part} was not taken in this round", blind=Blind.ABSENT)


def _part(signal: Signal, reading: Reading) -> tuple[str, object | None]:
    if signal in MEMSTATS:
        return "memstats", reading.memstats
    if signal in (Signal.GOROUTINES, Signal.BLOCKED_GOROUTINES):
        return "goroutine", reading.goroutines
    if signal is Signal.LEAKED_GOROUTINES:
        return GOROUTINE_LEAK, reading.leaked
    return "heap", reading.heap


def series_of(signal: Signal, segment: Segment) -> Series:
    """The whole-process series of a signal; that of the family for signals by place."""
    match signal:
        case Signal.HEAP_INUSE:
            return segment.heap_inuse
        case Signal.SYS:
            return segment.sys
        case Signal.CONTAINER_MEMORY:
            return segment.container
        case Signal.WATER_LEVEL:
            return segment.water
        case Signal.GOROUTINES | Signal.BLOCKED_GOROUTINES:
            return segment.goroutines
        case Signal.LEAKED_GOROUTINES:
            return segment.leaked
        case Signal.GC_PAUSE:
            return segment.gc_pause
        case Signal.MAP_ENTRIES:
            return segment.entries
        case _:
            return segment.live


def _places(rule: Rule, segment: Segment, attempt: Attempt) -> Iterator[Look]:
    if rule.growth is None:
        yield from _by_value(rule, attempt)
        return
    followed = (segment.sites if rule.signal is Signal.SITE_BYTES else segment.groups).followed
    for key, track in followed.items():
        if rule.signal is Signal.BLOCKED_GOROUTINES and track.wait not in BLOCKED:
            continue
        yield _look(rule, Place(key, track.series, track.site), segment, attempt)


def _by_value(rule: Rule, attempt: Attempt) -> Iterator[Look]:
    """`above` alone needs no series: every place of this reading is asked."""
    reading = attempt.outcome
    if not isinstance(reading, Reading):
        return
    if rule.signal is Signal.SITE_BYTES and reading.heap is not None:
        for function, held in reading.heap.sites.items():
            yield _above(rule, function, held.inuse_bytes, held.site)
    elif reading.goroutines is not None:
        for use in tracks.group_uses(reading.goroutines):
            if use.wait in BLOCKED:
                yield _above(rule, use.key, use.value, use.site)


def _above(rule: Rule, key: str, value: float, site: Site | None) -> Look:
    unit = UNITS[rule.signal]
    above = rule.above if rule.above is not None else 0.0
    met = value > above
    said = f"{say.quantity(value, unit)} is {'above' if met else 'not above'} {say.quantity(above, unit)}"
    return Look(key, met, said, value, site=site)


def _nothing(rule: Rule, segment: Segment, attempt: Attempt) -> Look:
    """No place is large enough to be followed; that is an answer as soon as the window has been watched."""
    if rule.growth is None:
        return Look("", False, "no such place")
    series = series_of(rule.signal, segment)
    watched = _watched(rule, segment, attempt, series)
    missing = COVERAGE * rule.growth.window - watched
    if missing > 0:
        return Look("", None, "no place stands out yet", blind=Blind.LACKING, missing=missing)
    return Look("", False, "no place is large enough to matter")


def _watched(rule: Rule, segment: Segment, attempt: Attempt, series: Series) -> float:
    if rule.signal is Signal.SITE_BYTES:
        return attempt.at - segment.heap_read.since if segment.heap_read else 0.0
    return attempt.at - series.times[0] if len(series) else 0.0


def _look(rule: Rule, place: Place, segment: Segment, attempt: Attempt) -> Look:
    """One series: `above` on the newest value, growth on the window that ends at the newest point."""
    if not len(place.series):
        return Look(place.key, None, "no points yet", blind=Blind.LACKING, site=place.site)
    if rule.growth is None:
        return _above(rule, place.key, place.series.last, place.site)
    kept = turnover.kept(rule, place.key, segment)
    seen = trend(place.series, Question(rule.growth, attempt.interval, rule.hold, segment.alloc, kept))
    if rule.above is not None and place.series.last <= rule.above:
        return replace(_above(rule, place.key, place.series.last, place.site), trend=seen)
    return _grown(rule, rule.growth, place, seen, segment=segment, attempt=attempt)


def _grown(rule: Rule, growth: Growth, place: Place, seen: Trend, *, segment: Segment, attempt: Attempt) -> Look:
    """Growth is asked for, and `above` holds where it is asked for too."""
    series, now = place.series, attempt.at
    base = Look(place.key, None, "", series.last, seen, place.site, as_of=series.last_time)
    age = now - series.last_time
    stale = age > intake.gap_of(attempt)
    if not stale and seen.shape is not Shape.LACKING:
        return replace(base, met=seen.shape is Shape.GROWS)
    flat = _flat(series, growth, segment.heap_read, now) if rule.signal in OF_THE_HEAP else None
    if flat is not None:
        moved, over = say.quantity(flat, UNITS[rule.signal]), say.duration(growth.window)
        return replace(base, met=False, why=f"moved by {moved} in {over}")
    if seen.shape is not Shape.LACKING:
        idle = f"no GC has run for {say.duration(age)}: nothing new is known"
        return replace(base, why=idle, blind=Blind.IDLE)
    if place.key and series.last < growth.at_least:
        return replace(base, met=False, why="holds less than it would have to grow by")
    if rule.signal in OF_THE_HEAP and _covered(growth, segment.heap_read, now) and age >= growth.window:
        return replace(base, why=f"no GC has run for {say.duration(age)}: nothing is known", blind=Blind.ABSENT)
    return replace(base, blind=Blind.LACKING, missing=seen.missing(growth))


def _covered(growth: Growth, coverage: Coverage | None, now: float) -> bool:
    """Heap readings, changed or not, cover the window."""
    return coverage is not None and coverage.count >= POINTS and now - coverage.since >= COVERAGE * growth.window


def _flat(series: Series, growth: Growth, coverage: Coverage | None, now: float) -> float | None:
    """How much the floor moved, where that proves that it cannot have grown by `atLeast`; else None.

    Readings without a new GC add no point, and an idle process would never be known to be healthy. Where readings
    cover the window without a gap, and a GC must have run in it, the few points there are prove that nothing grew.
    """
    if not _covered(growth, coverage, now):
        return None
    first = series.first_from(now - growth.window)
    known = len(series) - max(0, first - 1)
    if growth.window < FORCED_GC and (first == len(series) or known < 2):
        return None
    inside = series.values[max(0, first - 1) :]
    moved = max(inside) - min(inside)
    return moved if moved < growth.at_least else None


def load_now(alloc: Series, now: float, over: float) -> float | None:
    """Bytes allocated a second over the last `over` seconds; a table that did not change allocated nothing."""
    if not len(alloc):
        return None
    first = min(alloc.first_from(now - over), len(alloc) - 1)
    first = max(0, first - 1) if alloc.times[first] > now - over else first
    elapsed = now - alloc.times[first]
    return (alloc.last - alloc.values[first]) / elapsed if elapsed > 0 else None
