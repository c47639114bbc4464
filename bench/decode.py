"""Decoding a heap profile and adding it up by site: ours against `go tool pprof -top`, on a profile of a real gopls.

    python3 -m bench.decode [--profile FILE] [--rounds 20] [--at-least 5]

Without a profile one of a megabyte is made (bench/decode_workload.py; about two minutes the first time) and kept in the
cache. All are run in turns, one at a time and each five times in a row, so that whatever else the machine does hits
them alike. From the time of
`go tool pprof` that of the same command on an empty profile is taken off, since ours is measured without its process
start; below, whole processes stand against each other. `-top` computes one total a site (`inuse_space`), so the first
comparison does that and no more; the operator takes four totals a site from the profile, which is the second.
"""

from __future__ import annotations

import argparse
import gc
import gzip
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path

from bench.decode_workload import fetch_heap
from leakwarden.core.attribution import Attribution
from leakwarden.core.frames import normalised
from leakwarden.core.pprof import profile_pb2 as pb
from leakwarden.core.pprof.decode import decode
from leakwarden.core.reduce import heap_from_bytes
from workloads.build import GOPLS
from workloads.gobuild import build_binary, cache_dir, digest

SIZE = 1_000_000
MAX_BYTES = 32 << 20
IN_A_ROW = 5
"""Runs of one way before it is the next one's turn: a worker decodes one profile after another, and the first after a
large process finds the caches emptied."""


class Bytes:
    """A counter."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


def inuse_by_site(data: bytes) -> dict[str, int]:
    """What `-top` computes: bytes in use by function, here put down to the user's code."""
    profile = decode(data, max_bytes=MAX_BYTES)
    sites = Attribution(profile, Bytes)
    values = profile.column("inuse_space")
    for stack, value in compress(zip(profile.stacks, values, strict=True), values):
        sites[stack].value += value
    totals: dict[str, int] = {}
    for frame, counter in sites.counters():
        function = normalised(frame.function)
        totals[function] = totals.get(function, 0) + counter.value
    return totals


@dataclass(slots=True)
class Timing:
    name: str
    run: Callable[[], object]
    seconds: list[float] = field(default_factory=list)

    def take(self) -> None:
        for _ in range(IN_A_ROW):
            began = time.perf_counter()
            self.run()
            self.seconds.append(time.perf_counter() - began)

    @property
    def best(self) -> float:
        return min(self.seconds) * 1000

    @property
    def median(self) -> float:
        return statistics.median(self.seconds) * 1000


def command(*arguments: str | Path) -> Callable[[], object]:
    return lambda: subprocess.run(arguments, check=True, capture_output=True)


def cached_profile() -> Path:
    """The profile of a gopls that loaded Go's own compiler, made when it is not there."""
    path = cache_dir() / "bench" / f"gopls-heap-{SIZE}.pb.gz"
    if not path.exists():
        print("making a heap profile of a real gopls (about two minutes)", flush=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        gopls = build_binary(GOPLS, "golang.org/x/tools/gopls", path.parent / f"gopls-{digest([GOPLS])}")
        half = path.with_suffix(".part")
        half.write_bytes(fetch_heap(gopls, SIZE, seconds=300))
        half.rename(path)
    return path


def empty_profile(folder: str) -> Path:
    path = Path(folder) / "empty.pb"
    bytes_in_use = pb.ValueType(type=1, unit=2).SerializeToString()
    profile = pb.Profile(
        sample_type=[bytes_in_use], period_type=[bytes_in_use], string_table=[b"", b"inuse_space", b"bytes"]
    )
    path.write_bytes(profile.SerializeToString())
    return path


def measure(path: Path, rounds: int) -> dict[str, Timing]:
    data = path.read_bytes()
    load = "import sys; from leakwarden.core.reduce import heap_from_bytes as reduced; "
    program = load + "reduced(open(sys.argv[1], 'rb').read(), 1 << 25)"
    gc.disable()  # as in the operator's decode workers
    with tempfile.TemporaryDirectory() as folder:
        timings = [
            Timing("go tool pprof -top, whole process", command("go", "tool", "pprof", "-top", path)),
            Timing("the same on an empty profile", command("go", "tool", "pprof", "-top", empty_profile(folder))),
            Timing("ours: decoded, bytes in use by site", lambda: inuse_by_site(data)),
            Timing("ours: decoded, all that the operator takes", lambda: heap_from_bytes(data, MAX_BYTES)),
            Timing("ours: that, whole process", command(sys.executable, "-c", program, path)),
        ]
        for timing in timings:
            timing.run()
        for _ in range(rounds):
            for timing in timings:
                timing.take()
    return dict(zip(("go", "empty", "site", "operator", "process"), timings, strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", type=Path, help="a gzipped heap profile (default: made from a real gopls)")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument(
        "--at-least", type=float, default=5.0, help="fail when the first ratio, of the best times, is lower"
    )
    asked = parser.parse_args()
    path = asked.profile or cached_profile()
    data = path.read_bytes()
    samples = len(decode(data, max_bytes=MAX_BYTES).stacks)
    print(f"{path.name}: {len(data)} bytes, {len(gzip.decompress(data))} unpacked, {samples} samples")
    load = os.getloadavg()[0]
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}")
    taken = measure(path, asked.rounds)
    print(f"\n{'milliseconds':44}{'best':>8}{'median':>8}")
    for timing in taken.values():
        print(f"{timing.name:44}{timing.best:8.1f}{timing.median:8.1f}")
    go, empty = taken["go"], taken["empty"]
    best, median = go.best - empty.best, go.median - empty.median
    print(f"\n{'times faster than go tool pprof -top':44}{'best':>8}{'median':>8}")
    site, operator, process = taken["site"], taken["operator"], taken["process"]
    print(f"{'process starts taken off: site totals':44}{best / site.best:8.1f}{median / site.median:8.1f}")
    print(f"{'process starts taken off: all we take':44}{best / operator.best:8.1f}{median / operator.median:8.1f}")
    print(f"{'whole processes':44}{go.best / process.best:8.1f}{go.median / process.median:8.1f}")
    return 0 if best / site.best >= asked.at_least else 1


if __name__ == "__main__":
    raise SystemExit(main())
