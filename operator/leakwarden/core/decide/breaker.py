"""The circuit breaker: restarting does not help against this leak, so stop restarting until a person has looked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from leakwarden.api.words import Outcome
from leakwarden.core.actions import Action

TRIPS_AFTER = 3
"""Times in a row that one signature came back within verifyFor."""


def tripped(actions: Iterable[Action], generation: int) -> tuple[Action, ...]:
    """The evictions that suspend a policy, or nothing. `actions` are that policy's.

    Only actions taken under the spec as it stands count (`generation`): editing the policy is how a person says that
    the matter was looked at. A leak that stayed away (Helped) breaks the run.
    """
    by_signature: dict[str, list[Action]] = defaultdict(list)
    for action in actions:
        if action.generation == generation:
            by_signature[action.signature].append(action)
    runs = [run for _, group in sorted(by_signature.items()) if (run := latest_run(group))]
    return max(runs, key=lambda run: run[-1].outcome_at or 0.0, default=())


def latest_run(actions: Sequence[Action]) -> tuple[Action, ...]:
    """The latest run of TRIPS_AFTER outcomes CameBack in a row; empty when there never was one."""
    verified = _verified(actions)
    for end in range(len(verified), TRIPS_AFTER - 1, -1):
        run = verified[end - TRIPS_AFTER : end]
        if all(action.outcome is Outcome.CAME_BACK for action in run):
            return run
    return ()


def verified_tail(actions: Sequence[Action]) -> tuple[Action, ...]:
    """The newest outcomes, from which a run may still grow."""
    return _verified(actions)[-TRIPS_AFTER:]


def _verified(actions: Sequence[Action]) -> tuple[Action, ...]:
    known = [action for action in actions if action.outcome in (Outcome.CAME_BACK, Outcome.HELPED)]
    return tuple(sorted(known, key=lambda action: (action.outcome_at or 0.0, action.id)))
