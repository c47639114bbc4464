"""What a decoded profile says, and that no bytes whatsoever do more harm than a typed error."""

from __future__ import annotations

import gzip
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leakwarden.core.pprof import profile_pb2 as pb
from leakwarden.core.pprof.decode import MAX_LINES, MAX_ROWS, MAX_STACK_BYTES, decode
from leakwarden.core.pprof.locations import Frame
from leakwarden.core.pprof.profile import Labels, NumericLabel, Profile, Sample, ValueType, location_ids, pack
from leakwarden.core.pprof.rows import MAX_TEXT
from leakwarden.core.reduce import goroutines_from_bytes, heap_from_bytes
from leakwarden.errors import MalformedProfile, ProfileTooLarge
from tests.core.pprof import tool
from tests.core.pprof.build import Parts, location, number_label, text, text_label, varint

MAX_BYTES = 1 << 20
LEAF, INLINED = Frame("main.leaf", "/src/main.go", 10), Frame("main.leaf", "/src/main.go", 11)
CALLER, ROOT = Frame("main.root", "/src/main.go", 20), Frame("main.root", "/src/main.go", 21)


def read(parts: Parts) -> Profile:
    return decode(parts.join(), max_bytes=MAX_BYTES)


def test_samples_have_whole_stacks_leaf_first_with_inlined_calls() -> None:
    assert list(read(Parts()).samples()) == [
        Sample((LEAF, INLINED, CALLER, ROOT), (1, 64), Labels(text={"doc_id": ("/src/main.go",)})),
        Sample((INLINED, CALLER, ROOT), (2, 32), Labels(numeric={"bytes": (NumericLabel(16, ""),)})),
    ]


def test_the_head_of_a_profile_is_read() -> None:
    profile = read(Parts())
    assert profile.sample_types == (ValueType("objects", "count"), ValueType("space", "bytes"))
    assert profile.period_type == ValueType("space", "bytes")
    assert (profile.period, profile.time_nanos, profile.duration_nanos) == (512, 1_700_000_000_000_000_000, 0)
    assert [(mapping.start, mapping.limit, mapping.file) for mapping in profile.mappings] == [
        (4096, 8192, "/src/main.go")
    ]
    assert profile.default_sample_type == ""
    assert decode(Parts().join() + varint(14, 3), max_bytes=MAX_BYTES).default_sample_type == "space"


def test_a_key_given_twice_keeps_both_values_and_units() -> None:
    rows = [text_label(8, 5), text_label(8, 6), number_label(8, 7, 4), number_label(8, 9)]
    parts = Parts(samples=[pb.Sample(location_id=[1], value=[1, 1], label=rows).SerializeToString()])
    assert read(parts).labels[0] == Labels(
        {"doc_id": ("main.leaf", "main.root")}, {"doc_id": (NumericLabel(7, "bytes"), NumericLabel(9, ""))}
    )


def test_labels_can_be_sliced() -> None:
    assert [*read(Parts()).labels[1:]] == [read(Parts()).labels[1]]


def test_a_place_without_lines_is_named_by_its_address() -> None:
    assert read(Parts(locations=[location(n, address=0x4F2A10) for n in (1, 2, 3)])).locations[2] == (
        Frame("0x4f2a10", "", 0),
    )


def test_a_column_that_is_not_there_is_named_with_those_that_are() -> None:
    assert list(read(Parts()).column("space")) == [64, 32]
    with pytest.raises(MalformedProfile, match="no sample type inuse_space, only objects, space"):
        read(Parts()).column("inuse_space")


def test_long_texts_are_cut() -> None:
    parts = Parts()
    parts.strings[5] = b"x" * (MAX_TEXT + 1)
    assert read(parts).locations[1][0].function == "x" * MAX_TEXT


@given(st.lists(st.integers(1, 2**64 - 1), max_size=20))
def test_packed_stacks_unpack_to_what_was_packed(ids: list[int]) -> None:
    assert [*location_ids(pack(ids))] == ids


def test_goroutine_labels_of_a_real_profile_are_read() -> None:
    path = next(path for path in tool.GOROUTINES if tool.named(path) == "go1.26.8")
    samples = [*decode(path.read_bytes(), max_bytes=MAX_BYTES).samples()]
    labelled = [sample for sample in samples if sample.labels.text == {"doc_id": ("main.go",), "doc_mode": ("edit",)}]
    assert sum(sample.values[0] for sample in labelled) == 28, "26 waits, a coroutine and its caller"


def test_object_sizes_of_a_real_heap_are_read() -> None:
    path = next(path for path in tool.HEAPS if tool.named(path) == "go1.26.8")
    profile = decode(path.read_bytes(), max_bytes=MAX_BYTES)
    sizes = {sample.labels.numeric["bytes"][0].value for sample in profile.samples() if sample.values[0]}
    assert 80 in sizes, "a tree node: two pointers and 64 bytes"


REAL = [gzip.decompress(path.read_bytes()) for path in (*tool.HEAPS[:1], *tool.GOROUTINES[:1])]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A real profile with a few bytes changed, cut out or put in."""
    data = bytearray(draw(st.sampled_from([*REAL, Parts().join()])))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(len(data) - 1, 0)))
        length = draw(st.sampled_from([0, 1, 1, 1, 2, 100]))
        data[place : place + length] = draw(st.binary(min_size=1, max_size=4))
    return bytes(data)


@settings(max_examples=400, deadline=None)
@given(st.one_of(damaged(), damaged(), st.binary(max_size=200)))
def test_damage_is_a_typed_error_or_a_valid_profile(data: bytes) -> None:
    try:
        profile = decode(data, max_bytes=MAX_BYTES)
    except (MalformedProfile, ProfileTooLarge) as error:
        assert ": " in str(error)
        return
    assert all(len(sample.values) == len(profile.sample_types) for sample in profile.samples())


@settings(max_examples=200, deadline=None)
@given(damaged())
def test_damage_to_a_profile_never_crashes_a_worker(data: bytes) -> None:
    for reduced in (heap_from_bytes, goroutines_from_bytes):
        try:
            assert reduced(data, MAX_BYTES) is not None
        except (MalformedProfile, ProfileTooLarge) as error:
            assert ": " in str(error)


HUGE = {
    "a string index past everything": text(1, varint(1, 2**62)),
    "a million empty samples and one": b"\x12\x00" * (MAX_ROWS + 1),
    "a million empty strings and one": b"\x32\x00" * (MAX_ROWS + 1),
    "a location of very many lines": text(4, varint(1, 4) + text(4, varint(1, 1)) * (MAX_LINES + 1)),
    "a stack of very many calls": text(2, text(1, b"\x01" * (MAX_STACK_BYTES + 1)) + varint(2, 1) + varint(2, 1)),
    "a location id of 2^64-1 that is missing": text(2, text(1, pack([2**64 - 1])) + varint(2, 1) + varint(2, 1)),
    "very many values in one sample": text(2, text(2, b"\x01" * 900_000)),
    "very many labels on one sample": text(2, b"\x1a\x00" * 400_000),
}


@pytest.mark.parametrize("more", HUGE.values(), ids=HUGE.keys())
def test_what_would_become_huge_is_refused_in_short_time(more: bytes) -> None:
    began = time.process_time()
    with pytest.raises((MalformedProfile, ProfileTooLarge)):
        decode(Parts().join() + more, max_bytes=1 << 22)
    assert time.process_time() - began < 5


def test_a_stack_that_would_expand_beyond_all_bounds_is_refused_when_it_is_expanded() -> None:
    rows = [location(1, *[(1, 1)] * MAX_LINES), location(2, (1, 1)), location(3, (1, 1))]
    parts = Parts(locations=rows)
    parts.samples.append(pb.Sample(location_id=[1] * 60_000, value=[1, 1]).SerializeToString())
    with pytest.raises(ProfileTooLarge, match="65536 frames"):
        list(read(parts).samples())


def test_memory_for_the_worst_small_messages_stays_within_a_known_multiple_of_the_cap() -> None:
    """Measured in a process of its own, since the memory of protobuf is its own too."""
    program = (
        "import resource, sys; from leakwarden.core.pprof.decode import decode\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for row in (b'\\x12\\x00', b'\\x12\\x02\\x10\\x01', b'\\x22\\x02\\x08\\x01', b'\\x48\\x00'):\n"
        "    try: decode(row * ((4 << 20) // len(row)), max_bytes=4 << 20)\n"
        "    except Exception as error: print(error, file=sys.stderr)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert int(done.stdout) * 1024 < 40 * (4 << 20), done.stderr


@pytest.mark.parametrize("path", tool.HEAPS, ids=tool.named)
def test_the_order_of_samples_does_not_matter_to_a_reading(path: Path) -> None:
    data = gzip.decompress(path.read_bytes())
    message = pb.Profile.FromString(data)
    shuffled = message.sample[:]
    random.Random(1).shuffle(shuffled)
    del message.sample[:]
    message.sample.extend(shuffled)
    # The packed form of the only repeated number would be refused: it is written by hand instead.
    nanos = varint(9, message.time_nanos.pop())
    before, after = heap_from_bytes(data, MAX_BYTES), heap_from_bytes(message.SerializeToString() + nanos, MAX_BYTES)
    assert (after.live_bytes, after.alloc_bytes, after.fingerprint) == (
        before.live_bytes,
        before.alloc_bytes,
        before.fingerprint,
    )
    live = {name for name, use in before.sites.items() if use.inuse_bytes}
    assert {function: after.sites[function] for function in live} == {
        function: before.sites[function] for function in live
    }
