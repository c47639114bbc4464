"""What goes to stdout: the width of tables, readers that leave early, disks that are full."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.text import Text

WIDE: Final = 160
"""Columns for text that goes to no terminal."""


def written(text: str | bytes) -> None:
    """All of `text`, or of bytes as they are, on stdout; exits 2 where it cannot be written.

    Somebody who stops reading (`| head -1`) has what they wanted: no error, and the exit code stays the verdict's.
    """
    error = tried(text)
    if error is not None and not isinstance(error, BrokenPipeError):
        noted(f"leakwarden: stdout cannot be written: {error.strerror}")
        sys.exit(2)


def tried(text: str | bytes) -> OSError | None:
    """What kept `text` from stdout, if anything; from then on whatever is written there goes nowhere."""
    if sys.stdout is None:
        return OSError(errno.EBADF, "it is closed")
    try:
        click.echo(text if isinstance(text, bytes) else _encodable(text), nl=False)
        sys.stdout.flush()
    except OSError as error:
        _forget()
        return error
    return None


def _encodable(text: str) -> str:
    """Half of a surrogate pair, of a recording or a file name, goes into no encoding; escaped so, JSON stays JSON. A
    terminal of another encoding than UTF-8 lacks letters, too."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def noted(text: str) -> None:
    """A line on stderr. Whoever closed that has no wish to read it, and the exit code still tells."""
    with suppress(OSError):
        click.echo(plain(text), err=True)


def plain(text: str) -> str:
    """Text of one line, of which no character steers the terminal."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _forget() -> None:
    """What is still buffered goes nowhere: else Python tries again at its end, and complains."""
    with Path(os.devnull).open("wb") as nothing:
        os.dup2(nothing.fileno(), sys.stdout.fileno())


def printable(text: str, style: str = "") -> Text:
    """Names come from profiles: none may steer the terminal, or be taken for markup."""
    return Text(plain(text), style)


def drawn(draw: Callable[[Console], None], wide: int | None = None, least: int = 0) -> None:
    """What `draw` prints, as wide as the terminal, but `least` columns; `wide` of them (WIDE without) where there is no
    terminal."""
    stdout = Console()
    held = StringIO()
    terminal = stdout.is_terminal
    width = max(stdout.width, least) if terminal else wide or WIDE
    # With a height, too: of a dumb terminal rich would else take 80 columns for granted.
    draw(Console(file=held, highlight=False, force_terminal=terminal, width=width, height=stdout.height))
    written(held.getvalue())
