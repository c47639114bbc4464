"""The places in a program's code that a profile tells of, kept as columns until somebody asks for a frame."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import sub
from typing import NamedTuple, TypeAlias


class Frame(NamedTuple):
    """One call."""

    function: str
    """As the linker names it; `0x4f2a10` where only the address is known."""
    file: str
    line: int
    """1-based, 0 unknown."""


Stack: TypeAlias = tuple[Frame, ...]
"""Innermost call first; a call that was inlined has a frame of its own."""

Functions: TypeAlias = Mapping[int, tuple[str, str]]
"""Name and file by function id."""


@dataclass(frozen=True, slots=True)
class Lines:
    """All lines of all locations one after another, column by column: which location's, which function, which line."""

    location: Sequence[int]
    function: Sequence[int]
    line: Sequence[int]


class Locations(Mapping[int, Stack]):
    """By location id: the frames at that place, the innermost first.

    A profile of a megabyte has five thousand lines, of which totals by site need a few hundred as frames: so frames are
    made when asked for. `ends[i]` is where the lines of the location `ids[i]` end. A location without lines has one
    frame, named by its address.
    """

    __slots__ = ("_addresses", "_ends", "_frames", "_functions", "_lines", "_numbers")

    def __init__(
        self, functions: Functions, ids: Sequence[int], ends: Sequence[int], lines: Lines, addresses: Mapping[int, int]
    ) -> None:
        self._functions = functions
        self._lines = lines
        self._numbers = dict(zip(ids, range(len(ids)), strict=True))
        self._ends = [*ends, 0]
        """The last one makes `_ends[number - 1]` the start of the first, too."""
        self._addresses = addresses
        self._frames: dict[int, Stack] = {}

    def __getitem__(self, location: int) -> Stack:
        frames = self._frames.get(location)
        if frames is None:
            number = self._numbers[location]
            frames = tuple(map(self.frame, range(self._ends[number - 1], self._ends[number])))
            frames = self._frames[location] = frames or (Frame(f"0x{self._addresses[location]:x}", "", 0),)
        return frames

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def __contains__(self, location: object) -> bool:
        return location in self._numbers

    def deepest(self) -> int:
        """Lines of the location that has most."""
        sizes: Iterator[int] = map(sub, self._ends, [0, *self._ends])
        return max(sizes)

    def calling(self, functions: Collection[int]) -> dict[int, int]:
        """By id of each location with a line in one of these functions: the number of the innermost such line."""
        found: dict[int, int] = {}
        for number, (location, function) in enumerate(zip(self._lines.location, self._lines.function, strict=True)):
            if function in functions and location not in found:
                found[location] = number
        return found

    def frame(self, line: int) -> Frame:
        """The frame of one line, by the number that `calling` gave."""
        return Frame(*self._functions[self._lines.function[line]], self._lines.line[line])
