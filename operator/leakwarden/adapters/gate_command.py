"""The gate's command as a process group of its own: run to its end, or ended with all that it started."""

from __future__ import annotations

import asyncio
import errno
import os
import shlex
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from leakwarden.errors import NotMeasured

GRACE: Final = 5.0
"""Seconds between SIGTERM and SIGKILL."""
LINGER: Final = 1.0
"""Seconds that what a command left behind may go on: a `tee` of its output, which ends by itself."""
_PAUSE: Final = 0.02


class Command:
    """One command, started as often as wanted. Its output goes where ours goes; it has no input.

    A group of its own, since it is usually `go test`, `go run` or a shell, whose children must end with it.
    """

    def __init__(self, words: Sequence[str], *, output_to_stderr: bool = False, grace: float = GRACE) -> None:
        """`output_to_stderr` keeps stdout clean for what is written there at the end."""
        self.shown = shlex.join(words)
        self._words = words
        self._grace = grace
        self._stdout = sys.stderr.fileno() if output_to_stderr else None
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> None:
        """To its end. Raises NotMeasured where it cannot be started or fails."""
        await self.start()
        await self.succeed()

    async def start(self, environment: Mapping[str, str] | None = None) -> None:
        """With these variables added to ours. Raises NotMeasured."""
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._words, stdin=asyncio.subprocess.DEVNULL, stdout=self._stdout, start_new_session=True,
                env={**os.environ, **(environment or {})},
            )  # fmt: skip
        except OSError as error:
            raise NotMeasured(f"{self.shown} cannot be started: {_problem(error, self._words[0])}") from error

    async def ended(self) -> int:
        """Waits for its end; the exit code, negative for a signal."""
        return await self._process.wait() if self._process is not None else 0

    async def succeed(self) -> None:
        """Waits for its end, and ends what it left behind. Raises NotMeasured where it failed."""
        code = await self.ended()
        await self._sweep()
        if code:
            raise NotMeasured(f"{self.shown} failed: {how(code)}; nothing is said about leaks before it passes")

    async def stop(self) -> None:
        """Ends it and what it started, if it is still running. Does not raise."""
        process = self._process
        if process is None or process.returncode is not None:
            await self._sweep()
            return
        try:
            _signal(process.pid, signal.SIGTERM)
            async with asyncio.timeout(self._grace):
                await process.wait()
        except TimeoutError:
            pass
        finally:
            # Also what the leader left behind, and where we are told a second time to end.
            _signal(process.pid, signal.SIGKILL)
            await process.wait()

    async def _sweep(self) -> None:
        """Ends what is left of its group after its own end, once: later the number may be another's."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            for _ in range(round(LINGER / _PAUSE)):
                if not _signal(process.pid, 0):
                    break
                await asyncio.sleep(_PAUSE)
        finally:
            _signal(process.pid, signal.SIGKILL)


def _signal(group: int, sign: int) -> bool:
    """Whether there is such a group; 0 only asks."""
    try:
        os.killpg(group, sign)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # run by sudo: there, and not ours to end
    return True


def _problem(error: OSError, program: str) -> str:
    """What the system says, and for the mistakes that are easily made what to do."""
    said = error.strerror or str(error)
    if isinstance(error, FileNotFoundError) and any(letter.isspace() for letter in program):
        return f"{said}; it is run without a shell: give words of their own, or sh -c '...'"
    if error.errno == errno.ENOEXEC:
        return f"{said}; a script must begin with a line like #!/bin/sh"
    return said


def how(code: int) -> str:
    """`exit code 2`, `ended by SIGKILL`."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"ended by signal {-code}"
