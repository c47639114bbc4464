"""Parsing one protobuf message as strictly as pprof does. Everything that reads profile.proto goes through here."""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.internal import api_implementation
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from leakwarden.errors import MalformedProfile

if api_implementation.Type() != "upb":
    raise ImportError(
        f"protobuf runs on its {api_implementation.Type()} implementation, hundreds of times too slow for profiles: "
        "install a protobuf wheel with upb, and unset PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"
    )

VARINT, LENGTH_DELIMITED = 0, 2
_GROUP = 3
_M = TypeVar("_M", bound=Message)


def parse(kind: type[_M], data: bytes) -> _M:
    """`data` as a message of that kind. Raises MalformedProfile when it is cut short or a field has the wrong wire
    type.

    protobuf files a known field of another wire type under the unknown ones and goes on; pprof refuses it, and so do
    we. Fields with numbers that nobody knows are skipped by both.
    """
    message = parse_loosely(kind, data)
    for number, wire_type in unknown(message):
        refuse_mistyped(kind, number, wire_type)
    return message


def parse_loosely(kind: type[_M], data: bytes) -> _M:
    """The same, but mistyped fields are left to the caller, who finds them by `unknown`."""
    try:
        return kind.FromString(data)
    except DecodeError as error:
        raise MalformedProfile(f"parse: {kind.DESCRIPTOR.name}: {error}") from error


def unknown(message: Message) -> list[tuple[int, int]]:
    """Number and wire type of every field that protobuf could not place."""
    fields = UnknownFieldSet(message)
    return [(fields[i].field_number, fields[i].wire_type) for i in range(len(fields))]


def refuse_mistyped(kind: type[Message], number: int, wire_type: int) -> None:
    """Raise MalformedProfile unless it is a field that a later version of the format may have added."""
    if number in kind.DESCRIPTOR.fields_by_number or wire_type == _GROUP:
        raise MalformedProfile(f"parse: {kind.DESCRIPTOR.name}: field {number} has wire type {wire_type}")
