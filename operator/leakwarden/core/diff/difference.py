"""Subtracting one profile from another, function by function and line by line.

A stack's value counts once for every place in it (cumulative), however often recursion brings the place in, and for its
innermost place (flat). An inlined call is a place of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

from leakwarden.core.diff.drop import cut, dropping
from leakwarden.core.diff.places import Opened, Place
from leakwarden.core.diff.units import Column
from leakwarden.core.pprof.profile import PackedStack, ValueType, location_ids


class By(StrEnum):
    """Which of the two amounts comes first in the order."""

    FLAT = "flat"
    CUM = "cum"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a function, or a line of it, has more in the new profile than in the base; negative where it has less."""

    function: str
    file: str
    """Empty for whole functions, and where it is unknown."""
    line: int
    """0 for whole functions, and where it is unknown."""
    flat: int
    cum: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Entries with anything that is not zero, the largest first."""

    kind: ValueType
    """The sample type, and the unit of every amount."""
    functions: tuple[Entry, ...]
    lines: tuple[Entry, ...]


def difference(base: Opened, new: Opened, sample_index: str = "", by: By = By.FLAT) -> Difference:
    """`new` less `base`. The sample type is given by name or number, or else the one that pprof would take.

    Raises IncomparableProfiles, InvalidSpec for a sample type that the profiles do not have, MalformedProfile for
    frames to drop that cannot be understood.
    """
    column = Column(base.profile, new.profile, sample_index)
    dropped = dropping(new.drop_frames, new.keep_frames)
    totals = _Totals()
    totals.add(new, column.new, dropped)
    totals.add(base, column.base, dropped)
    return Difference(
        column.kind, _ordered(_entries(*totals.by_function()), by), _ordered(_entries(totals.flat, totals.cum), by)
    )


class _Totals:
    """Amounts by line. Places are numbered, as hashing five fields for each frame of each stack would cost most."""

    def __init__(self) -> None:
        self.flat: dict[Place, int] = {}
        self.cum: dict[Place, int] = {}
        self._function_cum: dict[Place, int] = {}

    def add(self, opened: Opened, values: Sequence[int], dropped: Callable[[str], bool] | None) -> None:
        locations, verdicts = opened.without(dropped) if dropped else (opened.locations, None)
        places = [*dict.fromkeys(chain.from_iterable(locations.values()))]
        numbers = {place: number for number, place in enumerate(places)}
        functions = [*dict.fromkeys(place.whole_function() for place in places)]
        function_numbers = {place: number for number, place in enumerate(functions)}
        owners = [function_numbers[place.whole_function()] for place in places]
        lines = {location: frozenset(numbers[place] for place in found) for location, found in locations.items()}
        flat, cum, function_cum = [0] * len(places), [0] * len(places), [0] * len(functions)
        for stack, value in _by_stack(opened.profile.stacks, values).items():
            ids: Sequence[int] = [*location_ids(stack)]
            if verdicts is not None:
                ids = cut(ids, verdicts)
            if not value or not ids:
                continue
            flat[numbers[locations[ids[0]][0]]] += value
            through = frozenset[int]().union(*map(lines.__getitem__, ids))
            for number in through:
                cum[number] += value
            for number in set(map(owners.__getitem__, through)):
                function_cum[number] += value
        _add(self.flat, zip(places, flat, strict=True))
        _add(self.cum, zip(places, cum, strict=True))
        _add(self._function_cum, zip(functions, function_cum, strict=True))

    def by_function(self) -> tuple[dict[Place, int], dict[Place, int]]:
        flat: dict[Place, int] = {}
        _add(flat, ((place.whole_function(), value) for place, value in self.flat.items()))
        return flat, self._function_cum


def _by_stack(stacks: Iterable[PackedStack], values: Iterable[int]) -> dict[PackedStack, int]:
    """Stacks that hold anything, each once. Most of those in a heap profile have been freed."""
    totals: dict[PackedStack, int] = {}
    for stack, value in zip(stacks, values, strict=True):
        if value:
            totals[stack] = totals.get(stack, 0) + value
    return totals


def _add(totals: dict[Place, int], more: Iterable[tuple[Place, int]]) -> None:
    for place, value in more:
        if value:
            totals[place] = totals.get(place, 0) + value


def _entries(flat: Mapping[Place, int], cum: Mapping[Place, int]) -> Iterable[Entry]:
    for place in {**cum, **flat}:
        own, through = _int64(flat.get(place, 0)), _int64(cum.get(place, 0))
        if own or through:
            yield Entry(place.shown_function(), place.file, place.line, own, through)


def _int64(value: int) -> int:
    """pprof adds in 64 bits."""
    return (value + 2**63) % 2**64 - 2**63


def _ordered(entries: Iterable[Entry], by: By) -> tuple[Entry, ...]:
    """Largest first whatever the sign, equals by the other amount, then by name."""

    def rank(entry: Entry) -> tuple[int, int, str, str, int]:
        first, second = (entry.cum, entry.flat) if by is By.CUM else (entry.flat, entry.cum)
        return -abs(first), -abs(second), entry.function, entry.file, entry.line

    return tuple(sorted(entries, key=rank))
