"""The table in force: patterns of users, looked for again and again, before those that come with Leakwarden."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from leakwarden.core.patterns import Table, builtin_patterns, joined, table_from_yaml
from leakwarden.errors import ApiError, InvalidSpec
from leakwarden.pipeline.ports import PatternSources

log = logging.getLogger(__name__)

EVERY = 60.0
"""Seconds between two looks."""


class Patterns:
    """`table` is what findings are named by. What is wrong with one source costs that source alone.

    `refused` is told after each look how many sources could not be understood. `docs_url`: where the built-in ones link
    to, empty for nowhere.
    """

    def __init__(self, sources: PatternSources, refused: Callable[[int], None], docs_url: str = "") -> None:
        self._sources = sources
        self._refused = refused
        self._builtin = builtin_patterns(docs_url)
        self._trouble: frozenset[str] = frozenset()
        self.table: Table = self._builtin

    async def run(self) -> None:
        """Forever. Where the sources cannot be listed, the table stays as it was."""
        while True:
            await self.look()
            await asyncio.sleep(EVERY)

    async def look(self) -> None:
        try:
            sources = await self._sources.sources()
        except ApiError as error:
            self._say(frozenset({f"patterns of your own are not looked for, the table stays as it is: {error}"}))
            return
        tables: list[Table] = []
        problems: list[str] = []
        for source in sources:
            try:
                tables.append(table_from_yaml(source.text, source.name))
            except InvalidSpec as error:
                problems.append(f"patterns are left out: {error}")
        self._refused(len(problems))
        self._say(frozenset(problems))
        table = joined([*tables, self._builtin])
        if table != self.table:
            log.info("%d patterns in force, %d of them from ConfigMaps", len(table.patterns), _own(tables, table))
            self.table = table

    def _say(self, trouble: frozenset[str]) -> None:
        """Once, not with every look."""
        for problem in sorted(trouble - self._trouble):
            log.warning("%s", problem)
        self._trouble = trouble


def _own(tables: list[Table], table: Table) -> int:
    own = {pattern.name for one in tables for pattern in one.patterns}
    return sum(pattern.name in own for pattern in table.patterns)
