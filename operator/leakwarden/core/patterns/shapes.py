"""Shapes that are told by counting objects. What a heap profile cannot show (who points to what) stays an estimate."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from leakwarden.core.map_entries import ENTRIES, LEAST_LOAD, MOST_LOAD, SLOTS, is_table
from leakwarden.core.patterns.table import Shape
from leakwarden.core.readings import Kept
from leakwarden.core.traces import Traces

SMALL: Final = 64
"""Bytes: what is put into an interface by value and is larger is rare, and worth a pointer."""
MEMBER: Final = 256
"""Bytes: the largest object that is taken for a member of a list (a function with what it refers to, say)."""
A_LIST: Final = 128 * 1024
"""Bytes from which on the one object of a list can be told: smaller ones are seldom sampled."""
LEAST_ROOM, MOST_ROOM = 6, 24
"""Bytes that a list has for a member: a pointer or an interface, with what append adds, and with room for noise."""
NOISE: Final = 1.6
"""Times that a count of sampled objects may be off, and still stand for the same number."""


def has_shape(shape: Shape, traces: Traces) -> bool:
    match shape:
        case Shape.BOXED:
            return _boxed(traces)
        case Shape.LISTED:
            return _listed(traces)
        case Shape.MAPPED:
            return _mapped(traces)
        case Shape.STORED:
            return _stored(traces)


def _boxed(traces: Traces) -> bool:
    """Small objects allocated by the function itself, half as many as entries at least, and half of their bytes.

    A value that is put into an interface is copied to the heap by the runtime, whose frames a heap profile hides: it
    looks like any small object of the function, so their number beside that of the entries tells.
    """
    entries = [way for way in traces.kept if is_entry(way)]
    boxes = [way for way in traces.kept if way.inner == 1 and 0 < way.size <= SMALL]
    return bool(entries) and 2 * _objects(boxes) >= _objects(entries) and 2 * _bytes(boxes) >= _bytes(entries)


def _listed(traces: Traces) -> bool:
    """One large object of a function that it calls, and as many small ones of its own as that has room for."""
    own = [way.objects for way in traces.kept if way.inner == 1 and 0 < way.size <= MEMBER]
    lists = [way.bytes for way in traces.called if way.inner == 1 and way.size >= A_LIST and way.objects <= 3]
    return any(LEAST_ROOM * members <= held <= MOST_ROOM * members for members in own for held in lists)


def _mapped(traces: Traces) -> bool:
    """Tables of a map, and as many objects of one size as they have entries, all allocated by the function itself."""
    slots = SLOTS * sum(way.objects for way in traces.kept if way.inner == 1 and is_table(way.size))
    own = [way.objects for way in traces.kept if way.inner == 1 and not is_table(way.size)]
    return any(LEAST_LOAD * slots / NOISE <= entries <= MOST_LOAD * slots * NOISE for entries in own) and slots > 0


def _stored(traces: Traces) -> bool:
    """As many objects of one size as there are entries that a function it calls has made."""
    entries = _objects(way for way in traces.called if is_entry(way))
    own = [way.objects for way in traces.kept if way.inner == 1]
    return entries > 0 and any(entries / NOISE <= count <= entries * NOISE for count in own)


def is_entry(way: Kept) -> bool:
    return way.calls[0].startswith(ENTRIES)


def _objects(ways: Iterable[Kept]) -> int:
    return sum(way.objects for way in ways)


def _bytes(ways: Iterable[Kept]) -> int:
    return sum(way.bytes for way in ways)
