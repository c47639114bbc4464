"""Gunzip never gives more than the cap, and takes nothing but whole gzip members."""

from __future__ import annotations

import gzip
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakwarden.core.pprof.unpack import unpack
from leakwarden.errors import MalformedProfile, ProfileTooLarge


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=4))
def test_members_after_each_other_are_one_stream(pieces: list[bytes]) -> None:
    assert unpack(b"".join(map(gzip.compress, pieces)), 10_000) == b"".join(pieces)


def test_what_is_not_gzip_is_given_back() -> None:
    assert unpack(b"\x0a\x04", 10) == b"\x0a\x04"


@pytest.mark.parametrize("over", [1, 2, 100])
def test_exactly_the_cap_fits_and_a_byte_more_does_not(over: int) -> None:
    assert unpack(gzip.compress(bytes(100)), 100) == bytes(100)
    with pytest.raises(ProfileTooLarge):
        unpack(gzip.compress(bytes(100 + over)), 100)


def test_the_cap_holds_over_all_members_together() -> None:
    member = gzip.compress(bytes(100))
    assert len(unpack(member * 2, 200)) == 200
    with pytest.raises(ProfileTooLarge):
        unpack(member * 3, 200)


def test_a_raw_body_over_the_cap_is_too_large() -> None:
    with pytest.raises(ProfileTooLarge):
        unpack(bytes(11), 10)


def test_a_bomb_costs_no_more_memory_than_the_cap() -> None:
    bomb = gzip.compress(gzip.compress(bytes(1 << 28), 9), 9)
    inner = gzip.decompress(bomb)
    tracemalloc.start()
    with pytest.raises(ProfileTooLarge):
        unpack(inner, 1 << 20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20


@pytest.mark.parametrize("rubbish", [b"\0", b"\x1f", b"\x1f\x8b", b"rubbish", bytes(512)])
def test_rubbish_after_the_last_member_is_malformed(rubbish: bytes) -> None:
    with pytest.raises(MalformedProfile, match=r"^unpack: "):
        unpack(gzip.compress(b"profile") + rubbish, 10_000)


@given(st.integers(0, 40))
def test_cut_short_is_malformed(cut: int) -> None:
    packed = gzip.compress(b"a profile that is not so short")
    with pytest.raises(MalformedProfile, match=r"^unpack: "):
        unpack(packed[: max(2, len(packed) - 1 - cut)], 10_000)


def test_a_flood_of_empty_members_is_malformed() -> None:
    with pytest.raises(MalformedProfile, match="more than 64 gzip members"):
        unpack(gzip.compress(b"") * 5_000, 1 << 20)
