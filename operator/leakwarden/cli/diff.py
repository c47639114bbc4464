"""`leakwarden diff`: what grew between two profile files, for programs (JSON) and for people (tables)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from leakwarden.api.words import Unit
from leakwarden.cli.output import drawn, printable
from leakwarden.core.diff.difference import By, Difference, Entry, difference
from leakwarden.core.diff.places import Opened, open_profile
from leakwarden.core.report.amounts import amount
from leakwarden.errors import IncomparableProfiles, MalformedProfile, ProfileTooLarge, UnreadableFile

MAX_BYTES: Final = 1 << 28
"""256 MiB, of a file and of what it unpacks to."""

_TEXT: Final = re.compile(rb"[a-z]+ profile: |--- |goroutine \d+ ")
"""How the text forms of runtime/pprof begin."""
_TOLD_BY_CELLS: Final = ("bytes", "nanoseconds", "count")


def compare(base: Path, new: Path, sample_index: str, by: By) -> Difference:
    """Raises UnreadableFile, MalformedProfile, ProfileTooLarge or IncomparableProfiles, which name the file or both;
    InvalidSpec for `sample_index`."""
    opened = _open(base), _open(new)
    try:
        return difference(*opened, sample_index, by)
    except IncomparableProfiles as error:
        raise IncomparableProfiles(f"{base} and {new} cannot be compared: {error}") from error
    except MalformedProfile as error:
        raise MalformedProfile(f"{new}: {error}") from error


def _open(path: Path) -> Opened:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ProfileTooLarge(f"{path}: larger than {MAX_BYTES} bytes")
        content = path.read_bytes()
        return open_profile(content, MAX_BYTES)
    except OSError as error:
        raise UnreadableFile(f"{path}: {error.strerror or error}") from error
    except MalformedProfile as error:
        raise MalformedProfile(f"{path}: not a pprof profile in protobuf form: {_instead(content) or error}") from error
    except ProfileTooLarge as error:
        raise ProfileTooLarge(f"{path}: {error}") from error


def _instead(content: bytes) -> str:
    """What a file is that is no profile, where it is easily fetched by mistake; empty where that is unknown."""
    if content.lstrip()[:1] == b"<":
        return "it is a web page: is pprof served at the URL that it comes from, and without a login?"
    if _TEXT.match(content):
        return "it is a profile as text: fetch it without debug="
    return ""


def as_json(found: Difference) -> str:
    """All entries; amounts are integers in the unit of the sample type."""
    document = {
        "functions": [{"function": e.function, "flat": e.flat, "cum": e.cum} for e in found.functions],
        "lines": [
            {"function": e.function, "file": e.file, "line": e.line, "flat": e.flat, "cum": e.cum} for e in found.lines
        ],
    }
    return json.dumps(document, indent=2)


def print_tables(found: Difference, top: int) -> None:
    """The first entries of each kind, on stdout."""
    drawn(lambda console: _print(console, found, top))


def _print(console: Console, found: Difference, top: int) -> None:
    if not found.lines:
        console.print(printable(f"No difference in {found.kind.type}."))
        return
    show = _shown(found.kind.unit)
    console.print(_table("By function", found, found.functions[:top], show, lambda e: e.function))
    console.print(_table("By line", found, found.lines[:top], show, _where))
    for what, entries in (("functions", found.functions), ("lines", found.lines)):
        if len(entries) > top:
            console.print(f"{len(entries) - top} more {what}: --top {len(entries)} shows all.")


def _table(
    title: str, found: Difference, entries: Sequence[Entry], show: Callable[[int], str], name: Callable[[Entry], str]
) -> Table:
    unit = f" in {found.kind.unit}" if found.kind.unit not in _TOLD_BY_CELLS else ""
    table = Table(title=printable(f"{title}: {found.kind.type}{unit}"), box=box.SIMPLE_HEAD, title_justify="left")
    table.add_column("flat", justify="right", no_wrap=True)
    table.add_column("cum", justify="right", no_wrap=True)
    table.add_column("function" if name is not _where else "function and line", overflow="fold")
    for entry in entries:
        table.add_row(*(_coloured(show, value) for value in (entry.flat, entry.cum)), printable(name(entry)))
    return table


def _where(entry: Entry) -> str:
    place = f"{entry.file}:{entry.line}" if entry.line else entry.file
    return f"{entry.function} {place}".strip()


def _coloured(show: Callable[[int], str], value: int) -> Text:
    return Text(show(value), style="red" if value > 0 else "green" if value < 0 else "dim")


def _shown(unit: str) -> Callable[[int], str]:
    """`+1.5 MiB`, `-0.07 s`, `-12`, `0`: other units than bytes and nanoseconds as whole numbers."""

    def show(value: int) -> str:
        sign = "+" if value > 0 else "-" if value < 0 else ""
        if unit == "bytes":
            return sign + amount(abs(value), Unit.BYTES)
        if unit == "nanoseconds":
            return sign + amount(abs(value) / 1e9, Unit.SECONDS)
        return f"{sign}{abs(value):,}"

    return show
