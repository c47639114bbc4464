"""Tables as kubectl prints them, and the same for programs: `-o wide|json|yaml`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import click
import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text

from leakwarden.cli.output import drawn, printable, written

ENDLESS: Final = 10_000
"""Columns where there is no terminal: nothing is cut or folded for `grep` and `awk`."""
FOLDED: Final = 16
"""Columns that a cell which folds keeps on the narrowest terminal."""
GAP: Final = 3
"""Between two cells."""
FORMS: Final = ("wide", "json", "yaml")

output_option = click.option(
    "-o", "--output", "form", type=click.Choice(FORMS), help="More columns, or all that is known.  [default: a table]"
)

Cell = str | Text


@dataclass(frozen=True, slots=True)
class Column:
    """`show` makes the cell of a row; numbers stand to the right. A `folds` column gives way on a narrow terminal."""

    title: str
    show: Callable[[Any], Cell]
    right: bool = False
    folds: bool = False
    wide: bool = False
    """Only with -o wide."""


def printed(documents: Sequence[Any], form: str) -> bool:
    """For programs, where `form` says so; whether it did."""
    if form == "json":
        written(json.dumps(documents, indent=2) + "\n")
    elif form == "yaml":
        written(yaml.safe_dump(documents, sort_keys=False, allow_unicode=True, width=120))
    return form in ("json", "yaml")


def table(columns: Sequence[Column], rows: Sequence[Any], *, wide: bool) -> Table:
    """Without lines, titles in capitals, as kubectl has it. It asks for `least` columns: on fewer, numbers are cut."""
    made = Table(box=None, show_edge=False, pad_edge=False, padding=(0, GAP, 0, 0), header_style="")
    shown = _shown(columns, wide=wide)
    for column in shown:
        made.add_column(
            column.title,
            justify="right" if column.right else "left",
            no_wrap=not column.folds,
            overflow="fold",
            min_width=_least(column, rows),
        )
    for row in rows:
        made.add_row(*(_cell(column.show(row)) for column in shown))
    return made


def least(columns: Sequence[Column], rows: Sequence[Any], *, wide: bool) -> int:
    """The narrowest that the table can be with every number and word of it whole."""
    return sum(_least(column, rows) + GAP for column in _shown(columns, wide=wide))


def fitting(columns: Sequence[Column], rows: Sequence[Any], room: int) -> list[Column]:
    """As many of the first columns as have room beside each other, two at least: half a number is worse than none."""
    shown = _shown(columns, wide=False)
    while len(shown) > 2 and least(shown, rows, wide=False) > room:
        shown.pop()
    return shown


def print_table(columns: Sequence[Column], rows: Sequence[Any], *, wide: bool) -> None:
    """On a terminal that is too narrow the lines are longer than it, as kubectl's are."""

    def draw(console: Console) -> None:
        console.print(table(columns, rows, wide=wide))

    drawn(draw, ENDLESS, least(columns, rows, wide=wide))


def _shown(columns: Sequence[Column], *, wide: bool) -> list[Column]:
    return [column for column in columns if wide or not column.wide]


def _least(column: Column, rows: Sequence[Any]) -> int:
    whole = max([len(column.title), *(_cell(column.show(row)).cell_len for row in rows)])
    return min(whole, FOLDED) if column.folds else whole


def _cell(cell: Cell) -> Text:
    return printable(cell) if isinstance(cell, str) else cell
