"""What the journal may forget, and what the circuit breaker remembers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leakwarden.api.words import Mode, Outcome
from leakwarden.core.actions import Action, ActionState
from leakwarden.core.decide.breaker import tripped
from leakwarden.core.decide.retention import FOR_PEOPLE, LONGEST, fit, prune
from tests.core.decide.fleets import HOUR, NOW, evicted, pod

DAY = 24 * HOUR
OLD = LONGEST + FOR_PEOPLE + 1


def entry(name: str, age: float, **changes: object) -> Action:
    return evicted(pod(name), at=NOW - age, **changes)


def verified(history: str, age: float = DAY, generation: int = 1, signature: str = "memory/main.keep") -> list[Action]:
    """`CCH`: came back, came back, helped; a second apart."""
    outcomes = {"C": Outcome.CAME_BACK, "H": Outcome.HELPED, "U": Outcome.UNKNOWN}
    return [
        entry(
            f"{signature}-{generation}-{i}",
            age - i,
            outcome=outcomes[letter],
            outcome_at=NOW - age + i,
            generation=generation,
            signature=signature,
        )
        for i, letter in enumerate(history)
    ]


HISTORIES = [
    ("", False),
    ("CC", False),
    ("CCC", True),
    ("CCHC", False),
    ("HCCC", True),
    ("CCCH", True),
    ("CUCUC", True),
    ("CHCHC", False),
]


@pytest.mark.parametrize(("history", "open_"), HISTORIES)
def test_three_times_back_in_a_row_opens_the_breaker_for_good(history: str, open_: bool) -> None:
    assert bool(tripped(verified(history), 1)) is open_


def test_leaks_are_counted_by_signature_and_by_the_spec_that_acted() -> None:
    two_bugs = verified("CC", signature="memory/a") + verified("CC", signature="memory/b")
    assert not tripped(two_bugs, 1)
    assert not tripped(verified("CC") + verified("C", generation=2), 2)
    assert not tripped(verified("CCC"), 2)


KEPT = [
    ("what limits an action", entry("a", LONGEST), True),
    ("what people may want to read", entry("a", OLD - 2), True),
    ("what is older than both", entry("a", OLD), False),
    ("an intent of any age", entry("a", 9 * OLD, state=ActionState.INTENDED), True),
    ("an annotation of today", entry("a", DAY - 1, kind=Mode.ANNOTATE), True),
    ("an annotation of yesterday", entry("a", DAY + 1, kind=Mode.ANNOTATE), False),
]


@pytest.mark.parametrize(("what", "action", "kept"), KEPT, ids=[what for what, _, _ in KEPT])
def test_the_journal_keeps(what: str, action: Action, kept: bool) -> None:
    assert prune([action], NOW) == ((action,) if kept else ()), what


@pytest.mark.parametrize("history", [history for history, _ in HISTORIES])
def test_forgetting_never_moves_the_breaker(history: str) -> None:
    journal = verified(history, age=2 * OLD)
    assert tripped(prune(journal, NOW), 1) == tripped(journal, 1)
    assert len(prune(journal, NOW)) <= 6


def test_outcomes_under_an_older_spec_are_forgotten() -> None:
    journal = verified("CCC", age=2 * OLD) + verified("C", age=OLD + DAY, generation=2)
    assert {action.generation for action in prune(journal, NOW)} == {2}


def test_a_full_journal_drops_notes_first_then_failures_then_what_is_only_read() -> None:
    note = entry("note", 10, kind=Mode.ANNOTATE)
    failure = entry("failure", 20, state=ActionState.FAILED)
    read = entry("read", LONGEST + 1)
    limits = entry("limits", 30)
    journal = [limits, read, failure, note]
    assert fit(journal, NOW, lambda _: 1, 4) == (limits, read, failure, note)
    assert fit(journal, NOW, lambda _: 1, 3) == (limits, read, failure)
    assert fit(journal, NOW, lambda _: 1, 2) == (limits, read)
    assert fit(journal, NOW, lambda _: 1, 1) == (limits,)


@pytest.mark.parametrize(
    "needed",
    [
        [entry("limits", 30)],
        [entry("intent", 30, state=ActionState.INTENDED, kind=Mode.ANNOTATE)],
        [replace(action, state=ActionState.DONE) for action in verified("CCC", age=2 * OLD)],
    ],
    ids=["limits an action", "not settled", "holds the breaker"],
)
def test_what_is_needed_is_never_dropped(needed: list[Action]) -> None:
    assert fit(needed, NOW, lambda _: 1, len(needed) - 1) is None


def test_the_oldest_go_first() -> None:
    notes = [entry(f"n{i}", 100.0 - i, kind=Mode.ANNOTATE) for i in range(10)]
    kept = fit(notes, NOW, lambda _: 1, 4)
    assert kept == tuple(notes[6:])


def test_a_policy_made_anew_keeps_its_breaker_whatever_generation_the_one_before_had() -> None:
    """Generations begin at 1 again."""
    before, now_open = verified("CCC", age=3 * OLD, generation=7), verified("CCC", age=2 * OLD, generation=1)
    assert tripped(now_open, 1)
    assert tripped(prune([*before, *now_open], NOW), 1)
