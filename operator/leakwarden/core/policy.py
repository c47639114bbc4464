"""A LeakPolicy as the operator last saw it: parsed once, with every problem named, never half understood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from leakwarden.api.checks import check
from leakwarden.api.spec import LeakPolicySpec
from leakwarden.api.words import ConfirmedBy, OpenDocuments
from leakwarden.core.decide.view import Budget, Mute, RemediationPolicy
from leakwarden.core.rules import RuleSet
from leakwarden.core.rules_from_spec import rule_set
from leakwarden.core.targets import PolicyKey
from leakwarden.errors import InvalidSpec


@dataclass(frozen=True, slots=True)
class Policy:
    """One LeakPolicy. With `problems`, nothing of it is sampled or judged; status says which field is wrong."""

    key: PolicyKey
    uid: str
    generation: int
    created_at: float
    spec: LeakPolicySpec | None
    rules: RuleSet
    problems: tuple[InvalidSpec, ...] = ()
    status: Mapping[str, Any] = field(default_factory=dict)
    """As last read; the status writer starts from it after a restart."""

    @property
    def usable(self) -> LeakPolicySpec | None:
        """The spec when it can be followed, else None."""
        return self.spec if not self.problems else None

    @property
    def interval(self) -> float:
        """Seconds between two samples of one target, as wished."""
        return self.spec.sampling.interval.seconds if self.spec else 30.0


def parse_policy(body: Mapping[str, Any]) -> Policy:
    """From the object as the API delivers it. What is wrong with the spec becomes `problems`, nothing is raised."""
    meta = body["metadata"]
    spec: LeakPolicySpec | None = None
    problems: tuple[InvalidSpec, ...]
    try:
        spec = LeakPolicySpec.parse(body.get("spec") or {})
        problems = tuple(check(spec))
    except InvalidSpec as error:
        problems = (error,)
    return Policy(
        key=PolicyKey(meta["namespace"], meta["name"]),
        uid=meta["uid"],
        generation=meta.get("generation", 1),
        created_at=datetime.fromisoformat(meta["creationTimestamp"]).timestamp(),
        spec=spec,
        rules=rule_set(spec) if spec and not problems else RuleSet((), 0.0),
        problems=problems,
        status=body.get("status") or {},
    )


def mutes_of(policy: Policy, now: float) -> dict[str, Mute]:
    """The mutes that hold at this moment (unix seconds), by signature."""
    mutes = [
        Mute(policy.key, mute.signature, mute.reason, mute.until.timestamp() if mute.until else None)
        for mute in (policy.usable.mutes if policy.usable else ())
    ]
    return {mute.signature: mute for mute in mutes if mute.until is None or mute.until > now}


def remediation_of(policy: Policy) -> RemediationPolicy:
    """What deciding needs of a policy; one that cannot be understood only observes."""
    if policy.usable is None:
        return RemediationPolicy(policy.key, policy.uid, policy.created_at, policy.generation)
    remediation = policy.usable.remediation
    paused = remediation.paused_until
    return RemediationPolicy(
        key=policy.key,
        uid=policy.uid,
        created_at=policy.created_at,
        generation=policy.generation,
        mode=remediation.mode,
        execution=remediation.execution,
        min_severity=remediation.min_severity,
        budget=Budget(remediation.budget.actions, remediation.budget.window.seconds),
        cooldown=remediation.cooldown.seconds,
        min_ready_peers=remediation.min_ready_peers,
        protect_documents=remediation.open_documents is OpenDocuments.PROTECT,
        storm_percent=remediation.storm_percent,
        verify_for=remediation.verify_for.seconds,
        paused_until=paused.timestamp() if paused else None,
        confirm=policy.usable.sampling.confirmed_by is ConfirmedBy.FORCED_GC,
    )
