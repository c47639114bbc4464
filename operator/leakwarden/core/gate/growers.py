"""Where the growth is: the functions whose memory, and the places where goroutines, grew with the runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from leakwarden.api.words import WaitKind
from leakwarden.core.gate.values import Grower, Kind, Measurement, Plan
from leakwarden.core.judge.statistics import least_squares_slope
from leakwarden.core.readings import POOLED, Site

MOST: Final = 5
"""Places named at most."""
_LEAST_SHARE: Final = 0.05
"""A place with less of the growth than this is not worth a line."""

_Place: TypeAlias = tuple[str, WaitKind | None]


def growers(kind: Kind, measured: Sequence[Measurement], plan: Plan) -> tuple[Grower, ...]:
    """The places that grew, largest first; a share is one of the growth of all places, those that shrank included.

    By least squares, since that adds up: the slopes of all places together are that of the whole.
    """
    tables = [_places(kind, one) for one in measured]
    sites = {place: site for table in tables for place, (site, _) in table.items() if site != POOLED}
    runs = range(len(tables))
    none = (POOLED, 0)
    grown = {
        place: least_squares_slope(runs, [table.get(place, none)[1] for table in tables]) * plan.repeats
        for place in sites
    }
    whole = least_squares_slope(runs, [sum(amount for _, amount in table.values()) for table in tables]) * plan.repeats
    if whole <= 0:
        return ()
    ranked = sorted(grown, key=lambda place: (-grown[place], place))[:MOST]
    return tuple(
        Grower(sites[place], grown[place], grown[place] / whole, place[1])
        for place in ranked
        if grown[place] >= _LEAST_SHARE * whole
    )


def _places(kind: Kind, one: Measurement) -> Mapping[_Place, tuple[Site, int]]:
    if kind is Kind.HEAP:
        return {(name, None): (use.site, use.inuse_bytes) for name, use in one.heap.sites.items()}
    return {(group.site.function, group.wait): (group.site, group.count) for group in one.goroutines.groups}
