"""The labels of the recordings of real gopls, held against the profiles themselves: nobody's verdict is asked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest

from bench.verdicts.catalogue import RECORDINGS, SUFFIX, Truth, entries, read_truth
from bench.verdicts.gopls import MOST, MOST_TOGETHER, SET, wanted
from leakwarden.adapters.recordings import open_recording
from leakwarden.core.readings import Attempt, Reading
from leakwarden.core.recording_replay import MAX_BYTES, attempts

FOLDER = RECORDINGS / SET
NAMES = [entry.name for entry in entries(SET)]
LEAKING = [entry.name for entry in entries(SET) if entry.label == "leaking"]
HEALTHY = [entry.name for entry in entries(SET) if entry.label == "healthy"]
DRAINS = "work-and-breaks"
CLOSED = "all-documents-closed"
RESTARTED = "restarted-by-its-editor"


@dataclass(frozen=True)
class Seen:
    truth: Truth
    attempts: Sequence[Attempt]

    @property
    def readings(self) -> list[tuple[float, Mapping[str, int]]]:
        """Time, and what each function holds: bytes, or goroutines where the leak is one of goroutines."""
        return [
            (attempt.at, _held(attempt.outcome, self.truth.family))
            for attempt in self.attempts
            if isinstance(attempt.outcome, Reading) and attempt.outcome.heap and attempt.outcome.goroutines
        ]


def _held(reading: Reading, family: str | None) -> Mapping[str, int]:
    assert reading.heap is not None
    assert reading.goroutines is not None
    if family != "goroutine":
        return {function: use.inuse_bytes for function, use in reading.heap.sites.items()}
    held: dict[str, int] = {}
    for group in reading.goroutines.groups:
        held[group.site.function] = held.get(group.site.function, 0) + group.count
    return held


_SEEN: dict[str, Seen] = {}


def seen(name: str) -> Seen:
    if name not in _SEEN:
        truth = read_truth(SET, FOLDER / f"{name}{SUFFIX}", FOLDER / f"{name}.json")
        notes: list[str] = []
        taken = [attempt for attempt, _ in attempts(open_recording(truth.path), truth.interval, MAX_BYTES, notes)]
        assert notes == []
        _SEEN[name] = Seen(truth, taken)
    return _SEEN[name]


def kept(before: Sequence[Mapping[str, int]], after: Sequence[Mapping[str, int]]) -> list[tuple[int, str]]:
    """By how much the least that each function holds after is more than the most that it held before, the most first.

    What work allocates and gives back comes and goes by more than a slow leak grows: two profiles do not tell."""
    functions = {function for held in (*before, *after) for function in held}
    return sorted(
        (
            (min(held.get(function, 0) for held in after) - max(held.get(function, 0) for held in before), function)
            for function in functions
        ),
        reverse=True,
    )


@pytest.mark.parametrize("name", LEAKING)
def test_what_a_leaking_one_names_grows_most_of_all_from_its_onset_to_its_end(name: str) -> None:
    found = seen(name)
    onset = found.truth.onset
    assert onset is not None
    before = [held for at, held in found.readings if at < onset]
    after = [held for at, held in found.readings if at >= onset]
    (most, function), (next_most, _), *_ = kept(before, after[-len(after) // 4 :])
    assert function in found.truth.functions
    assert most > 2 * max(next_most, 0)
    quarters = [after[len(after) * part // 4 - 1].get(function, 0) for part in (1, 2, 3, 4)]
    assert quarters == sorted(set(quarters))


@pytest.mark.parametrize("name", LEAKING)
def test_what_a_leaking_one_names_does_not_move_much_for_thirty_samples_before_its_onset(name: str) -> None:
    """The same function also holds what ordinary work reads: as much as the files that are open."""
    found = seen(name)
    onset = found.truth.onset
    assert onset is not None
    assert sum(attempt.at < onset for attempt in found.attempts) >= 30
    (function,) = found.truth.functions
    before = [held.get(function, 0) for at, held in found.readings if at < onset]
    last = found.readings[-1][1].get(function, 0)
    assert max(before) - min(before) < 0.25 * (last - before[-1])


@pytest.mark.parametrize("name", HEALTHY)
def test_neither_of_the_two_known_leaks_happens_in_a_healthy_one(name: str) -> None:
    """A gopls holds some 50 MiB of files that it read while it loaded, and no more later."""
    waiting = "golang.org/x/tools/gopls/internal/protocol.Handlers.AsyncHandler.func2.2"
    queued: list[int] = []
    files_read: list[int] = []
    for attempt in seen(name).attempts:
        reading = attempt.outcome
        if isinstance(reading, Reading) and reading.goroutines and reading.heap:
            queued.append(sum(g.count for g in reading.goroutines.groups if g.site.function == waiting))
            files_read.append(sum(u.inuse_bytes for f, u in reading.heap.sites.items() if f.endswith("cache.readFile")))
    late = len(queued) * 2 // 3
    assert min(queued[late:]) < 10
    assert files_read[-1] - max(files_read[:late]) < 8 << 20


def test_what_work_takes_is_given_back_in_a_break() -> None:
    """All the healthy loads do the same kinds of work; this one stops, and what it had grown by drains."""
    live = [
        a.outcome.heap.live_bytes for a in seen(DRAINS).attempts if isinstance(a.outcome, Reading) and a.outcome.heap
    ]
    top = live.index(max(live))
    assert min(live[top:]) < 0.5 * live[top]
    assert min(live[top:]) < live[0]


def test_what_open_documents_take_drains_after_all_of_them_are_closed() -> None:
    """Not at once, and not all of it: the module stays loaded."""
    live = [
        a.outcome.heap.live_bytes for a in seen(CLOSED).attempts if isinstance(a.outcome, Reading) and a.outcome.heap
    ]
    top = live.index(max(live))
    assert live[top] > 8 * live[0]
    assert min(live[top:]) < 0.5 * live[top]
    assert top < 0.7 * len(live) < live.index(min(live[top:]))


def test_the_restarted_one_has_two_processes() -> None:
    assert len({a.process.pid for a in seen(RESTARTED).attempts if a.process.pid}) == 2


@pytest.mark.parametrize("name", [name for name in NAMES if name != RESTARTED])
def test_all_others_are_one_process(name: str) -> None:
    assert len({(a.process.pid, a.process.started_at) for a in seen(name).attempts if a.process.pid}) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_truth_says_what_its_entry_says_and_lies_beside_a_small_recording(name: str) -> None:
    (entry,) = wanted([name], missing=False)
    said = json.loads((FOLDER / f"{name}.json").read_text())
    assert {key: said[key] for key in ("label", "family", "functions", "interval", "samples", "why")} == {
        "label": entry.label, "family": entry.family, "functions": list(entry.functions),
        "interval": entry.interval, "samples": entry.samples, "why": entry.why,
    }  # fmt: skip
    assert len(seen(name).attempts) == entry.samples
    assert (FOLDER / f"{name}{SUFFIX}").stat().st_size <= MOST


def test_all_together_are_small_and_none_is_without_its_entry() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= MOST_TOGETHER
    assert sorted(path.stem for path in FOLDER.glob("*.json")) == sorted(NAMES)
