"""Full and incremental diff differ where something grew and was given back."""

from __future__ import annotations

from pathlib import Path

from bench.verdicts.catalogue import Truth
from bench.verdicts.incremental import Measured, Sum, gained, table
from tests.core.judge.builders import MI, heap


def test_a_full_diff_calls_growing_whatever_holds_more_than_at_first() -> None:
    first = heap(5 * MI, {"main.kept": MI, "main.small": 0.0})
    now = heap(9 * MI, {"main.kept": 2 * MI, "main.small": 0.5 * MI})
    assert "main.kept" in gained(first, now)
    assert "main.small" not in gained(first, now)


def test_an_incremental_diff_wants_three_rises_in_a_row_and_a_fall_begins_anew() -> None:
    held = [0.0, 1.0, 2.0, 1.5, 2.5, 3.5, 3.5, 4.5, 0.0]
    kept = Sum(heap(MI, mark="first"))
    said = ["main.f" in kept.add(heap(9 * MI, {"main.f": v * MI}, mark=str(i))) for i, v in enumerate(held)]
    assert said == [False, False, False, False, False, False, False, True, False]


def test_the_same_table_twice_is_no_second_rise() -> None:
    kept = Sum(heap(MI, mark="first"))
    said = [kept.add(heap(9 * MI, {"main.f": (i // 2) * MI}, mark=str(i // 2))) for i in range(6)]
    assert all("main.f" not in places for places in said), "two rises only, each read twice"


def test_the_table_counts_places_that_are_not_the_leaks() -> None:
    leak = Truth("tuned", "x", Path("x"), "leaking", 1.0, "memory", ("main.f",), 1.0, 9, "")
    quiet = Truth("tuned", "y", Path("y"), "healthy", None, None, (), 1.0, 9, "")
    full = Measured(0.004, 2_000_000, frozenset({"main.f", "main.g", "main.h"}))
    slim = Measured(0.002, 1_000_000, frozenset({"main.f"}))
    none = Measured(0.002, 1_000_000, frozenset())
    text = table(
        [
            (leak, {"full": full, "incremental": slim}, frozenset({"main.f"})),
            (quiet, {"full": slim, "incremental": none}, frozenset()),
        ]
    )
    assert "| full diff | 3.0 ms | 1.5 MB | 4 | 75 % | 1 of 1 |" in text
    assert "| incremental diff | 2.0 ms | 1.0 MB | 1 | 0 % | 1 of 1 |" in text
    assert "| Leakwarden |  |  | 1 | 0 % | 1 of 1 |" in text
