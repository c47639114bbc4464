"""Records the programs of the catalogue with Leakwarden's own recorder, and writes down what is true of them.

    python3 -m bench.verdicts.record [--set SET] [--only NAME...] [--missing] [--jobs 10]

A program that dies while it is recorded, or says no onset though it leaks, is an error; the others go on. Exit 1 where
there was one. Ctrl-C ends everything that was started.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from asyncio.subprocess import STDOUT, Process
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench.verdicts.catalogue import BUILT, HERE, RECORDINGS, SUFFIX, CatalogueError, Entry, entries, truth_json
from bench.verdicts.recorder import RecordingError, end, started, taken
from bench.verdicts.renumber import pack_renumbered
from leakwarden.api.duration import Duration

PROGRAMS = HERE / "programs"
MOST_BYTES = 20_000_000
"""All recordings together."""
PATIENCE = 20.0
"""Seconds until a program must have said where it listens."""
RECORDER_PATIENCE = 1.5
"""How many times its samples' time a recorder may take."""
PATH = "/debug/pprof"


@dataclass(frozen=True, slots=True)
class Job:
    set: str
    entry: Entry
    binary: Path

    @property
    def id(self) -> str:
        return f"{self.set}/{self.entry.name}"


@dataclass(slots=True)
class Said:
    """What a program has printed so far. A program that restarts itself says its address again."""

    address: str = ""
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the address is known, or the program has ended."""
    onset_ms: int | None = None
    last: list[str] = field(default_factory=list)

    def take(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word == "listening":
            self.address = self.address or rest
            self.heard.set()
        elif word == "onset" and self.onset_ms is None:
            self.onset_ms = int(rest)
        elif word != "onset":
            self.last = [*self.last[-4:], line]


def build(jobs: Sequence[tuple[str, Entry]], into: Path) -> list[Job]:
    """Builds each program once. Raises RecordingError with what the compiler says."""
    binaries = {(set_name, entry.program): into / f"{set_name}-{entry.program}" for set_name, entry in jobs}
    for (set_name, program), binary in sorted(binaries.items()):
        command = ["nice", "-n", "10", "go", "build", "-o", str(binary), f"./{set_name}/{program}"]
        done = subprocess.run(command, cwd=PROGRAMS, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RecordingError(f"{set_name}/{program} does not build:\n{done.stderr}")
    return [Job(set_name, entry, binaries[set_name, entry.program]) for set_name, entry in jobs]


async def record(job: Job, folder: Path) -> str:
    """Makes recording and truth, and says in a few words how it went. Raises RecordingError."""
    entry = job.entry
    said = Said()
    began = datetime.now(UTC)
    command = [str(job.binary), "-listen=127.0.0.1:0", f"-tick={entry.interval}", *entry.args]
    program = await started(command, STDOUT, {**os.environ, **entry.env})
    listening = asyncio.create_task(_listen(program, said))
    try:
        address = await _address(said)
        samples = job.binary.parent / job.set / entry.name
        await taken(
            entry, f"http://{address}{PATH}", samples, listening,
            lambda: f"it died while it was recorded: {' | '.join(said.last)}", RECORDER_PATIENCE,
        )  # fmt: skip
        _check(entry, said)
    finally:
        await end(program)
        listening.cancel()
    unfinished = samples.with_name(f"{entry.name}{SUFFIX}")
    await asyncio.to_thread(pack_renumbered, samples, unfinished)
    shutil.rmtree(samples)
    shutil.move(unfinished, folder / unfinished.name)
    truth = truth_json(entry, said.onset_ms, began.strftime("%Y-%m-%d"), _go_version())
    (folder / f"{entry.name}.json").write_text(truth)
    return f"{entry.samples} samples, {(folder / f'{entry.name}{SUFFIX}').stat().st_size / 1000:.0f} KB"


async def _listen(program: Process, said: Said) -> None:
    """Reads what the program says until it ends, which nobody wants before it is told to."""
    assert program.stdout is not None
    while line := await program.stdout.readline():
        said.take(line.decode(errors="replace").strip())
    said.heard.set()


async def _address(said: Said) -> str:
    async with asyncio.timeout(PATIENCE):
        await said.heard.wait()
    if not said.address:
        raise RecordingError(f"it ended before it listened: {' | '.join(said.last)}")
    return said.address


def _check(entry: Entry, said: Said) -> None:
    if entry.label == "leaking" and said.onset_ms is None:
        raise RecordingError("it is to leak, and did not say an onset")
    if entry.label == "healthy" and said.onset_ms is not None:
        raise RecordingError("it is healthy, and said an onset")


async def record_all(jobs: Sequence[Job], at_once: int, root: Path = RECORDINGS) -> list[str]:
    """Records them, longest first, and tells how each went. The names of those that failed."""
    places = asyncio.Semaphore(at_once)
    failed: list[str] = []
    done = 0

    async def one(job: Job) -> None:
        nonlocal done
        async with places:
            folder = root / job.set
            folder.mkdir(parents=True, exist_ok=True)
            try:
                told = await record(job, folder)
            except (RecordingError, OSError, TimeoutError) as error:
                failed.append(job.id)
                told = f"FAILED: {error or type(error).__name__}"
            done += 1
            print(f"[{done}/{len(jobs)}] {job.id}: {told}", flush=True)

    longest_first = sorted(jobs, key=lambda job: -job.entry.samples * Duration(job.entry.interval).seconds)
    await asyncio.gather(*(one(job) for job in longest_first))
    return failed


def total_bytes(root: Path = RECORDINGS) -> int:
    """Of all recordings and their truths."""
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


def wanted(
    sets: Sequence[str], only: Sequence[str], *, missing: bool, root: Path = RECORDINGS
) -> list[tuple[str, Entry]]:
    """The entries that are asked for. Raises CatalogueError for a name that no set has."""
    found = [(set_name, entry) for set_name in sets for entry in entries(set_name)]
    if unknown := sorted(set(only) - {entry.name for _, entry in found}):
        raise CatalogueError(f"no such program in {' or '.join(sets)}: {', '.join(unknown)}")
    return [
        (set_name, entry)
        for set_name, entry in found
        if (not only or entry.name in only) and not (missing and (root / set_name / f"{entry.name}.json").exists())
    ]


def _go_version() -> str:
    done = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, check=True, cwd=PROGRAMS)
    return done.stdout.strip()


async def _cancelled_by_signals(jobs: Sequence[Job], at_once: int, root: Path) -> list[str]:
    """Ctrl-C and SIGTERM cancel the work, and what was started ends with it."""
    task = asyncio.create_task(record_all(jobs, at_once, root))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await task


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", choices=BUILT, action="append", help="may be repeated; default: all")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME")
    parser.add_argument("--missing", action="store_true", help="those that have no truth yet")
    parser.add_argument("--jobs", type=int, default=10, help="recorded at once (default 10)")
    parser.add_argument("--output", type=Path, default=RECORDINGS, metavar="FOLDER", help="default: where tests look")
    options = parser.parse_args()
    began = time.monotonic()
    try:
        chosen = wanted(options.set or [*BUILT], options.only, missing=options.missing, root=options.output)
        with tempfile.TemporaryDirectory(prefix="verdicts-") as folder:
            print(f"{len(chosen)} recordings; building their programs", flush=True)
            failed = asyncio.run(_cancelled_by_signals(build(chosen, Path(folder)), options.jobs, options.output))
    except (CatalogueError, RecordingError) as error:
        print(f"record: {error}", file=sys.stderr)
        return 1
    except (asyncio.CancelledError, KeyboardInterrupt):
        print("record: stopped; what was finished stays", file=sys.stderr)
        return 1
    size = total_bytes(options.output)
    print(f"{len(chosen) - len(failed)} recorded in {time.monotonic() - began:.0f} s; all together {size / 1e6:.1f} MB")
    if failed:
        print(f"record: failed: {', '.join(sorted(failed))}", file=sys.stderr)
    if size > MOST_BYTES:
        print(f"record: {size / 1e6:.1f} MB is more than {MOST_BYTES / 1e6:.0f} MB", file=sys.stderr)
    return 1 if failed or size > MOST_BYTES else 0


if __name__ == "__main__":
    sys.exit(main())
