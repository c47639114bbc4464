"""What became of an eviction, told from the pods that came after it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from leakwarden.api.words import FindingType, Mode, Outcome, Verdict
from leakwarden.core.actions import Action, ActionState
from leakwarden.core.decide.ledger import owner_key
from leakwarden.core.findings import Finding
from leakwarden.core.targets import PodFacts


@dataclass(frozen=True, slots=True)
class Judged:
    """One target of the policy that acted, as judged last. `findings`: open and ended ones alike."""

    pod: PodFacts
    verdict: Verdict
    findings: tuple[Finding, ...]
    at: float
    """When it was last looked at: a verdict proves nothing of later."""


def verify(action: Action, targets: Iterable[Judged], verify_for: float, now: float) -> Action:
    """The action with its outcome, once there is one; `verify_for` in seconds, `targets` those of the action's policy.

    CameBack as soon as the same signature is found in a newer pod of the same owner within `verify_for`. When that is
    over: Helped if a newer pod was there, none of them leaks, and one is Healthy at an age at which the leak was found
    in its predecessor; else Unknown, for "not seen yet" is no proof of health. What moved no pod (a dry run, a failure,
    an annotation) never has an outcome.
    """
    moved = action.kind is Mode.EVICT and action.state is ActionState.DONE and not action.dry_run
    if not moved or action.outcome is not Outcome.PENDING:
        return action
    outcome = _outcome(action, targets, verify_for, now)
    return action if outcome is Outcome.PENDING else replace(action, outcome=outcome, outcome_at=now)


def _outcome(action: Action, targets: Iterable[Judged], verify_for: float, now: float) -> Outcome:
    newer = [target for target in targets if _follows(target.pod, action)]
    until = action.at + verify_for
    if any(_came_back(target, action, until) for target in newer):
        return Outcome.CAME_BACK
    if now < until:
        return Outcome.PENDING
    leaking = any(target.verdict is Verdict.LEAKING for target in newer)
    healthy = [target for target in newer if target.verdict is Verdict.HEALTHY]
    proven = any(_age(target.pod, target.at) >= action.found_at_age for target in healthy)
    return Outcome.HELPED if proven and not leaking else Outcome.UNKNOWN


def _follows(pod: PodFacts, action: Action) -> bool:
    """A pod of the same owner, made after the one that was evicted: a StatefulSet gives it the same name."""
    if pod.owner is None or action.owner is None or pod.uid == action.pod_uid:
        return False
    same_owner = owner_key(pod.namespace, pod.owner) == owner_key(action.namespace, action.owner)
    return same_owner and pod.created_at >= _made_after(action)


def _made_after(action: Action) -> float:
    """Creation times are whole seconds of the API server's clock, `at` is this machine's: one second of grace.

    Peers that are merely younger than the evicted pod do not follow it.
    """
    return max(action.pod_created_at, action.at - 1.0)


def _came_back(target: Judged, action: Action, until: float) -> bool:
    return any(
        finding.signature == action.signature and finding.type is FindingType.LEAK and finding.first_seen <= until
        for finding in target.findings
    )


def _age(pod: PodFacts, now: float) -> float:
    """Seconds since its containers started, the way `Action.found_at_age` is measured."""
    started = min((each.started_at for each in pod.containers if each.started_at > 0), default=pod.created_at)
    return now - started
