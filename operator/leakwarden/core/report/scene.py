"""What stands around a finding and belongs into its message: the pod, its memory, what was decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from leakwarden.core.findings import Finding
from leakwarden.core.report.values import TargetReport
from leakwarden.core.targets import PodFacts

_HASH = "pod-template-hash"
"""The label by which a Deployment tells its ReplicaSets apart: their names are its own, a dash and this hash."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Without a pod the finding is from a recording: nobody can do anything for it now."""

    namespace: str = ""
    pod: str = ""
    workload: str = ""
    """`Deployment/ws`; empty unknown, or none."""
    container: str = ""
    memory_limit: int = 0
    """Bytes, 0 unknown or none."""
    live_heap: float | None = None
    """Bytes, at the latest sample."""
    memory: float | None = None
    """Bytes that count against the limit, at the latest sample; None: not known."""
    started_at: float = 0.0
    """Of the process, unix seconds, 0 unknown."""
    above: Mapping[str, float] = field(default_factory=dict)
    """Thresholds of rules, by their names."""
    affected: int = 1
    """Pods that have it; `pod` is the worst of them."""
    decision: str = ""
    """`Evict`, `Evict (dry run)`, or the rail that refused it; empty: not decided, or told elsewhere."""
    beside: tuple[Finding, ...] = ()
    """What is open on the same target."""


NOWHERE = Scene()


def scene_of(report: TargetReport, affected: int = 1, decision: str = "") -> Scene:
    return Scene(
        namespace=report.namespace,
        pod=report.pod,
        workload=report.workload or (str(report.owner) if report.owner else ""),
        container=report.container,
        memory_limit=report.memory_limit,
        live_heap=report.live_heap,
        memory=report.memory,
        started_at=report.started_at,
        above=report.above,
        affected=affected,
        decision=decision,
        beside=report.open_findings,
    )


def workload_of(pod: PodFacts) -> str:
    """What people know the pod by: `Deployment/ws` where its ReplicaSet is of one, else its controller; or empty."""
    if pod.owner is None:
        return ""
    suffix = f"-{pod.labels.get(_HASH, '')}"
    if pod.owner.kind == "ReplicaSet" and len(suffix) > 1 and pod.owner.name.endswith(suffix):
        return f"Deployment/{pod.owner.name.removesuffix(suffix)}"
    return str(pod.owner)
