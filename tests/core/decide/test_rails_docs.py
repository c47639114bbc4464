"""docs/rails.md explains every refusal, in the order of the rails, with the numbers that the code has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from leakwarden.api.words import Mode
from leakwarden.core.actions import Refusal
from leakwarden.core.decide import pace_rails
from leakwarden.core.decide.breaker import TRIPS_AFTER
from leakwarden.core.decide.pod_rails import REPLACING_KINDS
from leakwarden.core.decide.rails import RAILS
from leakwarden.core.decide.remedies import REMEDIES

PAGE = (Path(__file__).parents[3] / "docs" / "rails.md").read_text()
ROWS = {
    cells[0].strip("`"): cells[1:]
    for line in PAGE.splitlines()
    if line.startswith("| `") and (cells := [cell.strip() for cell in line.strip("|").split("|")])
}


def test_every_refusal_has_its_row_in_the_order_of_the_rails() -> None:
    assert list(ROWS) == [refusal.value for refusal in Refusal]


@pytest.mark.parametrize("refusal", Refusal)
def test_a_row_says_what_it_means_and_what_to_do(refusal: Refusal) -> None:
    _, meaning, remedy = ROWS[refusal.value]
    assert meaning.endswith(".")
    assert remedy.endswith(".")


@pytest.mark.parametrize("refusal", Refusal)
def test_what_explain_advises_is_what_the_page_says(refusal: Refusal) -> None:
    on_the_page = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", ROWS[refusal.value][2]).replace("`", "")
    assert REMEDIES[refusal] == on_the_page


def test_the_page_says_which_rails_hold_for_annotations() -> None:
    told = {name for name, cells in ROWS.items() if cells[0] == "yes"}
    assert told == {rail.refusal.value for rail in RAILS if Mode.ANNOTATE in rail.asked_for}


def test_the_page_names_the_kinds_that_replace() -> None:
    named = re.search(r"known: ([^)]*)\)", ROWS[Refusal.NO_CONTROLLER.value][1])
    assert named is not None
    assert set(named[1].split(", ")) == REPLACING_KINDS


def test_the_page_has_the_numbers_of_the_code() -> None:
    assert (pace_rails.STEADY_FOR, pace_rails.NO_REPLACEMENT_AFTER) == (30.0, 600.0)
    assert "Ready for 30 s" in PAGE
    assert "10 min" in PAGE
    assert "in flight for 30 s" in PAGE
    assert TRIPS_AFTER == 3
    assert "after three evictions" in PAGE
