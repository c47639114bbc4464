"""Events: which changes are told, on what, and that the same thing is the same Event."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakwarden.api.words import Mode, Outcome, Resolution, Severity
from leakwarden.core.actions import ActionState, Decision, Refusal
from leakwarden.core.findings import Finding
from leakwarden.core.readings import Site
from leakwarden.core.report.events import (
    MAX_NOTE,
    EventNote,
    EventReason,
    action_events,
    finding_events,
    policy_ref,
    refusal_events,
    transitions,
)
from leakwarden.core.report.values import openings, row_of
from leakwarden.core.traces import Named
from tests.core.report.samples import NOW, evicted, goroutine_leak, heap_leak, pressure, refused, report

POLICY = policy_ref("demo", "gopls", "uid-policy")
WARNING = heap_leak(severity=Severity.WARNING)
ENDED = heap_leak(resolution=Resolution.SUBSIDED, resolved_at=NOW)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ([], [], []),
        ([], [heap_leak()], ["LeakDetected"]),
        ([heap_leak()], [heap_leak(value=9e9)], []),
        ([WARNING], [heap_leak()], ["LeakWorsened"]),
        ([heap_leak()], [WARNING], []),
        ([heap_leak()], [ENDED], ["LeakResolved"]),
        ([ENDED], [ENDED], []),
        ([ENDED], [heap_leak()], ["LeakDetected"]),
        ([], [ENDED], []),
        ([heap_leak()], [], ["LeakResolved"]),
        ([ENDED], [], []),
        ([], [pressure()], ["PressureDetected"]),
        ([pressure()], [pressure(severity=Severity.CRITICAL)], []),
        ([pressure()], [], []),
        ([pressure()], [heap_leak(signature=pressure().signature)], ["LeakDetected"]),
        ([heap_leak()], [heap_leak(), goroutine_leak()], ["LeakDetected"]),
    ],
)
def test_what_changed_on_a_target_is_told_once(before: list[Finding], after: list[Finding], told: list[str]) -> None:
    assert [change.reason for change in transitions(before, report("ws-1", *after))] == told


def test_a_leak_that_this_owner_had_before_has_returned() -> None:
    (change,) = transitions([], report("ws-1", heap_leak()), returned={heap_leak().signature})
    assert change.reason is EventReason.LEAK_RETURNED


def test_a_finding_that_vanished_ended_with_its_target() -> None:
    (change,) = transitions([heap_leak()], report("ws-1"))
    assert change.finding.resolution is Resolution.TARGET_GONE


def test_a_leak_is_told_on_its_pod_and_on_the_policy() -> None:
    on_pod, on_policy = finding_events(POLICY, transitions([], report("ws-1", heap_leak())))
    assert (on_pod.regarding.kind, on_pod.regarding.name, on_pod.regarding.uid) == ("Pod", "ws-1", "uid-ws-1")
    assert on_policy.regarding == POLICY
    assert on_pod.type == on_policy.type == "Warning"
    assert on_pod.note.startswith("Out of memory about 2026-11-23T16:40Z at this pace: pod demo/ws-1 (ReplicaSet/ws)")
    assert on_pod.note.endswith("(LeakPolicy demo/gopls)")
    assert on_pod.note == f"{on_policy.note} (LeakPolicy demo/gopls)"
    assert on_pod.action == "Judge"


def test_a_long_note_keeps_its_fix_and_its_policy() -> None:
    pattern = Named("a-name", "a title", "w" * 320, "x" * 320, "https://example.org/a")
    leak = heap_leak(pattern=pattern, site=Site("main." + "f" * 400, "a.go", 1, ""))
    on_pod, on_policy = finding_events(POLICY, transitions([], report("ws-1", leak)))
    fix = f" Fix, for the code's owner: {'x' * 320} (more: https://example.org/a)."
    assert on_policy.note.endswith(fix)
    assert on_pod.note.endswith(f"{fix} (LeakPolicy demo/gopls)")


@given(st.integers(1, 300), st.sampled_from("fé…日"))
def test_bytes_are_what_the_api_counts_and_the_policy_is_not_cut_off(letters: int, letter: str) -> None:
    leak = heap_leak(site=Site("main." + letter * letters, "a.go", 1, "go/scanner.(*Scanner).scanRawString"))
    on_pod, on_policy = finding_events(POLICY, transitions([], report("ws-1", leak)))
    assert max(len(on_pod.note.encode()), len(on_policy.note.encode())) <= MAX_NOTE
    assert on_pod.note.endswith("that only grows. (LeakPolicy demo/gopls)")


def test_one_bug_in_three_pods_is_one_event_on_the_policy() -> None:
    changes = [change for pod in "abc" for change in transitions([], report(pod, heap_leak()))]
    notes = finding_events(POLICY, changes)
    assert sorted(note.regarding.name for note in notes) == ["a", "b", "c", "gopls"]


def test_growing_on_does_not_make_another_event() -> None:
    (first, *_), (second, *_) = (
        finding_events(POLICY, transitions([], report("ws-1", heap_leak(value=value)))) for value in (7e8, 9e8)
    )
    assert first.key == second.key


def test_a_leak_that_opens_again_is_another_event_on_its_pod_and_on_the_policy() -> None:
    opened = report("ws-1", heap_leak(first_seen=NOW))
    anew = report("ws-1", heap_leak(first_seen=NOW + 900), ends={heap_leak().signature: NOW + 600})
    (first, one), (second, two) = (finding_events(POLICY, transitions([], each)) for each in (opened, anew))
    assert first.key != second.key
    assert one.key != two.key


def test_a_leak_that_is_found_again_by_somebody_who_knows_nothing_is_the_same_event_on_its_pod() -> None:
    """A new leader finds it later, and does not know that its owner had it before; on the policy the status tells."""
    opened = report("ws-1", heap_leak(first_seen=NOW), openings={row_of(heap_leak()): NOW - 900})
    again = report("ws-1", heap_leak(first_seen=NOW + 3600), openings={row_of(heap_leak()): NOW - 900})
    told = finding_events(POLICY, transitions([], opened, {heap_leak().signature}))
    assert [note.reason for note in told] == [EventReason.LEAK_RETURNED] * 2
    retold = finding_events(POLICY, transitions([], again))
    assert [note.key for note in retold] == [note.key for note in told]


def test_the_end_has_the_key_of_the_opening_that_it_ends() -> None:
    """Not of what it becomes: the end is in the report that tells of it."""
    was = report("ws-1", heap_leak(), ends={heap_leak().signature: NOW - 900})
    now = report("ws-1", ENDED, ends={heap_leak().signature: NOW})
    (ended,) = transitions(was.findings, now, old=was)
    assert ended.after == NOW - 900


LATER = heap_leak(first_seen=heap_leak().first_seen + 900)


def test_pods_that_share_an_opening_share_the_event_on_the_policy() -> None:
    first = report("a", heap_leak())
    second = report("b", LATER, openings=openings([LATER], None, {row_of(LATER): heap_leak().first_seen}))
    (pod_a, one), (pod_b, two) = (finding_events(POLICY, transitions([], each)) for each in (first, second))
    assert pod_a.key != pod_b.key
    assert one.key == two.key


def test_an_opening_outlives_the_pod_that_it_began_on() -> None:
    joined = report("b", LATER, openings=openings([LATER], None, {row_of(LATER): NOW - 9 * 3600}))
    assert openings([LATER], joined, {}) == {row_of(LATER): NOW - 9 * 3600}


def test_what_ended_and_opened_at_once_opens_anew_and_ends_under_its_old_opening() -> None:
    was = report("a", heap_leak(), openings={row_of(heap_leak()): NOW - 9 * 3600})
    ended = heap_leak(resolution=Resolution.RULE_CHANGED, resolved_at=NOW)
    again = heap_leak(first_seen=NOW)
    now = report("a", ended, again, openings=openings([ended, again], was, {}))
    assert now.openings == {row_of(again): NOW}
    changes = transitions(was.findings, now, old=was)
    assert [(change.reason, change.opening) for change in changes] == [
        (EventReason.LEAK_RESOLVED, NOW - 9 * 3600),
        (EventReason.LEAK_DETECTED, NOW),
    ]


def test_pressure_elsewhere_neither_opens_a_leak_nor_keeps_it_open() -> None:
    level = pressure(signature=LATER.signature)
    assert openings([LATER], None, {row_of(level): 1.0}) == {row_of(LATER): LATER.first_seen}
    ended = finding_events(POLICY, transitions([heap_leak()], report("ws-1", ENDED)), {row_of(level)})
    assert [note.regarding.kind for note in ended] == ["Pod", "LeakPolicy"]


def test_the_end_on_one_pod_is_not_the_end_on_the_policy() -> None:
    changes = transitions([heap_leak()], report("ws-1", ENDED))
    alone = finding_events(POLICY, changes)
    assert [note.regarding.kind for note in alone] == ["Pod", "LeakPolicy"]
    assert {note.type for note in alone} == {"Normal"}
    assert "Subsided" in alone[0].note
    assert [note.regarding.kind for note in finding_events(POLICY, changes, {row_of(ENDED)})] == ["Pod"]


@pytest.mark.parametrize(
    ("how", "note"),
    [
        (Resolution.SUBSIDED, "given back (Subsided): live heap of main.(*Cache)"),
        (Resolution.SATURATED, "stopped growing (Saturated), 512 MiB still held: live heap of main.(*Cache)"),
        (Resolution.TARGET_GONE, "ended with its pod (TargetGone): live heap of main.(*Cache)"),
        (Resolution.PROCESS_ENDED, "ended with its process (ProcessEnded): live heap"),
        (Resolution.OOM_KILLED, "ended by the OOM killer (OOMKilled): live heap"),
        (Resolution.RULE_CHANGED, "no longer judged, its rule was changed (RuleChanged): live heap"),
    ],
)
def test_an_end_says_how_and_claims_no_cure(how: Resolution, note: str) -> None:
    ended = replace(heap_leak(), resolution=how, resolved_at=NOW)
    assert finding_events(POLICY, transitions([heap_leak()], report("ws-1", ended)))[0].note.startswith(note)


def test_goroutines_that_stay_are_counted_as_such() -> None:
    ended = goroutine_leak(resolution=Resolution.SATURATED, resolved_at=NOW)
    (on_pod, _) = finding_events(POLICY, transitions([goroutine_leak()], report("ws-1", ended)))
    assert on_pod.note.startswith("stopped growing (Saturated), 1,230 goroutines still held: blocked goroutines of ")


def test_an_action_is_told_when_it_is_done_and_again_with_its_outcome() -> None:
    intended = evicted(state=ActionState.INTENDED, outcome=Outcome.PENDING)
    done = replace(intended, state=ActionState.DONE)
    helped = replace(done, outcome=Outcome.HELPED)
    assert action_events(POLICY, None, intended) == ()
    assert reasons(action_events(POLICY, intended, done)) == ["ActionTaken", "ActionTaken"]
    assert action_events(POLICY, done, done) == ()
    assert reasons(action_events(POLICY, done, helped)) == ["ActionOutcome", "ActionOutcome"]
    assert action_events(POLICY, helped, helped) == ()


def reasons(notes: tuple[EventNote, ...]) -> list[str]:
    return [note.reason.value for note in notes]


def test_an_action_names_its_pod_its_bug_and_whether_it_was_dry() -> None:
    on_pod, on_policy = action_events(POLICY, None, evicted(outcome=Outcome.PENDING, dry_run=True))
    assert on_pod.note.startswith(f"evicted (dry run) for {heap_leak().signature}: the API server accepted")
    assert on_policy.note.startswith("Pod ws-1: evicted (dry run)")
    assert on_pod.action == "Evict"
    assert on_pod.key != on_policy.key


def test_a_failed_action_and_a_leak_that_came_back_are_warnings() -> None:
    failed = evicted(state=ActionState.FAILED, outcome=Outcome.PENDING)
    back = evicted(outcome=Outcome.CAME_BACK)
    assert {note.type for note in action_events(POLICY, None, failed)} == {"Warning"}
    assert "failed" in action_events(POLICY, None, failed)[0].note
    assert {note.type for note in action_events(POLICY, evicted(outcome=Outcome.PENDING), back)} == {"Warning"}


def test_a_rail_that_refuses_is_told_once_a_pod_and_reason() -> None:
    notes = refusal_events(POLICY, [refused("a"), refused("a"), refused("a", Refusal.FORBIDDEN), refused("b")])
    assert [(note.regarding.name, note.note.split(":")[0]) for note in notes] == [
        ("a", "Cooldown"),
        ("a", "Forbidden"),
        ("b", "Cooldown"),
    ]
    assert {note.reason for note in notes} == {EventReason.ACTION_REFUSED}


@pytest.mark.parametrize(
    "refusal",
    [Refusal.STORM_BRAKE, Refusal.BUDGET, Refusal.PAUSED, Refusal.CIRCUIT_BREAKER, Refusal.JOURNAL_UNAVAILABLE],
)
def test_what_holds_the_whole_policy_back_is_told_once_on_the_policy(refusal: Refusal) -> None:
    (note,) = refusal_events(POLICY, [refused(f"ws-{n}", refusal, "because") for n in range(50)])
    assert (note.regarding, note.note) == (POLICY, f"{refusal}: because")


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal.OBSERVE_ONLY,
        Refusal.NOT_A_LEAK,
        Refusal.BELOW_MIN_SEVERITY,
        Refusal.MUTED,
        Refusal.ALREADY_DONE,
        Refusal.IN_FLIGHT,
        Refusal.TARGET_NOT_SEEN,
    ],
)
def test_what_the_policy_itself_rules_out_and_what_passes_by_itself_makes_no_event(refusal: Refusal) -> None:
    assert refusal_events(POLICY, [refused("a", refusal)]) == ()
    assert refusal_events(POLICY, [Decision("demo", "a", "u", "s", Mode.EVICT, None, "done")]) == ()


@given(st.text(min_size=1, max_size=3000))
def test_a_note_is_never_longer_than_the_api_allows(name: str) -> None:
    leak = heap_leak(site=Site(name, "a.go", 1, name), signature=name)
    notes = finding_events(POLICY, transitions([], report("ws-1", leak)))
    notes += action_events(POLICY, None, evicted(signature=name, message=name))
    notes += refusal_events(POLICY, [refused("a", message=name)])
    assert len(notes) == 7
    assert all(0 < len(note.note.encode()) <= MAX_NOTE for note in notes)
