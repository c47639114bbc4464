"""Leakwarden's own recorder at work on a process, while somebody watches that what it records goes on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.verdicts.catalogue import Entry
from leakwarden.api.duration import Duration

SLACK = 60.0
"""Seconds on top of what its samples take, to start."""


class RecordingError(Exception):
    """A recording that could not be made; says why."""


async def taken(
    entry: Entry, url: str, output: Path, work: asyncio.Task[None], over: Callable[[], str], patience: float
) -> None:
    """Runs the recorder to its end while `work` goes on; `over` says why where that ends first.

    It may take `patience` times as long as its samples. Raises RecordingError.
    """
    command = [
        sys.executable, "-m", "leakwarden", "record", f"--url={url}", f"--interval={entry.interval}",
        f"--samples={entry.samples}", f"--output={output}", "-o", "json",
    ]  # fmt: skip
    recorder = await started(command, PIPE, os.environ)
    recording = asyncio.create_task(recorder.communicate())
    most = entry.samples * Duration(entry.interval).seconds * patience + SLACK
    try:
        await asyncio.wait({recording, work}, timeout=most, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            raise RecordingError(over())
        if not recording.done():
            raise RecordingError(f"the recorder was not done after {most:.0f} s")
        _, errors = recording.result()
        if recorder.returncode:
            raise RecordingError(f"the recorder ended with {recorder.returncode}: {errors.decode().strip()}")
    finally:
        await end(recorder)
        recording.cancel()


async def started(command: Sequence[str], stderr: int, env: Mapping[str, str]) -> Process:
    """In a session of its own. Ctrl-C while it starts ends the whole session too."""
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *command, stdout=PIPE, stderr=stderr, stdin=DEVNULL, start_new_session=True, env=env
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await end(await starting)
        raise


async def end(process: Process) -> None:
    """The process and whatever is in its group: where it has ended by itself, the group may yet have members, and the
    number is theirs until they end."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
