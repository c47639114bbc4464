"""`go tool pprof` reads the same profiles: the totals of every function must agree to the byte."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from leakwarden.core.frames import normalised
from leakwarden.core.pprof.decode import decode
from leakwarden.core.pprof.profile import Profile
from leakwarden.core.reduce import heap_from_bytes
from tests.core.pprof import tool


def flat(profile: Profile, sample_type: str) -> Counter[str]:
    totals: Counter[str] = Counter()
    number = [kind.type for kind in profile.sample_types].index(sample_type)
    for sample in profile.samples():
        if sample.stack:
            totals[sample.stack[0].function] += sample.values[number]
    return normal(totals)


def normal(totals: Counter[str]) -> Counter[str]:
    """Functions that have something, generic ones under one name: pprof cuts their type arguments at brackets."""
    by_name: Counter[str] = Counter()
    for function, value in totals.items():
        by_name[normalised(function)] += value
    return Counter({function: value for function, value in by_name.items() if value})


@pytest.mark.parametrize("sample_type", ["inuse_space", "inuse_objects", "alloc_space", "alloc_objects"])
@pytest.mark.parametrize("path", tool.HEAPS, ids=tool.named)
def test_each_function_of_a_heap_has_what_pprof_says(path: Path, sample_type: str) -> None:
    ours = flat(decode(path.read_bytes(), max_bytes=tool.MAX_BYTES), sample_type)
    assert ours == normal(tool.flat(path, sample_type))
    assert len(ours) > 5


@pytest.mark.parametrize("path", tool.GOROUTINES, ids=tool.named)
def test_each_function_of_a_goroutine_profile_has_what_pprof_says(path: Path) -> None:
    ours = flat(decode(path.read_bytes(), max_bytes=tool.MAX_BYTES), "goroutine")
    assert ours == normal(tool.flat(path, "goroutine"))


@pytest.mark.parametrize("path", tool.HEAPS, ids=tool.named)
def test_a_heap_reading_adds_up_to_the_total_of_pprof(path: Path) -> None:
    reading = heap_from_bytes(path.read_bytes(), tool.MAX_BYTES)
    assert reading.live_bytes + reading.ballast_bytes == tool.flat(path, "inuse_space").total()
    assert reading.live_bytes == sum(use.inuse_bytes for use in reading.sites.values())
    assert reading.alloc_bytes == tool.flat(path, "alloc_space").total()


def test_the_recordings_have_inlined_frames() -> None:
    profiles = [decode(path.read_bytes(), max_bytes=tool.MAX_BYTES) for path in tool.HEAPS]
    assert all(any(len(frames) > 2 for frames in profile.locations.values()) for profile in profiles)
