"""Telling a person what is going on, and running commands with errors that a person can act on."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


class ClusterError(Exception):
    """The cluster cannot be brought up or used; the text says why and what to do."""


def say(text: str) -> None:
    """One line of progress on standard error (standard output is kept for results)."""
    print(f"[cluster] {text}", file=sys.stderr, flush=True)


def since(start: float) -> str:
    """Elapsed time since `start` (time.monotonic seconds) in words."""
    seconds = time.monotonic() - start
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


def run(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    timeout: float = 600,
) -> str:
    """Standard output of a command that must succeed; ClusterError with its standard error when it does not."""
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words, env=env, cwd=cwd, input=stdin if stdin is not None else "", capture_output=True, text=True,
            timeout=timeout, check=False,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise ClusterError(f"{words[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise ClusterError(f"{' '.join(words)}: not done after {timeout:.0f} s") from error
    if done.returncode != 0:
        tail = "\n".join((done.stderr or done.stdout).strip().splitlines()[-15:])
        raise ClusterError(f"{' '.join(words)}: exit status {done.returncode}\n{tail}")
    return done.stdout


def tail(path: Path, lines: int = 12) -> str:
    """The last lines of a log, or a word that there is none."""
    if not path.exists():
        return f"({path} was not written)"
    text = path.read_text(errors="replace").splitlines()
    return "\n".join(text[-lines:])
