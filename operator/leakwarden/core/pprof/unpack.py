"""Gunzip with a cap: a few bytes from a pod must never become gigabytes here."""

from __future__ import annotations

from typing import cast

from isal import isal_zlib

from leakwarden.errors import MalformedProfile, ProfileTooLarge

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 16 + isal_zlib.MAX_WBITS
"""Tells isal to expect a gzip header and to check the trailer's CRC and length."""
_Damaged = cast(type[Exception], isal_zlib.error)
"""Its stub calls the class an instance."""

_MAX_MEMBERS = 64
"""Each member costs a copy of what follows it, so many tiny ones would cost time in the square of the size. Go writes
one."""


def unpack(data: bytes, max_bytes: int) -> bytes:
    """What `data` unpacks to, at most `max_bytes` bytes; data that is not gzip is given back as it is.

    Several gzip members after each other are one stream, as RFC 1952 has it. Anything else after a member is malformed.
    Raises ProfileTooLarge when the data, or what it unpacks to, passes the cap (nothing past the cap is ever inflated),
    MalformedProfile when it is cut short or damaged.
    """
    if len(data) > max_bytes:
        raise ProfileTooLarge(f"unpack: {len(data)} bytes, more than the {max_bytes} allowed")
    if not data.startswith(_GZIP_MAGIC):
        return data
    members: list[bytes] = []
    room = max_bytes
    while data:
        if len(members) == _MAX_MEMBERS:
            raise MalformedProfile(f"unpack: more than {_MAX_MEMBERS} gzip members")
        if not data.startswith(_GZIP_MAGIC):
            raise MalformedProfile(f"unpack: {len(data)} bytes after the gzip data that are not gzip")
        member, data = _member(data, room, max_bytes)
        members.append(member)
        room -= len(member)
    return b"".join(members)


def _member(data: bytes, room: int, max_bytes: int) -> tuple[bytes, bytes]:
    """The first member unpacked, and what follows it."""
    stream = isal_zlib.decompressobj(_GZIP_WINDOW)
    try:
        # One byte more than allowed tells "just fits" from "too large"; isal takes 0 for "no cap".
        member = stream.decompress(data, room + 1)
    except _Damaged as error:
        raise MalformedProfile(f"unpack: damaged gzip data: {error}") from error
    if len(member) > room:
        raise ProfileTooLarge(f"unpack: more than the {max_bytes} bytes allowed")
    if not stream.eof:
        raise MalformedProfile("unpack: gzip data cut short")
    return member, stream.unused_data
