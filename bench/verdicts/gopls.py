"""Records real runs of gopls v0.22.0, healthy and leaking, and writes down what is true of them.

    python3 -m bench.verdicts.gopls [--only NAME...] [--missing] [--jobs 2]

gopls.yaml says what is recorded; gopls is built if it is not there yet. Exit 1 where a recording failed; the others go
on. Ctrl-C ends everything that was started.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench.verdicts.catalogue import RECORDINGS, SUFFIX, CatalogueError, Entry, entries, truth_json
from bench.verdicts.gopls_editor import EditorError
from bench.verdicts.gopls_loads import LOADS, Desk, LoadError
from bench.verdicts.recorder import RecordingError, taken
from bench.verdicts.renumber import pack_renumbered
from leakwarden.api.duration import Duration
from workloads.build import GOPLS
from workloads.gobuild import BuildError, build_binary, cache_dir, digest, go

SET: Final = "gopls"
FOLDER: Final = RECORDINGS / SET
MOST: Final = 700_000
"""Bytes of one packed recording."""
MOST_TOGETHER: Final = 4_000_000
PATIENCE: Final = 2.5
"""How many times its samples' time a recorder may take: a gopls at work answers late."""
READY: Final = 600.0
"""Seconds until a load must have had its recording begin."""


def arguments(entry: Entry) -> dict[str, float]:
    """Those of a load: `onset=35`. Raises CatalogueError."""
    if entry.program not in LOADS:
        raise CatalogueError(f"{SET}.yaml: {entry.name}: program {entry.program} is none of {', '.join(sorted(LOADS))}")
    told: dict[str, float] = {}
    for argument in entry.args:
        key, _, value = argument.partition("=")
        try:
            told[key] = float(value)
        except ValueError:
            raise CatalogueError(f"{SET}.yaml: {entry.name}: args: {argument!r} is not NAME=NUMBER") from None
    return told


async def record(entry: Entry, gopls: Path, folder: Path, packers: ProcessPoolExecutor) -> str:
    """Makes recording and truth, and says in a few words how it went. Raises RecordingError."""
    told = arguments(entry)
    began = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="verdicts-gopls-", ignore_cleanup_errors=True) as scratch:
        desk = _desk(entry, gopls, Path(scratch))
        warm, own = gopls.with_name(f"{gopls.name}-cache"), Path(scratch) / "gopls"
        if not told.get("cold"):
            await asyncio.to_thread(_copied_whole, warm, own)
        await desk.start()
        load = asyncio.create_task(LOADS[entry.program](desk, told))
        try:
            await _until_ready(desk, load)
            waited = (datetime.now(UTC) - began).total_seconds()
            if not told.get("cold"):
                await asyncio.to_thread(_copied_whole, own, warm)
            await taken(
                entry, f"http://localhost:{desk.port}/debug/pprof", desk.taken, load,
                lambda: f"its load ended while it was recorded: {_why(load)}", PATIENCE,
            )  # fmt: skip
        finally:
            load.cancel()
            await asyncio.gather(load, return_exceptions=True)
            await desk.editor.end()
        _check(entry, desk.onset_ms)
        packed = Path(scratch) / f"{entry.name}{SUFFIX}"
        await asyncio.get_running_loop().run_in_executor(packers, pack_renumbered, desk.taken, packed)
        size = packed.stat().st_size
        if size > MOST:
            raise RecordingError(f"{size / 1000:.0f} KB packed, more than {MOST / 1000:.0f}: take fewer samples")
        shutil.move(packed, folder / packed.name)
    truth = truth_json(entry, desk.onset_ms, began.strftime("%Y-%m-%d"), go("env", "GOVERSION"))
    (folder / f"{entry.name}.json").write_text(truth)
    return f"{entry.samples} samples, {size / 1000:.0f} KB, ready after {waited:.0f} s"


def _copied_whole(source: Path, target: Path) -> None:
    """gopls's own cache: what one has filled while it loaded, the next begins with, as on anybody's machine. Nothing is
    done where there is none, or one already; `target` appears whole or not at all."""
    if target.exists() or not source.exists():
        return
    unfinished = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        shutil.copytree(source, unfinished / "whole", ignore_dangling_symlinks=True)
        (unfinished / "whole").replace(target)
    except (OSError, shutil.Error):
        pass  # gopls was writing it, or another was faster: an empty cache is only slower
    finally:
        shutil.rmtree(unfinished)


def _desk(entry: Entry, gopls: Path, scratch: Path) -> Desk:
    desk = Desk(
        gopls=gopls,
        port=_free_port(),
        env=_environment(entry, scratch),
        cmd=Path(go("env", "GOROOT")) / "src" / "cmd",
        scratch=scratch,
        taken=scratch / entry.name,
        interval=Duration(entry.interval).seconds,
    )
    desk.restored.mkdir()
    (desk.restored / "go.mod").write_text("module restored.example\n\ngo 1.26\n")
    (desk.restored / "restored.go").write_text("// Package restored is where files come and go.\npackage restored\n")
    return desk


def _environment(entry: Entry, scratch: Path) -> Mapping[str, str]:
    """Nothing of the user's but PATH: caches of its own, and without HOME no telemetry."""
    return {
        "PATH": os.environ["PATH"],
        "GOPLSCACHE": str(scratch / "gopls"),
        "XDG_CACHE_HOME": str(scratch / "cache"),
        "GOCACHE": str(scratch / "go-build"),
        "GOPATH": str(scratch / "gopath"),
        "CGO_ENABLED": "0",
        "GOENV": "off",
        "GOPROXY": "off",
        "GOSUMDB": "off",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GOMAXPROCS": "1",
        **entry.env,
    }


async def _until_ready(desk: Desk, load: asyncio.Task[None]) -> None:
    ready = asyncio.create_task(desk.begun.wait())
    try:
        await asyncio.wait({ready, load}, timeout=READY, return_when=asyncio.FIRST_COMPLETED)
        if load.done():
            raise RecordingError(f"its load ended before the recording began: {_why(load)}")
        if not ready.done():
            raise RecordingError(f"it was not ready after {READY:.0f} s")
    finally:
        ready.cancel()


def _why(load: asyncio.Task[None]) -> str:
    error = None if load.cancelled() else load.exception()
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if error is not None and not isinstance(error, EditorError | LoadError | OSError):
        raise error
    return str(error) if error else "it had nothing more to do"


def _check(entry: Entry, onset_ms: int | None) -> None:
    if (entry.label == "leaking") != (onset_ms is not None):
        raise RecordingError(
            f"its label is {entry.label}, and its load {'began' if onset_ms else 'never began'} to leak"
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


def built() -> Path:
    """gopls v0.22.0, built from committed hashes. Raises BuildError."""
    return build_binary(GOPLS, "golang.org/x/tools/gopls", cache_dir() / "bench" / f"gopls-{digest([GOPLS])}")


async def record_all(chosen: Sequence[Entry], gopls: Path, at_once: int, folder: Path = FOLDER) -> list[str]:
    """Records them in their order, and tells how each went. The names of those that failed."""
    places = asyncio.Semaphore(at_once)
    failed: list[str] = []

    async def one(entry: Entry) -> None:
        async with places:
            print(f"{entry.name}: begins", flush=True)
            try:
                how = await record(entry, gopls, folder, packers)
            except (RecordingError, EditorError, CatalogueError, OSError) as error:
                failed.append(entry.name)
                how = f"FAILED: {error or type(error).__name__}"
            print(f"{entry.name}: {how}", flush=True)

    with ProcessPoolExecutor(2) as packers:
        await asyncio.gather(*(one(entry) for entry in chosen))
    return failed


async def _cancelled_by_signals(chosen: Sequence[Entry], gopls: Path, at_once: int) -> list[str]:
    """Ctrl-C and SIGTERM cancel the work, and what was started ends with it."""
    task = asyncio.create_task(record_all(chosen, gopls, at_once))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await task


def wanted(only: Sequence[str], *, missing: bool, folder: Path = FOLDER) -> list[Entry]:
    """Those that are asked for, in the order of the file. Raises CatalogueError."""
    found = entries(SET)
    for entry in found:
        arguments(entry)
    if unknown := sorted(set(only) - {entry.name for entry in found}):
        raise CatalogueError(f"{SET}.yaml has no {', '.join(unknown)}")
    chosen = [entry for entry in found if not only or entry.name in only]
    return [entry for entry in chosen if not (missing and (folder / f"{entry.name}.json").exists())]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME")
    parser.add_argument("--missing", action="store_true", help="those that have no truth yet")
    parser.add_argument("--jobs", type=int, default=2, help="recorded at once (default 2)")
    options = parser.parse_args()
    began = time.monotonic()
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        chosen = wanted(options.only, missing=options.missing)
        failed = asyncio.run(_cancelled_by_signals(chosen, built(), options.jobs))
    except (CatalogueError, BuildError) as error:
        print(f"gopls: {error}", file=sys.stderr)
        return 1
    except (asyncio.CancelledError, KeyboardInterrupt):
        print("gopls: stopped; what was finished stays", file=sys.stderr)
        return 1
    size = sum(path.stat().st_size for path in FOLDER.iterdir())
    print(f"{len(chosen) - len(failed)} recorded in {time.monotonic() - began:.0f} s; all together {size / 1e6:.1f} MB")
    if failed:
        print(f"gopls: failed: {', '.join(sorted(failed))}", file=sys.stderr)
    if size > MOST_TOGETHER:
        print(f"gopls: {size / 1e6:.1f} MB is more than {MOST_TOGETHER / 1e6:.0f} MB", file=sys.stderr)
    return 1 if failed or size > MOST_TOGETHER else 0


if __name__ == "__main__":
    sys.exit(main())
