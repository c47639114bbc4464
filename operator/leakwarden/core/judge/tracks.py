"""Which places are followed one by one: bounded, fair to late and slow growers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace

from leakwarden.api.words import WaitKind
from leakwarden.core.judge import labels
from leakwarden.core.judge.series import Series, append, level
from leakwarden.core.judge.values import Parked, Track, Tracks
from leakwarden.core.readings import POOLED, GoroutineReading, LabelUse, Site, group_key

FOLLOWED = 32
"""Places with a series of their own, for bytes and for goroutines each."""
PARKED = 96
"""Places of which only one earlier value is kept."""
DETAIL = 16
"""Thinning of their series: old points lie age/16 apart, no farther than the blocks whose minima are judged."""


@dataclass(frozen=True, slots=True)
class Use:
    """What one place holds in one reading."""

    key: str
    site: Site
    wait: WaitKind | None
    value: float
    alloc: float | None = None
    """Bytes it ever allocated; None for goroutines."""
    labels: tuple[LabelUse, ...] = ()


@dataclass(frozen=True, slots=True)
class Bounds:
    """`floor`: less than this is too small to matter. `reach` in seconds. `pinned` places are never given up."""

    floor: float
    reach: float
    pinned: Set[str]
    earlier: Sequence[float]
    """When there were readings before this one: a place that is new now held less than the floor at each of them."""
    hide_labels: bool


def group_uses(reading: GoroutineReading) -> Iterator[Use]:
    """Goroutines by function and wait; lines of one function count together."""
    sums: dict[str, Use] = {}
    for group in reading.groups:
        if group.site == POOLED:
            continue
        key = group_key(group.site.function, group.wait)
        before = sums.get(key)
        sums[key] = replace(before, value=before.value + group.count, labels=()) if before else Use(
            key, group.site, group.wait, group.count, labels=group.labels
        )  # fmt: skip
    yield from sums.values()


def update(tracks: Tracks, uses: Iterable[Use], at: float, bounds: Bounds) -> Tracks:
    """One more point for each followed place (0 where it is absent), then room for places that grew meanwhile."""
    present = {use.key: use for use in uses}
    followed = {key: _extended(track, present.get(key), at, bounds) for key, track in tracks.followed.items()}
    parked = {key: seen for key, seen in tracks.parked.items() if key in present}
    empty = sorted(k for k, t in followed.items() if t.series.last < bounds.floor and k not in bounds.pinned)
    for use in _candidates(present, followed, parked, bounds):
        if len(followed) >= FOLLOWED:
            seat = empty.pop() if empty else _weakest(followed, parked, use, bounds)
            if seat is None:
                parked.setdefault(use.key, Parked(at, use.value))
                continue
            parked[seat] = Parked(at, followed.pop(seat).series.last)
        followed[use.key] = _admitted(use, parked.pop(use.key, None), at, bounds)
    return Tracks(followed, _largest(parked))


def _extended(track: Track, use: Use | None, at: float, bounds: Bounds) -> Track:
    value = use.value if use else 0.0
    allocated = track.series.allocated
    allocates = (use.alloc if use else allocated[-1]) if allocated else None
    return Track(
        site=use.site if use else track.site,
        wait=track.wait,
        series=append(track.series, at, value, bounds.reach, DETAIL, allocated=allocates),
        labels=labels.noted(track.labels, at, int(value), use.labels if use else (), hide=bounds.hide_labels),
    )


def _candidates(
    present: dict[str, Use], followed: dict[str, Track], parked: dict[str, Parked], bounds: Bounds
) -> list[Use]:  # fmt: skip
    """Places that matter and are not followed, those that grew most since they were seen first."""
    found = [use for key, use in present.items() if use.value >= bounds.floor and key not in followed]
    return sorted(found, key=lambda use: (-_grown(use, parked), use.key))


def _grown(use: Use, parked: dict[str, Parked]) -> float:
    return use.value - parked[use.key].value if use.key in parked else use.value


def _weakest(followed: dict[str, Track], parked: dict[str, Parked], use: Use, bounds: Bounds) -> str | None:
    """The place that grows least, if the candidate has grown by more since it was seen first; else None.

    A first size says nothing about growth, so that a candidate must have been seen before.
    """
    if use.key not in parked or _grown(use, parked) <= bounds.floor:
        return None
    free = [(_strength(track), key) for key, track in followed.items() if key not in bounds.pinned]
    if not free:
        return None
    strength, key = min(free)
    return key if _grown(use, parked) > 1.5 * strength else None


def _strength(track: Track) -> float:
    return track.series.last - min(track.series.values)


def _admitted(use: Use, seen: Parked | None, at: float, bounds: Bounds) -> Track:
    """A place that is new held less than the floor at every earlier reading: points too, half way between.

    What it had allocated by then nobody wrote down: as much less as it held less.
    """
    before = seen.value if seen is not None else bounds.floor / 2
    allocated = None if use.alloc is None else use.alloc - max(0.0, use.value - before)
    if seen is not None:
        series = append(Series(), seen.at, before, bounds.reach, DETAIL, allocated=allocated)
    elif bounds.earlier:
        series = level(bounds.earlier, before, bounds.reach, DETAIL, allocated=allocated)
    else:
        series = Series()
    series = append(series, at, use.value, bounds.reach, DETAIL, allocated=use.alloc)
    return Track(use.site, use.wait, series, labels.noted((), at, int(use.value), use.labels, hide=bounds.hide_labels))


def _largest(parked: dict[str, Parked]) -> dict[str, Parked]:
    if len(parked) <= PARKED:
        return parked
    kept = sorted(parked.items(), key=lambda item: (-item[1].value, item[0]))[:PARKED]
    return dict(sorted(kept))
