"""From a profile to the few numbers that are judged: totals, and what each function holds.

The `…_from_bytes` functions are what worker processes run: bytes in, a small picklable reading out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final

from leakwarden.api.words import WaitKind
from leakwarden.core.attribution import Attribution, Place
from leakwarden.core.frames import normalised, package_of, site_of, wait_kind
from leakwarden.core.memstats import parse_memstats
from leakwarden.core.pprof.decode import decode
from leakwarden.core.pprof.profile import Profile
from leakwarden.core.readings import GoroutineGroup, GoroutineReading, HeapReading, MemStats, Site, SiteUse
from leakwarden.errors import MalformedProfile, ProfileTooLarge

MAX_SITES: Final = 4096
"""Functions kept one by one in a reading; a gopls in a large workspace shows about 1,000."""

POOLED: Final = Site("(other functions)", "", 0, "")
"""Where the rest is added up, so that sums stay exact. It is no place in the code: no finding may name it."""

BALLAST: Final = {
    "golang.org/x/tools/gopls/internal/cache": re.compile(r"init(\.\d+)?(\.func\d+)?|glob\.\.func\d+"),
    "golang.org/x/tools/gopls/internal/lsp/cache": re.compile(r"init(\.\d+)?(\.func\d+)?|glob\.\.func\d+"),
    "golang.org/x/tools/internal/lsp/cache": re.compile(r"init(\.\d+)?(\.func\d+)?|glob\.\.func\d+"),
}
"""Functions that hold memory on purpose and for good, by package: not a leak, and not live data either.

gopls sets 100 MB aside when its package `cache` is initialised (`var ballast`) and never touches them: they make
garbage collections rarer. Counted as live heap they would top every idle profile and drown every percentage."""


def heap_from_bytes(data: bytes, max_bytes: int) -> HeapReading:
    """Decode and reduce a heap profile. Raises MalformedProfile or ProfileTooLarge."""
    return reduce_heap(decode(data, max_bytes=max_bytes))


def goroutines_from_bytes(data: bytes, max_bytes: int) -> GoroutineReading:
    """Decode and reduce a goroutine (or goroutineleak) profile. Raises MalformedProfile or ProfileTooLarge."""
    return reduce_goroutines(decode(data, max_bytes=max_bytes))


def memstats_from_bytes(data: bytes, max_bytes: int) -> MemStats:
    """Parse the memory statistics of a debug=1 heap profile. Raises MalformedProfile or ProfileTooLarge."""
    if len(data) > max_bytes:
        raise ProfileTooLarge(f"memstats: {len(data)} bytes, more than the {max_bytes} allowed")
    return parse_memstats(data)


def reduce_heap(profile: Profile) -> HeapReading:
    """Totals and sites of a heap profile; raises MalformedProfile when its sample types are not those of Go's.

    `live_bytes` and `ballast_bytes` add up to all of inuse_space, and the sites' inuse_bytes to `live_bytes`.
    `alloc_bytes` has everything in it.
    """
    columns = [profile.column(name) for name in ("inuse_space", "inuse_objects", "alloc_space", "alloc_objects")]
    attribution = Attribution(profile)
    uses: list[list[int]] = []
    for stack, inuse_bytes, inuse_objects, alloc_bytes, alloc_objects in zip(profile.stacks, *columns, strict=True):
        number = attribution[stack]
        if number == len(uses):
            uses.append([inuse_bytes, inuse_objects, alloc_bytes, alloc_objects])
            continue
        use = uses[number]
        # In a process that has run for a while, most stacks hold nothing any more.
        if inuse_bytes or inuse_objects:
            use[0] += inuse_bytes
            use[1] += inuse_objects
        use[2] += alloc_bytes
        use[3] += alloc_objects
    inuse, objects, allocated, allocations = (sum(column) for column in columns)
    ballast, sites = _by_function(zip(attribution.places, uses, strict=True))
    return HeapReading(
        live_bytes=inuse - ballast,
        ballast_bytes=ballast,
        alloc_bytes=allocated,
        fingerprint=_fingerprint(inuse, objects, allocated, allocations),
        sites=_bounded(sites),
    )


def _by_function(uses: Iterable[tuple[Place, list[int]]]) -> tuple[int, dict[str, SiteUse]]:
    """Bytes of ballast, and of everything else the use of each function, all its lines together.

    A function is shown at the line and leaf that hold most now, or else have allocated most.
    """
    ballast = 0
    sums: dict[str, list[int]] = {}
    shown: dict[str, Place] = {}
    # Largest first, so that the first place met of a function is the one to show.
    for place, use in sorted(uses, key=lambda item: (item[1][0], item[1][2]), reverse=True):
        function = normalised(place.frame.function)
        if is_ballast(function):
            ballast += use[0]
        elif function in sums:
            sums[function] = [have + more for have, more in zip(sums[function], use, strict=True)]
        elif any(use):
            sums[function] = use
            shown[function] = place
    return ballast, {function: SiteUse(site_of(*shown[function]), *use) for function, use in sums.items()}


def is_ballast(function: str) -> bool:
    package = package_of(function)
    pattern = BALLAST.get(package)
    return pattern is not None and pattern.fullmatch(function, len(package) + 1) is not None


def _bounded(sites: dict[str, SiteUse]) -> dict[str, SiteUse]:
    """The MAX_SITES that hold most (or else have allocated most), and the rest as one."""
    if len(sites) <= MAX_SITES:
        return sites
    ranked = sorted(sites.items(), key=lambda item: (item[1].inuse_bytes, item[1].alloc_bytes), reverse=True)
    rest = [use for _, use in ranked[MAX_SITES - 1 :]]
    pooled = SiteUse(
        POOLED,
        sum(use.inuse_bytes for use in rest),
        sum(use.inuse_objects for use in rest),
        sum(use.alloc_bytes for use in rest),
        sum(use.alloc_objects for use in rest),
    )
    return {**dict(ranked[: MAX_SITES - 1]), POOLED.function: pooled}


def _fingerprint(*totals: int) -> str:
    """The same twice in one process exactly when the sample table has the same values.

    Between collections Go adds rows for new stacks, all zero, and numbers its locations anew: the bytes of a profile
    change while its values stand still. A collection publishes what was allocated and freed since. What was allocated
    only ever raises the two allocation totals; without any, what was freed lowers the other two. So the totals tell.
    """
    return sha256(repr(totals).encode()).hexdigest()[:16]


def reduce_goroutines(profile: Profile) -> GoroutineReading:
    """Goroutines by function and kind of wait; raises MalformedProfile for a profile that counts something else.

    At most MAX_SITES groups; smaller ones are added up under POOLED, one a kind of wait, so that `total` stays exact.
    """
    if [kind.unit for kind in profile.sample_types] != ["count"]:
        have = ", ".join(kind.type for kind in profile.sample_types) or "none"
        raise MalformedProfile(f"reduce: not a goroutine profile: its sample types are {have}")
    attribution = Attribution(profile)
    waits = {stack: wait_kind(profile.frames(stack)) for stack in dict.fromkeys(profile.stacks)}
    counts: dict[tuple[str, WaitKind], dict[Place, int]] = {}
    for stack, count in zip(profile.stacks, profile.columns[0], strict=True):
        place = attribution.places[attribution[stack]]
        group = counts.setdefault((normalised(place.frame.function), waits[stack]), {})
        group[place] = group.get(place, 0) + count
    groups = [_group(wait, places_of) for (_, wait), places_of in counts.items()]
    return GoroutineReading(sum(profile.columns[0]), _bounded_groups(groups))


def _group(wait: WaitKind, counts: Mapping[Place, int]) -> GoroutineGroup:
    shown = max(counts, key=counts.__getitem__)
    return GoroutineGroup(site_of(*shown), wait, sum(counts.values()))


def _bounded_groups(groups: Iterable[GoroutineGroup]) -> tuple[GoroutineGroup, ...]:
    ranked = sorted(groups, key=_largest_first)
    if len(ranked) <= MAX_SITES:
        return tuple(ranked)
    kept = ranked[: MAX_SITES - len(WaitKind)]
    rest: dict[WaitKind, int] = {}
    for group in ranked[len(kept) :]:
        rest[group.wait] = rest.get(group.wait, 0) + group.count
    return tuple(sorted([*kept, *(GoroutineGroup(POOLED, wait, n) for wait, n in rest.items())], key=_largest_first))


def _largest_first(group: GoroutineGroup) -> tuple[int, str, str]:
    return -group.count, group.site.function, group.wait
