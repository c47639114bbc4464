"""The places that pprof tells apart, by location id of one profile.

`core.pprof` reads a profile for adding up by site: it keeps names short, and leaves out what that does not need. Here
names count to the last letter, and the linker's names, binaries and `drop_frames` matter; so the tables that hold them
are read again, from bytes that `decode` has found valid.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from leakwarden.core.diff.drop import Location, examined
from leakwarden.core.diff.names import shown_binary, shown_file, shown_name
from leakwarden.core.pprof import profile_pb2 as pb
from leakwarden.core.pprof.decode import decode
from leakwarden.core.pprof.profile import Profile
from leakwarden.core.pprof.unpack import unpack
from leakwarden.core.pprof.wire import parse

_ABSOLUTE_URL: Final = re.compile("[A-Za-z][A-Za-z0-9+.-]*:")


class Place(NamedTuple):
    """A line of a function, or with `file` and `line` empty the function."""

    function: str
    file: str = ""
    line: int = 0
    """0 unknown."""
    binary: str = ""
    """Where the function has no name, as the place shows then; else empty."""
    start_line: int = 0
    """Of a function without a name, to tell it from others."""

    def whole_function(self) -> Place:
        return Place(self.function, "", 0, self.binary, self.start_line)

    def shown_function(self) -> str:
        return self.function or ("" if self.file or self.line else self.binary)


@dataclass(frozen=True, slots=True)
class Opened:
    """A profile, and what a difference needs besides."""

    profile: Profile
    locations: Mapping[int, tuple[Place, ...]]
    """By location id, innermost line first; never empty."""
    drop_frames: str
    keep_frames: str

    def without(self, dropped: Callable[[str], bool]) -> tuple[dict[int, tuple[Place, ...]], dict[int, Location]]:
        """The lines left of each location, and what becomes of stacks that have it."""
        verdicts = {
            number: examined([place.function for place in places], dropped) for number, places in self.locations.items()
        }
        return {number: self.locations[number][verdict.kept] for number, verdict in verdicts.items()}, verdicts


def open_profile(data: bytes, max_bytes: int) -> Opened:
    """A profile in protobuf form, gzipped or not. Raises MalformedProfile or ProfileTooLarge, as `decode` does."""
    profile = decode(data, max_bytes=max_bytes)
    message = parse(pb.Profile, unpack(data, max_bytes))
    texts = _Texts(message.string_table)
    return Opened(profile, _locations(message, texts), texts[message.drop_frames], texts[message.keep_frames])


class _Texts:
    """The string table, uncut."""

    def __init__(self, table: Sequence[bytes]) -> None:
        self._texts = [text.decode("utf-8", "replace") for text in table]

    def __getitem__(self, index: int) -> str:
        return self._texts[index]


def _locations(message: pb.Profile, texts: _Texts) -> dict[int, tuple[Place, ...]]:
    functions = _functions(message, texts)
    binaries = _binaries(message, texts)
    read: dict[int, tuple[Place, ...]] = {}
    for row in message.location:
        location = pb.Location.FromString(row)
        lines = [pb.Line.FromString(line) for line in location.line]
        binary = binaries.get(location.mapping_id, shown_binary(""))
        read[location.id] = tuple(_place(functions[line.function_id], line.line, binary) for line in lines) or (
            Place("", binary=binary),
        )
    return read


def _place(function: Place, line: int, binary: str) -> Place:
    if function.function:
        return Place(function.function, function.file, line)
    return function._replace(line=line, binary=binary)


def _functions(message: pb.Profile, texts: _Texts) -> dict[int, Place]:
    read: dict[int, Place] = {}
    for row in message.function:
        function = pb.Function.FromString(row)
        name = shown_name(texts[function.name], texts[function.system_name])
        read[function.id] = Place(name, shown_file(texts[function.filename]), 0, "", function.start_line)
    return read


def _binaries(message: pb.Profile, texts: _Texts) -> dict[int, str]:
    """How each mapping shows. An address that a profile was fetched from may stand where there was no file."""
    read: dict[int, str] = {}
    for row in message.mapping:
        mapping = pb.Mapping.FromString(row)
        file = texts[mapping.filename]
        if not texts[mapping.build_id] and _ABSOLUTE_URL.match(file):
            file = ""
        read[mapping.id] = shown_binary(file)
    return read
