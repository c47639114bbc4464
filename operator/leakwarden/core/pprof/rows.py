"""The tables of a profile read row by row: the plain way, which checks every rule of pprof's `CheckValid` one by one.

`columns.py` reads the same tables much faster when they are regular, and leaves everything else to this module. So the
rules, and the words in which a breach is reported, live here alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from leakwarden.core.pprof import profile_pb2 as pb
from leakwarden.core.pprof.locations import Functions, Lines, Locations
from leakwarden.core.pprof.profile import Labels, NumericLabel, PackedStack, ProgramMapping, ValueType, pack
from leakwarden.core.pprof.wire import parse
from leakwarden.errors import MalformedProfile

MAX_TEXT = 1024
"""Bytes kept of a text. Function names stay far below; what is longer is of no use to a reader, and would be kept
long."""


class Strings:
    """The string table, each text cut at MAX_TEXT. Looking up an index that is not in it raises MalformedProfile."""

    def __init__(self, table: Iterable[bytes]) -> None:
        self._texts = _decoded(list(table))
        if not self._texts:
            raise MalformedProfile("strings: the string table is empty")
        if self._texts[0]:
            raise MalformedProfile("strings: the first entry of the string table must be empty")

    def __getitem__(self, index: int) -> str:
        if 0 <= index < len(self._texts):
            return self._texts[index]
        raise MalformedProfile(f"strings: no string {index} in a table of {len(self._texts)}")

    def have(self, indexes: Sequence[int]) -> bool:
        return not indexes or (min(indexes) >= 0 and max(indexes) < len(self._texts))

    def texts(self, indexes: Sequence[int]) -> list[str]:
        """Many at once."""
        if self.have(indexes):
            return [self._texts[index] for index in indexes]
        return [self[index] for index in indexes]


def _decoded(table: list[bytes]) -> list[str]:
    if max(map(len, table), default=0) <= MAX_TEXT:
        try:
            return [*map(bytes.decode, table)]
        except UnicodeDecodeError:
            pass  # Then one by one, and what is no UTF-8 replaced.
    return [text[:MAX_TEXT].decode("utf-8", "replace") for text in table]


@dataclass(frozen=True, slots=True)
class SampleTable:
    stacks: Sequence[PackedStack]
    columns: tuple[Sequence[int], ...]
    labels: frozenset[bytes]
    """Every different label that is still to be checked, as a row."""
    labelled: bool
    """Whether any sample has a label."""


def value_type(row: bytes, strings: Strings) -> ValueType:
    message = parse(pb.ValueType, row)
    return ValueType(strings[message.type], strings[message.unit])


def mappings(rows: Iterable[bytes], strings: Strings) -> tuple[ProgramMapping, ...]:
    read: dict[int, ProgramMapping] = {}
    for row in rows:
        message = parse(pb.Mapping, row)
        _claim("mapping", message.id, read)
        read[message.id] = ProgramMapping(
            message.id, message.memory_start, message.memory_limit, message.file_offset,
            strings[message.filename], strings[message.build_id],
        )  # fmt: skip
    return tuple(read.values())


def functions(rows: Iterable[bytes], strings: Strings) -> Functions:
    read: dict[int, tuple[str, str]] = {}
    for row in rows:
        message = parse(pb.Function, row)
        _claim("function", message.id, read)
        _ = strings[message.system_name]
        read[message.id] = strings[message.name], strings[message.filename]
    return read


def locations(rows: Iterable[bytes], functions: Functions) -> Locations:
    """All locations, whose lines must lead to known functions. Their mapping may be missing: pprof does not mind."""
    ends: dict[int, int] = {}
    owners: list[int] = []
    called: list[int] = []
    lines: list[int] = []
    addresses: dict[int, int] = {}
    for row in rows:
        message = parse(pb.Location, row)
        _claim("location", message.id, ends)
        for line_row in message.line:
            line = parse(pb.Line, line_row)
            if line.function_id not in functions:
                raise MalformedProfile(f"locations: location {message.id} leads to no function {line.function_id}")
            owners.append(message.id)
            called.append(line.function_id)
            lines.append(line.line)
        ends[message.id] = len(lines)
        addresses[message.id] = message.address
    return Locations(functions, [*ends], [*ends.values()], Lines(owners, called, lines), addresses)


def samples(rows: Iterable[bytes], width: int, known: Collection[int]) -> SampleTable:
    """All samples; each must have `width` values, one a sample type, and lead to known locations."""
    stacks: list[PackedStack] = []
    values: list[Sequence[int]] = []
    labels: set[bytes] = set()
    for number, row in enumerate(rows):
        message = parse(pb.Sample, row)
        stack = message.location_id[:]
        for location in stack:
            if location not in known:
                raise MalformedProfile(f"samples: sample {number} leads to location {location}, which is missing")
        if len(message.value) != width:
            raise MalformedProfile(f"samples: sample {number} has {len(message.value)} values, not {width}")
        stacks.append(pack(stack))
        values.append(message.value[:])
        labels.update(message.label)
    columns = tuple(zip(*values, strict=True)) if values else ((),) * width
    return SampleTable(stacks, columns, frozenset(labels), labelled=bool(labels))


def labels(rows: Iterable[bytes], strings: Strings) -> Labels:
    """The labels of one sample: text where there is a text, else a number; one that is neither says nothing."""
    text: dict[str, list[str]] = {}
    numeric: dict[str, list[NumericLabel]] = {}
    for row in rows:
        message = parse(pb.Label, row)
        key = strings[message.key]
        if message.str:
            text.setdefault(key, []).append(strings[message.str])
        elif message.num or message.num_unit:
            numeric.setdefault(key, []).append(NumericLabel(message.num, strings[message.num_unit]))
    return Labels(
        {key: tuple(values) for key, values in text.items()}, {key: tuple(values) for key, values in numeric.items()}
    )


def _claim(what: str, number: int, taken: Collection[int]) -> None:
    if number == 0:
        raise MalformedProfile(f"{what}s: a {what} has the reserved id 0")
    if number in taken:
        raise MalformedProfile(f"{what}s: two {what}s have the id {number}")
