"""Builders for decisions: a policy that may act, a pod that may be evicted, a leak, and a view that holds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from leakwarden.api.words import Confidence, Family, FindingType, Mode, Severity, Signal, Verdict
from leakwarden.core.actions import Action, ActionState
from leakwarden.core.decide import Decided, FleetView, Mute, OpenFinding, RemediationPolicy, action_id, plan
from leakwarden.core.documents import Editing
from leakwarden.core.findings import Confirmation, ConfirmationResult, Finding
from leakwarden.core.readings import Site
from leakwarden.core.targets import ContainerFacts, Owner, PodFacts, PolicyKey, TargetKey

NOW = 1_795_439_600.0
"""2026-11-23T13:13:20Z."""
HOUR = 3600.0
NAMESPACE = "demo"
OWNER = Owner("ReplicaSet", "ws-7d9", "rs-uid")
GOPLS = PolicyKey(NAMESPACE, "gopls")


def policy(name: str = "gopls", **changes: Any) -> RemediationPolicy:
    """In mode Evict, live; everything else by default."""
    made = RemediationPolicy(
        key=PolicyKey(NAMESPACE, name), uid=f"policy-{name}", created_at=NOW - 24 * HOUR, mode=Mode.EVICT
    )
    return replace(made, **changes)


def pod(name: str = "ws-1", **changes: Any) -> PodFacts:
    """Running and Ready for an hour, of a ReplicaSet, nothing special about it."""
    made = PodFacts(
        namespace=NAMESPACE,
        name=name,
        uid=f"uid-{name}",
        resource_version="1",
        labels={"app": "gopls"},
        annotations={},
        owner=OWNER,
        phase="Running",
        ready=True,
        ready_since=NOW - HOUR,
        deleting=False,
        host_network=False,
        restart_policy="Always",
        priority_class="",
        mirror=False,
        local_volumes=(),
        node="node-1",
        ip="10.88.0.7",
        created_at=NOW - HOUR,
        containers=(ContainerFacts("dev", "containerd://1", 1 << 30, 0, True, NOW - HOUR, 0.0),),
    )
    return replace(made, **changes)


CONFIRMED = Confirmation(ConfirmationResult.CONFIRMED, NOW - 60.0, grown=4e8, kept=3.9e8)


def leak(function: str = "main.keep", **changes: Any) -> Finding:
    made = Finding(
        signature=f"memory/{function}",
        family=Family.MEMORY,
        type=FindingType.LEAK,
        severity=Severity.CRITICAL,
        confidence=Confidence.HIGH,
        rules=("live-heap",),
        signal=Signal.LIVE_HEAP,
        site=Site(function, "cache.go", 41, function),
        wait=None,
        since=NOW - 1800.0,
        first_seen=NOW - 600.0,
        last_seen=NOW,
        baseline=1e8,
        value=5e8,
        growth_per_hour=1e9,
        limit_at=NOW + 2 * HOUR,
        confirmation=CONFIRMED,
    )
    return replace(made, **changes)


def found(on: PodFacts, by: RemediationPolicy, finding: Finding | None = None, endpoint: str = "pprof") -> OpenFinding:
    return OpenFinding(by.key, TargetKey(on.uid, endpoint), finding or leak())


def evicted(which: PodFacts, **changes: Any) -> Action:
    """A live eviction that the API server accepted an instant after it was asked."""
    by = changes.pop("policy", GOPLS)
    kind = changes.pop("kind", Mode.EVICT)
    dry_run = changes.pop("dry_run", False)
    at = changes.pop("at", NOW - 600.0)
    made = Action(
        id=action_id(by, kind, dry_run, which.uid),
        policy=by,
        kind=kind,
        dry_run=dry_run,
        namespace=which.namespace,
        pod=which.name,
        pod_uid=which.uid,
        owner=which.owner,
        signature="memory/main.keep",
        at=at,
        state=ActionState.DONE,
        settled_at=at,
        generation=1,
        pod_created_at=which.created_at,
    )
    return replace(made, **changes)


def view(
    findings: Iterable[OpenFinding],
    policies: Iterable[RemediationPolicy],
    pods: Iterable[PodFacts],
    *,
    journal: Iterable[Action] | None = (),
    healthy: int = 20,
    mutes: tuple[Mute, ...] = (),
    editing: Mapping[str, Editing] | None = None,
) -> FleetView:
    """Targets with a leak are Leaking; `healthy` others are there besides, so that one leak is no storm."""
    findings, policies = tuple(findings), tuple(policies)
    verdicts: dict[PolicyKey, dict[TargetKey, Verdict]] = {
        by.key: {TargetKey(f"healthy-{i}", "pprof"): Verdict.HEALTHY for i in range(healthy)} for by in policies
    }
    for one in findings:
        verdicts[one.policy][one.target] = Verdict.LEAKING
    return FleetView(
        policies=policies,
        findings=findings,
        pods={each.uid: each for each in pods},
        verdicts=verdicts,
        journal=None if journal is None else tuple(journal),
        mutes=mutes,
        editing=editing or {},
    )


def one_leak(
    on: PodFacts | None = None,
    by: RemediationPolicy | None = None,
    finding: Finding | None = None,
    peers: Iterable[PodFacts] | None = None,
    **more: Any,
) -> FleetView:
    """One leak on one pod that has a Ready peer: the case in which everything allows an eviction."""
    on, by = on or pod(), by or policy()
    return view([found(on, by, finding)], [by], [on, *([pod("ws-2")] if peers is None else peers)], **more)


def decided(seen: FleetView, now: float = NOW) -> Decided:
    """The decision on the only finding."""
    (only,) = plan(seen, now).decisions
    return only
