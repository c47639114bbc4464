"""The journal as the rails read it: by id, by owner, by policy."""

from __future__ import annotations

import hashlib
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Sequence

from leakwarden.api.words import Mode
from leakwarden.core.actions import Action, ActionState, Refusal
from leakwarden.core.targets import Owner, PolicyKey

OwnerKey = tuple[str, str, str]
"""Namespace, kind and name: an owner deleted and created again keeps its cooldown."""


def owner_key(namespace: str, owner: Owner) -> OwnerKey:
    return (namespace, owner.kind, owner.name)


def action_id(policy: PolicyKey, kind: Mode, dry_run: bool, pod_uid: str) -> str:
    """One for each policy, kind of action and pod: the retry of an attempt has the attempt's id."""
    text = "\0".join((policy.namespace, policy.name, kind.value, "dry" if dry_run else "live", pod_uid))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


class Ledger:
    """Indexes over a journal, and over what a plan in the making adds to it."""

    def __init__(self, journal: Iterable[Action]) -> None:
        self._by_id: dict[str, Action] = {}
        self._by_owner: dict[OwnerKey, list[Action]] = defaultdict(list)
        self._by_policy: dict[PolicyKey, list[Action]] = defaultdict(list)
        self._spent: dict[PolicyKey, list[float]] = defaultdict(list)
        self._forbidden: dict[tuple[str, Mode], Action] = {}
        for action in journal:
            self.add(action)

    def add(self, action: Action) -> None:
        self._by_id[action.id] = action
        self._note_forbidden(action)
        if action.kind is not Mode.EVICT:
            return
        self._by_policy[action.policy].append(action)
        if action.spends:
            insort(self._spent[action.policy], action.at)
        if action.owner is not None:
            self._by_owner[owner_key(action.namespace, action.owner)].append(action)

    def get(self, action: str) -> Action | None:
        return self._by_id.get(action)

    def of_owner(self, namespace: str, owner: Owner) -> list[Action]:
        """Evictions of pods of this owner, by whatever policy, oldest first."""
        return sorted(self._by_owner.get(owner_key(namespace, owner), ()), key=lambda action: action.at)

    def of_policy(self, policy: PolicyKey) -> Sequence[Action]:
        """Evictions of this policy."""
        return self._by_policy.get(policy, ())

    def spent_since(self, policy: PolicyKey, since: float) -> Sequence[float]:
        """When this policy spent its budget, later than `since`, in order."""
        times = self._spent.get(policy, [])
        return times[bisect_right(times, since) :]

    def forbidden(self, namespace: str, kind: Mode) -> Action | None:
        """The newest action of this kind in this namespace that failed for want of rights."""
        return self._forbidden.get((namespace, kind))

    def _note_forbidden(self, action: Action) -> None:
        if action.state is not ActionState.FAILED or action.refusal is not Refusal.FORBIDDEN:
            return
        place = (action.namespace, action.kind)
        newest = self._forbidden.get(place)
        if newest is None or (newest.settled_at or newest.at) < (action.settled_at or action.at):
            self._forbidden[place] = action
