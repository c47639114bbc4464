"""`leakwarden patterns`: what kinds of leaks are named, how each is told, and what to change."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import fill, indent

import yaml
from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from leakwarden.api.words import Family
from leakwarden.cli.kubectl.failures import near
from leakwarden.cli.output import drawn, written
from leakwarden.core.patterns import Pattern, Table, builtin_patterns, joined, table_from_yaml
from leakwarden.core.patterns.builtin import PAGE
from leakwarden.core.patterns.table import When
from leakwarden.errors import InvalidSpec, UnreadableFile


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


def only(table: Table, name: str) -> Table:
    """The one pattern of that name. Raises InvalidSpec, which says what there is."""
    found = tuple(pattern for pattern in table.patterns if pattern.name == name)
    if not found:
        raise InvalidSpec("NAME", f"there is no pattern {name}{near(name, (one.name for one in table.patterns))}")
    return table.model_copy(update={"patterns": found})


def as_json(table: Table) -> str:
    return json.dumps(_plain(table), indent=2, ensure_ascii=False) + "\n"


def as_yaml(table: Table) -> str:
    """What a ConfigMap may hold, to copy and change."""
    return yaml.dump(_plain(table), Dumper=_Blocks, sort_keys=False, allow_unicode=True, width=120)


class _Blocks(yaml.SafeDumper):
    """Writes text of several lines as such."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Blocks.add_representer(str, _text)


def _plain(table: Table) -> object:
    return table.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def print_whole(table: Table) -> None:
    """Each pattern in full, as a finding's message points to it."""
    written("\n".join(_whole(pattern) for pattern in table.patterns))


def _whole(pattern: Pattern) -> str:
    """Lines short enough for a terminal; the example as it is, to be copied."""
    parts = [f"{pattern.name}: {pattern.title}"]
    parts += [fill(f"{head}: {text}.", 80) for head, text in (("Why", pattern.why), ("Fix", pattern.fix))]
    if pattern.example:
        parts.append(indent(pattern.example, "    "))
    parts += [fill(f"{said}.", 80, break_on_hyphens=False) for said in _seen(pattern)]
    if any(way.estimate for way in pattern.when):
        parts.append("Where its message says likely, the stacks point to it and do not prove it.")
    if pattern.docs:
        where = f"{pattern.docs} of the Leakwarden repository" if pattern.docs.startswith(PAGE) else pattern.docs
        parts.append(f"More: {where}")
    return "\n\n".join(parts) + "\n"


def _seen(pattern: Pattern) -> list[str]:
    """How whoever has saved a profile finds it there: of each family the first way that tells it."""
    said: dict[Family, str] = {}
    for way in pattern.when:
        said.setdefault(way.family, _in_profile(way))
    return list(said.values())


def _in_profile(way: When) -> str:
    if way.family is Family.GOROUTINE:
        what = f"wait in {' or '.join(way.wait)}" if way.wait else "have the same stack"
        through = f", through {_beginning(way.calls[0])}" if way.calls else ""
        return f"In a goroutine profile (go tool pprof -traces FILE): more and more {what}{through}"
    heap = "In a heap profile (go tool pprof -sample_index=inuse_space -traces FILE)"
    if way.keeps is not None:
        return f"{heap}: stacks through {_beginning(way.keeps.calls[0])} hold more and more"
    beside = ", and so many goroutines wait in it" if way.beside is not None else ""
    return f"{heap}: one function holds more and more{beside}"


def _beginning(glob: str) -> str:
    return glob.rstrip("*.").replace("%2e", ".")


def print_table(table: Table) -> None:
    drawn(lambda console: _print(console, table))


def _print(console: Console, table: Table) -> None:
    grid = Grid(box=box.SIMPLE_HEAD, show_edge=False)
    for heading in ("pattern", "what", "fix"):
        grid.add_column(heading, overflow="fold", no_wrap=heading == "pattern")
    for pattern in table.patterns:
        grid.add_row(Text(pattern.name, style="bold"), Text(pattern.title), Text(pattern.fix))
    console.print(grid)
