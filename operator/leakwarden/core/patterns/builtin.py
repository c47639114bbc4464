"""The table that comes with Leakwarden: `patterns.yaml` beside this module, data that is part of the code."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from leakwarden.core.patterns.table import Table, table_from_yaml

NAME = "patterns.yaml"
PAGE = "docs/patterns.md"
"""Tells of the built-in patterns, each under its name."""


@cache
def builtin_patterns() -> Table:
    return table_from_yaml(files(__package__).joinpath(NAME).read_text(encoding="utf-8"), NAME).explained_by(PAGE)
