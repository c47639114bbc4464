"""`go tool pprof -top -diff_base`, read entry by entry, and our entries as it would print them."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TypeAlias

from leakwarden.core.diff.difference import By, Difference, Entry, difference
from leakwarden.core.diff.places import open_profile

Printed: TypeAlias = Counter[tuple[str, int, int]]
"""Name as printed, flat, cum."""

MAX_BYTES = 1 << 26
_EVERYTHING = ("-nodecount=1000000", "-nodefraction=0", "-edgefraction=0", "-symbolize=local")
_ROW = re.compile(r" *(-?\d+)[A-Za-z]* +\S+% +\S+% +(-?\d+)[A-Za-z]* +\S+%  (.*?)(?: \((?:partial-)?inline\))?$")


@cache
def program() -> str:
    """pprof itself: `go tool` would look whether it is current at each call."""
    return subprocess.run(["go", "tool", "-n", "pprof"], check=True, capture_output=True, text=True).stdout.strip()


def pprof(base: Path, new: Path, *options: str, unit: str = "B") -> subprocess.CompletedProcess[str]:
    command = [program(), "-top", *_EVERYTHING, f"-unit={unit}", *options, f"-diff_base={base}", str(new)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def printed_by_pprof(base: Path, new: Path, *options: str, unit: str = "B") -> Printed:
    """Every entry of the report; a name can occur twice."""
    done = pprof(base, new, *options, unit=unit)
    assert done.returncode == 0, done.stderr
    _, heading, table = done.stdout.partition("cum%\n")
    assert heading, done.stdout
    rows: Printed = Counter()
    for line in table.splitlines():
        row = _ROW.fullmatch(line)
        assert row is not None, f"pprof prints a line that this test cannot read: {line!r}"
        rows[row[3], int(row[1]), int(row[2])] += 1
    return rows


def printed(entries: Iterable[Entry]) -> Printed:
    """Our entries in the same form."""
    return Counter((_name(entry), entry.flat, entry.cum) for entry in entries)


def _name(entry: Entry) -> str:
    place = f"{entry.file}:{entry.line}" if entry.line else entry.file
    return " ".join(part for part in (entry.function, place) if part)


def ours(base: Path, new: Path, sample_index: str = "", by: By = By.FLAT) -> Difference:
    opened = [open_profile(path.read_bytes(), MAX_BYTES) for path in (base, new)]
    return difference(opened[0], opened[1], sample_index, by)


def agree(base: Path, new: Path, sample_index: str = "") -> Difference:
    """Assert that functions and lines are the same as pprof's, all of them; what we found."""
    found = ours(base, new, sample_index)
    unit = found.kind.unit
    index = [f"-sample_index={sample_index}"] if sample_index else []
    assert printed(found.functions) == printed_by_pprof(base, new, *index, unit=unit)
    assert printed(found.lines) == printed_by_pprof(base, new, "-lines", *index, unit=unit)
    return found
