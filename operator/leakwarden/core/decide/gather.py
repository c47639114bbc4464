"""Gather first: what the rails ask for about the fleet, worked out once a plan, before any of them is asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from leakwarden.api.words import FindingType, Mode, Verdict
from leakwarden.core.actions import Action
from leakwarden.core.decide.breaker import tripped
from leakwarden.core.decide.ledger import Ledger
from leakwarden.core.decide.say import clock, plural
from leakwarden.core.decide.view import FleetView, Mute, OpenFinding, RemediationPolicy, Suspend, Suspension
from leakwarden.core.documents import Editing
from leakwarden.core.findings import Finding
from leakwarden.core.targets import PodFacts, PolicyKey, TargetKey

NOT_RUNNING = frozenset({Verdict.UNREACHABLE, Verdict.NOT_RUNNING})
STORM_AT_LEAST = 2
"""Pods. One pod that leaks is never a storm, however small the fleet; two may be one: in doubt, nothing is done."""


@dataclass(frozen=True, slots=True)
class Storm:
    """How much of a policy's fleet leaks at once; targets counted, not findings."""

    leaking: int
    running: int
    pods: int
    percent: float

    def over(self, policy: RemediationPolicy) -> bool:
        return self.pods >= STORM_AT_LEAST and self.percent > policy.storm_percent


@dataclass(frozen=True, slots=True)
class Fleet:
    """The view, indexed."""

    pods: Mapping[str, PodFacts]
    verdicts: Mapping[PolicyKey, Mapping[TargetKey, Verdict]]
    by_owner: Mapping[str, Sequence[PodFacts]]
    """Pods by their owner's UID."""
    stale: frozenset[tuple[PolicyKey, TargetKey]]
    outdated: frozenset[tuple[PolicyKey, TargetKey]]
    unread: frozenset[str]
    storms: Mapping[PolicyKey, Storm]
    breakers: Mapping[PolicyKey, tuple[Action, ...]]
    mutes: Mapping[tuple[PolicyKey, str], Mute]
    journal_known: bool
    editing: Mapping[str, Editing]
    """By pod UID."""
    storms_before: Mapping[PolicyKey, float]
    """Until when the storm holds that an earlier operator saw."""

    def owned_by(self, owner_uid: str) -> Sequence[PodFacts]:
        return self.by_owner.get(owner_uid, ())


@dataclass(frozen=True, slots=True)
class Case:
    """One finding before the rails."""

    policy: RemediationPolicy
    target: TargetKey
    finding: Finding
    pod: PodFacts | None
    fleet: Fleet
    ledger: Ledger
    """The journal and what this plan has added to it so far."""
    now: float
    acting: PolicyKey | None
    """An older policy that acts on this pod."""


def gather(view: FleetView, ledger: Ledger, now: float) -> Fleet:
    by_owner: dict[str, list[PodFacts]] = defaultdict(list)
    for pod in view.pods.values():
        if pod.owner is not None:
            by_owner[pod.owner.uid].append(pod)
    mutes = {
        (mute.policy, mute.signature): mute for mute in view.mutes if mute.until is None or mute.until > now
    }  # fmt: skip
    findings: dict[PolicyKey, list[OpenFinding]] = defaultdict(list)
    for found in view.findings:
        findings[found.policy].append(found)
    return Fleet(
        pods=view.pods,
        verdicts=view.verdicts,
        stale=view.stale,
        outdated=view.outdated,
        unread=view.unread,
        by_owner=by_owner,
        storms={policy.key: _storm(policy.key, findings[policy.key], view, mutes) for policy in view.policies},
        breakers={policy.key: tripped(ledger.of_policy(policy.key), policy.generation) for policy in view.policies},
        mutes=mutes,
        journal_known=view.journal is not None,
        editing=view.editing,
        storms_before=view.storms_before,
    )


def _storm(
    policy: PolicyKey,
    findings: Sequence[OpenFinding],
    view: FleetView,
    mutes: Mapping[tuple[PolicyKey, str], Mute],
) -> Storm:
    """The worse of two: what is known of now, and with it what was last known of targets that are not judged anew yet.
    After a gap they come back one by one, and the first that leaks must not look like a single pod."""
    last_known = view.verdicts.get(policy, {})
    of_now = {target: verdict for target, verdict in last_known.items() if (policy, target) not in view.stale}
    both = (_leaking(findings, verdicts, mutes) for verdicts in (of_now, last_known))
    return max(both, key=lambda storm: (storm.pods >= STORM_AT_LEAST, storm.percent))


def _leaking(
    findings: Sequence[OpenFinding],
    verdicts: Mapping[TargetKey, Verdict],
    mutes: Mapping[tuple[PolicyKey, str], Mute],
) -> Storm:
    """Muted leaks are known to somebody and are no news; a target that is not seen counts on neither side."""
    running = sum(1 for verdict in verdicts.values() if verdict not in NOT_RUNNING)
    leaking = {
        found.target
        for found in findings
        if found.finding.type is FindingType.LEAK
        and (found.policy, found.finding.signature) not in mutes
        and verdicts.get(found.target, Verdict.NOT_RUNNING) not in NOT_RUNNING
    }
    percent = 100.0 * len(leaking) / running if running else 0.0
    return Storm(len(leaking), running, len({target.pod_uid for target in leaking}), percent)


def suspension(policy: RemediationPolicy, fleet: Fleet, now: float) -> Suspension | None:
    """Why this policy takes no action at all at present; None when it may, or when it only observes."""
    if policy.mode is Mode.OBSERVE:
        return None
    if message := paused(policy, now):
        return Suspension(Suspend.PAUSED, message)
    if policy.mode is not Mode.EVICT:
        return None
    if message := broken(policy, fleet, now):
        return Suspension(Suspend.CIRCUIT_BREAKER, message)
    if message := stormy(policy, fleet, now):
        return Suspension(Suspend.STORM_BRAKE, message)
    return None


def paused(policy: RemediationPolicy, now: float) -> str | None:
    if policy.paused_until is None or now >= policy.paused_until:
        return None
    return f"policy {policy.key} is paused until {clock(policy.paused_until, now)} (spec.remediation.pausedUntil)"


def broken(policy: RemediationPolicy, fleet: Fleet, now: float) -> str | None:
    run = fleet.breakers.get(policy.key, ())
    if not run:
        return None
    pods = ", ".join(f"{action.pod} at {clock(action.at, now)}" for action in run)
    return (
        f"policy {policy.key} takes no action: {run[-1].signature} came back within verifyFor after each of the last "
        f"{len(run)} evictions ({pods}); restarting does not help; fix the leak, then edit the policy's spec to go on"
    )


def stormy(policy: RemediationPolicy, fleet: Fleet, now: float) -> str | None:
    storm = fleet.storms.get(policy.key)
    if storm is not None and storm.over(policy):
        share = f"{storm.leaking} of {plural(storm.running, 'running target')} leak at once ({storm.percent:.0f} %"
        percent = policy.storm_percent
        return f"policy {policy.key} takes no action: {share}, stormPercent is {percent}): that is a release, not a pod"
    until = fleet.storms_before.get(policy.key, 0.0)
    if now < until and policy.storm_percent < 100:
        return (
            f"policy {policy.key} takes no action: an earlier operator saw more than stormPercent of its targets leak "
            f"at once, and they are not all judged anew yet (until {clock(until, now)} at the latest)"
        )
    return None
