"""How a recording goes, while it goes: a live line each on a terminal, plain lines otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from leakwarden.cli.output import tried
from leakwarden.cli.record import Recorded


def said(one: Recorded) -> str:
    """What the latest attempt gave."""
    return f"failed: {one.last_error}" if one.last_failed else f"{one.bytes / 1024:.0f} KiB so far"


@contextmanager
def progress(*, quiet: bool) -> Iterator[Callable[[Recorded], None]]:
    """Gives what is to be called after each attempt."""
    console = Console()
    if quiet:
        yield lambda _: None
    elif console.is_terminal:
        with _live(console) as live:
            yield _shown(live)
    else:
        yield _line


def _line(one: Recorded) -> None:
    """Whoever stops reading these does not end the recording."""
    tried(f"{one.name}: sample {one.rounds}{f' of {one.wanted}' if one.wanted else ''}, {said(one)}\n")


def _live(console: Console) -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[count]}"), TimeElapsedColumn()
    return Progress(*columns, TextColumn("{task.fields[said]}"), console=console)


def _shown(live: Progress) -> Callable[[Recorded], None]:
    tasks: dict[str, TaskID] = {}

    def show(one: Recorded) -> None:
        count = f"{one.rounds}/{one.wanted}" if one.wanted else str(one.rounds)
        if one.name not in tasks:
            tasks[one.name] = live.add_task(escape(one.name), total=one.wanted or None, count="", said="")
        live.update(tasks[one.name], completed=one.rounds, count=count, said=escape(said(one)))

    return show
