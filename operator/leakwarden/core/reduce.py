"""From a profile to the few numbers that are judged: totals, and what each function holds.

The `…_from_bytes` functions are what worker processes run: bytes in, a small picklable reading out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Final, NamedTuple, TypeAlias

from leakwarden.api.words import WaitKind
from leakwarden.core import map_entries, stacks
from leakwarden.core.attribution import Attribution
from leakwarden.core.frames import normalised, package_of, site_of, wait_kind
from leakwarden.core.labels import LabelTally
from leakwarden.core.memstats import parse_memstats
from leakwarden.core.pprof.decode import decode
from leakwarden.core.pprof.locations import Frame
from leakwarden.core.pprof.profile import PackedStack, Profile
from leakwarden.core.readings import (
    POOLED,
    GoroutineGroup,
    GoroutineReading,
    HeapReading,
    LabelledRun,
    MemStats,
    Site,
    SiteUse,
)
from leakwarden.core.stacks import HeapSample
from leakwarden.errors import MalformedProfile, ProfileTooLarge

MAX_SITES: Final = 4096
"""Functions kept one by one in a reading; a gopls in a large workspace shows about 1,000."""

BALLAST: Final = {"golang.org/x/tools/gopls/internal/cache": re.compile(r"init(\.\d+)?")}
"""Functions that hold memory on purpose and for good, by package: not a leak, and not live data either.

Since v0.17 gopls sets 100 MB aside when its package `cache` is initialised (`var ballast`) and never touches them: they
make garbage collections rarer. Counted as live heap they would top every idle profile and drown every percentage. Only
what runs once, before main, is meant: a function literal of the package may run at any time, and leak."""


MAX_LABELS: Final = 200_000
"""Labels that are read of one profile, about a second's work: of one with more, none are known."""
LABELLED: Final = 8
"""Groups of goroutines whose labels are kept: the largest ones that carry any."""
LABELLED_RUNS: Final = 64
"""Functions of which is kept whose goroutines run through them."""

_Place: TypeAlias = tuple[str, WaitKind]
_Values: TypeAlias = tuple[int, int, int, int]
"""In use, bytes and objects; ever allocated, bytes and objects."""


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
    uses = Attribution(profile, _Use)
    rows = zip(range(len(profile.stacks)), profile.stacks, *columns, strict=True)
    for number, stack, inuse_bytes, inuse_objects, alloc_bytes, alloc_objects in rows:
        use = uses[stack]
        use.alloc_bytes += alloc_bytes
        use.alloc_objects += alloc_objects
        # In a process that has run for a while, most stacks hold nothing any more.
        if inuse_bytes or inuse_objects:
            use.inuse_bytes += inuse_bytes
            use.inuse_objects += inuse_objects
            use.samples.append((inuse_bytes, number))
            if inuse_bytes > use.most or (inuse_bytes == use.most and uses.leaf(stack) < uses.leaf(use.stack)):
                use.most, use.stack = inuse_bytes, stack
    counted = sorted(uses.counters(), key=_largest)
    totals = _total(use.values() for _, use in counted)
    ballast, sites = _by_function(counted, uses)
    samples = _samples(counted)
    return HeapReading(
        live_bytes=totals[0] - ballast,
        ballast_bytes=ballast,
        alloc_bytes=totals[2],
        fingerprint=_fingerprint(totals),
        sites=_bounded(sites),
        kept=stacks.kept(profile, columns[1], samples),
        entries=map_entries.counted(
            profile, columns[1], samples, lambda function: sites[function].site if function in sites else None
        ),
    )


class _Use:
    """What one line holds and has allocated, and the stack through which it holds most."""

    __slots__ = ("alloc_bytes", "alloc_objects", "inuse_bytes", "inuse_objects", "most", "samples", "stack")

    def __init__(self) -> None:
        self.inuse_bytes = self.inuse_objects = self.alloc_bytes = self.alloc_objects = self.most = 0
        self.stack: PackedStack = b""
        self.samples: list[HeapSample] = []

    def values(self) -> _Values:
        return self.inuse_bytes, self.inuse_objects, self.alloc_bytes, self.alloc_objects


def _total(uses: Iterable[_Values]) -> _Values:
    total = (0, 0, 0, 0)
    for use in uses:
        total = _added(total, use)
    return total


def _by_function(counted: Iterable[tuple[Frame, _Use]], uses: Attribution[_Use]) -> tuple[int, dict[str, SiteUse]]:
    """Bytes of ballast, and of everything else the use of each function, all its lines together.

    `counted` has the largest first, so that the first line met of a function is the one to show: a function is shown
    at the line that holds most now, or else has allocated most, and the leaf through which it does.
    """
    for stack, use in uses.items():
        use.stack = use.stack or stack  # Any will do for a line that holds nothing.
    ballast = 0
    sums: dict[str, _Values] = {}
    sites: dict[str, Site] = {}
    for frame, use in counted:
        function = normalised(frame.function)
        if is_ballast(function):
            ballast += use.inuse_bytes
        elif function in sums:
            sums[function] = _added(sums[function], use.values())
        elif any(use.values()):
            sums[function] = use.values()
            sites[function] = site_of(frame, uses.leaf(use.stack))
    return ballast, {function: SiteUse(sites[function], *values) for function, values in sums.items()}


def _samples(counted: Iterable[tuple[Frame, _Use]]) -> dict[str, list[HeapSample]]:
    """What holds something now, by function, without the ballast."""
    found: dict[str, list[HeapSample]] = {}
    for frame, use in counted:
        function = normalised(frame.function)
        if use.samples and not is_ballast(function):
            found.setdefault(function, []).extend(use.samples)
    return found


def _largest(counted: tuple[Frame, _Use]) -> tuple[int, int, int]:
    """Largest first, and the same order whatever the order of the samples, which Go changes from profile to profile."""
    frame, use = counted
    return -use.inuse_bytes, -use.alloc_bytes, frame.line


def _added(some: _Values, more: _Values) -> _Values:
    return some[0] + more[0], some[1] + more[1], some[2] + more[2], some[3] + more[3]


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


def _fingerprint(totals: Sequence[int]) -> str:
    """The same twice in one process exactly when the sample table has the same values.

    Between collections Go adds rows for new stacks, all zero, and numbers its locations anew: the bytes of a profile
    change while its values stand still. A collection publishes what was allocated and freed since. What was allocated
    only ever raises the two allocation totals; without any, what was freed lowers the other two. So the totals tell.
    """
    return sha256(repr(tuple(totals)).encode()).hexdigest()[:16]


def reduce_goroutines(profile: Profile) -> GoroutineReading:
    """Goroutines by function and kind of wait; raises MalformedProfile for a profile that counts something else.

    At most MAX_SITES groups; smaller ones are added up under POOLED, one a kind of wait, so that `total` stays exact.
    """
    if [kind.unit for kind in profile.sample_types] != ["count"]:
        have = ", ".join(kind.type for kind in profile.sample_types) or "none"
        raise MalformedProfile(f"reduce: not a goroutine profile: its sample types are {have}")
    standing: Attribution[dict[PackedStack, int]] = Attribution(profile, dict)
    for stack, number in zip(profile.stacks, profile.columns[0], strict=True):
        counts = standing[stack]
        counts[stack] = counts.get(stack, 0) + number
    groups: dict[_Place, _Standing] = {}
    places: dict[PackedStack, _Place] = {}
    for frame, counts in standing.counters():
        for stack, number in counts.items():
            site = site_of(frame, standing.leaf(stack))
            place = places[stack] = site.function, wait_kind(profile.frames(stack))
            group = groups.setdefault(place, _Standing({}, {}))
            group.sites[site] = group.sites.get(site, 0) + number
            group.stacks[stack] = group.stacks.get(stack, 0) + number
    reading = GoroutineReading(
        total=sum(profile.columns[0]),
        groups=_bounded_groups(_group(wait, group.sites) for (_, wait), group in groups.items()),
        calls=stacks.group_calls(profile, ((name, wait, group.stacks) for (name, wait), group in groups.items())),
    )
    return _with_labels(reading, profile, places) if profile.labelled else reading


class _Standing(NamedTuple):
    """The goroutines of one group, by the place to show and by stack."""

    sites: dict[Site, int]
    stacks: dict[PackedStack, int]


def _group(wait: WaitKind, counts: Mapping[Site, int]) -> GoroutineGroup:
    shown = min(counts, key=lambda site: (-counts[site], site))
    return GoroutineGroup(shown, wait, sum(counts.values()))


def _with_labels(
    reading: GoroutineReading, profile: Profile, places: Mapping[PackedStack, _Place]
) -> GoroutineReading:  # fmt: skip
    """The reading with the labels of the process, of its LABELLED largest groups, and of what runs through where."""
    tally: LabelTally[_Place | str | None] = LabelTally()
    through = stacks.Through(profile)
    for number, (stack, count) in enumerate(zip(profile.stacks, profile.columns[0], strict=True)):
        through.add(stack, count)
        tally.add((None, places[stack], *through[stack]), profile.labels[number], count)
        if tally.added > MAX_LABELS:
            return reading
    keys = tally.keys(None)
    groups = list(reading.groups)
    left = LABELLED
    for index, group in enumerate(groups):
        uses = tally.uses((group.site.function, group.wait), keys) if left else ()
        if uses and group.site != POOLED:
            groups[index] = replace(group, labels=uses)
            left -= 1
    labelled = {name: (tally.carried(name), count) for name, count in through.counts.items()}
    most = sorted((name for name, (carried, _) in labelled.items() if carried), key=lambda n: (-labelled[n][0], n))
    return replace(
        reading,
        groups=tuple(groups),
        labels=tally.uses(None, keys),
        through={name: LabelledRun(through.counts[name], tally.uses(name, keys)) for name in most[:LABELLED_RUNS]},
    )


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
