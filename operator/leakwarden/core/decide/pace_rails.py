"""Rails about time and company: what was done before, how much at once, and who is left to serve."""

from __future__ import annotations

from collections.abc import Sequence

from leakwarden.api.words import Mode
from leakwarden.core.actions import Action, ActionState, Refusal
from leakwarden.core.decide import gather
from leakwarden.core.decide.gather import Case
from leakwarden.core.decide.ledger import action_id
from leakwarden.core.decide.pod_rails import known
from leakwarden.core.decide.say import clock, owned, plural, span
from leakwarden.core.targets import Owner, PodFacts

STEADY_FOR = 30.0
"""Seconds that a replacement must have been Ready before its owner may lose another pod."""
NO_REPLACEMENT_AFTER = 600.0
"""Seconds after which an owner whose remaining pods are all steady is believed to want no replacement (scaled down)."""
CLOCK_SLACK = 5.0
"""Seconds by which the API server's clock, in whole seconds, may be behind the operator's."""

FIRST_RETRY = {Refusal.DISRUPTION_BUDGET: 30.0, Refusal.API_REFUSED: 60.0}
"""Seconds to the second attempt; each further one waits twice as long, up to LAST_RETRY."""
LAST_RETRY = 300.0
MOST_DOUBLINGS = 10
"""Enough to pass LAST_RETRY; attempts go on for weeks where a budget never allows one."""
FORBIDDEN_RETRY = 300.0
"""Seconds: rights are granted by people, so asking faster helps nobody."""


def journal_unavailable(case: Case) -> str | None:
    if case.fleet.journal_known:
        return None
    return "the journal of actions cannot be read or written, so budget and cooldown are not known: nothing is evicted"


def paused(case: Case) -> str | None:
    return gather.paused(case.policy, case.now)


def circuit_breaker(case: Case) -> str | None:
    return gather.broken(case.policy, case.fleet, case.now)


def storm_brake(case: Case) -> str | None:
    return gather.stormy(case.policy, case.fleet, case.now)


def in_flight(case: Case) -> str | None:
    """One eviction at a time an owner; the next when the replacement has been Ready for STEADY_FOR."""
    pod = known(case)
    owner = _owner(pod)
    for action in case.ledger.of_owner(pod.namespace, owner):
        if action.state is ActionState.INTENDED:
            return f"the eviction of {action.pod} of {owned(owner)} at {clock(action.at, case.now)} is still under way"
        if action.state is ActionState.DONE and (why := _unfinished(case, action, owner)):
            return why
    return None


def _unfinished(case: Case, action: Action, owner: Owner) -> str | None:
    """Why an eviction that the API server accepted still counts as in flight."""
    if action.dry_run:
        # Nothing moves, but a rehearsal should show the true pace: a real one takes at least this long.
        rehearsed = f"the eviction of {action.pod} of {owned(owner)} was rehearsed at {clock(action.at, case.now)}"
        return f"{rehearsed}, less than {span(STEADY_FOR)} ago" if case.now - action.at < STEADY_FOR else None
    evicted = f"{action.pod} of {owned(owner)} was evicted at {clock(action.at, case.now)}"
    if action.pod_uid in case.fleet.pods:
        return f"{evicted} and is not gone yet"
    others = [pod for pod in case.fleet.owned_by(owner.uid) if not pod.deleting]
    newer = [pod for pod in others if pod.created_at >= action.at - CLOCK_SLACK]
    if any(_steady(pod, case.now) for pod in newer):
        return None
    if newer:
        return f"{evicted}; its replacement {newer[0].name} has not been Ready for {span(STEADY_FOR)} yet"
    if case.now - action.at >= NO_REPLACEMENT_AFTER and all(_steady(pod, case.now) for pod in others):
        return None
    return f"{evicted} and its replacement has not been seen yet"


def _steady(pod: PodFacts, now: float) -> bool:
    return pod.ready and pod.ready_since > 0 and now - pod.ready_since >= STEADY_FOR


def cooldown(case: Case) -> str | None:
    """An owner rests, whichever policy acted on it; dry runs count, so that a rehearsal shows the true pace."""
    pod = known(case)
    owner = _owner(pod)
    spent = [action for action in case.ledger.of_owner(pod.namespace, owner) if action.spends]
    if not spent:
        return None
    last = spent[-1]
    until = last.at + case.policy.cooldown
    if case.now >= until:
        return None
    how = "evicted in a dry run" if last.dry_run else "evicted"
    return (
        f"cooldown of owner {owned(owner)} until {clock(until, case.now)} "
        f"({how}: {last.pod} at {clock(last.at, case.now)})"
    )


def min_ready_peers(case: Case) -> str | None:
    """Other Ready pods of the same owner; in a rollout the pods of another ReplicaSet do not count."""
    pod = known(case)
    owner = _owner(pod)
    ready = sum(
        1 for other in case.fleet.owned_by(owner.uid) if other.uid != pod.uid and other.ready and not other.deleting
    )
    if ready >= case.policy.min_ready_peers:
        return None
    return (
        f"{owned(owner)} has {plural(ready, 'other Ready pod')} besides {pod.name}, "
        f"minReadyPeers is {case.policy.min_ready_peers}"
    )


def disruption_budget(case: Case) -> str | None:
    return _waiting(case, Refusal.DISRUPTION_BUDGET)


def api_refused(case: Case) -> str | None:
    return _waiting(case, Refusal.API_REFUSED)


def _waiting(case: Case, refusal: Refusal) -> str | None:
    """A refused attempt is repeated later; the whole owner waits, or its pods would be tried one after the other."""
    pod = known(case)
    mine = _own_attempts(case, pod)
    for action in mine:
        if action.state is not ActionState.FAILED or action.refusal is not refusal:
            continue
        wait = min(FIRST_RETRY[refusal] * 2.0 ** min(action.attempts - 1, MOST_DOUBLINGS), LAST_RETRY)
        if case.now < _settled(action) + wait:
            return f"{action.message} ({action.kind.value.lower()} {action.pod}; asked again later)"
    return None


def _own_attempts(case: Case, pod: PodFacts) -> Sequence[Action]:
    if case.policy.mode is Mode.EVICT and pod.owner is not None:
        return case.ledger.of_owner(pod.namespace, pod.owner)
    own = case.ledger.get(action_id(case.policy.key, case.policy.mode, case.policy.dry_run, pod.uid))
    return () if own is None else (own,)


def forbidden(case: Case) -> str | None:
    """Rights are a matter of the namespace: one refusal speaks for all its pods."""
    action = case.ledger.forbidden(known(case).namespace, case.policy.mode)
    if action is None or case.now >= _settled(action) + FORBIDDEN_RETRY:
        return None
    return f"{action.message} ({action.kind.value.lower()} {action.pod}; asked again every {span(FORBIDDEN_RETRY)})"


def budget(case: Case) -> str | None:
    """A sliding window: in no stretch of `window` seconds are there more than `actions`."""
    limit = case.policy.budget
    times = case.ledger.spent_since(case.policy.key, case.now - limit.window)
    if len(times) < limit.actions:
        return None
    spent = f"budget of policy {case.policy.key} is spent: {plural(len(times), 'action')} of {limit.actions}"
    if limit.actions <= 0:
        return f"budget of policy {case.policy.key} is 0 actions"
    free = times[len(times) - limit.actions] + limit.window
    return f"{spent} in {span(limit.window)}, the next at {clock(free, case.now)}"


def _settled(action: Action) -> float:
    return action.settled_at if action.settled_at is not None else action.at


def _owner(pod: PodFacts) -> Owner:
    if pod.owner is None:
        raise AssertionError("a rail about the owner was asked before no_controller")
    return pod.owner
