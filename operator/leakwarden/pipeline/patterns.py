"""The table in force: patterns of users, looked for again and again, before those that come with Leakwarden."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping

from leakwarden.core.patterns import Source, Table, builtin_patterns, joined, table_from_yaml
from leakwarden.errors import ApiError, InvalidSpec
from leakwarden.pipeline.ports import PatternSources

log = logging.getLogger(__name__)

EVERY = 60.0
"""Seconds between two looks."""
MOST = 128
"""Patterns of users together: each is tried on each open finding with each sample."""


class Patterns:
    """`table` is what findings are named by. What is wrong with one source costs that source alone.

    `refused` is told after each look how many sources were left out. `docs_url`: where the built-in ones link
    to, empty for nowhere.
    """

    def __init__(self, sources: PatternSources, refused: Callable[[int], None], docs_url: str = "") -> None:
        self._sources = sources
        self._refused = refused
        self._builtin = builtin_patterns(docs_url)
        self._trouble: frozenset[str] = frozenset()
        self._known: dict[Source, Table | InvalidSpec] = {}
        """What was read at the last look: a text that stays is not read again."""
        self.table: Table = self._builtin

    async def run(self) -> None:
        """Forever. Where the sources cannot be listed, the table stays as it was; a bug here costs names alone, and not
        the operator."""
        while True:
            try:
                await self.look()
            except Exception:
                log.exception("a bug: patterns stay as they are, and are looked for again in %g s", EVERY)
            await asyncio.sleep(EVERY)

    async def look(self) -> None:
        try:
            sources = await self._sources.sources()
        except ApiError as error:
            self._say(frozenset({f"patterns of your own are not looked for, the table stays as it is: {error}"}))
            return
        await self._read(sources)
        tables, problems, doubles = _fitting(self._known)
        self._refused(len(problems))
        self._say(frozenset(f"patterns are left out: {one}" for one in (*problems, *doubles)))
        table = joined([*tables, self._builtin])
        if table != self.table:
            log.info("%d patterns in force, %d of them from ConfigMaps", len(table.patterns), _own(tables, table))
            self.table = table

    async def _read(self, sources: Iterable[Source]) -> None:
        """In a thread: the largest text takes half a second, and the event loop has a Lease to renew."""
        known: dict[Source, Table | InvalidSpec] = {}
        for one in sources:
            before = self._known.get(one)
            known[one] = before if before is not None else await asyncio.to_thread(_table, one)
        self._known = known

    def _say(self, trouble: frozenset[str]) -> None:
        """Once, not with every look."""
        for problem in sorted(trouble - self._trouble):
            log.warning("%s", problem)
        self._trouble = trouble


def _table(source: Source) -> Table | InvalidSpec:
    try:
        return table_from_yaml(source.text, source.name)
    except InvalidSpec as error:
        return error


def _fitting(known: Mapping[Source, Table | InvalidSpec]) -> tuple[list[Table], list[str], list[str]]:
    """The tables that are used, what was refused and why, and names that an earlier source has taken already."""
    tables: list[Table] = []
    problems: list[str] = []
    doubles: list[str] = []
    taken: dict[str, str] = {}
    for source, read in known.items():
        if isinstance(read, InvalidSpec):
            problems.append(str(read))
        elif len(taken) + len(read.patterns) > MOST:
            problems.append(f"{source.name}: with it there would be more than {MOST} patterns of your own")
        else:
            tables.append(read)
            names = [pattern.name for pattern in read.patterns]
            doubles += [
                f"{source.name}: {name} is a pattern of {taken[name]}, which comes first"
                for name in names
                if name in taken
            ]
            taken = {**dict.fromkeys(names, source.name), **taken}
    return tables, problems, doubles


def _own(tables: list[Table], table: Table) -> int:
    own = {pattern.name for one in tables for pattern in one.patterns}
    return sum(pattern.name in own for pattern in table.patterns)
