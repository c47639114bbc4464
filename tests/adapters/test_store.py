"""The store: what is committed together survives together."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from leakwarden.adapters.store import HISTORY_DAYS, SqliteStore
from leakwarden.core.records import Ended, Step, StoredTarget
from leakwarden.core.targets import TargetKey
from leakwarden.errors import StoreError

KEY = TargetKey("pod-1", "pprof")


def row(state: str = "{}", key: TargetKey = KEY, policy: str = "policy-1") -> StoredTarget:
    return StoredTarget(policy, key, state, "{}", 1.0)


def ended(at: float, signature: str = "memory/main.leak") -> Ended:
    return Ended("policy-1", "owner-1", signature, "pod-1", "{}", at)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(tmp_path)
    await opened.open()
    yield opened
    await opened.close()


async def reopened(directory: Path) -> SqliteStore:
    """A second process would see exactly this."""
    again = SqliteStore(directory)
    await again.open()
    return again


async def test_a_saved_state_is_there_after_the_process_is_gone(store: SqliteStore, tmp_path: Path) -> None:
    await store.save(Step("policy-1", KEY, row('{"n": 3}')))
    other = await reopened(tmp_path)
    assert await other.targets("policy-1") == [row('{"n": 3}')]
    await other.close()


async def test_a_step_without_target_forgets_it_but_keeps_what_it_led_to(store: SqliteStore) -> None:
    await store.save(Step("policy-1", KEY, row()))
    await store.save(Step("policy-1", KEY, None, outbox=("gone",), ended=(ended(10.0),)))
    assert await store.targets("policy-1") == []
    assert [item.body for item in await store.outbox()] == ["gone"]
    assert await store.ended("policy-1", "owner-1", "memory/main.leak", since=0.0) == ended(10.0)


async def test_the_outbox_keeps_order_and_only_loses_what_was_sent(store: SqliteStore) -> None:
    await store.save(Step("policy-1", KEY, row(), outbox=("first", "second")))
    await store.save(Step("policy-1", KEY, row(), outbox=("third",)))
    first = (await store.outbox())[0]
    await store.sent([first.id])
    assert [item.body for item in await store.outbox()] == ["second", "third"]


async def test_steps_saved_at_once_are_all_committed(store: SqliteStore) -> None:
    keys = [TargetKey(f"pod-{number}", "pprof") for number in range(200)]
    await asyncio.gather(*(store.save(Step("policy-1", key, row(key=key))) for key in keys))
    assert {stored.key for stored in await store.targets("policy-1")} == set(keys)


async def test_a_deleted_policy_takes_its_targets_and_unsaid_words_but_no_one_elses(store: SqliteStore) -> None:
    await store.save(Step("policy-1", KEY, row(), outbox=("mine",)))
    await store.save(Step("policy-2", KEY, row(policy="policy-2"), outbox=("theirs",)))
    await store.forget_policy("policy-1")
    assert await store.policies() == {"policy-2"}
    assert [item.body for item in await store.outbox()] == ["theirs"]


async def test_history_older_than_its_keep_is_dropped(store: SqliteStore) -> None:
    day = 86400.0
    await store.save(Step("policy-1", KEY, None, ended=(ended(0.0, "memory/old"),)))
    await store.save(Step("policy-1", KEY, None, ended=(ended((HISTORY_DAYS + 1) * day, "memory/new"),)))
    assert await store.ended("policy-1", "owner-1", "memory/old", since=0.0) is None
    assert await store.ended("policy-1", "owner-1", "memory/new", since=0.0) is not None


async def test_a_finding_that_ended_before_the_asked_time_did_not_return(store: SqliteStore) -> None:
    await store.save(Step("policy-1", KEY, None, ended=(ended(100.0),)))
    assert await store.ended("policy-1", "owner-1", "memory/main.leak", since=100.5) is None


async def test_an_unwritable_state_directory_is_named_with_what_to_do(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    with pytest.raises(StoreError, match=r"file.*is the state directory writable"):
        await SqliteStore(blocked).open()


async def test_a_store_of_a_newer_build_is_refused_rather_than_misread(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "leakwarden.sqlite3") as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="schema version 99, this build knows 1"):
        await SqliteStore(tmp_path).open()


@pytest.mark.parametrize("call", ["enqueue", "save", "sent", "forget_policy"])
async def test_a_write_that_fails_half_way_leaves_nothing_and_the_next_one_works(
    store: SqliteStore, tmp_path: Path, call: str
) -> None:
    await store.enqueue("policy-1", ["before"])
    with sqlite3.connect(tmp_path / "leakwarden.sqlite3") as db:
        for verb in ("INSERT", "DELETE"):
            refuse = "BEGIN SELECT RAISE(ABORT, 'disk full'); END"
            db.execute(f"CREATE TRIGGER refuse_{verb} BEFORE {verb} ON outbox {refuse}")
    (row_before,) = await store.outbox()
    calls = {
        "enqueue": lambda: store.enqueue("policy-1", ["a", "b"]),
        "save": lambda: store.save(Step("policy-1", KEY, row(), outbox=("a",))),
        "sent": lambda: store.sent([row_before.id]),
        "forget_policy": lambda: store.forget_policy("policy-1"),
    }
    with pytest.raises(StoreError, match="disk full"):
        await calls[call]()
    with sqlite3.connect(tmp_path / "leakwarden.sqlite3") as db:
        for verb in ("INSERT", "DELETE"):
            db.execute(f"DROP TRIGGER refuse_{verb}")
    assert [item.body for item in await store.outbox()] == ["before"]
    assert await store.targets("policy-1") == []
    await store.enqueue("policy-1", ["after"])
    assert [item.body for item in await store.outbox()] == ["before", "after"]


async def test_a_long_outbox_is_read_in_pages(store: SqliteStore) -> None:
    bodies = [str(number) for number in range(1200)]
    await store.enqueue("policy-1", bodies)
    read: list[str] = []
    after = 0
    while page := await store.outbox(after):
        assert len(page) <= 500
        read += [item.body for item in page]
        after = page[-1].id
    assert read == bodies
