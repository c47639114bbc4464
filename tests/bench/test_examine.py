"""Examining: what the detectors are given, what Leakwarden's findings become, and the page that is made of it."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.verdicts import report
from bench.verdicts.catalogue import Truth
from bench.verdicts.examine import (
    GRACE,
    LEAKWARDEN,
    Examined,
    case_of,
    cut_at_random_places,
    judged,
    rules_at,
    sayings_of,
)
from bench.verdicts.rivals import RIVALS
from bench.verdicts.score import Outcome, outcome
from bench.verdicts.series import series_of
from bench.verdicts.sheet import sheet
from leakwarden.api.builtins import BUILTINS
from leakwarden.api.words import FailureReason, WaitKind
from leakwarden.core import judge
from leakwarden.core.readings import Attempt, Failure, Reading
from tests.core.judge.builders import MI, T0, Target, goroutines, heap, memstats, rules

LEAK = "main.(*cache).add"


def leak(samples: int = 140, begins: int = 20, ends: int = 10_000) -> list[Attempt]:
    """A process at an interval of 1 s that leaks 6 MiB a sample, and gives all of it back when it `ends`."""
    target = Target(rules(), interval=1.0)
    attempts = []
    for index in range(samples):
        held = 6 * MI * max(0, index - begins) * (index < ends)
        reading = Reading(heap(50 * MI + held, {LEAK: held}, alloc=64 * MI * (index + 1)), goroutines(20))
        attempts.append(Attempt(T0 + index, reading, target.process, 1.0))
    return attempts


def truth(name: str = "leak", set_name: str = "tuned", onset: float | None = T0 + 20) -> Truth:
    label, family, functions = ("healthy", None, ()) if onset is None else ("leaking", "memory", (LEAK,))
    return Truth(set_name, name, Path(name), label, onset, family, functions, 1.0, 80, "Because.")  # type: ignore[arg-type]


def examined(of: Truth, attempts: list[Attempt]) -> Examined:
    said = judged(attempts, rules_at(1.0))
    ours = sayings_of(said, attempts, rules_at(1.0))
    silent = {rival.name: outcome(case_of(of), []) for rival in RIVALS}
    outcomes: dict[str, Outcome] = {LEAKWARDEN: outcome(case_of(of), ours), **silent}
    return Examined(of, series_of(attempts), outcomes, ours, said[-1].verdict, said[-1].reason)


def test_the_rules_are_the_built_in_ones_at_the_recordings_interval() -> None:
    got = rules_at(2.0)
    assert got.grace == GRACE * 2.0
    assert {rule.name: rule.hold for rule in got.rules} == {one.name: one.hold * 2.0 for one in BUILTINS}


def test_a_leak_is_one_saying_with_place_and_patience() -> None:
    said = sayings_of(judged(leak(), rules_at(1.0)), leak(), rules_at(1.0))
    assert {(one.function, one.window, one.hold, one.until) for one in said} == {(LEAK, 200.0, 20.0, None)}
    assert T0 + 110 < said[0].at < T0 + 130


def test_a_leak_that_is_taken_back_has_an_end() -> None:
    attempts = leak(200, ends=150)
    said = sayings_of(judged(attempts, rules_at(1.0)), attempts, rules_at(1.0))
    assert all(one.until is not None and one.until > T0 + 150 for one in said)
    assert said


def test_storing_the_state_at_random_places_changes_nothing_and_does_happen() -> None:
    cuts = []
    between = cut_at_random_places("seed", 0.5)

    def counted(index: int, state: judge.TargetState) -> judge.TargetState:
        after = between(index, state)
        cuts.append(after is not state)
        return after

    assert judged(leak(), rules_at(1.0), counted) == judged(leak(), rules_at(1.0))
    assert 40 < sum(cuts) < 100


def test_memory_statistics_stand_until_the_next_but_not_for_ever_and_failures_leave_no_row() -> None:
    """Taken at the first of 30 samples only; the third failed."""
    process = Target(rules()).process
    attempts = [
        Attempt(
            T0 + i,
            Failure(FailureReason.TIMEOUT, "x")
            if i == 2
            else Reading(heap(5 * MI), goroutines(7), memstats(8 * MI, 20 * MI, released=3 * MI) if i == 0 else None),
            process,
            1.0,
        )
        for i in range(30)
    ]
    series = series_of(attempts)
    assert len(series.samples) == 29
    assert [s.heap_inuse for s in series.samples] == [8 * MI] * 10 + [None] * 19
    assert series.samples[0].held == 17 * MI
    assert series.minutes(1) == 0.5
    with pytest.raises(ValueError, match="no reading"):
        series_of([attempts[2]])


def test_only_waits_that_another_goroutine_ends_count_as_blocked() -> None:
    groups = {("main.a", WaitKind.CHAN_SEND): 5.0, ("main.b", WaitKind.IO): 9.0, ("main.c", WaitKind.SLEEP): 3.0}
    process = Target(rules()).process
    series = series_of([Attempt(T0, Reading(goroutines=goroutines(17, groups)), process, 1.0)])
    assert series.samples[0].blocked == {"main.a [chan send]": 5}


def test_the_page_tells_what_was_found_missed_and_wrong() -> None:
    quiet = leak(80, begins=80)
    found, missed = examined(truth(), leak()), examined(truth("overlooked", "heldout"), quiet)
    wrong, right = examined(truth("wrong", onset=None), leak()), examined(truth("right", onset=None), quiet)
    everything = [found, wrong, right, missed]
    page = report.page(everything, {"tuned": "verdicts/tuned.svg", "heldout": "verdicts/heldout.svg"})
    assert "4 recordings of real Go programs, 2 leaking and 2 healthy" in page
    assert "| wrong | healthy | Leaking |  | false alarm: " in page
    assert "| overlooked | leaking | Learning |  | missed |" in page
    assert "verdicts/heldout.svg" in page
    assert "\n\n- tuned: precision is 0.500" in page
    assert "gopls" not in page, "a set that has no recordings is not told of"
    assert max(map(len, page.splitlines())) < 400
    assert report.problems(everything)[0].startswith("tuned: precision is 0.500")
    assert report.as_json(everything)["detectors"]["all"][LEAKWARDEN]["found"] == 1
    assert [row[0] for row in report.detector_rows(everything)] == list(report.DETECTORS)


def test_a_sheet_is_xml_with_one_cell_a_recording_and_marks_what_was_wrong() -> None:
    wrong, found = examined(truth("a<b", onset=None), leak()), examined(truth(), leak())
    drawn = ElementTree.fromstring(sheet([wrong, found]))  # noqa: S314 (we wrote it)
    cells = [g for g in drawn if g.tag.endswith("}g")]
    marks = [{path.get("class") for path in cell.iter() if path.tag.endswith("}path")} for cell in cells]
    assert marks == [{"h", "g", "w"}, {"h", "g", "o", "a"}]
    assert len(sheet([found])) < 3000
