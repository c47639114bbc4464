"""`leakwarden patterns`: what kinds of leaks are named, how each is told, and what to change."""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from leakwarden.cli.output import drawn
from leakwarden.core.patterns import Table, builtin_patterns, joined, table_from_yaml
from leakwarden.errors import UnreadableFile


def table_in_force(file: Path | None) -> Table:
    """The built-in patterns, after those of a file. Raises UnreadableFile, or InvalidSpec naming the field."""
    if file is None:
        return builtin_patterns()
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise UnreadableFile(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UnreadableFile(f"{file} is not UTF-8") from error
    return joined([table_from_yaml(text, str(file)), builtin_patterns()])


def as_json(table: Table) -> str:
    return json.dumps(_plain(table), indent=2, ensure_ascii=False) + "\n"


def as_yaml(table: Table) -> str:
    """What a ConfigMap may hold, to copy and change."""
    return yaml.safe_dump(_plain(table), sort_keys=False, allow_unicode=True, width=120)


def _plain(table: Table) -> object:
    return table.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def print_table(table: Table) -> None:
    drawn(lambda console: _print(console, table))


def _print(console: Console, table: Table) -> None:
    grid = Grid(box=box.SIMPLE_HEAD, show_edge=False)
    for heading in ("pattern", "what", "fix"):
        grid.add_column(heading, overflow="fold", no_wrap=heading == "pattern")
    for pattern in table.patterns:
        grid.add_row(Text(pattern.name, style="bold"), Text(pattern.title), Text(pattern.fix))
    console.print(grid)
