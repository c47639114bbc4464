"""Full diff against incremental diff over all recordings, in the form of the article's table.

    python3 -m bench.verdicts.incremental

*Full*: at every sample the first heap profile and the newest are read and subtracted, as `go tool pprof -diff_base`
does; a place grows if it holds 1 MiB more than at first. *Incremental*: only the newest is read; what each place has
gained against the sample before is added up, a fall takes back what it takes, and a place grows if it rose in three new
tables in a row and has kept 1 MiB. Both see the same places (a function of the user's code), from the end of the
start-up grace on. A place that is called growing at any sample and is none of the leak's functions is a false positive.

Time is that of one core, from bytes to growing places; memory is the peak of Python's allocations while a sample is
worked on, with what is kept for the next. Writes bench/verdicts/incremental.md, a part of the page of `make verdicts`.
"""

from __future__ import annotations

import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.verdicts.catalogue import CatalogueError, Truth, truths
from bench.verdicts.examine import GRACE, LEAKWARDEN, examine
from bench.verdicts.report import markdown_table
from leakwarden.adapters.recordings import open_recording
from leakwarden.core.parts import HEAP, PARTS
from leakwarden.core.readings import HeapReading
from leakwarden.core.recording_replay import MAX_BYTES
from leakwarden.core.reduce import heap_from_bytes

TABLE = Path(__file__).parent / "incremental.md"
LEAST = float(1 << 20)
"""Bytes that a place must have gained."""
IN_A_ROW = 3
MEASURED = 8
"""Samples of each recording at whose end memory is measured: that is slow."""


class Full:
    """The first profile against each one that follows."""

    def __init__(self, first: bytes) -> None:
        self._first = first

    def grown(self, newest: bytes) -> set[str]:
        """The places that hold more than at first. Bytes of a heap profile."""
        return gained(_reading(self._first), _reading(newest))


def gained(first: HeapReading, newest: HeapReading) -> set[str]:
    before = _held(first)
    return {place for place, held in _held(newest).items() if held - before.get(place, 0) >= LEAST}


class Incremental:
    """Each profile against the one before, added up by place."""

    def __init__(self, first: bytes) -> None:
        self._sum = Sum(_reading(first))

    def grown(self, newest: bytes) -> set[str]:
        """The places that have kept growing. Bytes of a heap profile."""
        return self._sum.add(_reading(newest))


class Sum:
    """What each place has gained and kept."""

    def __init__(self, first: HeapReading) -> None:
        self._fingerprint = first.fingerprint
        self._held = _held(first)
        self._kept: dict[str, float] = {}
        self._in_a_row: dict[str, int] = {}

    def add(self, newest: HeapReading) -> set[str]:
        """The places that grow. A table that is the same as before says nothing new."""
        if newest.fingerprint != self._fingerprint:
            self._fingerprint = newest.fingerprint
            self._gain(_held(newest))
        return {p for p, rises in self._in_a_row.items() if rises >= IN_A_ROW and self._kept[p] >= LEAST}

    def _gain(self, now: Mapping[str, float]) -> None:
        for place in now.keys() | self._held.keys():
            more = now.get(place, 0) - self._held.get(place, 0)
            if not more:
                continue
            self._kept[place] = max(0.0, self._kept.get(place, 0.0) + more)
            self._in_a_row[place] = self._in_a_row.get(place, 0) + 1 if more > 0 else 0
        self._held = now


Way = Full | Incremental
WAYS: Mapping[str, Callable[[bytes], Way]] = {"full": Full, "incremental": Incremental}


def _reading(data: bytes) -> HeapReading:
    return heap_from_bytes(data, MAX_BYTES)


def _held(reading: HeapReading) -> Mapping[str, float]:
    return {place: use.inuse_bytes for place, use in reading.sites.items() if use.inuse_bytes}


@dataclass(frozen=True, slots=True)
class Measured:
    """One way, one recording. Seconds a sample, bytes, and the places that it ever called growing."""

    seconds: float
    peak: int
    places: frozenset[str]


def measured(way: Callable[[bytes], Way], profiles: Sequence[bytes]) -> Measured:
    """`profiles`: the heap profiles in order; the first GRACE are passed over."""
    profiles = profiles[GRACE:]
    working = way(profiles[0])
    places: set[str] = set()
    began = time.perf_counter()
    for newest in profiles[1:]:
        places |= working.grown(newest)
    seconds = (time.perf_counter() - began) / (len(profiles) - 1)
    tracemalloc.start()
    again = way(profiles[0])
    for newest in profiles[-MEASURED:]:
        again.grown(newest)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return Measured(seconds, peak, frozenset(places))


def heap_profiles(truth: Truth) -> list[bytes]:
    recording = open_recording(truth.path)
    file = PARTS[HEAP].file_name
    return [recording.read(sample.names[file]) for sample in recording.samples if file in sample.names]


def compared(truth: Truth) -> tuple[Truth, dict[str, Measured], frozenset[str]]:
    """Both ways, and the places of memory that Leakwarden's findings name."""
    profiles = heap_profiles(truth)
    ours = frozenset(said.function for said in examine(truth).sayings if said.function and _of_memory(said.what))
    return truth, {name: measured(way, profiles) for name, way in WAYS.items()}, ours


def _of_memory(rules: str) -> bool:
    return not {"blocked", "goroutines", "leaked"} & set(rules.split())


def table(compared_all: Sequence[tuple[Truth, Mapping[str, Measured], frozenset[str]]]) -> str:
    rows = []
    for name in WAYS:
        figures = [got[name] for _, got, _ in compared_all]
        milliseconds = f"{statistics.mean(one.seconds for one in figures) * 1000:.1f} ms"
        peak = f"{statistics.mean(one.peak for one in figures) / 1e6:.1f} MB"
        rows.append(
            (f"{name} diff", milliseconds, peak, *_places([(t, got[name].places) for t, got, _ in compared_all]))
        )
    rows.append((LEAKWARDEN, "", "", *_places([(truth, ours) for truth, _, ours in compared_all])))
    head = ("", "time a sample", "peak memory", "places called growing", "false positives", "leaks of memory found")
    return markdown_table(head, rows)


def _places(called: Sequence[tuple[Truth, frozenset[str]]]) -> tuple[str, str, str]:
    """Places called growing, the share of them that is none of the leak's, and how many leaks are among them."""
    total = sum(len(places) for _, places in called)
    wrong = sum(len(places - set(truth.functions)) for truth, places in called)
    leaks = [places & set(truth.functions) for truth, places in called if truth.family == "memory"]
    share = f"{100 * wrong / total:.0f} %" if total else "-"
    return str(total), share, f"{sum(map(bool, leaks))} of {len(leaks)}"


SECTION = """## Full against incremental diff

A *full* diff reads the first and the newest profile at every sample and subtracts them; a place grows if it holds 1 MiB
more than at first. An *incremental* one reads only the newest and adds up by place what it gained against the sample
before; a place grows if it rose in three new tables in a row and has kept 1 MiB. The last line is what Leakwarden's
findings name. Times are of one core of the build machine, under whatever else ran there.

"""


def main() -> int:
    try:
        found = list(truths())
        if not found:
            raise CatalogueError("no recordings: python3 -m bench.verdicts.record makes them")
    except CatalogueError as error:
        print(f"incremental: {error}", file=sys.stderr)
        return 2
    with ProcessPoolExecutor(1) as pool:
        said = table(list(pool.map(compared, found)))
    print(said)
    TABLE.write_text(SECTION + said + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
