"""The labelled recordings: the bars are reached, no healthy program is flagged, and all may be stopped and resumed."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import pytest

from bench.verdicts import report
from bench.verdicts.catalogue import BUILT, SETS, Truth, entries, truths
from bench.verdicts.examine import LEAKWARDEN, PROCESSES, Examined, examine_and_cut
from bench.verdicts.record import MOST_BYTES, total_bytes
from bench.verdicts.score import BARRED, BARS, missed
from leakwarden.api.words import Verdict

TRUTHS = list(truths())
LEAST = 60
"""Recordings; with fewer a share says little."""

MISSED = {
    # Half a mebibyte an interval below a rhythm of a hundred; in both collections are rare.
    "tuned3/gateway-unscheduled-logins", "heldout3/pubsub-unclosed-clients",
}  # fmt: skip
"""Leaking, and never called a leak. Nobody healthy is."""

Examinations = dict[str, tuple[Examined, bool]]


@pytest.fixture(scope="module")
def examined() -> Examinations:
    """Every recording before all detectors, once, on all cores that the suite may take."""
    with ProcessPoolExecutor(PROCESSES) as pool:
        return dict(zip((truth.id for truth in TRUTHS), pool.map(examine_and_cut, TRUTHS), strict=True))


def test_there_are_recordings_enough_of_both_kinds_and_they_fit() -> None:
    assert len(TRUTHS) >= LEAST
    labels = Counter((truth.set, truth.label) for truth in TRUTHS)
    assert all(labels[set_name, label] >= 8 for set_name in BUILT for label in ("leaking", "healthy")), labels
    built = [truth.set for truth in TRUTHS if truth.set in BUILT]
    assert sum(name in BARRED["held out"] for name in built) >= len(built) / 3
    assert total_bytes() <= MOST_BYTES


@pytest.mark.parametrize("set_name", SETS)
def test_every_entry_of_a_catalogue_is_recorded_as_it_says(set_name: str) -> None:
    recorded = {truth.name: (truth.label, truth.functions) for truth in TRUTHS if truth.set == set_name}
    wanted = {entry.name: (entry.label, entry.functions) for entry in entries(set_name)}
    assert {name: recorded.get(name) for name in wanted} == wanted


@pytest.mark.parametrize("bar", BARS)
def test_precision_recall_and_delay_reach_their_bars(examined: Examinations, bar: str) -> None:
    these = report.barred([one for one, _ in examined.values()], bar)
    assert len(these) >= LEAST
    assert missed(bar, report.scores(these, LEAKWARDEN)) == []


def test_no_healthy_program_is_flagged_and_no_leak_missed_but_two_that_are_named(examined: Examinations) -> None:
    outcomes = {name: one.outcomes[LEAKWARDEN] for name, (one, _) in examined.items()}
    flagged = {name for name, ours in outcomes.items() if ours.false_alarm}
    missing = {name for name, ours in outcomes.items() if ours.case.onset is not None and not ours.found}
    assert (flagged, missing) == (set(), MISSED)


def test_nine_in_ten_healthy_programs_end_healthy(examined: Examinations) -> None:
    """Recordings are long enough to tell; most of gopls's are not."""
    healthy = [one for one, _ in examined.values() if not one.truth.leaking and one.truth.set in BUILT]
    assert sum(one.verdict is Verdict.HEALTHY for one in healthy) >= 0.9 * len(healthy)


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda truth: truth.id)
def test_stopping_and_resuming_a_recording_at_random_places_changes_nothing(
    truth: Truth, examined: Examinations
) -> None:
    assert examined[truth.id][1]
