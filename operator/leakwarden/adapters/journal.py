"""The journal of actions in the API: one ConfigMap, written before an eviction is sent.

It is in the API and not in the store because it limits actions: losing the state directory must not lose it. Writes are
guarded by resourceVersion, so that a second operator cannot spend the same budget: who decided on an older journal is
told to look again. Annotations disturb nobody and are written along, not ahead.

Of operators that take turns (docs/ha.md) each new leader signs the journal when it first reads it. From then on nothing
that an earlier one decided can be written, whatever its clock says: its next write is a conflict, and then it finds the
other's name.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from leakwarden.adapters import journal_codec as codec
from leakwarden.adapters.actuator import EVICTION_DEADLINE, pod_left
from leakwarden.adapters.kube_api import UNDELIVERED
from leakwarden.adapters.ports import KubeApi
from leakwarden.api import GROUP
from leakwarden.api.words import Mode
from leakwarden.core.actions import Action, ActionState
from leakwarden.core.decide.retention import fit
from leakwarden.errors import ApiConflict, ApiError, ApiNotFound, NotLeader, Retry

NAME = "leakwarden-journal"
KEY = "journal.json"
SIGNATURE = f"{GROUP}/leader"
"""The annotation that says which operator the journal is led by."""
MAX_BYTES = 900 << 10
"""etcd refuses objects over 1.5 MB, and the API server ConfigMaps over 1 MiB."""
MAX_MESSAGE = 300
LAZY = 5.0
"""Seconds for which what limits nothing may wait for another write to go along with."""
TRIES = 5
UNDER_WAY = UNDELIVERED + EVICTION_DEADLINE
"""Seconds after which an eviction that a process left behind cannot happen any more: either its kernel has dropped it,
or the API server has got it, and done it or given up."""

Entries = tuple[Action, ...]


class JournalFull(ApiError):
    """Too many actions that still limit others. Nothing is done until the oldest of them has aged."""

    retry = Retry.AFTER_A_PERSON


class ConfigMapJournal:
    """One caller at a time. Every method raises ApiError, and then what it was to write is not in the journal.

    `leader`: the name to sign with, where operators take turns; `lost` is called when another has signed since.
    """

    def __init__(
        self,
        api: KubeApi,
        namespace: str,
        *,
        leader: str = "",
        lost: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._root = f"/api/v1/namespaces/{namespace}/configmaps"
        self._namespace = namespace
        self._leader = leader
        self._lost = lost
        self._signed = not leader
        self._monotonic = monotonic
        self._version: str | None = None
        self._entries: dict[str, Action] = {}
        self._written_at = float("-inf")
        self._unwritten: dict[str, Action] = {}
        """What the API does not have yet: annotations only."""
        self._intended_since: dict[str, float] = {}
        """When this process first looked for what became of each entry that is INTENDED."""

    @property
    def entries(self) -> Entries:
        """As last read or written."""
        return tuple(self._known().values())

    async def load(self) -> Entries:
        """Read it anew; a journal that was never there is empty. NotLeader when another has signed it since."""
        await self._read()
        for attempt in range(TRIES):
            if self._signed:
                break
            try:
                await self._write(self._known(), float("-inf"))
            except ApiConflict:
                if attempt == TRIES - 1:
                    raise
                await self._read()
            else:
                self._signed = True
        return self.entries

    async def _read(self) -> None:
        try:
            found = await self._api.request("GET", f"{self._root}/{NAME}")
        except ApiNotFound:
            self._version = None  # not there yet, or deleted: then what this process knows is the better journal
            return
        signed_by = (found["metadata"].get("annotations") or {}).get(SIGNATURE, self._leader)
        if self._leader and self._signed and signed_by != self._leader:
            self._lost()
            raise NotLeader(f"the journal is led by {signed_by} now")
        text = (found.get("data") or {}).get(KEY, "")
        self._entries = {action.id: action for action in (codec.load(text) if text else ())}
        self._version = str(found["metadata"]["resourceVersion"])
        for entry in self._entries.values():
            if entry.state is ActionState.INTENDED:
                self._intended_since.setdefault(entry.id, self._monotonic())

    async def reconcile(self) -> Entries:
        """Settle what a crash left INTENDED, by looking at the pods. No request may be under way meanwhile.

        A pod that is gone or terminating was evicted (at worst by somebody else: then a budget is spent for nothing);
        one that is still there after UNDER_WAY was not, and may be planned again. Until then its entry stays INTENDED,
        and this is worth calling again. Raises ApiError when a pod cannot be looked at.
        """
        for action in [entry for entry in self.entries if entry.state is ActionState.INTENDED]:
            changed_something = action.kind is Mode.EVICT and not action.dry_run
            if changed_something and await pod_left(self._api, action.namespace, action.pod, action.pod_uid):
                state, message = ActionState.DONE, "the pod is gone; the answer to the request was lost"
            elif changed_something and self._may_be_under_way(action):
                continue
            else:
                state, message = ActionState.FAILED, "it has not happened: the pod is still there"
            await self.put(replace(action, state=state, message=message, settled_at=action.at))
        return self.entries

    def _may_be_under_way(self, action: Action) -> bool:
        """By this process's own clock since it first looked for it: those of two machines are not compared. Requests of
        its own are over by then, and the time that writing the intent took is none of theirs."""
        now = self._monotonic()
        return now - self._intended_since.setdefault(action.id, now) < UNDER_WAY

    async def intend(self, action: Action) -> None:
        """Write ahead; afterwards the request may leave. ApiConflict: the journal has moved, decide again.

        Never retried on a conflict: the plan was made from what the journal was.
        """
        if action.kind is Mode.ANNOTATE:
            self._unwritten[action.id] = action
            return
        self._intended_since.pop(action.id, None)  # of an attempt before; it counts from when it may have left
        try:
            await self._write(self._known() | {action.id: action}, action.at)
        except ApiConflict:
            await self.load()
            raise

    async def put(self, action: Action) -> None:
        """What became of it: settled, or its outcome. Tried again on a conflict: it is true whatever else the journal
        says by now."""
        action = replace(action, message=action.message[:MAX_MESSAGE])
        if action.kind is Mode.ANNOTATE:
            self._unwritten[action.id] = action
            if self._monotonic() - self._written_at < LAZY:
                return
        now = max(action.at, action.settled_at or 0.0, action.outcome_at or 0.0)
        for attempt in range(TRIES):
            try:
                await self._write(self._known() | {action.id: action}, now)
                return
            except ApiConflict:
                if attempt == TRIES - 1:
                    raise
                await self.load()

    async def flush(self, now: float) -> None:
        """Write what waits for company. Worth calling at the end; what is lost otherwise limits nothing. After an
        ApiConflict the newer journal was read, and the next call writes to that."""
        if not self._unwritten:
            return
        try:
            await self._write(self._known(), now)
        except ApiConflict:
            await self.load()
            raise

    def _known(self) -> dict[str, Action]:
        return self._entries | self._unwritten

    async def _write(self, entries: dict[str, Action], now: float) -> None:
        kept = fit(tuple(entries.values()), now, _size, MAX_BYTES)
        if kept is None:
            raise JournalFull(f"the journal has more than {MAX_BYTES >> 10} KiB of actions that still limit others")
        metadata: dict[str, Any] = {"name": NAME, "namespace": self._namespace}
        if self._leader:
            metadata["annotations"] = {SIGNATURE: self._leader}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {KEY: codec.dump(kept)}}
        if self._version is None:
            stored = await self._api.request("POST", self._root, body=body)
        else:
            metadata["resourceVersion"] = self._version
            try:
                stored = await self._api.request("PUT", f"{self._root}/{NAME}", body=body)
            except ApiNotFound:
                # Somebody deleted it. What this process knows is the better journal: put it back.
                del metadata["resourceVersion"]
                stored = await self._api.request("POST", self._root, body=body)
        self._version = str(stored["metadata"]["resourceVersion"])
        self._entries = {action.id: action for action in kept}
        self._unwritten = {}
        self._written_at = self._monotonic()


def _size(action: Action) -> int:
    return len(codec.dump_one(action).encode()) + 2
