"""Builders of findings, reports and policies for the report's tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from leakwarden.api.words import (
    Confidence,
    Family,
    FindingType,
    Mode,
    Outcome,
    Severity,
    Signal,
    Verdict,
    WaitKind,
)
from leakwarden.core.actions import Action, ActionState, Decision, Refusal
from leakwarden.core.decide.view import Suspend, Suspension
from leakwarden.core.findings import Finding, signature_of
from leakwarden.core.policy import Policy, parse_policy
from leakwarden.core.readings import Site
from leakwarden.core.report.scene import Scene
from leakwarden.core.report.status import build_status
from leakwarden.core.report.values import TargetReport
from leakwarden.core.targets import Owner, PolicyKey
from leakwarden.core.traces import Named
from tests.core.api.policies import FULL, SMALLEST

NOW = 1_795_442_400.0
"""2026-11-23T14:00:00Z."""
MIB = 2.0**20
HOUR = 3600.0

KEEP = Site("main.(*Cache).parseAndKeep", "/src/leakserver/cache.go", 41, "go/parser.ParseFile")
ON_CHANGE = Site("example.org/lsp/internal/server.(*Server).onChange", "/src/server.go", 88, "runtime.chansend1")


def heap_leak(**changes: Any) -> Finding:
    finding = Finding(
        signature=signature_of(Family.MEMORY, KEEP.function, None),
        family=Family.MEMORY,
        type=FindingType.LEAK,
        severity=Severity.CRITICAL,
        confidence=Confidence.HIGH,
        rules=("live-heap",),
        signal=Signal.LIVE_HEAP,
        site=KEEP,
        wait=None,
        since=NOW - 4 * HOUR,
        first_seen=NOW - 3 * HOUR,
        last_seen=NOW,
        baseline=100 * MIB,
        value=612 * MIB,
        growth_per_hour=96.3 * MIB,
        limit_at=NOW + 160 * 60,
    )
    return replace(finding, **changes)


def goroutine_leak(**changes: Any) -> Finding:
    return replace(
        heap_leak(
            signature=signature_of(Family.GOROUTINE, ON_CHANGE.function, WaitKind.CHAN_SEND),
            family=Family.GOROUTINE,
            severity=Severity.WARNING,
            rules=("blocked",),
            signal=Signal.BLOCKED_GOROUTINES,
            site=ON_CHANGE,
            wait=WaitKind.CHAN_SEND,
            baseline=12.0,
            value=1246.0,
            growth_per_hour=308.0,
            limit_at=None,
        ),
        **changes,
    )


def pressure(**changes: Any) -> Finding:
    return replace(
        heap_leak(
            type=FindingType.PRESSURE,
            severity=Severity.WARNING,
            rules=("level",),
            signal=Signal.WATER_LEVEL,
            signature="memory/unattributed",
            site=None,
            value=93.4,
            baseline=93.4,
            growth_per_hour=0.0,
            limit_at=None,
        ),
        **changes,
    )


def report(pod: str = "ws-1", *findings: Finding, verdict: Verdict | None = None, **changes: Any) -> TargetReport:
    leaking = any(finding.type is FindingType.LEAK and finding.open for finding in findings)
    made = TargetReport(
        namespace="demo",
        pod=pod,
        pod_uid=f"uid-{pod}",
        endpoint="pprof",
        owner=Owner("ReplicaSet", "ws", "uid-ws"),
        verdict=verdict or (Verdict.LEAKING if leaking else Verdict.HEALTHY),
        reason="",
        verdict_since=NOW - HOUR,
        findings=findings,
        last_attempt=NOW - 5,
        interval=30.0,
        memory_limit=int(1536 * MIB),
    )
    return replace(made, **changes)


def policy(spec: dict[str, Any] = FULL, generation: int = 3) -> Policy:
    meta = {
        "name": "gopls",
        "namespace": "demo",
        "uid": "uid-policy",
        "generation": generation,
        "creationTimestamp": "2026-11-01T00:00:00Z",
    }
    return parse_policy({"metadata": meta, "spec": spec})


def refused(pod: str, refusal: Refusal = Refusal.COOLDOWN, message: str = "") -> Decision:
    return Decision("demo", pod, f"uid-{pod}", heap_leak().signature, None, refusal, message or f"{pod}: {refusal}")


def evicted(pod: str = "ws-1", at: float = NOW - HOUR, **changes: Any) -> Action:
    action = Action(
        id=f"demo/gopls/Evict/{pod}",
        policy=PolicyKey("demo", "gopls"),
        kind=Mode.EVICT,
        dry_run=False,
        namespace="demo",
        pod=pod,
        pod_uid=f"uid-{pod}",
        owner=Owner("ReplicaSet", "ws", "uid-ws"),
        signature=heap_leak().signature,
        at=at,
        state=ActionState.DONE,
        message="the API server accepted the eviction",
        outcome=Outcome.HELPED,
        outcome_at=NOW,
    )
    return replace(action, **changes)


def full_status() -> dict[str, Any]:
    """A status with something in every field."""
    return build_status(
        policy(),
        [
            report("ws-1", heap_leak(), goroutine_leak()),
            report("ws-2", heap_leak()),
            report("ws-3", pressure(), verdict=Verdict.INCONCLUSIVE),
            report("ws-4", verdict=Verdict.UNREACHABLE, reason="NotPprof", message="the answer is HTML"),
        ],
        [refused("ws-1"), refused("ws-2", Refusal.BUDGET)],
        [evicted("ws-0")],
        previous=None,
        now=NOW,
        suspension=Suspension(Suspend.PAUSED, "paused until 2026-12-03T08:00Z"),
    )


HERE = Scene(
    "demo", "ws-1", "Deployment/ws", "dev", int(1536 * MIB), 612 * MIB, memory=1024 * MIB, decision="ObserveOnly"
)
RESTART = (
    "At the limit the container is killed, and unsaved work may be lost: have the user save, then restart the "
    "process in its container (not the pod: that loses its emptyDir, too) before "
)
LOOK = (
    "Cause not recognised. Next, for the code's owner: a heap profile shows where memory is allocated, not who keeps "
    "it: look in main.(*Cache).parseAndKeep and its callers for a cache, map, slice or token.FileSet that only grows."
)
PATTERN = Named("a-name", "a title", "a reason", "a fix", "docs")


def status(*reports: TargetReport, of: Policy | None = None, now: float = NOW, **more: Any) -> dict[str, Any]:
    decisions: list[Decision] = more.pop("decisions", [])
    actions: list[Action] = more.pop("actions", [])
    previous: dict[str, Any] | None = more.pop("previous", None)
    return build_status(of or policy(SMALLEST), reports, decisions, actions, previous=previous, now=now, **more)


def several(count: int, verdict: Verdict = Verdict.HEALTHY, first: int = 0, **changes: Any) -> list[TargetReport]:
    return [report(f"pod-{index}", verdict=verdict, **changes) for index in range(first, first + count)]
