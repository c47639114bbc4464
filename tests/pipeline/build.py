"""Policies, pods and readings for these tests: the smallest that lead to a finding soon."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from leakwarden.api.words import FailureReason, Verdict, WaitKind
from leakwarden.core.findings import Finding
from leakwarden.core.policy import Policy, parse_policy
from leakwarden.core.readings import Failure, Reading
from leakwarden.core.report.values import TargetReport
from leakwarden.core.targets import ContainerFacts, Owner, PodFacts
from leakwarden.pipeline.fleet import Watch
from tests.core.decide.fleets import NOW
from tests.core.decide.fleets import pod as facts
from tests.core.judge.builders import MI, goroutines, heap
from tests.pipeline.fakes import Script

INTERVAL = 10.0
LIVE_HEAP = {
    "name": "live-heap",
    "signal": "LiveHeap",
    "growth": {"atLeast": "8Mi", "window": "90s"},
    "for": "0s",
    "severity": "Critical",
}
HEAP_INUSE = {"name": "heap-inuse", "signal": "HeapInuse", "above": "1Gi", "for": "0s"}


def policy(
    name: str = "gopls",
    *,
    uid: str = "",
    generation: int = 1,
    namespace: str = "demo",
    labels: dict[str, str] | None = None,
    endpoints: list[dict[str, Any]] | None = None,
    interval: str = "10s",
    cadence: str = "Fixed",
    rules: list[dict[str, Any]] | None = None,
    created_at: float = NOW - 86400.0,
    status: dict[str, Any] | None = None,
    transport: str = "PortForward",
    confirmed_by: str = "ForcedGC",
    label_values: str = "Show",
    mutes: list[dict[str, Any]] | None = None,
    **remediation: Any,
) -> Policy:
    """As the API would deliver it. Without grace, asked at every interval, one rule that needs 90 seconds."""
    spec: dict[str, Any] = {
        "target": {"selector": {"matchLabels": labels or {"app": "gopls"}}, "transport": transport},
        "sampling": {
            "interval": interval,
            "cadence": cadence,
            "startupGrace": "0s",
            "timeout": "5s",
            "confirmedBy": confirmed_by,
        },
        "rules": rules or [LIVE_HEAP],
        "labels": {"values": label_values},
        "mutes": mutes or [],
        "remediation": {"minReadyPeers": 0, "stormPercent": 100, **remediation},
    }
    if endpoints:
        spec["target"]["endpoints"] = endpoints
    return parse_policy(body(name, spec, uid=uid, generation=generation, namespace=namespace, created_at=created_at,
                             status=status))  # fmt: skip


def body(
    name: str,
    spec: dict[str, Any],
    *,
    uid: str = "",
    generation: int = 1,
    namespace: str = "demo",
    created_at: float = NOW - 86400.0,
    status: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A LeakPolicy as JSON."""
    stamp = datetime.fromtimestamp(created_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    meta = {"name": name, "namespace": namespace, "uid": uid or f"policy-{name}", "generation": generation,
            "creationTimestamp": stamp}  # fmt: skip
    return {"metadata": meta, "spec": deepcopy(spec), **({"status": status} if status else {})}


def pod(name: str = "ws-1", **changes: Any) -> PodFacts:
    """Running and Ready for an hour, of a ReplicaSet, matched by `policy()`."""
    return facts(name, **changes)


def owned(name: str, owner: str, **changes: Any) -> PodFacts:
    """A pod of a ReplicaSet of its own."""
    return facts(name, owner=Owner("ReplicaSet", owner, f"uid-{owner}"), **changes)


def oom_killed(which: PodFacts, at: float) -> PodFacts:
    """The same pod after its container was OOM-killed and started again."""
    before = which.containers[0]
    after = ContainerFacts(before.name, "containerd://2", before.memory_limit, 1, True, at + 1, last_oom_at=at)
    return replace(which, containers=(after,))


def quiet(number: int = 0) -> Reading:
    """A flat heap; each number is another GC."""
    return Reading(heap(100 * MI, alloc=number * MI, mark=f"gc-{number}"), goroutines(50))


def growing(number: int, step: float = 4 * MI, function: str = "main.keep") -> Reading:
    """A heap that grows by `step` bytes a sample, all of it held by one function."""
    held = 10 * MI + number * step
    return Reading(heap(90 * MI + held, {function: held}, alloc=(number + 1) * 64 * MI), goroutines(50))


def leaks(function: str = "main.keep", since: int = 0) -> Script:
    """Script of a pod that leaks from attempt `since` on."""
    return lambda _, number: growing(max(0, number - since), function=function)


BLOCKED = {
    "name": "blocked", "signal": "BlockedGoroutines", "growth": {"atLeast": 50, "window": "90s"}, "for": "0s",
    "severity": "Critical",
}  # fmt: skip


def labelled(number: int) -> Reading:
    """Twenty more goroutines a sample, all of one document."""
    count = 50 + 20 * number
    return replace(
        quiet(number),
        goroutines=goroutines(count, {("main.send", WaitKind.CHAN_SEND): count}, {"doc_id": {"secret.go": count}}),
    )


def rests() -> Script:
    return lambda _, number: quiet(number)


def refused() -> Failure:
    return Failure(FailureReason.CONNECTION_REFUSED, "nothing listens")


def report_of(watch: Watch, *findings: Finding, at: float = NOW, **changes: Any) -> TargetReport:
    """What the judge would have said of this watch."""
    pod = watch.pod
    made = TargetReport(
        namespace=pod.namespace,
        pod=pod.name,
        pod_uid=pod.uid,
        endpoint=watch.key.endpoint,
        owner=pod.owner,
        verdict=Verdict.LEAKING if any(finding.open for finding in findings) else Verdict.HEALTHY,
        reason="",
        verdict_since=at - 600.0,
        findings=findings,
        last_attempt=at,
        interval=INTERVAL,
        memory_limit=1 << 30,
    )
    return replace(made, **changes)
