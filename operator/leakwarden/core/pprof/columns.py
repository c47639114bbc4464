"""The large tables of a profile read column by column: all rows joined and parsed as one message.

A Python object a row, and a call a field, is what reading a profile costs: 14,500 samples and 4,000 locations take
some 25 ms that way and 5 ms this way. Joined rows lose their borders, so a *mark* follows each: a row of our own
whose every field holds a value that occurs nowhere in the data. After parsing, each column must have its marks
exactly where they belong; a row that is cut short would have swallowed one. Where anything is out of place a function
here answers None, and rows.py reads the table and says what is wrong, or that it is merely unusual.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain, repeat
from operator import sub
from typing import TypeVar

from google.protobuf.message import Message

from leakwarden.core.pprof import profile_pb2 as pb
from leakwarden.core.pprof.locations import Functions, Lines, Locations
from leakwarden.core.pprof.profile import PackedStack, pack
from leakwarden.core.pprof.rows import SampleTable, Strings
from leakwarden.core.pprof.wire import LENGTH_DELIMITED, VARINT, parse, parse_loosely, unknown
from leakwarden.errors import MalformedProfile

_M = TypeVar("_M", bound=Message)

_CONTINUED = bytes.fromhex("d3b1c5e9979bf1a8e6")
_MARK = _CONTINUED + b"\x01"
"""A varint of ten bytes. The last byte has spare bits that readers ignore, so only the nine before it are looked
for."""
_UNSIGNED = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(_MARK))
_SIGNED = _UNSIGNED - 2**64


def _tag(number: int, wire_type: int) -> bytes:
    return bytes([number << 3 | wire_type])


def _mark(numbers: Sequence[int], texts: Sequence[int]) -> bytes:
    """A row that has the mark in each of these fields; in a field of bytes it is an empty one."""
    return b"".join(
        [_tag(field, VARINT) + _MARK for field in numbers] + [_tag(field, LENGTH_DELIMITED) + b"\0" for field in texts]
    )


_MANY_GAPS = 200
"""Past so many stacks that are not packed, it is cheaper to look at each."""
_STRETCH = 512

_EMPTY = b""
"""The mark in a column of byte strings: nothing to make and nothing to compare. It follows the mark of a number in the
same row, which cannot be swallowed or made up, so a chunk too many can only be a row's own: the count then tells."""

_SAMPLE_MARK = _mark([2], [1])
_LOCATION_MARK = _mark([1], [4])
_LINE_MARK = _mark([1, 2], [])
_FUNCTION_MARK = _mark([1, 2, 3, 4], [])


def usable(data: bytes) -> bool:
    """Whether the mark occurs nowhere in the data. It is one of 2^63 values, so a profile that has it was made to."""
    return _CONTINUED not in data


def samples(rows: Sequence[bytes], width: int, known: Collection[int], strings: Strings) -> SampleTable | None:
    """As `rows.samples`, or None; their labels have been checked too."""
    try:
        joined = parse_loosely(pb.SampleColumns, _SAMPLE_MARK.join([*rows, b""]))
    except MalformedProfile:
        return None
    values = joined.value[:]
    if len(values) != len(rows) * (width + 1) or values[width :: width + 1].count(_SIGNED) != len(rows):
        return None
    stacks = _stacks(rows, joined)
    if stacks is None or not lead_somewhere(stacks, known):
        return None
    if not _labels_hold(joined.label, strings):
        return None
    columns = tuple(values[i :: width + 1] for i in range(width))
    return SampleTable(stacks, columns, frozenset(), labelled=joined.HasField("label"))


def _stacks(rows: Sequence[bytes], joined: pb.SampleColumns) -> list[PackedStack] | None:
    """The packed stack of each sample. Stacks that their writer left unpacked are read from their rows."""
    chunks = joined.location_id[:]
    if chunks.count(_EMPTY) != len(rows):
        return None
    stacks, gaps = _between_marks(chunks)
    if len(stacks) != len(rows):
        return None
    unpacked = 0
    for number in gaps:
        ids = parse(pb.Sample, rows[number]).location_id
        stacks[number] = pack(ids)
        unpacked += len(ids)
    misplaced = unknown(joined)
    return stacks if misplaced == [(1, VARINT)] * unpacked else None


def _between_marks(chunks: list[bytes]) -> tuple[list[bytes], list[int]]:
    """What stands before each mark, and where nothing does; more than there are marks if anything stands elsewhere.

    Nearly always every second chunk is a mark, so stretches without a gap are taken at once, as long as gaps are few.
    Stretches are short, since after each gap one is begun anew.
    """
    taken: list[bytes] = []
    gaps: list[int] = []
    place = 0
    while place < len(chunks) and len(gaps) < _MANY_GAPS:
        stretch = chunks[place : place + 2 * _STRETCH : 2]
        length = stretch.index(_EMPTY) if _EMPTY in stretch else len(stretch)
        taken += stretch[:length]
        place += 2 * length
        if length < len(stretch):
            gaps.append(len(taken))
            taken.append(b"")
            place += 1
    following = iter(chunks[place:])
    for chunk in following:
        if not chunk:
            gaps.append(len(taken))
            taken.append(b"")
        else:
            taken.append(chunk)
            if next(following, None) != _EMPTY:
                taken.append(b"")
    return taken, gaps


def lead_somewhere(stacks: Sequence[PackedStack], known: Collection[int]) -> bool:
    """Whether every location id of every stack is known. 0 never is, and so serves as the border between stacks."""
    joined = b"\0".join(stacks)
    if 0x80 <= len(known) < 0x4000 and max(known) == len(known) and _within(joined, len(known)):
        return joined.count(0) == len(stacks) - 1
    try:
        ids = parse_loosely(pb.LocationColumns, _tag(1, LENGTH_DELIMITED) + pack([len(joined)]) + joined).id[:]
    except MalformedProfile:
        return False
    return ids.count(0) == max(len(stacks) - 1, 0) and set(ids) <= {0, *known}


def _within(joined: bytes, highest: int) -> bool:
    """Whether every number is at most `highest` (128 to 16383) and in the fewest bytes.

    Go numbers its locations from 1 without gaps, so this is all there is to check. Wrong are a byte that says that
    another follows before one that says the same, is 0 or makes too high a number; and one that is too high itself
    before one of the highest. Each byte becomes two bits for what it may not stand before and, next to them, two for
    what it may not stand after; one integer as long as the data, and the same moved by a byte and two bits, then meet
    where something is wrong.
    """
    top, rest = highest >> 7, highest & 0x7F
    bits = bytes(
        (byte > 0x7F) | (byte > 0x80 + rest) << 1 | (byte > top or byte == 0) << 2 | (byte == top) << 3
        for byte in range(256)
    )
    number = int.from_bytes(joined.translate(bits), "little")
    return number & number >> 10 == 0 and not joined[-1:] > b"\x7f"


def functions(rows: Sequence[bytes], strings: Strings) -> Functions | None:
    """As `rows.functions`, or None."""
    joined = _parse_marked(pb.FunctionColumns, _FUNCTION_MARK, rows)
    if joined is None:
        return None
    ids = _spread(joined.id[:], _UNSIGNED)
    names, systems, files = (_spread(c[:], _SIGNED) for c in (joined.name, joined.system_name, joined.filename))
    if not _all_claimed(ids, len(rows)) or not len(names) == len(systems) == len(files) == len(rows):
        return None
    if not strings.have(systems):
        return None
    return dict(zip(ids, zip(strings.texts(names), strings.texts(files), strict=True), strict=True))


def locations(rows: Sequence[bytes], functions: Functions) -> Locations | None:
    """As `rows.locations`, or None."""
    joined = _parse_marked(pb.LocationColumns, _LOCATION_MARK, rows)
    if joined is None:
        return None
    ids, chunks = _spread(joined.id[:], _UNSIGNED), joined.line[:]
    marks = [place for place, chunk in enumerate(chunks) if not chunk]
    if not _all_claimed(ids, len(rows)) or len(marks) != len(rows):
        return None
    ends = [place - number for number, place in enumerate(marks)]
    sizes = [*map(sub, ends, [0, *ends])]
    owners = [*chain.from_iterable(map(repeat, ids, sizes))]
    lines = _lines([*filter(None, chunks)], owners, functions)
    if lines is None:
        return None
    bare = [number for number, size in enumerate(sizes) if not size] if 0 in sizes else []
    addresses = {ids[number]: parse(pb.Location, rows[number]).address for number in bare}
    return Locations(functions, ids, ends, lines, addresses)


def _lines(rows: Sequence[bytes], owners: Sequence[int], functions: Functions) -> Lines | None:
    joined = _parse_marked(pb.LineColumns, _LINE_MARK, rows)
    if joined is None:
        return None
    called, lines = _spread(joined.function_id[:], _UNSIGNED), _spread(joined.line[:], _SIGNED)
    if not len(called) == len(lines) == len(rows) or not functions.keys() >= set(called):
        return None
    return Lines(owners, called, lines)


def _parse_marked(kind: type[_M], mark: bytes, rows: Sequence[bytes]) -> _M | None:
    """All rows as one message, a mark after each; None when anything in it is malformed or mistyped."""
    try:
        return parse(kind, mark.join([*rows, b""]))
    except MalformedProfile:
        return None


def _spread(column: list[int], mark: int) -> list[int]:
    """One value a row: in a message a missing field is 0, and the last of several counts."""
    if column[1::2].count(mark) * 2 == len(column):
        return column[0::2]
    values: list[int] = []
    latest = 0
    for value in column:
        if value == mark:
            values.append(latest)
            latest = 0
        else:
            latest = value
    return values


def _all_claimed(ids: Sequence[int], rows: int) -> bool:
    """One id a row, no two the same, none of them the reserved 0."""
    return len(ids) == rows == len(set(ids)) and 0 not in ids


def _labels_hold(joined: pb.LabelColumns, strings: Strings) -> bool:
    """Whether the texts of all labels exist; False also where a label has unknown fields: that is for the rows to say.

    The one field that is no column of its own but a message: protobuf then merges all that occur, each with borders of
    its own, which is all that need be known of them.
    """
    return not unknown(joined) and all(
        strings.have(column[:]) for column in (joined.key, joined.str, joined.num_unit) if column
    )
