"""What is a valid profile: this decoder and `go tool pprof` must agree, case by case."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from leakwarden.core.pprof import profile_pb2 as pb
from leakwarden.core.pprof.decode import decode
from leakwarden.errors import MalformedProfile
from tests.core.pprof import tool
from tests.core.pprof.build import Parts, location, number_label, text, text_label, varint

MAX_BYTES = 1 << 20


def changed(**tables: list[bytes]) -> Callable[[], bytes]:
    """The small profile with whole tables replaced."""

    def build() -> bytes:
        parts = Parts()
        for table, rows in tables.items():
            setattr(parts, table, rows)
        return parts.join()

    return build


def more(table: str, *rows: bytes) -> Callable[[], bytes]:
    """The small profile with rows added to one table."""

    def build() -> bytes:
        parts = Parts()
        getattr(parts, table).extend(rows)
        return parts.join()

    return build


def followed(by: bytes) -> Callable[[], bytes]:
    return lambda: Parts().join() + by


def sample(*ids: int, values: tuple[int, ...] = (1, 2), labels: tuple[bytes, ...] = ()) -> bytes:
    return pb.Sample(location_id=ids, value=values, label=labels).SerializeToString()


def fixed(number: int, wire_type: int, size: int) -> bytes:
    return bytes([number << 3 | wire_type]) + bytes(size)


TWO_VALUES = varint(2, 1) + varint(2, 2)

REFUSED = {
    "nothing at all": lambda: b"",
    "text": lambda: b"<html><body>404 page not found</body></html>",
    "gzip cut short": lambda: gzip.compress(Parts().join())[:-9],
    "gzip with a wrong checksum": lambda: gzip.compress(Parts().join())[:-8] + bytes(8),
    "gzip and rubbish after it": lambda: gzip.compress(Parts().join()) + b"rubbish",
    "cut short": lambda: Parts().join()[:-3],
    "no string table": changed(strings=[]),
    "a string table whose first entry says something": changed(strings=[b"x", *Parts().strings[1:]]),
    "a sample type named past the string table": more("sample_types", varint(1, 99)),
    "a sample type named by a negative string": more("sample_types", varint(1, -1)),
    "samples and no sample types": changed(sample_types=[], samples=[pb.Sample(location_id=[1]).SerializeToString()]),
    "a sample with a value too few": more("samples", sample(1, 2, 3, values=(1,))),
    "a sample with a value too many": more("samples", sample(1, 2, 3, values=(1, 2, 3))),
    "one value too few here and one too many there": more(
        "samples", sample(1, values=(1,)), sample(1, values=(1, 2, 3))
    ),
    "a sample at a missing location": more("samples", sample(1, 2, 4)),
    "a sample at a missing location, far out": more("samples", sample(1, 2, 2**63)),
    "a short sample at a missing location": more("samples", varint(1, 4) + TWO_VALUES),
    "a sample at location 0": more("samples", sample(1, 0, 2)),
    "a stack that ends within a number": more("samples", text(1, b"\x01\x82") + TWO_VALUES),
    "a sample cut short": more("samples", sample(1, 2, 3)[:-1]),
    "a sample that ends in the tag of a text": more("samples", sample(1, 2, 3) + b"\x1a"),
    "values of a wrong wire type": more("samples", text(1, b"\x01\x02") + fixed(2, 1, 8)),
    "locations of a wrong wire type": more("samples", fixed(1, 5, 4) + TWO_VALUES),
    "a label of a wrong wire type": more("samples", sample(1) + varint(3, 1)),
    "a label named past the string table": more("samples", sample(1, labels=(text_label(99, 1),))),
    "a label whose text is past the string table": more("samples", sample(1, labels=(text_label(1, 99),))),
    "a label whose unit is past the string table": more("samples", sample(1, labels=(number_label(1, 5, 99),))),
    "a label cut short": more("samples", sample(1, labels=(b"\x08",))),
    "a mapping with id 0": more("mappings", varint(2, 4096)),
    "two mappings with one id": more("mappings", varint(1, 1)),
    "a mapping of a file past the string table": more("mappings", varint(1, 2) + varint(5, 99)),
    "a location with id 0": more("locations", location(0, (1, 1))),
    "two locations with one id": more("locations", location(3, (1, 1))),
    "a location at a missing function": more("locations", location(4, (3, 1))),
    "a location at function 0": more("locations", location(4, (0, 1))),
    "a location whose line is empty": more("locations", varint(1, 4) + text(4, b"")),
    "a line of a wrong wire type": more("locations", varint(1, 4) + varint(4, 1)),
    "a line number of a wrong wire type": more("locations", varint(1, 4) + text(4, varint(1, 1) + fixed(2, 5, 4))),
    "a location id of a wrong wire type": more("locations", fixed(1, 1, 8) + varint(1, 4)),
    "a location cut short": more("locations", location(4, (1, 1))[:-1]),
    "a function with id 0": more("functions", varint(2, 5)),
    "two functions with one id": more("functions", varint(1, 2) + varint(2, 5)),
    "a function named past the string table": more("functions", varint(1, 3) + varint(2, 99)),
    "a function whose system name is past the string table": more("functions", varint(1, 3) + varint(3, 99)),
    "a function in a file past the string table": more("functions", varint(1, 3) + varint(4, -5)),
    "a function name of a wrong wire type": more("functions", varint(1, 3) + text(2, b"main")),
    "two profiles glued together": lambda: Parts().join() * 2,
    "the time given twice": followed(varint(9, 1)),
    "the time as a text": followed(text(9, b"yesterday")),
    "a comment past the string table": followed(varint(13, 99)),
    "a default sample type past the string table": followed(varint(14, 99)),
    "frames to drop past the string table": followed(varint(7, 99)),
    "frames to keep past the string table": followed(varint(8, 99)),
    "a documentation page past the string table": followed(varint(15, 99)),
    "a period type past the string table": followed(text(11, varint(1, 99))),
    "a period of a wrong wire type": followed(fixed(12, 5, 4)),
    "a group": followed(b"\xa3\x06\xa4\x06"),
    "a field that says it is longer than the profile": followed(b"\x12\xff\xff\xff\x7f"),
    "a number without an end": followed(b"\x60" + b"\xff" * 11),
}

ACCEPTED = {
    "as it is": followed(b""),
    "gzipped": lambda: gzip.compress(Parts().join()),
    "gzipped in two members": lambda: gzip.compress(Parts().join()[:50]) + gzip.compress(Parts().join()[50:]),
    "no samples": changed(samples=[]),
    "no mappings, though locations name one": changed(mappings=[]),
    "a field that a later version may have added": followed(text(99, b"new")),
    "such a field within a sample": more("samples", sample(1, 2) + varint(77, 5)),
    "a period type given twice": followed(text(11, varint(1, 1))),
    "a period given twice": followed(varint(12, 3)),
    "an empty stack": more("samples", sample(values=(0, 5))),
    "a stack that is not packed": more("samples", varint(1, 1) + varint(1, 2) + varint(1, 3) + TWO_VALUES),
    "a stack in two packed pieces": more("samples", text(1, b"\x01") + text(1, b"\x02\x03") + TWO_VALUES),
    "a stack packed in part": more("samples", text(1, b"\x01\x02") + varint(1, 3) + TWO_VALUES),
    "values before the stack": more("samples", TWO_VALUES + text(1, b"\x01\x02\x03")),
    "location ids in more bytes than they need": more("samples", text(1, b"\x81\x00\x82\x80\x00") + TWO_VALUES),
    "a location id in ten bytes, with bits past the 64th": more(
        "samples", text(1, b"\x81" + b"\x80" * 8 + b"\x7e\x02") + TWO_VALUES
    ),
    "a location without lines": more("locations", location(9)),
    "a location whose id is given twice": more("locations", varint(1, 1) + location(4, (1, 1))),
    "a line without a number": more("locations", varint(1, 4) + text(4, varint(1, 1))),
    "locations numbered with gaps": more("locations", location(300, (1, 1)), location(70_000, (2, 1))),
    "a label that is neither text nor number": more("samples", sample(1, labels=(text_label(8, 0),))),
    "a label key twice": more("samples", sample(1, labels=(text_label(8, 6), text_label(8, 7), number_label(8, 1, 4)))),
    "a negative value": more("samples", sample(1, 2, values=(-1, -64))),
    "a string that is no UTF-8": changed(strings=[*Parts().strings, b"\xff\xfe"]),
}


@pytest.mark.parametrize("build", REFUSED.values(), ids=REFUSED.keys())
def test_both_refuse(build: Callable[[], bytes], tmp_path: Path) -> None:
    with pytest.raises(
        MalformedProfile, match=r"^(unpack|parse|strings|mappings|functions|locations|samples|labels): "
    ):
        decode(build(), max_bytes=MAX_BYTES)
    assert tool.refuses(build(), tmp_path)


@pytest.mark.parametrize("build", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_both_accept(build: Callable[[], bytes], tmp_path: Path) -> None:
    assert all(len(sample.values) == 2 for sample in decode(build(), max_bytes=MAX_BYTES).samples())
    assert not tool.refuses(build(), tmp_path)
