"""What would have been done about a recorded leak: the operator's own rails, as far as a recording knows the facts.

A rail whose facts a recording cannot hold (other pods, the journal, other policies) is named, never taken as passed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from leakwarden.api.words import Mode
from leakwarden.core.actions import Refusal
from leakwarden.core.decide.gather import Case, gather
from leakwarden.core.decide.ledger import Ledger
from leakwarden.core.decide.rails import RAILS, first_refusal
from leakwarden.core.decide.view import FleetView, Mute, RemediationPolicy
from leakwarden.core.findings import Finding
from leakwarden.core.recording_replay import Replay, Step
from leakwarden.core.recording_target import pod_of
from leakwarden.core.targets import TargetKey

_OF_THE_FINDING = frozenset(
    {
        Refusal.OBSERVE_ONLY, Refusal.NOT_A_LEAK, Refusal.BELOW_MIN_SEVERITY, Refusal.MUTED, Refusal.PAUSED,
    }
)  # fmt: skip
"""What policy, finding and time alone decide."""
_OF_THE_FLEET = frozenset(
    {
        Refusal.ALREADY_DONE, Refusal.ANOTHER_POLICY_ACTS, Refusal.JOURNAL_UNAVAILABLE, Refusal.CIRCUIT_BREAKER,
        Refusal.STORM_BRAKE, Refusal.IN_FLIGHT, Refusal.COOLDOWN, Refusal.MIN_READY_PEERS, Refusal.DISRUPTION_BUDGET,
        Refusal.FORBIDDEN, Refusal.API_REFUSED, Refusal.BUDGET,
    }
)  # fmt: skip
"""What no recording of one process can know."""


@dataclass(frozen=True, slots=True)
class Planned:
    """Of one finding: the first moment at which nothing that is known held an action back, else the last refusal.

    `at` in unix seconds; `action` is None where nothing would have been done, and then `refusal` says why.
    """

    at: float
    signature: str
    action: Mode | None
    refusal: Refusal | None
    message: str
    not_evaluated: tuple[Refusal, ...] = ()


def planned(replayed: Replay, policy: RemediationPolicy, mutes: Collection[Mute] = ()) -> tuple[Planned, ...]:
    """For each finding that was ever open, in the order in which they were said. `mutes` are the policy's own."""
    found: dict[tuple[str, float], Planned] = {}
    for step in replayed.steps:
        for finding in step.open:
            key = finding.signature, finding.first_seen
            before = found.get(key)
            if before is None or before.action is None:
                found[key] = _at(step, finding, policy, tuple(mutes), confirmable=replayed.confirmable)
    return tuple(found.values())


def _at(
    step: Step, finding: Finding, policy: RemediationPolicy, mutes: tuple[Mute, ...], *, confirmable: bool
) -> Planned:
    pod = pod_of(step.target) if step.target else None
    key = TargetKey(pod.uid, step.target.endpoint) if pod and step.target else TargetKey("", "")
    ledger = Ledger(())
    view = FleetView(
        policies=(policy,),
        pods={pod.uid: pod} if pod else {},
        verdicts={policy.key: {key: step.verdict}},
        mutes=mutes,
        editing={pod.uid: step.editing} if pod and step.editing else {},
    )
    case = Case(policy, key, finding, pod, gather(view, ledger, step.at), ledger, step.at, acting=None)
    asked = [rail.refusal for rail in RAILS if policy.mode in rail.asked_for]
    unknown = _OF_THE_FLEET if pod else frozenset(asked) - _OF_THE_FINDING
    unknown -= {Refusal.NOT_CONFIRMED}
    if step.editing is not None and step.editing.documents is None:
        unknown |= {Refusal.OPEN_DOCUMENTS}  # recorded by a version that did not look, or too long ago
    if not confirmable and first_refusal(case, frozenset({Refusal.NOT_CONFIRMED})):
        unknown |= {Refusal.NOT_CONFIRMED}
    refused = first_refusal(case, frozenset(asked) - unknown)
    if refused is not None:
        return Planned(step.at, finding.signature, None, refused.refusal, refused.message)
    left = tuple(refusal for refusal in asked if refusal in unknown)
    message = f"{policy.mode}, rails not evaluated: {', '.join(left)}" if left else policy.mode.value
    return Planned(step.at, finding.signature, policy.mode, None, message, left)
