"""The store at the state directory: SQLite in WAL mode, one writer thread, group commit.

What is in it, and why:

- `target`: the fold's state of one target of one policy, so that a restart goes on where the last process stood;
- `outbox`: transitions that are true but not yet written to the API. They are committed together with the state that
  made them, so a crash can neither lose nor double one;
- `history`: findings that ended, for LeakReturned.

A commit survives SIGKILL (WAL, synchronous=NORMAL: only a power cut can lose the newest commits, never corrupt).
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from leakwarden.core.records import Ended, OutboxRow, Step, StoredTarget
from leakwarden.core.targets import TargetKey
from leakwarden.errors import StoreError

SCHEMA_VERSION = 1
HISTORY_DAYS = 7

_SCHEMA = """
CREATE TABLE target (
    policy_uid TEXT NOT NULL, pod_uid TEXT NOT NULL, endpoint TEXT NOT NULL,
    state TEXT NOT NULL, report TEXT NOT NULL, updated_at REAL NOT NULL,
    PRIMARY KEY (policy_uid, pod_uid, endpoint)
) WITHOUT ROWID;
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, policy_uid TEXT NOT NULL, body TEXT NOT NULL
);
CREATE TABLE history (
    policy_uid TEXT NOT NULL, owner_uid TEXT NOT NULL, signature TEXT NOT NULL, pod_uid TEXT NOT NULL,
    body TEXT NOT NULL, ended_at REAL NOT NULL,
    PRIMARY KEY (policy_uid, owner_uid, signature, pod_uid)
) WITHOUT ROWID;
"""

_ENQUEUE = "INSERT INTO outbox (policy_uid, body) VALUES (?, ?)"

T = TypeVar("T")


class SqliteStore:
    """All calls are coroutines; SQLite runs in one thread of its own, and steps that wait together commit together."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "leakwarden.sqlite3"
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._waiting: list[tuple[Step, asyncio.Future[None]]] = []
        self._flusher: asyncio.Task[None] | None = None
        self._db: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open or make the database. StoreError names the file where that fails."""
        await self._run(self._open)

    async def close(self) -> None:
        """Write what waits, then close."""
        if self._flusher is not None:
            await self._flusher
        await self._run(self._close)
        self._thread.shutdown()

    async def save(self, step: Step) -> None:
        """Return when the step is committed."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((step, done))
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush())
        await done

    async def targets(self, policy_uid: str) -> list[StoredTarget]:
        """Every stored target of a policy."""
        return await self._run(lambda: self._targets(policy_uid))

    async def outbox(self, after: int = 0) -> list[OutboxRow]:
        """What is still to be written to the API, oldest first: some 500 rows after the row `after`."""
        rows = "SELECT id, policy_uid, body FROM outbox WHERE id > ? ORDER BY id LIMIT 500"
        return await self._run(lambda: [OutboxRow(*row) for row in self._connection.execute(rows, (after,))])

    async def sent(self, ids: Sequence[int]) -> None:
        """Take rows out of the outbox: the API has them."""
        await self._run(lambda: self._sent(ids))

    async def enqueue(self, policy_uid: str, bodies: Sequence[str]) -> None:
        """News that no sample led to."""
        await self._run(lambda: self._enqueue(policy_uid, bodies))

    async def ended(self, policy_uid: str, owner_uid: str, signature: str, since: float) -> Ended | None:
        """The newest finding of this signature and owner that ended at or after `since`."""
        query = (
            "SELECT policy_uid, owner_uid, signature, pod_uid, body, ended_at FROM history"
            " WHERE policy_uid = ? AND owner_uid = ? AND signature = ? AND ended_at >= ?"
            " ORDER BY ended_at DESC LIMIT 1"
        )
        row = await self._run(
            lambda: self._connection.execute(query, (policy_uid, owner_uid, signature, since)).fetchone()
        )
        return Ended(*row) if row else None

    async def forget_policy(self, policy_uid: str) -> None:
        """A deleted policy: its targets, and what it had not said yet, are dropped."""
        await self._run(lambda: self._forget_policy(policy_uid))

    async def policies(self) -> set[str]:
        """UIDs of every policy that has rows here: those that no longer exist are orphans."""
        return await self._run(
            lambda: {row[0] for row in self._connection.execute("SELECT DISTINCT policy_uid FROM target")}
        )

    async def _flush(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await self._run(lambda steps=[step for step, _ in batch]: self._commit(steps))  # type: ignore[misc]
            except StoreError as error:
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error)
            else:
                for _, done in batch:
                    if not done.done():
                        done.set_result(None)

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{self._path}: {error}; is the state directory writable, and not full?") from error

    # --- below here: only in the store's thread ---

    @property
    def _connection(self) -> sqlite3.Connection:
        if self._db is None:
            raise sqlite3.ProgrammingError("the store is not open")
        return self._db

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(self._path, isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version not in {0, SCHEMA_VERSION}:
            db.close()
            raise sqlite3.DatabaseError(f"schema version {version}, this build knows {SCHEMA_VERSION}")
        if version == 0:
            db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        self._db = db

    def _close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _targets(self, policy_uid: str) -> list[StoredTarget]:
        query = "SELECT pod_uid, endpoint, state, report, updated_at FROM target WHERE policy_uid = ?"
        return [
            StoredTarget(policy_uid, TargetKey(pod, endpoint), state, report, at)
            for pod, endpoint, state, report, at in self._connection.execute(query, (policy_uid,))
        ]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing; whatever goes wrong inside, the next transaction can begin."""
        db = self._connection
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:  # a full disk has rolled back already
                db.execute("ROLLBACK")
            raise

    def _commit(self, steps: Sequence[Step]) -> None:
        with self._transaction() as db:
            for step in steps:
                self._apply(db, step)

    @staticmethod
    def _apply(db: sqlite3.Connection, step: Step) -> None:
        key = (step.policy_uid, step.key.pod_uid, step.key.endpoint)
        if step.target is None:
            db.execute("DELETE FROM target WHERE policy_uid = ? AND pod_uid = ? AND endpoint = ?", key)
        else:
            row = (*key, step.target.state, step.target.report, step.target.updated_at)
            db.execute("INSERT OR REPLACE INTO target VALUES (?, ?, ?, ?, ?, ?)", row)
        db.executemany(_ENQUEUE, [(step.policy_uid, body) for body in step.outbox])
        for item in step.ended:
            db.execute(
                "INSERT OR REPLACE INTO history VALUES (?, ?, ?, ?, ?, ?)",
                (item.policy_uid, item.owner_uid, item.signature, item.pod_uid, item.body, item.ended_at),
            )
            db.execute("DELETE FROM history WHERE ended_at < ?", (item.ended_at - HISTORY_DAYS * 86400,))

    def _enqueue(self, policy_uid: str, bodies: Sequence[str]) -> None:
        with self._transaction() as db:
            db.executemany(_ENQUEUE, [(policy_uid, body) for body in bodies])

    def _sent(self, ids: Sequence[int]) -> None:
        with self._transaction() as db:
            db.executemany("DELETE FROM outbox WHERE id = ?", [(i,) for i in ids])

    def _forget_policy(self, policy_uid: str) -> None:
        with self._transaction() as db:
            for table in ("target", "outbox"):
                db.execute(f"DELETE FROM {table} WHERE policy_uid = ?", (policy_uid,))  # noqa: S608 (a constant)
