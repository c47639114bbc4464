"""Bytes in, a validated `Profile` out: unpack, parse, read the tables, check that everything leads somewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, overload

from leakwarden.core.pprof import columns, rows
from leakwarden.core.pprof import profile_pb2 as pb
from leakwarden.core.pprof.locations import Locations
from leakwarden.core.pprof.profile import Labels, PackedStack, Profile, ValueType
from leakwarden.core.pprof.rows import Strings
from leakwarden.core.pprof.unpack import unpack
from leakwarden.core.pprof.wire import parse
from leakwarden.errors import MalformedProfile, ProfileTooLarge

MAX_ROWS: Final = 1_000_000
"""In one table. A row of two bytes on the wire becomes some eighty here, so a cap on bytes alone would not hold."""
MAX_STACK_BYTES: Final = 65_536
MAX_LINES: Final = 4_096
MAX_LABELS: Final = 1_000
"""On one sample; looked at when its labels are asked for."""


def decode(data: bytes, *, max_bytes: int) -> Profile:
    """A profile as a Go process serves it: protobuf, gzipped or not, at most `max_bytes` in either form.

    Refuses what `go tool pprof` refuses. Raises MalformedProfile, its message led by the stage (`unpack`, `parse`,
    `strings`, `mappings`, `functions`, `locations`, `samples`, `labels`), or ProfileTooLarge.
    """
    data = unpack(data, max_bytes)
    if not data:
        raise MalformedProfile("parse: the profile is empty")
    message = parse(pb.Profile, data)
    _check_size(message)
    if any(message.time_nanos[:-1]):
        raise MalformedProfile("parse: several profiles glued together")
    strings = Strings(message.string_table[:])
    return _read(message, strings, regular=columns.usable(data))


def _check_size(message: pb.Profile) -> None:
    for table in ("sample_type", "sample", "mapping", "location", "function", "string_table"):
        count = len(getattr(message, table))
        if count > MAX_ROWS:
            raise ProfileTooLarge(f"parse: {count} rows of {table}, more than the {MAX_ROWS} allowed")


def _read(message: pb.Profile, strings: Strings, *, regular: bool) -> Profile:
    """All tables. Where the columns answer None (`or`), and where they may not be used, the rows decide."""
    sample_types = tuple(rows.value_type(row, strings) for row in message.sample_type)
    sample_rows, location_rows, function_rows = message.sample[:], message.location[:], message.function[:]
    if sample_rows and not sample_types:
        raise MalformedProfile("samples: there are samples and no sample types")
    functions = (regular and columns.functions(function_rows, strings)) or rows.functions(function_rows, strings)
    locations = (regular and columns.locations(location_rows, functions)) or rows.locations(location_rows, functions)
    table = (regular and columns.samples(sample_rows, len(sample_types), locations, strings)) or rows.samples(
        sample_rows, len(sample_types), locations
    )
    _check_depth(locations, table.stacks)
    for label in table.labels:
        rows.labels([label], strings)
    for index in (message.drop_frames, message.keep_frames, message.doc_url, *message.comment):
        _ = strings[index]
    return Profile(
        sample_types=sample_types,
        default_sample_type=strings[message.default_sample_type],
        period_type=([ValueType("", "")] + [rows.value_type(row, strings) for row in message.period_type])[-1],
        period=message.period,
        time_nanos=message.time_nanos[-1] if message.time_nanos else 0,
        duration_nanos=message.duration_nanos,
        mappings=rows.mappings(message.mapping, strings),
        functions=functions,
        locations=locations,
        stacks=table.stacks,
        columns=table.columns,
        labels=_LabelsOnDemand(sample_rows, strings),
        labelled=table.labelled,
    )


def _check_depth(locations: Locations, stacks: Iterable[PackedStack]) -> None:
    """Go records 128 calls at most; absurd depths would cost time in the square of the profile's size."""
    if locations.deepest() > MAX_LINES:
        raise ProfileTooLarge(f"locations: a location of more than {MAX_LINES} lines")
    if len(max(stacks, key=len, default=b"")) > MAX_STACK_BYTES:
        raise ProfileTooLarge(f"samples: a stack of more than {MAX_STACK_BYTES} bytes")


class _LabelsOnDemand(Sequence[Labels]):
    """Labels by sample number. Totals need none of them, so a sample's row is read again when they are asked for."""

    __slots__ = ("_rows", "_strings")

    def __init__(self, sample_rows: Sequence[bytes], strings: Strings) -> None:
        self._rows = sample_rows
        self._strings = strings

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Labels: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Labels]: ...
    def __getitem__(self, index: int | slice) -> Labels | Sequence[Labels]:
        if isinstance(index, slice):
            return _LabelsOnDemand(self._rows[index], self._strings)
        labels = parse(pb.Sample, self._rows[index]).label
        if len(labels) > MAX_LABELS:
            raise ProfileTooLarge(f"labels: sample {index} has more than {MAX_LABELS} labels")
        return rows.labels(labels, self._strings)
