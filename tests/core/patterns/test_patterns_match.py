"""Which pattern a finding has, told from its traces alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from leakwarden.api.words import BLOCKED, Family, FindingType, Resolution, WaitKind
from leakwarden.core.findings import Finding
from leakwarden.core.patterns import builtin_patterns, match, named, table_from_yaml
from leakwarden.core.readings import Kept, Site
from leakwarden.core.traces import Beside, Traces
from tests.core.report.samples import goroutine_leak, heap_leak

TABLE = builtin_patterns()
F, CALLER = "example.org/lsp.(*Server).keep", "example.org/lsp.(*Server).serve"


def kept(*leafs: str, size: int = 4096, objects: int = 1000) -> Kept:
    """Allocated below F in these standard functions, the innermost first."""
    return Kept((*leafs, F, CALLER), len(leafs) + 1, size * objects, objects, size)


def group(function: str, wait: WaitKind, *calls: str) -> Beside:
    return Beside(function, wait, calls or ("runtime.gopark", function), 100.0)


def memory(*ways: Kept, called: tuple[Kept, ...] = (), beside: tuple[Beside, ...] = ()) -> Finding:
    traces = Traces(ways[0].calls, ways, called, beside)
    return heap_leak(site=Site(F, "/src/server.go", 7, ways[0].calls[0]), traces=traces)


def goroutines(
    wait: WaitKind, *calls: str, function: str = F, ways: tuple[Kept, ...] = (), beside: tuple[Beside, ...] = ()
) -> Finding:
    stack = ("runtime.gopark", *calls, function)
    return goroutine_leak(site=Site(function, "/f.go", 7, stack[0]), wait=wait, traces=Traces(stack, ways, (), beside))


READ_LOOP, WRITE_LOOP = "net/http.(*persistConn).readLoop", "net/http.(*persistConn).writeLoop"
ENTRY = ("internal/sync.newEntryNode[...]", "internal/sync.(*HashTrieMap[...]).Swap", "sync.(*Map).Store")
INOTIFY = "github.com/fsnotify/fsnotify.(*inotify).readEvents"
ENTRIES_OF_A_CALLEE = Kept((*ENTRY, "example.org/lsp.remember", F), 4, 48_000, 1000, 48)
LIST_OF_A_CALLEE = Kept(("example.org/lsp.(*View).on", F), 1, 1_200_000, 1, 1_204_224)


@dataclass(frozen=True)
class Case:
    says: str
    finding: Finding
    pattern: str | None


CASES = [
    Case("a send", goroutines(WaitKind.CHAN_SEND), "blocked-senders"),
    Case("a receive", goroutines(WaitKind.CHAN_RECEIVE), "blocked-receivers"),
    Case("a select", goroutines(WaitKind.SELECT), "goroutine-without-end"),
    Case("a sleep", goroutines(WaitKind.SLEEP), "goroutine-without-end"),
    Case("a lock", goroutines(WaitKind.MUTEX), "lock-not-released"),
    Case("a WaitGroup", goroutines(WaitKind.WAIT_GROUP), "wait-group-not-done"),
    Case("a condition", goroutines(WaitKind.COND), None),
    Case("the network", goroutines(WaitKind.IO), None),
    Case("something that runs", goroutines(WaitKind.RUNNING), None),
    Case("a read loop in its select", goroutines(WaitKind.SELECT, function=READ_LOOP), "body-not-closed"),
    Case("an idle connection", goroutines(WaitKind.IO, "internal/poll.runtime_pollWait", function=READ_LOOP), None),
    Case(
        "a write loop beside read loops that wait for bodies",
        goroutines(WaitKind.SELECT, function=WRITE_LOOP, beside=(group(READ_LOOP, WaitKind.SELECT),)),
        "body-not-closed",
    ),
    Case("a write loop of idle connections", goroutines(WaitKind.SELECT, function=WRITE_LOOP), None),
    Case("a loop of Go's own", goroutines(WaitKind.CHAN_RECEIVE, function="database/sql.(*DB).connectionOpener"), None),
    Case("an inotify loop", goroutines(WaitKind.IO, function=INOTIFY), "watcher-not-closed"),
    Case(
        "a goroutine of the context package",
        goroutines(WaitKind.SELECT, function="context.(*cancelCtx).propagateCancel.func2"),
        "context-not-cancelled",
    ),
    Case("a ticker's loop", goroutines(WaitKind.CHAN_RECEIVE, ways=(kept("time.NewTicker"),)), "timer-not-stopped"),
    Case("contexts", memory(kept("context.WithDeadlineCause", "context.WithTimeout")), "context-not-cancelled"),
    Case("values in contexts", memory(kept("context.WithValue")), None),
    Case("timers", memory(kept("time.newTimer", "time.AfterFunc")), "timer-not-stopped"),
    Case(
        "timers that are the least of it",
        memory(kept(size=65536), kept("time.newTimer", "time.AfterFunc", size=112)),
        None,
    ),
    Case("trees", memory(kept("go/parser.(*parser).parseIdent", "go/parser.ParseFile")), "syntax-cache"),
    Case("lines of a file set", memory(kept("go/token.(*File).AddLine")), "syntax-cache"),
    Case("files", memory(kept("os.readFileContents", "os.ReadFile")), "file-contents"),
    Case("buffers", memory(kept("bytes.growSlice", "bytes.(*Buffer).grow")), "whole-buffers"),
    Case("entries of a sync.Map", memory(kept(*ENTRY, size=48)), "sync-map-grows"),
    Case("entries with a box each", memory(kept(*ENTRY, size=48), kept(size=48)), "boxed-values"),
    Case("entries with large values", memory(kept(size=512), kept(*ENTRY, size=48)), None),
    Case("values that a callee stores", memory(kept(size=512), called=(ENTRIES_OF_A_CALLEE,)), "sync-map-grows"),
    Case("more values than it stores", memory(kept(size=64, objects=9000), called=(ENTRIES_OF_A_CALLEE,)), None),
    Case("tables and entries of a map", memory(kept(size=128), kept(size=27264, objects=2)), "map-grows"),
    Case("few tables for so much", memory(kept(size=128, objects=90_000), kept(size=27264, objects=2)), None),
    Case("buffers of a power of two", memory(kept(size=128), kept(size=32768, objects=2)), None),
    Case("members", memory(kept(size=80, objects=90_000), called=(LIST_OF_A_CALLEE,)), "handlers-not-released"),
    Case("a list with room for far more", memory(kept(size=80, objects=900), called=(LIST_OF_A_CALLEE,)), None),
    Case("any objects", memory(kept(size=80, objects=900)), None),
    Case(
        "what blocked senders allocated",
        memory(kept("go/parser.ParseFile"), beside=(group(F, WaitKind.CHAN_SEND),)),
        "blocked-senders",
    ),
    Case(
        "what its caller allocated before it blocked",
        memory(kept(), beside=(group(CALLER, WaitKind.CHAN_SEND),)),
        "blocked-senders",
    ),
    Case("goroutines that block elsewhere", memory(kept(), beside=(group("main.other", WaitKind.CHAN_SEND),)), None),
    Case(
        "a connection of a body that is open",
        memory(
            Kept((F, CALLER, "net/http.(*Transport).dial"), 1, 4096, 1, 4096),
            beside=(group(READ_LOOP, WaitKind.SELECT),),
        ),
        "body-not-closed",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[case.says for case in CASES])
def test_a_pattern_is_told_from_stacks_and_sizes(case: Case) -> None:
    found = match(case.finding, TABLE)
    assert (found.name if found else None) == case.pattern


@pytest.mark.parametrize("case", CASES, ids=[case.says for case in CASES])
def test_the_names_of_the_program_itself_change_nothing(case: Case) -> None:
    """Each of its names in turn is one that could be taken for the standard library's, or says `handler`."""

    def renamed(text: str) -> str:
        return text.replace("example.org/lsp.", "contexts/timers.handlers").replace("main.", "mutexes.")

    def ways(some: tuple[Kept, ...]) -> tuple[Kept, ...]:
        return tuple(replace(way, calls=tuple(map(renamed, way.calls))) for way in some)

    site, traces = case.finding.site, case.finding.traces
    assert site and traces
    other = replace(
        case.finding,
        site=replace(site, function=renamed(site.function), leaf=renamed(site.leaf)),
        traces=Traces(
            tuple(map(renamed, traces.calls)),
            ways(traces.kept),
            ways(traces.called),
            tuple(
                replace(one, function=renamed(one.function), calls=tuple(map(renamed, one.calls)))
                for one in traces.beside
            ),
        ),
    )
    found = match(other, TABLE)
    assert (found.name if found else None) == case.pattern


@pytest.mark.parametrize("case", CASES, ids=[case.says for case in CASES])
def test_pressure_and_what_has_no_place_have_no_pattern(case: Case) -> None:
    assert match(replace(case.finding, type=FindingType.PRESSURE), TABLE) is None
    assert match(replace(case.finding, site=None, traces=None), TABLE) is None


def test_a_wait_is_named_before_any_stack_is_known() -> None:
    without = {wait: match(goroutine_leak(wait=wait, traces=None), TABLE) for wait in BLOCKED}
    assert {wait for wait, found in without.items() if found is None} == {WaitKind.COND, WaitKind.SEMAPHORE}


def test_naming_sets_the_pattern_and_lets_the_traces_go_and_changes_nothing_else() -> None:
    finding = goroutines(WaitKind.MUTEX)
    (got,) = named((finding,), TABLE)
    assert got.pattern is not None and got.pattern.name == "lock-not-released"
    assert replace(got, pattern=None, traces=finding.traces) == finding


def test_a_name_of_before_is_taken_back_when_the_table_no_longer_has_it() -> None:
    (got,) = named(named((goroutines(WaitKind.MUTEX),), TABLE), table_from_yaml("patterns: []", "mine.yaml"))
    assert got.pattern is None


def test_a_chain_leads_from_who_made_the_objects_to_who_keeps_them() -> None:
    found = match(memory(kept(size=80, objects=90_000), called=(LIST_OF_A_CALLEE,)), TABLE)
    assert found is not None and found.estimate
    assert found.chain == f"{CALLER} -> {F} -> example.org/lsp.(*View).on"


def test_the_first_pattern_that_fits_is_the_one() -> None:
    rows = """
patterns:
- {name: first, title: t, why: w, fix: f, when: [{family: goroutine, wait: [select]}]}
- {name: second, title: t, why: w, fix: f, when: [{family: goroutine, wait: [select, sleep]}]}
"""
    table = table_from_yaml(rows, "mine.yaml")
    assert [match(goroutines(wait), table).name for wait in (WaitKind.SELECT, WaitKind.SLEEP)] == [  # type: ignore[union-attr]
        "first", "second",
    ]  # fmt: skip


def test_every_pattern_that_is_shipped_has_a_case_here() -> None:
    assert {case.pattern for case in CASES} - {None} == {pattern.name for pattern in TABLE.patterns}
    assert {case.finding.family for case in CASES} == set(Family)


def test_findings_of_one_target_with_a_pattern_that_joins_are_said_to_be_one_bug() -> None:
    read = replace(goroutines(WaitKind.SELECT, function=READ_LOOP), signature="goroutine/read")
    write = goroutines(WaitKind.SELECT, function=WRITE_LOOP, beside=(group(READ_LOOP, WaitKind.SELECT),))
    write = replace(write, signature="goroutine/write")
    ended = replace(read, signature="goroutine/ended", resolution=Resolution.SUBSIDED)
    tree = replace(memory(kept("go/parser.ParseFile")), signature="memory/trees")
    other = replace(tree, signature="memory/more trees")
    found = {one.signature: one.pattern for one in named((read, write, ended, tree, other), TABLE)}
    together = {signature: pattern.together for signature, pattern in found.items() if pattern}
    assert together == {
        "goroutine/read": ("goroutine/write",),
        "goroutine/write": ("goroutine/read",),
        "goroutine/ended": ("goroutine/read", "goroutine/write"),
        "memory/trees": (),
        "memory/more trees": (),
    }
