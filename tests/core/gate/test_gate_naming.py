"""The pattern of a place, from the stacks of the last measurement and from what grew beside it."""

from __future__ import annotations

from dataclasses import replace

from leakwarden.api.words import WaitKind
from leakwarden.core.gate.naming import named_growers
from leakwarden.core.gate.values import Kind, Measurement, Plan
from leakwarden.core.patterns import builtin_patterns, table_from_yaml
from leakwarden.core.readings import Calls, Kept, group_key
from tests.core.gate.made import measurement

PLAN, TABLE = Plan(), builtin_patterns()
SEND = ("main.send", WaitKind.CHAN_SEND)


def with_stacks(one: Measurement, kept: tuple[Kept, ...] = (), calls: Calls = ()) -> Measurement:
    """What `main.keep` holds, and the stack on which the senders stand."""
    heap = replace(one.heap, kept={"main.keep": kept} if kept else {})
    goroutines = replace(one.goroutines, calls={group_key(*SEND): calls} if calls else {})
    return replace(one, heap=heap, goroutines=goroutines)


def pattern(kind: Kind, measured: list[Measurement]) -> str | None:
    first, *_ = named_growers(kind, measured, PLAN, TABLE)
    return first.pattern.name if first.pattern else None


def test_memory_is_named_by_how_it_was_allocated() -> None:
    runs = [measurement({"main.keep": 1_000_000 * run}) for run in range(6)]
    timers = Kept(("time.newTimer", "time.AfterFunc", "main.keep"), 3, 5_000_000, 50_000, 96)
    assert pattern(Kind.HEAP, [*runs[:-1], with_stacks(runs[-1], (timers,))]) == "timer-not-stopped"
    assert pattern(Kind.HEAP, runs) is None


def test_goroutines_are_named_by_what_they_wait_for_and_their_stack() -> None:
    runs = [measurement(goroutines={SEND: 10 * run}) for run in range(6)]
    calls = ("runtime.gopark", "runtime.chansend", "runtime.chansend1", "main.send")
    assert pattern(Kind.GOROUTINES, [*runs[:-1], with_stacks(runs[-1], calls=calls)]) == "blocked-senders"


def test_memory_that_blocked_goroutines_made_has_their_pattern() -> None:
    runs = [measurement({"main.keep": 1_000_000 * run}, {SEND: 10 * run}) for run in range(6)]
    made = Kept(("main.keep", "main.send"), 1, 5_000_000, 50, 100_000)
    calls = ("runtime.gopark", "runtime.chansend1", "main.send")
    assert pattern(Kind.HEAP, [*runs[:-1], with_stacks(runs[-1], (made,), calls)]) == "blocked-senders"


def test_a_table_without_patterns_names_nothing() -> None:
    runs = [measurement(goroutines={SEND: 10 * run}) for run in range(6)]
    (only,) = named_growers(Kind.GOROUTINES, runs, PLAN, table_from_yaml("patterns: []", "none"))
    assert only.pattern is None
