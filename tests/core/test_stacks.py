"""The stacks that a reading carries along: of the largest places, bounded."""

from __future__ import annotations

from dataclasses import replace

from leakwarden.core.pprof.locations import Frame
from leakwarden.core.pprof.profile import Labels, NumericLabel, Profile, ValueType
from leakwarden.core.reduce import reduce_goroutines, reduce_heap
from leakwarden.core.stacks import CALLS, FUNCTIONS, WAYS
from tests.core.test_reduce import frame, heap, profile_of

PARK, SEND = Frame("runtime.gopark", "", 1), Frame("runtime.chansend1", "", 1)
KEEP, SERVE = frame("example.org/lsp.keep"), frame("example.org/lsp.serve")
READ, ALL = frame("os.readFileContents"), frame("os.ReadFile")


def sized(profile: Profile, *sizes: int) -> Profile:
    return replace(profile, labels=[Labels(numeric={"bytes": (NumericLabel(size, ""),)}) for size in sizes])


def test_what_a_function_holds_is_told_by_its_inner_calls_and_by_size() -> None:
    profile = sized(
        heap(
            ([READ, ALL, KEEP, SERVE], (600, 6, 600, 6)),
            ([READ, ALL, KEEP], (300, 3, 300, 3)),
            ([KEEP, SERVE], (64, 2, 64, 2)),
            ([KEEP, SERVE], (48, 1, 48, 1)),
            ([SERVE], (0, 0, 500, 5)),
        ),
        100, 100, 32, 48, 100,
    )  # fmt: skip
    kept = reduce_heap(profile).kept
    assert set(kept) == {"example.org/lsp.keep"}
    told = [(way.calls[: way.inner], way.bytes, way.objects, way.size) for way in kept["example.org/lsp.keep"]]
    assert told == [
        (("os.readFileContents", "os.ReadFile", "example.org/lsp.keep"), 900, 9, 100),
        (("example.org/lsp.keep",), 64, 2, 32),
        (("example.org/lsp.keep",), 48, 1, 48),
    ]
    assert kept["example.org/lsp.keep"][0].calls[-1] == "example.org/lsp.serve"


def test_of_what_is_all_gos_own_the_whole_stack_tells() -> None:
    own = [frame("bufio.NewReaderSize"), frame("net/http.(*Transport).dialConn")]
    (way,) = reduce_heap(heap((own, (9, 1, 9, 1)))).kept["bufio.NewReaderSize"]
    assert way.calls[: way.inner] == ("bufio.NewReaderSize", "net/http.(*Transport).dialConn")


def test_all_of_it_is_bounded() -> None:
    deep = [frame(f"example.org/lsp.f{number}") for number in range(3 * CALLS)]
    rows = [(deep[at:], (1000 + at, 1, 1, 1)) for at in range(2 * FUNCTIONS)]
    ways = [([frame(f"os.leaf{n}"), frame("example.org/lsp.most")], (10**6, 1, 1, 1)) for n in range(3 * WAYS)]
    kept = reduce_heap(heap(*rows, *ways)).kept
    assert len(kept) == FUNCTIONS
    assert len(kept["example.org/lsp.most"]) == WAYS
    assert max(len(way.calls) for ways_ in kept.values() for way in ways_) == CALLS


def test_a_group_of_goroutines_has_the_stack_that_most_stand_on() -> None:
    rows = [([PARK, SEND, KEEP, SERVE], (5,)), ([PARK, SEND, KEEP], (2,)), ([PARK, SEND, SERVE], (1,))]
    reading = reduce_goroutines(profile_of((ValueType("goroutine", "count"),), rows))
    assert reading.calls == {
        "example.org/lsp.keep|chan send": (
            "runtime.gopark", "runtime.chansend1", "example.org/lsp.keep", "example.org/lsp.serve",
        ),
        "example.org/lsp.serve|chan send": ("runtime.gopark", "runtime.chansend1", "example.org/lsp.serve"),
    }  # fmt: skip


def test_the_order_of_the_samples_changes_nothing() -> None:
    rows = [([READ, KEEP, SERVE], (10, 1, 1, 1)), ([READ, KEEP], (10, 1, 1, 1)), ([ALL, KEEP], (10, 1, 1, 1))]
    assert reduce_heap(heap(*rows)).kept == reduce_heap(heap(*reversed(rows))).kept
