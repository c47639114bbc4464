"""What the journal may forget: nothing that still limits an action, and the rest before it grows too large to store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from leakwarden.api.words import Mode, Outcome
from leakwarden.core.actions import Action, ActionState
from leakwarden.core.decide.breaker import latest_run, verified_tail
from leakwarden.core.targets import PolicyKey

LONGEST = 168 * 3600.0
"""Seconds: the largest budget window, cooldown and verifyFor that a policy may have."""
FOR_PEOPLE = 7 * 86400.0
"""Seconds for which an entry that limits nothing any more stays, to be read."""
ANNOTATION_MEMORY = 86400.0
"""Seconds: annotations limit nothing, and the pod itself says that it has one."""


def prune(journal: Sequence[Action], now: float) -> tuple[Action, ...]:
    """What the journal keeps, in the order given.

    Kept for good: whatever is not settled, and the outcomes that the circuit breaker stands on, because that holds
    until a person resets it.
    """
    breaker = breaker_entries(journal)
    return tuple(action for action in journal if action.id in breaker or _age(action, now) <= _lifetime(action))


def fit(journal: Sequence[Action], now: float, size: Callable[[Action], int], limit: int) -> tuple[Action, ...] | None:
    """`prune`d, and cut further where it is larger than `limit` in the unit of `size`; None when it cannot be.

    First to go are annotations, then failed attempts, then what is there for people only; the oldest first. What still
    limits an action never goes: a journal too full for it means that nothing more is done.
    """
    kept = prune(journal, now)
    over = sum(map(size, kept)) - limit
    if over <= 0:
        return kept
    breaker = breaker_entries(kept)
    dropped: set[str] = set()
    for action in sorted(kept, key=lambda action: (_worth(action, now, breaker), action.at, action.id)):
        if over <= 0:
            break
        if _worth(action, now, breaker) == _NEEDED:
            return None
        dropped.add(action.id)
        over -= size(action)
    return tuple(action for action in kept if action.id not in dropped) if over <= 0 else None


def breaker_entries(journal: Sequence[Action]) -> set[str]:
    """Ids of the entries that decide whether a circuit breaker is open."""
    groups: dict[tuple[PolicyKey, str], list[Action]] = defaultdict(list)
    for action in journal:
        if action.outcome in (Outcome.CAME_BACK, Outcome.HELPED):
            groups[action.policy, action.signature].append(action)
    kept: set[str] = set()
    for actions in groups.values():
        # By time, not by number: a policy that was made anew begins at generation 1 again.
        newest = max(actions, key=lambda action: (action.outcome_at or 0.0, action.id)).generation
        current = [action for action in actions if action.generation == newest]
        kept.update(action.id for action in (*latest_run(current), *verified_tail(current)))
    return kept


_NEEDED = 3


def _worth(action: Action, now: float, breaker: set[str]) -> int:
    if action.state is ActionState.INTENDED or action.id in breaker:
        return _NEEDED
    if action.kind is Mode.ANNOTATE:
        return 0
    if action.state is ActionState.FAILED:
        return 1
    return 2 if _age(action, now) > LONGEST else _NEEDED


def _age(action: Action, now: float) -> float:
    if action.state is ActionState.INTENDED:
        return 0.0
    return now - action.at


def _lifetime(action: Action) -> float:
    return ANNOTATION_MEMORY if action.kind is Mode.ANNOTATE else LONGEST + FOR_PEOPLE
