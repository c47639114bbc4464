"""The MemStats block is read from the end of a debug=1 heap profile."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakwarden.core.memstats import parse_memstats
from leakwarden.core.reduce import memstats_from_bytes
from leakwarden.errors import MalformedProfile, ProfileTooLarge

RECORDED = sorted((Path(__file__).parents[1] / "recordings/profiles").glob("*/memstats.txt.gz"))


def block(num_gc: int, pauses: list[int], fraction: str = "0.25") -> bytes:
    """A block as Go prints it, all counts different."""
    ring = " ".join(str(pause) for pause in pauses + [0] * (256 - len(pauses)))
    return f"""heap profile: 1: 16 [2: 32] @ heap/1048576
1: 16 [2: 32] @ 0x1 0x2
#\t0x1\tmain.main+0x1\t/src/main.go:1

# runtime.MemStats
# Alloc = 1
# TotalAlloc = 2
# Sys = 400
# Lookups = 0
# Mallocs = 4
# Frees = 5
# HeapAlloc = 6
# HeapSys = 7
# HeapIdle = 8
# HeapInuse = 100
# HeapReleased = 10
# HeapObjects = 11
# Stack = 12 / 13
# NextGC = 14
# LastGC = 15
# PauseNs = [{ring}]
# PauseEnd = [{ring}]
# NumGC = {num_gc}
# NumForcedGC = 16
# GCCPUFraction = {fraction}
# DebugGC = false
# MaxRSS = 17
""".encode()


def test_every_field_is_the_one_of_that_name() -> None:
    read = parse_memstats(block(2, [30, 40]))
    assert (read.heap_alloc, read.heap_inuse, read.heap_sys, read.heap_idle, read.heap_released) == (6, 100, 7, 8, 10)
    assert (read.sys, read.total_alloc, read.mallocs, read.frees, read.next_gc, read.num_gc) == (400, 2, 4, 5, 14, 2)
    assert (read.gc_cpu_fraction, read.pause_ns) == (0.25, (30, 40))
    assert (read.water_level, read.container_estimate) == (25.0, 390)


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.parent.name)
def test_the_block_of_every_version_of_go_is_read(path: Path) -> None:
    read = parse_memstats(gzip.decompress(path.read_bytes()))
    assert 0 < read.heap_alloc <= read.heap_inuse <= read.heap_sys <= read.sys
    assert read.heap_inuse + read.heap_idle == read.heap_sys
    assert len(read.pause_ns) == read.num_gc >= 2 and all(read.pause_ns)
    assert 0 <= read.gc_cpu_fraction < 1


@given(st.integers(0, 2000))
def test_pauses_come_oldest_first_however_often_the_ring_went_round(num_gc: int) -> None:
    ring = [0] * 256
    for number in range(1, num_gc + 1):
        ring[(number + 255) % 256] = number
    assert parse_memstats(block(num_gc, ring)).pause_ns == tuple(range(max(1, num_gc - 255), num_gc + 1))


REFUSED = {
    "a page": (b"<html>heap profile: </html>", "not a debug=1 heap profile"),
    "a proto": (gzip.compress(b"x"), "not a debug=1 heap profile"),
    "no block": (b"heap profile: 1: 16 [2: 32] @ heap/1048576\n", "block is missing"),
    "one field missing": (block(1, [5]).replace(b"# HeapInuse = 100\n", b""), "missing HeapInuse;"),
    "cut within a number": (block(1234, [5]).partition(b"34\n# NumF")[0], "missing NumGC, GCCPUFraction"),
    "cut within the pauses": (block(1, [5]).partition(b"0 0 0]")[0], "missing NumGC, GCCPUFraction, PauseNs"),
    "a negative count": (block(1, [5]).replace(b"= 400", b"= -4"), "Sys is no count"),
    "a count of very many digits": (block(1, [5]).replace(b"= 400", b"= " + b"9" * 5000), "Sys is no count"),
    "a fraction that is none": (block(1, [5], "NaN"), "GCCPUFraction is no number"),
    "a fraction of letters": (block(1, [5], "much"), "GCCPUFraction is no number"),
    "a ring too short": (block(1, [5]).replace(b" 0 0 0]", b"]"), "PauseNs has 253 entries"),
    "pauses without brackets": (block(1, [5]).replace(b"[5 ", b"5 "), "PauseNs is no list"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_whole_is_refused_and_says_why(text: bytes, message: str) -> None:
    with pytest.raises(MalformedProfile, match=rf"^memstats: .*{message}"):
        parse_memstats(text)


@given(st.binary(max_size=300), st.integers(0, 1500))
def test_damage_is_a_typed_error_or_read(patch: bytes, place: int) -> None:
    text = block(3, [1, 2, 3])
    try:
        parse_memstats(text[:place] + patch + text[place + len(patch) :])
    except MalformedProfile as error:
        assert str(error).startswith("memstats: ")


def test_the_cap_holds_for_text_too() -> None:
    text = block(1, [5])
    assert memstats_from_bytes(text, len(text)).sys == 400
    with pytest.raises(ProfileTooLarge):
        memstats_from_bytes(text, len(text) - 1)
