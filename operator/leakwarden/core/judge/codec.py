"""A target's state as text and back, without loss: the fold goes on as if it had never been stored.

Values are written by their fields; series as base64 of little-endian doubles, which is exact, small and fast. A state
of another version, or one that does not fit, is refused with `UnknownState`: the caller then starts over.
"""

from __future__ import annotations

import json
import sys
from array import array
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from leakwarden.core.judge.series import Series
from leakwarden.core.judge.values import TargetState

VERSION = 6
"""Raised whenever a stored state would be read wrongly, or would be judged differently, by this code."""

Reader = Callable[[Any], Any]


class UnknownState(ValueError):
    """The text is no state of this version; `judge.start` is what remains."""


def to_json(state: TargetState) -> str:
    return json.dumps({"version": VERSION, "state": _plain(state)}, separators=(",", ":"), allow_nan=False)


def from_json(text: str) -> TargetState:
    """The very state that was written. Raises UnknownState."""
    try:
        document = json.loads(text)
        if document["version"] != VERSION:
            raise UnknownState(f"state of version {document['version']}, this is version {VERSION}")
        state: TargetState = _reader(TargetState)(document["state"])
    except UnknownState:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnknownState(f"not a stored state: {error}") from error
    return state


def _plain(value: Any) -> Any:
    if isinstance(value, Series):
        return [_packed(column) for column in (value.times, value.values, value.allocated) if column]
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _packed(numbers: array[float]) -> str:
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return b64encode(numbers.tobytes()).decode("ascii")


def _unpacked(text: str) -> array[float]:
    numbers = array("d")
    numbers.frombytes(b64decode(text, validate=True))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _read_series(plain: Any) -> Series:
    columns = [_unpacked(text) for text in plain]
    if len(columns) not in (0, 2, 3) or any(len(column) != len(columns[0]) for column in columns):
        raise ValueError("a series whose columns are not of one length")
    return Series(*columns)


@cache
def _reader(wanted: Any) -> Reader:
    """How a value of this type is read. Types are those that occur in TargetState; any other is a mistake of ours."""
    origin, arguments = get_origin(wanted), get_args(wanted)
    if wanted is Series:
        return _read_series
    if origin in (Union, UnionType):
        return _optional(_reader(next(a for a in arguments if a is not NoneType)))
    if origin is tuple:
        item = _reader(arguments[0])
        return lambda plain: tuple(item(one) for one in plain)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        item = _reader(arguments[1])
        return lambda plain: {key: item(one) for key, one in plain.items()}
    if is_dataclass(wanted):
        return _fields_reader(wanted)
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return wanted
    return _scalar(wanted)


def _optional(read: Reader) -> Reader:
    return lambda plain: None if plain is None else read(plain)


def _fields_reader(wanted: Any) -> Reader:
    hints = get_type_hints(wanted)
    readers = [(f.name, _reader(hints[f.name])) for f in fields(wanted)]
    return lambda plain: wanted(**{name: read(plain[name]) for name, read in readers})


def _scalar(wanted: Any) -> Reader:
    allowed = (int, float) if wanted is float else wanted

    def read(plain: Any) -> Any:
        if not isinstance(plain, allowed) or (isinstance(plain, bool) and wanted is not bool):
            raise TypeError(f"{plain!r} is not {wanted.__name__}")
        return plain

    return read
