"""What goes to stdout: the width of tables, readers that leave early, disks that are full."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.text import Text

WIDE: Final = 160
"""Columns for text that goes to no terminal."""


def written(text: str) -> None:
    """All of `text` on stdout; exits 2 where it cannot be written.

    Somebody who stops reading (`| head -1`) has what they wanted: no error, and the exit code stays the verdict's.
    """
    error = tried(text)
    if error is not None and not isinstance(error, BrokenPipeError):
        click.echo(f"leakwarden: stdout cannot be written: {error.strerror}", err=True)
        sys.exit(2)


def tried(text: str) -> OSError | None:
    """What kept `text` from stdout, if anything; from then on whatever is written there goes nowhere."""
    try:
        # Half of a surrogate pair, of a recording or a file name, goes into no encoding; escaped so, JSON stays JSON.
        click.echo(text.encode("utf-8", "backslashreplace").decode(), nl=False)
        sys.stdout.flush()
    except OSError as error:
        _forget()
        return error
    return None


def _forget() -> None:
    """What is still buffered goes nowhere: else Python tries again at its end, and complains."""
    with Path(os.devnull).open("wb") as nothing:
        os.dup2(nothing.fileno(), sys.stdout.fileno())


def printable(text: str, style: str = "") -> Text:
    """Names come from profiles: none may steer the terminal, or be taken for markup."""
    shown = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    return Text(shown, style)


def drawn(draw: Callable[[Console], None], wide: int | None = None) -> None:
    """What `draw` prints, as wide as the terminal, or `wide` columns (WIDE without) where there is none."""
    stdout = Console()
    held = StringIO()
    terminal = stdout.is_terminal
    draw(Console(file=held, highlight=False, force_terminal=terminal, width=stdout.width if terminal else wide or WIDE))
    written(held.getvalue())
