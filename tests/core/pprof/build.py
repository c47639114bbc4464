"""A small valid profile to take apart, and the wire format by hand for what protobuf would not write."""

from __future__ import annotations

from dataclasses import dataclass, field

from leakwarden.core.pprof import profile_pb2 as pb
from leakwarden.core.pprof.profile import pack


def varint(number: int, value: int) -> bytes:
    """A field of wire type 0."""
    return pack([number << 3, value % 2**64])


def text(number: int, value: bytes) -> bytes:
    """A field of wire type 2."""
    return pack([number << 3 | 2, len(value)]) + value


STRINGS = (b"", b"objects", b"count", b"space", b"bytes", b"main.leaf", b"main.root", b"/src/main.go", b"doc_id")


@dataclass(slots=True)
class Parts:
    """The rows of a profile of two samples, three locations (one of them with an inlined call) and two functions."""

    strings: list[bytes] = field(default_factory=lambda: list(STRINGS))
    sample_types: list[bytes] = field(
        default_factory=lambda: [
            pb.ValueType(type=1, unit=2).SerializeToString(),
            pb.ValueType(type=3, unit=4).SerializeToString(),
        ]
    )
    samples: list[bytes] = field(
        default_factory=lambda: [
            pb.Sample(location_id=[1, 2, 3], value=[1, 64], label=[text_label(8, 7)]).SerializeToString(),
            pb.Sample(location_id=[2, 3], value=[2, 32], label=[number_label(4, 16)]).SerializeToString(),
        ]
    )
    mappings: list[bytes] = field(
        default_factory=lambda: [pb.Mapping(id=1, memory_start=4096, memory_limit=8192, filename=7).SerializeToString()]
    )
    locations: list[bytes] = field(
        default_factory=lambda: [location(1, (1, 10)), location(2, (1, 11), (2, 20)), location(3, (2, 21))]
    )
    functions: list[bytes] = field(
        default_factory=lambda: [
            pb.Function(id=1, name=5, system_name=5, filename=7, start_line=9).SerializeToString(),
            pb.Function(id=2, name=6, system_name=6, filename=7).SerializeToString(),
        ]
    )
    rest: bytes = varint(9, 1_700_000_000_000_000_000) + varint(12, 512) + text(11, varint(1, 3) + varint(2, 4))

    def join(self) -> bytes:
        tables = (self.sample_types, self.samples, self.mappings, self.locations, self.functions, self.strings)
        return b"".join(text(number, row) for number, rows in enumerate(tables, 1) for row in rows) + self.rest


def location(number: int, *lines: tuple[int, int], address: int = 0x1000, mapping: int = 1) -> bytes:
    rows = [pb.Line(function_id=function, line=line).SerializeToString() for function, line in lines]
    return pb.Location(id=number, mapping_id=mapping, address=address, line=rows).SerializeToString()


def text_label(key: int, value: int) -> bytes:
    return pb.Label(key=key, str=value).SerializeToString()


def number_label(key: int, value: int, unit: int = 0) -> bytes:
    return pb.Label(key=key, num=value, num_unit=unit).SerializeToString()
