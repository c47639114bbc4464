"""Write docs/values.md from the chart's values.yaml: `python -m hack.gen_values`; with `--check`, is it current?

A value is documented by the comment right above it. What has a comment is a row; what is inside a value with a comment
(a probe, a security context) is part of its default. A value without any comment is an error.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

REPO = Path(__file__).parent.parent
VALUES = REPO / "charts" / "leakwarden" / "values.yaml"
PAGE = REPO / "docs" / "values.md"
INTRODUCTION = """\
<!-- Generated from charts/leakwarden/values.yaml by hack/gen_values.py. Change that, then: make generate -->
# Values of the chart

What can be set at `helm install` and `helm upgrade`, with `--set NAME=VALUE` or a file and `-f`. A name that is not
here, or a value that cannot be meant, is refused before anything changes. [install.md](install.md) has examples,
[settings.md](settings.md) says more of what becomes an environment variable.

| value | default | meaning |
| --- | --- | --- |
"""
_KEY = re.compile(r"^( *)([A-Za-z]+):(.*)$")


@dataclass(frozen=True, slots=True)
class Value:
    """One row: a dotted path, its default as parsed, the comment above it."""

    path: str
    default: Any
    meaning: str


def values(text: str) -> list[Value]:
    """Every documented value in the order of the file. Raises ValueError for one that has no comment."""
    whole = yaml.safe_load(text)
    found: list[Value] = []
    for path, meaning in _keys(text):
        default = whole
        for key in path:
            default = default[key] if isinstance(default, dict) else None
        if default is None:
            continue  # inside of a list
        if meaning:
            found.append(Value(".".join(path), default, meaning))
        elif not _is_part(path, found) and not (isinstance(default, dict) and default):
            raise ValueError(f"{'.'.join(path)} has no comment above it in {VALUES.name}")
    return found


def _is_part(path: list[str], found: list[Value]) -> bool:
    return any(".".join(path).startswith(f"{value.path}.") for value in found)


def _keys(text: str) -> Iterator[tuple[list[str], str]]:
    """(path, comment) of every mapping key; the comment is empty where the line above is none."""
    path: list[str] = []
    comment: list[str] = []
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            comment.append(line.strip().removeprefix("#").strip())
            continue
        key = _KEY.match(line)
        if key:
            path = [*path[: len(key[1]) // 2], key[2]]
            yield list(path), " ".join(comment)
        comment = []


def render(text: str) -> str:
    """The page."""
    rows = [f"| `{value.path}` | `{json.dumps(value.default)}` | {value.meaning} |" for value in values(text)]
    return INTRODUCTION + "\n".join(rows) + "\n"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when the page is not current")
    args = parser.parse_args(argv)
    wanted = render(VALUES.read_text())
    if PAGE.exists() and PAGE.read_text() == wanted:
        return 0
    if args.check:
        print(f"{PAGE} is not what {VALUES} says: run `python -m hack.gen_values`", file=sys.stderr)
        return 1
    PAGE.write_text(wanted)
    print(f"wrote {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
