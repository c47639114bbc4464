"""Tables read by columns are the tables read by rows, or are left to them."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakwarden.core.pprof import columns, rows
from leakwarden.core.pprof import profile_pb2 as pb
from leakwarden.core.pprof.columns import usable
from leakwarden.core.pprof.decode import decode
from leakwarden.core.pprof.profile import location_ids
from leakwarden.core.pprof.rows import Strings
from leakwarden.core.pprof.wire import parse
from leakwarden.errors import MalformedProfile
from tests.core.pprof import tool
from tests.core.pprof.build import Parts, location, text, varint
from tests.core.pprof.test_validity import ACCEPTED, REFUSED

NO_STRINGS = Strings([b""])


def compare(data: bytes) -> int:
    """Read every table both ways; how many were read by columns. Raises MalformedProfile where the rows do."""
    message = parse(pb.Profile, data)
    strings = Strings(message.string_table)
    by_rows = rows.functions(message.function, strings)
    by_columns = columns.functions(message.function[:], strings)
    assert by_columns is None or by_columns == by_rows
    frames = rows.locations(message.location, by_rows)
    frames_by_columns = columns.locations(message.location[:], by_rows)
    assert frames_by_columns is None or dict(frames_by_columns) == dict(frames)
    width = len(message.sample_type)
    samples = rows.samples(message.sample, width, frames)
    by_both = columns.samples(message.sample[:], width, frames, strings)
    if by_both is not None:
        assert [*map(list, map(location_ids, by_both.stacks))] == [*map(list, map(location_ids, samples.stacks))]
        assert [list(column) for column in by_both.columns] == [list(column) for column in samples.columns]
        for label in samples.labels:
            rows.labels([label], strings)  # raises where a label does not hold
    return sum(read is not None for read in (by_columns, frames_by_columns, by_both))


@pytest.mark.parametrize("path", [*tool.HEAPS, *tool.GOROUTINES], ids=tool.named)
def test_real_profiles_are_read_by_columns_throughout(path: Path) -> None:
    assert compare(gzip.decompress(path.read_bytes())) == 3


@pytest.mark.parametrize("build", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_is_valid_is_read_alike(build: Callable[[], bytes]) -> None:
    data = build()
    compare(data if not data.startswith(b"\x1f\x8b") else gzip.decompress(data))


NUMBERS = st.sampled_from([0, 1, 2, 3, 4, 5, 127, 128, 2**63, 2**64 - 1])
FIELDS = st.builds(varint, st.integers(1, 5), NUMBERS)
ROWS = st.lists(FIELDS, max_size=6).map(b"".join)
TABLES = st.sampled_from(["samples", "locations", "functions"])


@given(TABLES, st.lists(ROWS | st.binary(max_size=12), min_size=1, max_size=4), st.integers(0, 2))
def test_odd_rows_are_read_alike_or_left_to_the_rows(table: str, odd: list[bytes], place: int) -> None:
    parts = Parts()
    getattr(parts, table)[place:place] = odd
    try:
        compare(parts.join())
    except MalformedProfile:
        with pytest.raises(MalformedProfile):
            decode(parts.join(), max_bytes=1 << 20)


@given(st.lists(st.sampled_from(["packed", "unpacked", "empty"]), max_size=40), st.integers(1, 30))
def test_packed_and_unpacked_stacks_may_be_mixed_in_any_order(kinds: list[str], times: int) -> None:
    forms = {
        "packed": pb.Sample(location_id=[1, 2, 1], value=[7, 1]).SerializeToString(),
        "unpacked": varint(1, 2) + varint(1, 1) + varint(2, 7) + varint(2, 2),
        "empty": varint(2, 7) + varint(2, 3),
    }
    stacks = {"packed": b"\x01\x02\x01", "unpacked": b"\x02\x01", "empty": b""}
    read = columns.samples([forms[kind] for kind in kinds] * times, 2, {1, 2}, NO_STRINGS)
    assert read is not None
    assert list(read.stacks) == [stacks[kind] for kind in kinds] * times


def test_a_profile_that_holds_the_mark_itself_is_read_by_rows() -> None:
    parts = Parts()
    parts.samples[0] = pb.Sample(location_id=[1, 2, 3], value=[columns._SIGNED, 5]).SerializeToString()
    assert not usable(parts.join())
    assert usable(Parts().join())
    assert next(decode(parts.join(), max_bytes=1 << 20).samples()).values == (columns._SIGNED, 5)


def test_a_row_that_would_swallow_its_border_is_not_read_by_columns() -> None:
    known = {1}
    whole = pb.Sample(location_id=[1, 1, 1], value=[1]).SerializeToString()
    assert columns.samples([whole, whole], 1, known, NO_STRINGS) is not None
    for end in (b"\x1a", b"\x1a\x0c", b"\x08", b"\x80", b"\x3a\x17"):
        assert columns.samples([whole + end, whole], 1, known, NO_STRINGS) is None


@pytest.mark.parametrize("name", [name for name in REFUSED if "missing" in name or "location 0" in name])
def test_ids_that_lead_nowhere_are_not_read_by_columns(name: str) -> None:
    message = parse(pb.Profile, REFUSED[name]())
    functions = {1: ("main.leaf", ""), 2: ("main.root", "")}
    known = columns.locations(message.location[:], functions)
    assert known is None or columns.samples(message.sample[:], 2, known, Strings(message.string_table)) is None


def test_many_locations_are_checked_at_every_width_of_their_numbers() -> None:
    functions = {1: ("main.leaf", "")}
    for count in (1, 126, 127, 128, 129, 4_000, 16_383, 16_384, 16_390):
        known = columns.locations([location(number, (1, number)) for number in range(1, count + 1)], functions)
        assert known is not None and len(known) == count
        good = pb.Sample(location_id=[count, 1, count], value=[1]).SerializeToString()
        bad = pb.Sample(location_id=[1, count + 1, count], value=[1]).SerializeToString()
        assert columns.samples([good, good], 1, known, NO_STRINGS) is not None
        assert columns.samples([good, bad], 1, known, NO_STRINGS) is None
        for stack in (b"\x01\x00\x01", b"\x01\x81", b"\x81\x80"):
            assert columns.samples([good, text(1, stack) + varint(2, 1)], 1, known, NO_STRINGS) is None


def test_labels_are_vouched_for_only_where_every_one_is_whole_and_leads_to_a_text() -> None:
    strings, known = Strings([b"", b"doc_id"]), columns.locations([location(1, (1, 1))], {1: ("main.leaf", "")})
    assert known is not None

    def held(*labels: bytes) -> bool:
        row = pb.Sample(location_id=[1, 1, 1], value=[1], label=labels).SerializeToString()
        return columns.samples([row, row], 1, known, strings) is not None

    good = varint(1, 1) + varint(2, 1)
    assert held() and held(good) and held(good, varint(1, 1) + varint(3, 512) + varint(4, 1))
    assert not held(good, varint(1, 2))
    assert not held(good, varint(1, 1) + varint(4, 9))
    assert not held(good + text(99, bytes(11))[:3], good)
    assert not held(good + text(99, bytes(11)))
