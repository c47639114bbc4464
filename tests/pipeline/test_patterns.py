"""The table in force: patterns of users before ours, and nobody held up by what is wrong with somebody's."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

import pytest

from leakwarden.core.patterns import Source, builtin_patterns
from leakwarden.errors import ApiForbidden
from leakwarden.pipeline.patterns import EVERY, Patterns

LOCK = "when: [{family: goroutine, wait: [sync.Mutex]}]"
MINE = f"patterns: [{{name: mine, title: t, why: w, fix: f, {LOCK}}}]"
OURS_OTHERWISE = f"patterns: [{{name: lock-not-released, title: of ours, why: w, fix: f, {LOCK}}}]"


@dataclass
class Sources:
    """Implements `ports.PatternSources`."""

    now: list[Source] = field(default_factory=list)
    error: Exception | None = None
    looked: asyncio.Event = field(default_factory=asyncio.Event)

    async def sources(self) -> list[Source]:
        self.looked.set()
        if self.error is not None:
            raise self.error
        return self.now


def patterns(sources: Sources) -> tuple[Patterns, list[int]]:
    refused: list[int] = []
    return Patterns(sources, refused.append), refused


def names(of: Patterns) -> list[str]:
    return [pattern.name for pattern in of.table.patterns]


BUILTIN = [pattern.name for pattern in builtin_patterns().patterns]


async def test_before_the_first_look_and_without_sources_the_built_in_ones_are_in_force() -> None:
    table, refused = patterns(Sources())
    assert names(table) == BUILTIN
    await table.look()
    assert names(table) == BUILTIN and refused == [0]


async def test_where_the_docs_are_served_the_built_in_ones_link_to_them() -> None:
    table = Patterns(Sources([Source("cm/a", MINE)]), lambda _: None, "https://example.org/docs")
    await table.look()
    links = {pattern.name: pattern.docs for pattern in table.table.patterns}
    assert links["map-grows"] == "https://example.org/docs/patterns.md#map-grows"
    assert links["mine"] == ""


async def test_patterns_of_users_come_first_and_go_with_their_source() -> None:
    sources = Sources([Source("cm/a", MINE)])
    table, _ = patterns(sources)
    await table.look()
    assert names(table) == ["mine", *BUILTIN]
    sources.now = []
    await table.look()
    assert names(table) == BUILTIN


async def test_one_with_a_name_of_ours_takes_its_place() -> None:
    table, _ = patterns(Sources([Source("cm/a", OURS_OTHERWISE)]))
    await table.look()
    assert names(table) == ["lock-not-released", *(name for name in BUILTIN if name != "lock-not-released")]
    assert table.table.patterns[0].title == "of ours"


async def test_a_broken_source_costs_itself_alone_and_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    sources = Sources([Source("cm/a", "patterns: ["), Source("cm/b", MINE), Source("cm/c", "patterns: [{name: x}]")])
    table, refused = patterns(sources)
    with caplog.at_level(logging.WARNING):
        await table.look()
        await table.look()
    assert names(table)[0] == "mine" and refused == [2, 2]
    assert [record.getMessage()[:50] for record in caplog.records] == [
        "patterns are left out: cm/a: is not YAML: while pa", "patterns are left out: cm/c: patterns[0] (x).title",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["a: 2026-99-99", "a: !!bool x", "a: " + "1" * 5000, "[" * 200_000, "patterns: &a [*a]"]
)
async def test_whatever_stands_in_a_source_the_others_are_read(text: str) -> None:
    table, refused = patterns(Sources([Source("cm/a", text), Source("cm/b", MINE)]))
    await table.look()
    assert names(table)[0] == "mine" and refused == [1]


async def test_a_text_that_stays_is_not_read_again() -> None:
    sources = Sources([Source("cm/a", MINE)])
    table, _ = patterns(sources)
    await table.look()
    before = table.table.patterns[0]
    sources.now = [Source("cm/a", MINE), Source("cm/b", OURS_OTHERWISE)]
    await table.look()
    assert table.table.patterns[0] is before and names(table)[1] == "lock-not-released"


async def test_more_patterns_than_can_be_tried_are_left_out_with_their_source(caplog: pytest.LogCaptureFixture) -> None:
    def many(begin: str) -> Source:
        rows = (f"- {{name: {begin}{n}, title: t, why: w, fix: f, {LOCK}}}\n" for n in range(50))
        return Source(f"cm/{begin}", "patterns:\n" + "".join(rows))

    sources = Sources([many("a"), many("b"), many("c"), Source("cm/d", MINE)])
    table, refused = patterns(sources)
    with caplog.at_level(logging.WARNING):
        await table.look()
    assert len(table.table.patterns) == 101 + len(BUILTIN) and names(table)[100] == "mine" and refused == [1]
    (record,) = caplog.records
    assert record.getMessage() == (
        "patterns are left out: cm/c: with it there would be more than 128 patterns of your own"
    )


async def test_a_name_that_two_sources_have_is_said(caplog: pytest.LogCaptureFixture) -> None:
    table, refused = patterns(Sources([Source("cm/a", MINE), Source("cm/b", MINE.replace("title: t", "title: other"))]))
    with caplog.at_level(logging.WARNING):
        await table.look()
    assert table.table.patterns[0].title == "t" and refused == [0]
    (record,) = caplog.records
    assert record.getMessage() == ("patterns are left out: cm/b: mine is a pattern of cm/a, which comes first")


async def test_where_sources_cannot_be_listed_the_table_stays(caplog: pytest.LogCaptureFixture) -> None:
    sources = Sources([Source("cm/a", MINE)])
    table, refused = patterns(sources)
    await table.look()
    sources.error = ApiForbidden("cannot list configmaps in namespace leakwarden", 403)
    with caplog.at_level(logging.WARNING):
        await table.look()
        await table.look()
    assert names(table)[0] == "mine" and refused == [0]
    (record,) = caplog.records
    assert "the table stays as it is: cannot list configmaps" in record.getMessage()


async def test_it_looks_until_it_is_ended() -> None:
    sources = Sources()
    table, _ = patterns(sources)
    running = asyncio.create_task(table.run())
    await asyncio.wait_for(sources.looked.wait(), 10)
    running.cancel()
    (ended,) = await asyncio.gather(running, return_exceptions=True)
    assert isinstance(ended, asyncio.CancelledError)


async def test_a_bug_while_it_looks_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    sources = Sources([Source("cm/a", MINE)], KeyError("metadata"))
    table, _ = patterns(sources)
    running = asyncio.create_task(table.run())
    await asyncio.wait_for(sources.looked.wait(), 10)
    sources.error = None
    await asyncio.sleep(EVERY + 1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert names(table)[0] == "mine"
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
