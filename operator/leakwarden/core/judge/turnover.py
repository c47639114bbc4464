"""How much of what the growing places allocated they kept: the incremental diff of allocated, freed and retained bytes.

Of some sixty recorded Go programs, the places that leak kept 97 % and more of what they allocated, but for one that
hands most of it on; busy places whose level swings with their work kept 10 to 50 % while it rose (docs/judging.md).
"""

from __future__ import annotations

from collections.abc import Callable

from leakwarden.api.words import Signal
from leakwarden.core.judge.series import gained, kept_share
from leakwarden.core.judge.shapes import AT_THE_END
from leakwarden.core.judge.values import Segment
from leakwarden.core.rules import Rule

CARRIERS = 0.5
"""Share of the growth of the live heap that the places with most growth must explain to stand for all of it."""
OF_MEMORY = frozenset({Signal.LIVE_HEAP, Signal.HEAP_INUSE, Signal.SYS, Signal.CONTAINER_MEMORY})


def kept(rule: Rule, key: str, segment: Segment) -> Callable[[float], float] | None:
    """Since a time: the share kept by the place, or by those that carry the live heap's growth; None for no memory."""
    if rule.signal is Signal.SITE_BYTES:
        series = segment.sites.followed[key].series
        return lambda since: kept_share(series, since)
    if rule.signal in OF_MEMORY and rule.growth is not None:
        over = rule.growth.window * AT_THE_END
        return lambda since: _by_carriers(segment, since, over)
    return None


def _by_carriers(segment: Segment, since: float, over: float) -> float:
    """0 where the growth is spread over more places than are followed: nobody has seen then who kept what.

    The carriers are those whose lowest of the last `over` seconds has grown most, so that a burst carries nothing; of
    the newer half of a shorter time.
    """
    if not len(segment.live):
        return 0.0
    over = min(over, max(0.0, segment.live.last_time - since) / 2)
    wanted = CARRIERS * gained(segment.live, since, over)
    ranked = sorted(((gained(t.series, since, over), k) for k, t in segment.sites.followed.items()), reverse=True)
    found = grown = allocated = 0.0
    for rise, key in ranked:
        if rise <= 0 or found >= wanted:
            break
        series = segment.sites.followed[key].series
        first = min(series.first_from(since), len(series) - 1)
        more = max(rise, series.last - series.values[first])
        found, grown = found + rise, grown + more
        allocated += max(more, series.allocated[-1] - series.allocated[first])
    return grown / allocated if allocated > 0 and found >= wanted else 0.0
