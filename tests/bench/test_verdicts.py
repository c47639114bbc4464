"""The labelled recordings: Leakwarden reaches its bars on all of them, and may be stopped and resumed anywhere."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import pytest

from bench.verdicts import report
from bench.verdicts.catalogue import BUILT, SETS, Truth, entries, truths
from bench.verdicts.examine import LEAKWARDEN, PROCESSES, Examined, examine_and_cut
from bench.verdicts.record import MOST_BYTES, total_bytes
from bench.verdicts.score import BARS, inaccurate

TRUTHS = list(truths())
LEAST = 60
"""Recordings; with fewer a share says little."""

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
    assert labels["heldout", "leaking"] + labels["heldout2", "leaking"] >= labels["tuned", "leaking"] / 2
    assert total_bytes() <= MOST_BYTES


@pytest.mark.parametrize("set_name", SETS)
def test_every_entry_of_a_catalogue_is_recorded_as_it_says(set_name: str) -> None:
    recorded = {truth.name: (truth.label, truth.functions) for truth in TRUTHS if truth.set == set_name}
    wanted = {entry.name: (entry.label, entry.functions) for entry in entries(set_name)}
    assert {name: recorded.get(name) for name in wanted} == wanted


@pytest.mark.parametrize("bar", BARS)
def test_precision_and_recall_reach_their_bars(bar: str, examined: Examinations) -> None:
    these = report.barred([one for one, _ in examined.values()], bar)
    assert inaccurate(bar, report.scores(these, LEAKWARDEN)) == []


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda truth: truth.id)
def test_stopping_and_resuming_a_recording_at_random_places_changes_nothing(
    truth: Truth, examined: Examinations
) -> None:
    assert examined[truth.id][1]
