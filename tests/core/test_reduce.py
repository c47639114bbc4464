"""From profiles to readings: totals, sites, ballast, bounds."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakwarden.api.words import WaitKind
from leakwarden.core.frames import attributed, goroot_of, normalised, wait_kind
from leakwarden.core.pprof.decode import decode
from leakwarden.core.pprof.locations import Frame, Lines, Locations
from leakwarden.core.pprof.profile import Labels, Profile, ValueType, pack
from leakwarden.core.readings import POOLED, Site, SiteUse
from leakwarden.core.reduce import (
    MAX_SITES,
    goroutines_from_bytes,
    heap_from_bytes,
    is_ballast,
    memstats_from_bytes,
    reduce_goroutines,
    reduce_heap,
)
from leakwarden.errors import MalformedProfile

RECORDINGS = Path(__file__).parents[1] / "recordings/profiles"
FOLDERS = sorted(path.parent for path in RECORDINGS.glob("*/heap.pb.gz"))
HEAP = tuple(ValueType(name, "") for name in ("alloc_objects", "alloc_space", "inuse_objects", "inuse_space"))
CACHE = "golang.org/x/tools/gopls/internal/cache"


def profile_of(types: tuple[ValueType, ...], rows: Sequence[tuple[list[Frame], tuple[int, ...]]]) -> Profile:
    """A profile in which every frame has a location, and a function, of its own."""
    numbers = {frame: number for number, frame in enumerate(dict.fromkeys(f for stack, _ in rows for f in stack), 1)}
    functions = {number: (frame.function, frame.file) for frame, number in numbers.items()}
    ids = [*numbers.values()]
    return Profile(
        sample_types=types,
        default_sample_type="",
        period_type=ValueType("", ""),
        period=0,
        time_nanos=0,
        duration_nanos=0,
        mappings=(),
        functions=functions,
        locations=Locations(functions, ids, ids, Lines(ids, ids, [frame.line for frame in numbers]), {}),
        stacks=[pack([numbers[frame] for frame in stack]) for stack, _ in rows],
        columns=tuple([values[i] for _, values in rows] for i in range(len(types))),
        labels=[Labels()] * len(rows),
    )


def frame(function: str, line: int = 1) -> Frame:
    return Frame(function, function.partition(".")[0] + "/f.go", line)


READ, PARSE, MAIN = frame("os.readFileContents"), frame("go/parser.parse"), frame("main.main", 7)


def heap(*rows: tuple[list[Frame], tuple[int, int, int, int]]) -> Profile:
    """Rows of inuse bytes, inuse objects, alloc bytes, alloc objects."""
    return profile_of(HEAP, [(stack, (ao, ab, io, ib)) for stack, (ib, io, ab, ao) in rows])


def test_all_lines_of_a_function_are_one_site_shown_where_most_is_held() -> None:
    reading = reduce_heap(
        heap(
            ([READ, frame("a/cache.Load", 10), MAIN], (100, 1, 500, 5)),
            ([PARSE, frame("a/cache.Load", 20), MAIN], (300, 3, 300, 3)),
            ([READ, frame("a/cache.Load", 20), MAIN], (250, 2, 250, 2)),
            ([READ, frame("main.run", 3), MAIN], (0, 0, 9, 1)),
        )
    )
    assert reading.sites == {
        "a/cache.Load": SiteUse(Site("a/cache.Load", "a/cache/f.go", 20, "go/parser.parse"), 650, 6, 1050, 10),
        "main.run": SiteUse(Site("main.run", "main/f.go", 3, "os.readFileContents"), 0, 0, 9, 1),
    }
    assert (reading.live_bytes, reading.ballast_bytes, reading.alloc_bytes) == (650, 0, 1059)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_among_equals_the_first_line_and_leaf_by_name_are_shown_whatever_the_order(order: tuple[int, ...]) -> None:
    rows = [
        ([READ, frame("a/cache.Load", 30)], (200, 2, 200, 2)),
        ([READ, frame("a/cache.Load", 20)], (100, 1, 100, 1)),
        ([PARSE, frame("a/cache.Load", 20)], (100, 1, 100, 1)),
    ]
    shown = reduce_heap(heap(*(rows[number] for number in order))).sites["a/cache.Load"].site
    assert (shown.line, shown.leaf) == (20, "go/parser.parse")


def test_the_ballast_of_gopls_is_neither_live_nor_a_site_and_all_the_rest_of_its_cache_is() -> None:
    reading = reduce_heap(
        heap(
            ([frame(f"{CACHE}.init"), frame("runtime.doInit1")], (100_000_000, 1, 100_000_000, 1)),
            ([READ, frame(f"{CACHE}.init.0"), frame("runtime.doInit1")], (5, 1, 5, 1)),
            ([READ, frame(f"{CACHE}.initialize")], (70, 1, 70, 1)),
        )
    )
    assert (reading.live_bytes, reading.ballast_bytes, reading.alloc_bytes) == (70, 100_000_005, 100_000_075)
    assert list(reading.sites) == [f"{CACHE}.initialize"]


@pytest.mark.parametrize(
    ("function", "ballast"),
    [
        (f"{CACHE}.init", True),
        (f"{CACHE}.init.0", True),
        (f"{CACHE}.init.0.func1", False),
        (f"{CACHE}.init.func2", False),
        (f"{CACHE}.glob..func1", False),
        ("golang.org/x/tools/internal/lsp/cache.init", False),
        (f"{CACHE}.initialize", False),
        (f"{CACHE}.(*Session).init", False),
        (f"{CACHE}/parsego.init", False),
        ("example.org/cache.init", False),
        ("main.init", False),
        ("init", False),
    ],
)
def test_ballast_is_what_gopls_allocates_at_start_and_nothing_else(function: str, ballast: bool) -> None:
    assert is_ballast(function) is ballast


def test_the_ballast_of_a_real_gopls_is_found() -> None:
    reading = heap_from_bytes((RECORDINGS / "gopls-idle/heap.pb.gz").read_bytes(), 1 << 24)
    assert reading.ballast_bytes == 100_007_936
    assert reading.live_bytes < 50_000_000
    assert not any(is_ballast(function) for function in reading.sites)


def test_the_ballast_of_a_newer_gopls_is_found_and_an_older_one_has_none() -> None:
    gopls = RECORDINGS.parent / "gopls"
    assert heap_from_bytes((gopls / "v0.24.0/heap.pb.gz").read_bytes(), 1 << 24).ballast_bytes == 100_007_936
    assert heap_from_bytes((gopls / "v0.10.1/heap.pb.gz").read_bytes(), 1 << 24).ballast_bytes == 0


def test_the_goroutines_that_a_silent_client_leaves_behind_stand_at_one_function() -> None:
    reading = goroutines_from_bytes((RECORDINGS / "gopls-unanswered/goroutine.pb.gz").read_bytes(), 1 << 24)
    first = reading.groups[0]
    assert (first.wait, first.count, reading.total) == (WaitKind.CHAN_RECEIVE, 5445, 5458)
    assert first.site.function == "golang.org/x/tools/gopls/internal/protocol.Handlers.AsyncHandler.func2.2"


def test_the_leaking_functions_of_the_leak_server_are_named() -> None:
    goroutines = goroutines_from_bytes((RECORDINGS / "leakserver/goroutine.pb.gz").read_bytes(), 1 << 24)
    assert (goroutines.groups[0].wait, goroutines.groups[0].site.function) == (
        WaitKind.CHAN_SEND,
        "leakserver/internal/analysis.(*Service).analyzeAndSend",
    )
    sites = heap_from_bytes((RECORDINGS / "leakserver/heap.pb.gz").read_bytes(), 1 << 24).sites
    largest = max(sites.values(), key=lambda use: use.inuse_bytes)
    assert largest.site.function == "leakserver/internal/typeindex.(*Index).checkAndStore"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_short_way_attributes_as_the_long_way(folder: Path) -> None:
    """By packed stacks and locations in `reduce_heap`; frame by frame here."""
    data = (folder / "heap.pb.gz").read_bytes()
    profile = decode(data, max_bytes=1 << 24)
    goroot = goroot_of(profile.functions.values())
    expected: dict[str, int] = {}
    for sample in profile.samples():
        function = attributed(sample.stack, goroot).function
        if sample.values[3] and not is_ballast(function):
            expected[function] = expected.get(function, 0) + sample.values[3]
    sites = heap_from_bytes(data, 1 << 24).sites
    assert {function: use.inuse_bytes for function, use in sites.items() if use.inuse_bytes} == expected
    assert all(function == use.site.function == normalised(function) for function, use in sites.items())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_goroutine_groups_are_the_stacks_grouped_frame_by_frame(folder: Path) -> None:
    data = (folder / "goroutine.pb.gz").read_bytes()
    profile = decode(data, max_bytes=1 << 24)
    goroot = goroot_of(profile.functions.values())
    expected: dict[tuple[str, WaitKind], int] = {}
    for sample in profile.samples():
        key = attributed(sample.stack, goroot).function, wait_kind(sample.stack)
        expected[key] = expected.get(key, 0) + sample.values[0]
    reading = goroutines_from_bytes(data, 1 << 24)
    assert {(group.site.function, group.wait): group.count for group in reading.groups} == expected
    assert reading.total == sum(expected.values())
    assert [group.count for group in reading.groups] == sorted(expected.values(), reverse=True)


def test_a_module_named_like_a_standard_package_is_found_by_where_it_lies() -> None:
    mine, theirs = Frame("log.Keep", "/home/dev/log/keep.go", 3), Frame("log.Print", "/usr/local/go/src/log/log.go", 3)
    runtime = Frame("runtime.main", "/usr/local/go/src/runtime/proc.go", 1)
    reading = reduce_heap(heap(([theirs, mine, MAIN, runtime], (10, 1, 10, 1))))
    assert list(reading.sites) == ["log.Keep"]


@given(st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 50), st.integers(0, 50)), max_size=60))
def test_sums_stay_exact_whatever_the_profile(rows: list[tuple[int, int, int]]) -> None:
    profile = heap(*[([READ, frame(f"a/p.F{n}")], (inuse, 1, alloc, 1)) for n, inuse, alloc in rows])
    reading = reduce_heap(profile)
    assert reading.live_bytes == sum(inuse for _, inuse, _ in rows)
    assert reading.live_bytes == sum(use.inuse_bytes for use in reading.sites.values())
    assert reading.alloc_bytes == sum(use.alloc_bytes for use in reading.sites.values())


def test_past_the_bound_the_smallest_sites_are_pooled_and_sums_stay_exact() -> None:
    rows = [([READ, frame(f"a/p.F{n}")], (n, 1, 2 * n, 2)) for n in range(1, MAX_SITES + 101)]
    reading = reduce_heap(heap(*rows))
    assert len(reading.sites) == MAX_SITES
    assert f"a/p.F{MAX_SITES + 100}" in reading.sites and "a/p.F101" not in reading.sites
    rest = reading.sites[POOLED.function]
    assert (rest.inuse_bytes, rest.inuse_objects, rest.alloc_bytes) == (sum(range(1, 102)), 101, 2 * sum(range(1, 102)))
    assert sum(use.inuse_bytes for use in reading.sites.values()) == reading.live_bytes


def test_past_the_bound_the_smallest_groups_are_pooled_by_wait_and_the_total_stays_exact() -> None:
    park, send = frame("runtime.gopark"), frame("runtime.chansend1")
    rows = [([park, send, frame(f"a/p.F{n}")], (n,)) for n in range(1, MAX_SITES + 1)]
    rows += [([frame(f"a/q.F{n}")], (1,)) for n in range(50)]
    reading = reduce_goroutines(profile_of((ValueType("goroutine", "count"),), rows))
    assert len(reading.groups) <= MAX_SITES
    assert sum(group.count for group in reading.groups) == reading.total == sum(count for _, (count,) in rows)
    pooled = {group.wait: group.count for group in reading.groups if group.site == POOLED}
    assert pooled.keys() == {WaitKind.CHAN_SEND, WaitKind.RUNNING} and pooled[WaitKind.RUNNING] == 50


def test_a_group_shows_the_line_where_most_stand() -> None:
    park, send = frame("runtime.gopark"), frame("runtime.chansend1")
    rows = [([park, send, frame("a/p.F", line)], (count,)) for line, count in ((1, 5), (3, 9), (2, 9), (4, 1))]
    (group,) = reduce_goroutines(profile_of((ValueType("goroutine", "count"),), rows)).groups
    assert (group.count, group.site) == (24, Site("a/p.F", "a/p/f.go", 2, "runtime.gopark"))


def test_stacks_without_frames_are_counted_as_unknown() -> None:
    reading = reduce_goroutines(profile_of((ValueType("goroutine", "count"),), [([], (3,))]))
    assert [(group.site.function, group.wait, group.count) for group in reading.groups] == [
        ("unknown", WaitKind.RUNNING, 3)
    ]


def test_the_fingerprint_stands_still_while_only_new_empty_rows_come_and_moves_with_any_value() -> None:
    before = heap(([READ, MAIN], (10, 1, 20, 2)), ([PARSE, MAIN], (5, 1, 5, 1)))
    with_new_rows = heap(
        ([frame("b.New"), MAIN], (0, 0, 0, 0)), ([READ, MAIN], (10, 1, 20, 2)), ([PARSE, MAIN], (5, 1, 5, 1))
    )
    freed = heap(([READ, MAIN], (0, 0, 20, 2)), ([PARSE, MAIN], (5, 1, 5, 1)))
    allocated_and_freed = heap(([READ, MAIN], (10, 1, 30, 3)), ([PARSE, MAIN], (5, 1, 5, 1)))
    prints = [reduce_heap(profile).fingerprint for profile in (before, with_new_rows, freed, allocated_and_freed)]
    assert prints[0] == prints[1]
    assert len({*prints[1:]}) == 3
    assert len(prints[0]) == 16


def test_a_profile_of_another_kind_is_refused_with_its_sample_types() -> None:
    goroutines = profile_of((ValueType("goroutine", "count"),), [([MAIN], (1,))])
    with pytest.raises(MalformedProfile, match="reduce: no sample type inuse_space, only goroutine"):
        reduce_heap(goroutines)
    with pytest.raises(MalformedProfile, match=r"reduce: not a goroutine profile.* alloc_objects, alloc_space"):
        reduce_goroutines(heap(([MAIN], (1, 1, 1, 1))))


def test_functions_and_readings_can_be_sent_to_and_from_a_worker_process() -> None:
    for function in (heap_from_bytes, goroutines_from_bytes, memstats_from_bytes):
        assert pickle.loads(pickle.dumps(function)) is function  # noqa: S301
    reading = heap_from_bytes((RECORDINGS / "gopls-idle/heap.pb.gz").read_bytes(), 1 << 24)
    assert pickle.loads(pickle.dumps(reading)) == reading  # noqa: S301
