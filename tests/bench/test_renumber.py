"""Profiles numbered alike are the same profiles, and pack smaller."""

from __future__ import annotations

import gzip
import lzma
from collections import Counter
from pathlib import Path

import pytest

from bench.verdicts.renumber import Renumbering
from leakwarden.core.pprof import profile_pb2 as pb

PROFILES = Path(__file__).parents[1] / "recordings" / "profiles"
SOME = sorted(PROFILES.glob("*/*.pb.gz"))


def spelled(data: bytes) -> dict[str, object]:
    """Everything that a profile says, with names in the place of numbers and without an order of rows."""
    profile = pb.Profile.FromString(data)
    text = list(profile.string_table)
    functions = {
        f.id: (text[f.name], text[f.system_name], text[f.filename], f.start_line)
        for f in map(pb.Function.FromString, profile.function)
    }
    locations = {}
    for location in map(pb.Location.FromString, profile.location):
        lines = [pb.Line.FromString(row) for row in location.line]
        frames = tuple((functions[line.function_id], line.line) for line in lines)
        locations[location.id] = (location.mapping_id, location.address, location.is_folded, frames)
    samples = Counter(
        (
            tuple(locations[number] for number in sample.location_id),
            tuple(sample.value),
            tuple(
                (text[label.key], text[label.str], label.num, text[label.num_unit])
                for label in map(pb.Label.FromString, sample.label)
            ),
        )
        for sample in map(pb.Sample.FromString, profile.sample)
    )
    mappings = [
        (m.id, m.memory_start, m.memory_limit, m.file_offset, text[m.filename], text[m.build_id], m.has_functions)
        for m in map(pb.Mapping.FromString, profile.mapping)
    ]
    types = [
        [(text[t.type], text[t.unit]) for t in map(pb.ValueType.FromString, rows)]
        for rows in (profile.sample_type, profile.period_type)
    ]
    named = [text[index] for index in (profile.drop_frames, profile.keep_frames, profile.default_sample_type)]
    return {
        "samples": samples,
        "mappings": mappings,
        "types": types,
        "named": named,
        "comments": [text[index] for index in profile.comment],
        "when": (list(profile.time_nanos), profile.duration_nanos, profile.period),
    }


@pytest.mark.parametrize("path", SOME, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_renumbered_profile_says_the_same_also_after_others(path: Path) -> None:
    numbering = Renumbering()
    for other in SOME[:4]:
        numbering.renumbered(other.read_bytes())
    packed = path.read_bytes()
    assert spelled(numbering.renumbered(packed)) == spelled(gzip.decompress(packed))


def test_a_profile_with_one_more_stack_in_front_costs_next_to_nothing_more() -> None:
    whole = pb.Profile.FromString(gzip.decompress((PROFILES / "gopls-idle" / "heap.pb.gz").read_bytes()))
    less = pb.Profile.FromString(whole.SerializeToString())
    del less.sample[:1]
    numbering = Renumbering()
    first = numbering.renumbered(less.SerializeToString())
    both = first + numbering.renumbered(whole.SerializeToString())
    assert len(lzma.compress(both)) < 1.05 * len(lzma.compress(first))


def test_a_profile_that_is_not_gzipped_is_taken_as_it_is() -> None:
    data = gzip.decompress(SOME[0].read_bytes())
    assert Renumbering().renumbered(data) == Renumbering().renumbered(gzip.compress(data))
