"""`go tool pprof`, the judge of what a profile says and of what is a profile."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path

RECORDINGS = Path(__file__).resolve().parents[2] / "recordings/profiles"
HEAPS = sorted(RECORDINGS.glob("*/heap.pb.gz"))
GOROUTINES = sorted(RECORDINGS.glob("*/goroutine.pb.gz"))
MAX_BYTES = 1 << 24

_LINE = re.compile(r" *(-?\d+)B? +\S+% +\S+% +(-?\d+)B? +\S+% +(.*?)(?: \((?:partial-)?inline\))?$")


def named(path: Path) -> str:
    """What a recording is called among the tests."""
    return path.parent.name


@cache
def _program() -> str:
    """pprof itself: `go tool` would look whether it is current at each call."""
    return subprocess.run(["go", "tool", "-n", "pprof"], check=True, capture_output=True, text=True).stdout.strip()


def flat(profile: Path, sample_type: str) -> Counter[str]:
    """What each function has by itself, by `pprof -top`: a negative or positive number of bytes or counts."""
    everything = ["-nodecount=1000000", "-nodefraction=0", "-edgefraction=0", "-unit=B"]
    command = [_program(), "-top", *everything, f"-sample_index={sample_type}", str(profile)]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    _, _, table = shown.partition("cum%\n")
    totals: Counter[str] = Counter()
    for line in table.splitlines():
        fields = _LINE.fullmatch(line)
        assert fields is not None, f"pprof prints a line that this test cannot read: {line!r}"
        if value := int(fields[1]):
            totals[fields[3]] += value
    return totals


def refuses(data: bytes, folder: Path) -> str:
    """Why `pprof -top` refuses the profile; empty when it does not."""
    path = folder / "mutated.pb"
    path.write_bytes(data)
    done = subprocess.run([_program(), "-top", str(path)], check=False, capture_output=True, text=True)
    return done.stderr.strip() if done.returncode else ""
