"""A decoded profile: immutable, and shaped for adding up rather than for drawing graphs.

A profile of one megabyte has some fifteen thousand samples of twenty frames each. Building a tuple of frames for
every one would cost more than everything else together, and totals need none of it: so a sample keeps its stack
packed, as it came over the wire, equal stacks are equal bytes, and `frames` expands the ones that are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from leakwarden.core.pprof.locations import Frame, Functions, Locations, Stack
from leakwarden.errors import MalformedProfile, ProfileTooLarge

PackedStack: TypeAlias = bytes
"""The location ids of a stack as protobuf varints, leaf first. Equal stacks of one profile are equal bytes."""

MAX_FRAMES = 65_536
"""The deepest stack that is expanded; Go records at most 128 calls."""


@dataclass(frozen=True, slots=True)
class ValueType:
    type: str
    """`inuse_space`, `goroutine`, …"""
    unit: str
    """`bytes`, `count`, …"""


@dataclass(frozen=True, slots=True)
class ProgramMapping:
    """A file that was mapped into the process: its path, build id and addresses."""

    id: int
    start: int
    limit: int
    offset: int
    file: str
    build_id: str


@dataclass(frozen=True, slots=True)
class NumericLabel:
    value: int
    unit: str


@dataclass(frozen=True, slots=True)
class Labels:
    """What a sample is labelled with. A key may be given several times, so values are tuples."""

    text: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    numeric: Mapping[str, tuple[NumericLabel, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    stack: Stack
    values: tuple[int, ...]
    """One a sample type, in their order."""
    labels: Labels


@dataclass(frozen=True, slots=True)
class Profile:
    """A valid profile: every index and id in it has been checked to lead somewhere.

    `stacks`, `columns[i]` and `labels` run in parallel, one entry a sample. Negative values are possible (differences).
    """

    sample_types: tuple[ValueType, ...]
    default_sample_type: str
    """Empty where the writer named none; pprof then takes the last sample type."""
    period_type: ValueType
    period: int
    time_nanos: int
    """Unix time at which it was taken, in nanoseconds; 0 unknown."""
    duration_nanos: int
    mappings: tuple[ProgramMapping, ...]
    functions: Functions
    locations: Locations
    stacks: Sequence[PackedStack]
    columns: tuple[Sequence[int], ...]
    """One a sample type: the value of every sample."""
    labels: Sequence[Labels]
    """Read when asked for, and so not free."""
    labelled: bool = True
    """False: no sample has a label, so that none need be asked for."""

    def column(self, sample_type: str) -> Sequence[int]:
        """The values of every sample, of the sample type of that name. Raises MalformedProfile where there is none."""
        for kind, values in zip(self.sample_types, self.columns, strict=True):
            if kind.type == sample_type:
                return values
        have = ", ".join(kind.type for kind in self.sample_types) or "none"
        raise MalformedProfile(f"reduce: no sample type {sample_type}, only {have}")

    def frames(self, stack: PackedStack) -> Stack:
        """All frames of a stack, innermost first. Raises ProfileTooLarge past MAX_FRAMES."""
        frames: list[Frame] = []
        for location in location_ids(stack):
            frames += self.locations[location]
            if len(frames) > MAX_FRAMES:
                raise ProfileTooLarge(f"stack: more than {MAX_FRAMES} frames")
        return tuple(frames)

    def samples(self) -> Iterator[Sample]:
        """Every sample in full, one after another; each different stack is expanded once."""
        expanded: dict[PackedStack, Stack] = {}
        for number, (stack, values) in enumerate(zip(self.stacks, zip(*self.columns, strict=True), strict=True)):
            frames = expanded.get(stack)
            if frames is None:
                frames = expanded[stack] = self.frames(stack)
            yield Sample(frames, values, self.labels[number])


_64_BITS = 2**64 - 1
"""What readers of varints keep of ten bytes."""


def location_ids(stack: PackedStack) -> Iterator[int]:
    """The location ids of a packed stack, leaf first."""
    value = shift = 0
    for byte in stack:
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            yield value & _64_BITS
            value = shift = 0
        else:
            shift += 7


def pack(location_ids: Sequence[int]) -> PackedStack:
    """The other way round, each id in the fewest bytes."""
    packed = bytearray()
    for location in location_ids:
        rest = location
        while rest > 0x7F:
            packed.append(rest & 0x7F | 0x80)
            rest >>= 7
        packed.append(rest)
    return bytes(packed)
