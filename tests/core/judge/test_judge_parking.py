"""What is told of the process and the function beside a goroutine finding."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leakwarden.api.words import Signal, WaitKind
from leakwarden.core.findings import Finding
from leakwarden.core.judge import parking
from leakwarden.core.readings import Calls, GoroutineGroup, GoroutineReading, HeapReading, Kept, Reading, group_key
from leakwarden.core.stacks import CALLS
from tests.core.judge.builders import MI, Target, goroutines, heap, rule, rules, site

SEND = "example.com/x.send"
WAITING = ("runtime.gopark", "runtime.chansend1", SEND)


def finding(**changes: object) -> Finding:
    """Of goroutines that wait to send; nothing is told beside it yet, but for `changes`."""
    target = Target(rules(rule("b", Signal.BLOCKED_GOROUTINES, above=50, at_least=20, window=360.0, hold=30.0)))
    for index in range(20):
        target.count(100 + 10 * index, {(SEND, WaitKind.CHAN_SEND): 30 + 10 * index})
    (found,) = target.last.findings
    return replace(found, **{"parked": None, "retained": None, "started": "", **changes})  # type: ignore[arg-type]


def standing(awake: int, parked: int, calls: Calls = WAITING) -> Reading:
    groups = (
        GoroutineGroup(site(SEND), WaitKind.CHAN_SEND, parked),
        GoroutineGroup(site("example.com/x.run"), WaitKind.RUNNING, awake - awake // 2),
        GoroutineGroup(site("example.com/x.call"), WaitKind.SYSCALL, awake // 2),
    )
    by_group = {group_key(SEND, WaitKind.CHAN_SEND): calls}
    return Reading(goroutines=GoroutineReading(awake + parked, groups, calls=by_group))


@pytest.mark.parametrize(
    ("awake", "before", "told"), [(2, None, 98.0), (40, None, None), (40, 80.0, 60.0), (50, 80.0, None)]
)
def test_that_most_goroutines_are_parked_is_told_and_not_taken_back_at_once(
    awake: int, before: float | None, told: float | None
) -> None:
    assert parking.seen(finding(parked=before), standing(awake, 100 - awake)).parked == told


@pytest.mark.parametrize(
    ("outer", "started"),
    [
        (("example.com/x.(*Server).didChange.func1",), "example.com/x.(*Server).didChange.func1"),
        (("example.com/x.work", "runtime/pprof.Do"), "example.com/x.work"),
        (("example.com/x.work.func2", "golang.org/x/sync/errgroup.(*Group).Go.func1"), "example.com/x.work.func2"),
        ((), ""),
        (tuple(f"example.com/x.f{n}" for n in range(CALLS)), ""),
    ],
    ids=["a closure", "labels are no beginning", "an errgroup is no beginning", "the place itself", "a stack cut off"],
)
def test_where_they_began_is_the_outermost_function_of_the_program(outer: Calls, started: str) -> None:
    assert parking.seen(finding(), standing(1, 99, (*WAITING, *outer)[:CALLS])).started == started


def kept(**ways: float) -> HeapReading:
    """A heap of 100 MiB; of each way the MiB that are held through it."""
    through = {
        "below": ("go/parser.ParseFile", "example.com/x.parse", SEND),
        "inside": ("runtime.makeslice", SEND),
        "elsewhere": ("example.com/x.other",),
    }
    made = {name: (Kept(through[name], 1, int(held * MI), 1, 0),) for name, held in ways.items()}
    return replace(heap(100 * MI), kept=made)


@pytest.mark.parametrize(
    ("held", "before", "told"),
    [
        (kept(below=20.0, inside=3.0, elsewhere=50.0), None, 23 * MI),
        (kept(below=4.0), None, None),
        (kept(below=4.0), 6 * MI, 4 * MI),
        (kept(elsewhere=90.0), None, None),
    ],
)
def test_what_the_function_and_those_below_it_hold_is_told_where_it_is_much(
    held: HeapReading, before: float | None, told: float | None
) -> None:
    assert parking.seen(finding(retained=before), Reading(heap=held)).retained == told


def test_what_a_missing_part_would_tell_stays_as_it_was() -> None:
    known = finding(parked=90.0, retained=5.0, started="example.com/x.work")
    assert parking.seen(known, Reading()) == known
    assert parking.seen(known, Reading(goroutines=goroutines(100))).started == "example.com/x.work"
