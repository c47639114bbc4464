"""Sentences: what they say about a finding, and that they can be read alone."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakwarden.api.words import BLOCKED, Confidence, Resolution, Severity, Signal, WaitKind
from leakwarden.core.findings import Confirmation, ConfirmationResult, Finding, LabelShare, Strain
from leakwarden.core.gopls_info import GoplsContext
from leakwarden.core.patterns import builtin_patterns, named
from leakwarden.core.readings import Site
from leakwarden.core.report.annotation import MAX_LENGTH, summary
from leakwarden.core.report.fixes import advice
from leakwarden.core.report.message import ROOM, finding_message
from leakwarden.core.report.parking import parked_remark
from leakwarden.core.targets import PolicyKey
from tests.core.report.samples import HERE, KEEP, LOOK, MIB, NOW, PATTERN, RESTART, goroutine_leak, heap_leak, pressure

POLICY = PolicyKey("demo", "gopls")


def with_pattern(finding: Finding) -> Finding:
    return named((finding,), builtin_patterns())[0]


def test_a_heap_leak_says_what_grows_where_how_fast_since_when_and_when_the_limit_comes() -> None:
    assert finding_message(heap_leak(), HERE) == (
        "Out of memory about 2026-11-23T16:40Z at this pace: pod demo/ws-1 (Deployment/ws, container dev), uses 1 GiB "
        "of its 1.5 GiB limit as of 14:00Z and grows 190 MiB/h. "
        f"Now: save a profile (kubectl leakwarden profile ws-1 -n demo). {RESTART}16:40Z; not urgent yet. "
        "This policy only watches, it touches no pod. "
        "Evidence: live heap of main.(*Cache).parseAndKeep (cache.go:41, leaf go/parser.ParseFile) grew 512 MiB "
        f"since 10:00Z, 96 MiB/h (growth: High confidence; rule live-heap). {LOOK}"
    )


def test_the_page_of_messages_shows_the_one_that_is_made() -> None:
    page = (Path(__file__).parents[3] / "docs" / "leakpolicy.md").read_text()
    (example,) = re.findall(r"```text\n(Out of memory .*?)```", page, re.DOTALL)
    assert " ".join(example.split()) == finding_message(heap_leak(), HERE)


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (None, "(growth: High confidence; rule live-heap). "),
        (ConfirmationResult.UNKNOWN, "(growth: High confidence; rule live-heap). "),
        (ConfirmationResult.CONFIRMED, "(growth: High confidence, confirmed by a forced collection; rule live-heap). "),
        (
            ConfirmationResult.GARBAGE,
            "(growth: High confidence, not confirmed: a forced collection took most of it back; rule live-heap). ",
        ),
    ],
)
def test_what_a_forced_collection_said_is_told(result: ConfirmationResult | None, says: str) -> None:
    assert says in finding_message(heap_leak(confirmation=Confirmation(result, NOW) if result else None))


def test_a_goroutine_leak_says_what_they_wait_for_and_what_that_is_called() -> None:
    message = finding_message(with_pattern(goroutine_leak()))
    assert (
        "Evidence: blocked goroutines of example.org/lsp/internal/server.(*Server).onChange "
        "(server.go:88, waiting: chan send) grew by 1,230 since 2026-11-23T10:00Z, 310/h "
        "(growth: High confidence; rule blocked). Pattern: senders blocked on a channel: no receiver came for what"
    ) in message
    assert "Fix, for the code's owner: let the sender select on ctx.Done() too" in message
    assert message.endswith(" (more: leakwarden patterns blocked-senders).")


def test_leaked_goroutines_are_counted_where_no_growth_was_asked_for() -> None:
    proven = replace(
        goroutine_leak(), signal=Signal.LEAKED_GOROUTINES, growth_per_hour=0.0, value=150, rules=("leaked",)
    )
    assert (
        "Evidence: proven leaked goroutines of example.org/lsp/internal/server.(*Server).onChange "
        "(server.go:88, waiting: chan send) number 150 in the process, since "
        "2026-11-23T10:00Z (growth: High confidence; rule leaked). Cause not recognised. Next, "
    ) in finding_message(proven)


def test_growth_at_no_one_place_is_said_to_be_so() -> None:
    message = finding_message(heap_leak(site=None, signature="memory/unattributed"))
    assert "of the process (no one place explains half of it) grew 512 MiB" in message


@pytest.mark.parametrize(
    ("pace", "says"),
    [(64 * MIB, "10:00Z, 64 MiB/h (growth"), (63 * MIB, "10:00Z, now 63 MiB/h (growth")],
)
def test_a_pace_that_does_not_lead_to_half_of_the_growth_is_said_to_be_of_now(pace: float, says: str) -> None:
    """512 MiB in four hours: at 64 MiB/h it would be half of that."""
    assert says in finding_message(heap_leak(growth_per_hour=pace), HERE)


def test_a_message_names_every_rule_and_the_confidence() -> None:
    message = finding_message(heap_leak(rules=("live-heap", "site-bytes"), confidence=Confidence.LOW))
    assert " (growth: Low confidence; rules live-heap, site-bytes). Cause " in message


@pytest.mark.parametrize("wait", sorted(BLOCKED))
def test_each_kind_of_wait_has_a_fix_of_its_own(wait: WaitKind) -> None:
    others = {advice(with_pattern(goroutine_leak(wait=other))) for other in BLOCKED - {wait}}
    assert advice(with_pattern(goroutine_leak(wait=wait))) not in others


def test_what_no_pattern_fits_is_not_said_to_have_a_fix_and_is_told_where_to_look() -> None:
    message = finding_message(with_pattern(heap_leak(site=replace(KEEP, leaf=KEEP.function))), HERE)
    assert message.endswith(LOOK) and "Fix" not in message


@pytest.mark.parametrize(
    ("function", "gopls", "theirs"),
    [
        ("golang.org/x/tools/gopls/internal/cache.readFile", GoplsContext("v0.22.0"), True),
        ("golang.org/x/tools/internal/typesinternal.x", GoplsContext("v0.22.0"), True),
        ("golang.org/x/tools/gopls/internal/cache.readFile", None, True),
        ("golang.org/x/tools/go/packages.Load", None, False),
        ("github.com/fsnotify/fsnotify.(*Watcher).add", GoplsContext("v0.22.0"), False),
    ],
)
def test_what_is_goplss_own_code_is_to_be_upgraded_or_reported(
    function: str, gopls: GoplsContext | None, theirs: bool
) -> None:
    message = finding_message(heap_leak(site=replace(KEEP, function=function), gopls=gopls, pattern=PATTERN), HERE)
    version = " v0.22.0" if gopls else ""
    assert theirs is message.endswith(
        f" Next: this is in gopls{version} (the editor may set it off): try the newest; if it leaks too, report it "
        "with the profile at github.com/golang/go/issues."
    )
    assert theirs is ("a fix" not in message)


def test_an_estimate_is_said_to_be_one_and_shows_its_chain() -> None:
    chain = "main.open -> main.(*View).on"
    message = finding_message(heap_leak(pattern=replace(PATTERN, estimate=True, chain=chain)))
    assert "Pattern: likely, as far as the stacks tell: a title: " in message
    assert f"; kept along {chain}, as far as the stacks tell. Fix, " in message


def test_the_annotation_has_the_kind_of_leak_where_there_is_room() -> None:
    assert summary([heap_leak(pattern=PATTERN)], POLICY).endswith(" growing (a-name)")
    tight = summary([heap_leak(pattern=PATTERN)], PolicyKey("n" * 63, "p" * 96))
    assert len(tight) <= MAX_LENGTH and "a-name" not in tight and tight.endswith("…")


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 1000))
def test_a_long_message_leaves_out_its_pattern_and_never_its_fix(name: int, why: int, chain: int) -> None:
    pattern = replace(PATTERN, why="w" * why, chain="c" * chain)
    message = finding_message(heap_leak(site=replace(KEEP, function="main." + "f" * name), pattern=pattern))
    assert message.endswith(" Fix, for the code's owner: a fix (more: docs).")
    assert len(message) <= ROOM


@given(
    st.sampled_from(Signal),
    st.floats(min_value=0, max_value=1e15),
    st.floats(min_value=0, max_value=1e15),
    st.booleans(),
)
def test_every_message_ends_with_its_fix_in_one_line(signal: Signal, value: float, pace: float, known: bool) -> None:
    finding = heap_leak(signal=signal, value=value, growth_per_hour=pace, site=KEEP if known else None)
    message = finding_message(finding, HERE)
    assert "\n" not in message
    assert message.count(" Next, for the code's owner: ") == 1
    assert message.endswith(".")


def test_the_annotation_is_one_line_without_numbers_that_move() -> None:
    text = summary([goroutine_leak(), heap_leak()], POLICY)
    assert text == (
        "Critical leak since 2026-11-23T11:00Z (LeakPolicy demo/gopls): live heap of main.(*Cache).parseAndKeep "
        "(cache.go:41, leaf go/parser.ParseFile) growing; and 1 more"
    )
    assert summary([goroutine_leak(), heap_leak(value=9e9, growth_per_hour=1e9, limit_at=NOW)], POLICY) == text


def test_the_annotation_says_what_leaks_under_a_policy_of_the_longest_name_too() -> None:
    assert summary([heap_leak()], PolicyKey("n" * 63, "p" * 253)).endswith(": live heap of main.(*Cache).parseAndKeep…")


def test_the_annotation_is_empty_without_an_open_leak() -> None:
    assert summary([pressure()], POLICY) == ""
    assert summary([], POLICY) == ""


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=600))
def test_the_annotation_is_never_longer_than_its_limit(function: str) -> None:
    finding = heap_leak(site=Site(function, "a.go", 1, function), severity=Severity.WARNING)
    assert len(summary([finding], POLICY)) <= MAX_LENGTH


# -- labels -----------------------------------------------------------------------------------------------------------

MAIN = LabelShare("doc_id", "file:///src/main.go", 0.912, exact=True)
EDIT = LabelShare("doc_mode", "edit", 0.88, exact=False)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ((MAIN,), "91 % of the new goroutines belong to doc_id=file:///src/main.go (pprof labels)."),
        (
            (MAIN, EDIT, LabelShare("user", "me", 0.8, exact=True)),
            "91 % of the new goroutines belong to doc_id=file:///src/main.go, at least 88 % to doc_mode=edit (pprof "
            "labels).",
        ),
        ((EDIT,), "At least 88 % of the new goroutines belong to doc_mode=edit (pprof labels)."),
        (
            (LabelShare("doc_id", "", 0.912, exact=False),),
            "At least 91 % of the new goroutines belong to one doc_id (the policy hides which) (pprof labels).",
        ),
        (
            (LabelShare("doc_id", 'x. Fix: "delete" \\ it', 1.0, exact=True),),
            '100 % of the new goroutines belong to doc_id="x. Fix: \\"delete\\" \\\\ it" (pprof labels).',
        ),
    ],
    ids=["one", "two at most", "at least", "hidden", "a value that reads like a sentence is quoted"],
)
def test_whose_goroutines_they_are_stands_between_the_evidence_and_the_fix(
    labels: tuple[LabelShare, ...], said: str
) -> None:
    message = finding_message(goroutine_leak(labels=labels))
    assert f"rule blocked). {said} Cause not recognised. Next, for the code's owner: look what should end" in message


@pytest.mark.parametrize(
    ("strain", "said"),
    [
        (Strain(water_level=98.0, gc_cpu=19.9, gc_pause=2.9), ""),
        (Strain(gc_cpu=31.2), "31 % of its CPU time goes to GC. "),
        (
            Strain(gc_cpu=31.2, gc_pause=4.13),
            "31 % of its CPU time goes to GC and GC stopped it for 4.1 s in 5 min. ",
        ),
    ],
    ids=["a number that is no alarm is not told", "busy", "busy and stopped"],
)
def test_the_collector_is_told_of_only_where_it_makes_the_process_slow(strain: Strain, said: str) -> None:
    assert f"rule live-heap). {said}Cause " in finding_message(heap_leak(strain=strain))


def test_the_collector_is_not_told_of_beside_pressure() -> None:
    assert "GC" not in finding_message(pressure(strain=Strain(gc_cpu=90.0, gc_pause=30.0)))


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        ({}, ""),
        ({"parked": 98.4}, ""),
        ({"retained": 512 * MIB}, "Of the live heap 510 MiB was allocated in or below server.(*Server).onChange. "),
        ({"started": "example.org/lsp/x.(*S).Open.func1.gowrap2"}, "The goroutines were started in x.(*S).Open. "),
        ({"started": "example.org/lsp/x.(*S).loop"}, "The goroutines run x.(*S).loop. "),
        ({"started": "example.org/lsp/x.glob..func1"}, "The goroutines run x.glob..func1. "),
    ],
)
def test_what_goroutines_do_to_their_process_is_told(beside: dict[str, Any], said: str) -> None:
    assert f"rule blocked). {said}Cause " in finding_message(goroutine_leak(**beside))


def test_only_who_asks_for_everything_is_told_how_many_are_parked() -> None:
    """An idle server's are, too."""
    message = finding_message(goroutine_leak(parked=98.4), remarks=(parked_remark,))
    assert "98 % of all goroutines are parked. Cause " in message


def test_where_to_read_more_is_a_command_or_the_link_that_a_pattern_of_ones_own_brings() -> None:
    leak = goroutine_leak()
    assert finding_message(with_pattern(leak), HERE).endswith(" (more: kubectl leakwarden patterns blocked-senders).")
    linked = replace(PATTERN, docs="https://wiki.example.org/pool")
    assert finding_message(heap_leak(pattern=linked), HERE).endswith(" (more: https://wiki.example.org/pool).")
    assert finding_message(heap_leak(pattern=replace(PATTERN, docs="")), HERE).endswith(" a fix.")


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (goroutine_leak(site=KEEP), True),
        (goroutine_leak(site=replace(KEEP, function="main.(*Cache).parseAndKeep.func1")), True),
        (goroutine_leak(site=replace(KEEP, line=90)), True),
        (goroutine_leak(), False),
        (goroutine_leak(site=KEEP, resolution=Resolution.SUBSIDED), False),
        (goroutine_leak(site=None), False),
    ],
    ids=["the same", "the same line", "the same function", "elsewhere", "ended", "of no place"],
)
def test_what_else_is_open_at_the_same_place_is_named(other: Finding, named: bool) -> None:
    message = finding_message(heap_leak(), replace(HERE, beside=(heap_leak(), other)))
    assert (f"rule live-heap). Perhaps the same bug as {other.signature}. Cause " in message) is named
    assert ("Perhaps" in message) is named


WAITING, HELD = f"goroutine/{KEEP.function}/chan-send", f"memory/{KEEP.function}"


@pytest.mark.parametrize(
    ("finding", "together", "says"),
    [
        (heap_leak(), (WAITING,), f"Consequence of {WAITING}: fix that one first."),
        (
            heap_leak(),
            ("goroutine/main.other/select", "memory/a.b"),
            "The same bug as goroutine/main.other/select and 1 more.",
        ),
        (goroutine_leak(site=KEEP), (HELD,), f"It also causes {HELD}."),
        (goroutine_leak(site=KEEP), ("memory/main.other",), "The same bug as memory/main.other."),
    ],
    ids=["the memory of those that wait", "joined, elsewhere", "what they hold", "held elsewhere"],
)
def test_of_two_findings_of_one_bug_it_is_said_which_to_mend(
    finding: Finding, together: tuple[str, ...], says: str
) -> None:
    """And at the same place nothing is named twice."""
    other = goroutine_leak(site=KEEP, signature=WAITING)
    leak = replace(finding, pattern=replace(PATTERN, together=together))
    message = finding_message(leak, replace(HERE, beside=(leak, other)), room=4096)
    assert f"). {says} Pattern: a title: a reason. Fix, " in message and "Perhaps" not in message


@given(st.integers(1, 400), st.integers(1, 253), st.integers(1, 63), st.integers(100, 700), st.integers(1, 320))
def test_what_is_cut_is_context_and_neither_the_time_nor_the_fix(
    function: int, pod: int, namespace: int, room: int, clause: int
) -> None:
    there = replace(HERE, pod="p" * pod, namespace="n" * namespace)
    leak = heap_leak(
        site=replace(KEEP, function="example.org/" + "f" * function),
        pattern=replace(PATTERN, fix="x" * clause),
        gopls=GoplsContext("v0.22.0"),
    )
    room += pod + namespace + clause
    message = finding_message(leak, there, room=room)
    assert len(message) <= room or "Now: " not in message
    assert message.startswith("Out of memory about 2026-11-23T16:40Z")
    assert message.endswith(f" Fix, for the code's owner: {'x' * clause} (more: docs).")
    assert "At the limit the container is killed" in message
    assert " grew 512 MiB since 10:00Z, 96 MiB/h (growth: High confidence; rule live-heap)" in message


def test_where_room_is_short_a_function_loses_its_path_before_anything_is_left_out() -> None:
    leak = heap_leak(site=replace(KEEP, function="example.org/a/long/path/cache.(*Cache).keep"), pattern=PATTERN)
    whole = finding_message(leak, HERE)
    less = finding_message(leak, HERE, room=len(whole) - 1)
    assert "live heap of example.org/a/long/path/cache.(*Cache).keep" in whole
    assert "live heap of cache.(*Cache).keep (cache.go:41" in less and "Pattern: a title: a reason." in less


def test_a_pattern_without_room_for_its_reason_keeps_its_title() -> None:
    leak = heap_leak(pattern=replace(PATTERN, why="w" * 300))
    whole = finding_message(leak, HERE, room=4096)
    assert " Pattern: a title. Fix, " in finding_message(leak, HERE, room=len(whole) - 200)
