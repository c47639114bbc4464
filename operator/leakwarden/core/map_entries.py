"""How Go's maps look in a heap profile, told from the sizes of their parts.

A heap profile hides the runtime's innermost frames, mapassign and all below it: what a plain map allocates is put down
to the function that stored into it, and only the size of the objects (label `bytes`) tells what they are. sync.Map is
written in Go outside the runtime, one object an entry, and keeps its frames.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from math import expm1
from typing import Final

from leakwarden.core.pprof.profile import Profile
from leakwarden.core.readings import MapEntries, Site

OF_SYNC_MAP: Final = ("internal/sync.newEntryNode", "sync.newEntry")
"""How the functions begin that allocate one object an entry of a sync.Map, since Go 1.24 and before."""
ENTRIES: Final = (*OF_SYNC_MAP, "container/list.(*List).insertValue")
"""The same of all containers of interface values."""
ENTRY_SIZE: Final = 48
"""Bytes of an entry of a sync.Map, where none was seen that would tell."""

SLOTS: Final = 1024
"""Of a full-grown table of a map (internal/runtime/maps: maxTableCapacity). A larger map has several, Go 1.24 on."""
LEAST_LOAD: Final = 7 / 16
"""Share of its slots that are taken right after a table was split in two."""
MOST_LOAD: Final = 7 / 8
"""The share at which it is split (maxAvgGroupLoad of 8)."""

_GROUP, _CONTROL = 8, 8
"""Slots of a group, and the bytes of its control word."""
_LARGEST_SLOT: Final = 256
"""Bytes: keys and values of more than 128 are kept behind pointers."""
_CLASSES: Final = (9472, 18432, 27264)
"""Size classes (runtime/sizeclasses.go) of full-grown tables with small slots. Larger ones take whole pages."""
_PAGE: Final = 8192


@cache
def table_sizes() -> frozenset[int]:
    """Bytes that a full-grown table takes, by slots of 8, 16, … bytes; without powers of two, which buffers have."""
    exact = [SLOTS // _GROUP * (_CONTROL + _GROUP * slot) for slot in range(8, _LARGEST_SLOT + 1, 8)]
    sizes = {next((c for c in _CLASSES if size <= c), 0) or -(-size // _PAGE) * _PAGE for size in exact}
    return frozenset(size for size in sizes if size & (size - 1))


def is_table(size: int) -> bool:
    """Whether an object of so many bytes may be a full-grown table of a map; others may be of that size, too."""
    return size in table_sizes()


def counted(
    profile: Profile,
    objects: Sequence[int],
    samples: Mapping[str, Sequence[tuple[int, int]]],
    site_of: Callable[[str], Site | None],
) -> MapEntries:
    """Entries of sync.Maps. `objects`: of every sample, in use; `samples`: by function, bytes and number of a sample.

    An object of `size` bytes is sampled with probability 1 - exp(-size/period) (runtime/pprof: scaleHeapSample).
    """
    entries: dict[str, int] = {}
    size = ENTRY_SIZE
    if any(name.startswith(OF_SYNC_MAP) for name, _ in profile.functions.values()):
        for function, some in samples.items():
            for held, number in some:
                if objects[number] > 0 and _leaf(profile, number).startswith(OF_SYNC_MAP):
                    entries[function] = entries.get(function, 0) + objects[number]
                    size = max(1, held // objects[number])
    most = min(entries, key=lambda function: (-entries[function], function), default="")
    each = -1 / expm1(-size / profile.period) if profile.period > 1 else 1.0
    return MapEntries(sum(entries.values()), each, site_of(most) if most else None)


def _leaf(profile: Profile, number: int) -> str:
    return next((frame.function for frame in profile.frames(profile.stacks[number])[:1]), "")
