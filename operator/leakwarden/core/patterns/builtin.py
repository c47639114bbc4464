"""The table that comes with Leakwarden: `patterns.yaml` beside this module, data that is part of the code."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from leakwarden.core.patterns.table import Table, table_from_yaml

NAME = "patterns.yaml"
PAGE = "docs/patterns.md"
"""Tells of the built-in patterns, each under its name."""


@cache
def builtin_patterns(docs_url: str = "") -> Table:
    """`docs_url`: where the pages of docs/ are served, without a slash at its end; empty: nowhere that is known."""
    page = f"{docs_url}/{PAGE.rpartition('/')[2]}" if docs_url else PAGE
    return table_from_yaml(files(__package__).joinpath(NAME).read_text(encoding="utf-8"), NAME).explained_by(page)
