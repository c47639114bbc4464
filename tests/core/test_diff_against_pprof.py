"""`go tool pprof -top -diff_base` subtracts the same profiles: every entry must agree to the byte."""

from __future__ import annotations

import subprocess
from itertools import pairwise, permutations
from pathlib import Path

import pytest

from leakwarden.errors import IncomparableProfiles
from tests.core.diff_judge import agree, ours, pprof
from tests.core.diff_made import write_pair

TESTS = Path(__file__).resolve().parents[1]
RECORDED = {kind: sorted(TESTS.glob(f"recordings/profiles/*/{kind}.pb.gz")) for kind in ("heap", "goroutine")}
CROSS = [pair for kind in RECORDED for pair in pairwise([*RECORDED[kind], RECORDED[kind][0]])]
KINDS = ("heap", "allocs", "goroutine", "block", "mutex")
MOMENTS = ("empty", "grown", "moved", "shrunk")


@pytest.fixture(scope="module")
def moments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Profiles of one program, taken now."""
    folder = tmp_path_factory.mktemp("moments")
    program = folder / "program"
    subprocess.run(["go", "build", "-o", str(program), "."], cwd=TESTS / "fixtures/moments", check=True)
    subprocess.run([str(program), str(folder)], check=True, timeout=60)
    return folder


@pytest.mark.parametrize(("base", "new"), CROSS, ids=lambda path: f"{path.parent.name}-{path.name[:4]}")
def test_recorded_profiles_of_different_programs_differ_as_pprof_says(base: Path, new: Path) -> None:
    assert agree(base, new).lines


@pytest.mark.parametrize("sample_index", ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space", "1", "+0"])
def test_every_sample_type_can_be_chosen_by_pprof_s_names(sample_index: str) -> None:
    base, new = TESTS / "recordings/profiles/leakserver/heap.pb.gz", TESTS / "recordings/profiles/gopls-idle/heap.pb.gz"
    assert agree(base, new, sample_index).functions


@pytest.mark.parametrize(("before", "after"), [*permutations(MOMENTS, 2)])
@pytest.mark.parametrize("kind", ["heap", "goroutine"])
def test_two_moments_of_one_program_differ_as_pprof_says(moments: Path, before: str, after: str, kind: str) -> None:
    agree(moments / f"{before}-{kind}.pb.gz", moments / f"{after}-{kind}.pb.gz")


@pytest.mark.parametrize("kind", ["allocs", "block", "mutex"])
def test_profiles_of_allocations_and_of_waiting_differ_as_pprof_says(moments: Path, kind: str) -> None:
    for sample_index in ("", "0"):
        agree(moments / f"empty-{kind}.pb.gz", moments / f"moved-{kind}.pb.gz", sample_index)
    agree(moments / f"moved-{kind}.pb.gz", moments / f"shrunk-{kind}.pb.gz")


def test_profiles_of_computing_differ_as_pprof_says(moments: Path) -> None:
    for sample_index in ("", "samples"):
        agree(moments / "grown-cpu.pb.gz", moments / "moved-cpu.pb.gz", sample_index)


def test_the_moments_show_recursion_generics_inlining_growth_and_shrinking(moments: Path) -> None:
    """Else the comparisons above would say little."""
    grown = ours(moments / "empty-heap.pb.gz", moments / "grown-heap.pb.gz")
    flat = {entry.function: entry.flat for entry in grown.functions}
    cum = {entry.function: entry.cum for entry in grown.functions}
    assert flat["main.smaller"] > 10_000
    assert cum["main.main"] > cum["main.grow"] > cum["main.odd"] > 0
    assert flat["main.(*box[go.shape.string]).keep"] > 50_000
    shrunk = ours(moments / "moved-heap.pb.gz", moments / "shrunk-heap.pb.gz")
    assert min(entry.flat for entry in shrunk.functions) < -10_000


def test_a_profile_less_itself_is_nothing(moments: Path) -> None:
    path = moments / "grown-heap.pb.gz"
    assert agree(path, path).functions == ()


@pytest.mark.parametrize("seed", range(25))
def test_profiles_made_to_be_odd_differ_as_pprof_says(tmp_path: Path, seed: int) -> None:
    """Frames to drop, functions without a name, names of C++, binaries, units, sample types that only one has."""
    agree(*write_pair(tmp_path, seed))


@pytest.mark.parametrize("seed", range(100, 140))
def test_we_refuse_to_compare_exactly_what_pprof_refuses(tmp_path: Path, seed: int) -> None:
    base, new = write_pair(tmp_path, seed, strange=True)
    try:
        ours(base, new)
    except IncomparableProfiles:
        assert pprof(base, new).returncode
    else:
        agree(base, new)


@pytest.mark.parametrize(("base", "new"), [*permutations(KINDS, 2)])
def test_kinds_of_go_s_profiles_go_together_as_for_pprof(moments: Path, base: str, new: str) -> None:
    old, late = (moments / f"grown-{kind}.pb.gz" for kind in (base, new))
    if {base, new} in ({"heap", "allocs"}, {"block", "mutex"}):
        agree(old, late)
        return
    assert pprof(old, late).returncode
    with pytest.raises(IncomparableProfiles):
        ours(old, late)
