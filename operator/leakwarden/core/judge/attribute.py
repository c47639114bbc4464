"""Which place explains the growth of the whole process, since when it grows, and how fast the limit comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leakwarden.api.words import BLOCKED, GOROUTINE_FAMILY, Family, Signal
from leakwarden.core.judge import intake, tracks
from leakwarden.core.judge.evaluate import Look, series_of
from leakwarden.core.judge.series import Series, floor, gained, kept_share, never_given_back
from leakwarden.core.judge.shapes import MEMORY, PAST
from leakwarden.core.judge.statistics import onset, sen
from leakwarden.core.judge.values import Part, Segment, Track
from leakwarden.core.rules import Rule

EXPLAINS = 0.5
"""Share of the growth that names a place."""
PROMISING = 0.25
"""Share of a place that may yet come to explain the growth: the finding waits a little for it."""
RETAINED = 0.5
"""Share of what a place allocated that it must still hold to count as evidence of its own."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the growth began: unix seconds, and the level then, in the signal's unit."""

    at: float
    level: float


@dataclass(frozen=True, slots=True)
class Cause:
    """The place that explains most of the growth, and its share; `key` empty where there is none."""

    key: str
    share: float


def family_of(signal: Signal) -> Family:
    return Family.GOROUTINE if signal in GOROUTINE_FAMILY else Family.MEMORY


def places_of(family: Family, segment: Segment) -> dict[str, Track]:
    return dict((segment.groups if family is Family.GOROUTINE else segment.sites).followed)


def origin(rule: Rule, look: Look, segment: Segment) -> Origin:
    """The estimated onset of the growth that this rule sees at this place; without growth, now and nothing."""
    series = _series(rule, look, segment)
    if rule.signal is Signal.LEAKED_GOROUTINES and rule.growth is None:
        return Origin(_first_of_run(series), 0.0)
    if rule.growth is None or len(series) < 3:
        return Origin(series.last_time if len(series) else 0.0, 0.0)
    times, values = floor(series, series.last_time - MEMORY * rule.growth.window, PAST)
    return Origin(*onset(times, never_given_back(values)))


def _first_of_run(series: Series) -> float:
    """Since when the values have not been zero."""
    since = series.last_time
    for time, value in zip(reversed(series.times), reversed(series.values), strict=True):
        if not value:
            break
        since = time
    return since


def _series(rule: Rule, look: Look, segment: Segment) -> Series:
    if look.key:
        track = places_of(family_of(rule.signal), segment).get(look.key)
        return track.series if track else Series()
    return series_of(rule.signal, segment)


def cause(family: Family, segment: Segment, since: float, over: float) -> Cause:
    """The place whose growth since then is the largest, as a share of the live heap's, or of all goroutines'.

    Counted by the lowest of the last `over` seconds, so that a burst that is on just now explains nothing.

    A signal that counts more than live bytes (HeapInuse, Sys) grows with the live heap, with garbage and spare room
    on top, so that its cause is the live heap's.
    """
    total = gained(segment.goroutines if family is Family.GOROUTINE else segment.live, since, over)
    best = Cause("", 0.0)
    for key, track in places_of(family, segment).items():
        share = gained(track.series, since, over) / total if total > 0 else 0.0
        if share > best.share:
            best = Cause(key, share)
    return best


def share_of(key: str, family: Family, segment: Segment, since: float, over: float) -> float:
    """The share of one place in the growth since then; 0 where it is not followed."""
    track = places_of(family, segment).get(key)
    total = gained(segment.goroutines if family is Family.GOROUTINE else segment.live, since, over)
    return gained(track.series, since, over) / total if track and total > 0 else 0.0


def evidence(key: str, family: Family, leaks: Sequence[Part], window: float, segment: Segment) -> int:
    """How many kinds of evidence agree on a place: see docs/judging.md, Confidence.

    `leaks`: what the rules with growth found; a rule on the whole process is one kind, one on this very place another.
    """
    kinds = int(any(not part.key for part in leaks))
    own = any(part.key for part in leaks)
    track = places_of(family, segment).get(key)
    if track is None:
        return kinds
    kinds += int(own or _grows(track.series, window))
    if family is Family.GOROUTINE:
        return kinds + int(track.wait in BLOCKED)
    return kinds + int(kept_share(track.series, track.series.times[0]) >= RETAINED)


def _grows(series: Series, window: float) -> bool:
    times, values = floor(series, series.last_time - window, tracks.DETAIL)
    return len(times) >= 5 and sen(times, values)[1] > 0


def limit_at(segment: Segment, window: float, limit: int, now: float, since: float) -> float | None:
    """When memory reaches the container's limit if the live heap goes on growing as in the last window, or since the
    growth began in it.

    Memory is the live heap with its ballast, times what the container holds for each live byte where memstats told.
    """
    if not limit or len(segment.live) < 3:
        return None
    times, values = floor(segment.live, max(since, segment.live.last_time - window), intake.DETAIL)
    if len(times) < 3:
        return None
    slope, low = sen(times, values)
    live = segment.live.last + segment.ballast_bytes
    if slope <= 0 or low <= 0 or live <= 0:
        return None
    factor = 1.0
    if len(segment.container) and segment.live.last_time - segment.container.last_time <= window:
        factor = max(1.0, segment.container.last / live)
    return now + max(0.0, (limit / factor - live) / slope)
