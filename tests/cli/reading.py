"""Operators that only answer the commands: a real reading port over values that a test gives."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from leakwarden.adapters.inspect_web import InspectServer
from leakwarden.api.inspection import Details, FindingDetail, Obstacle, RuleStanding, TargetDetail, TargetRow, Targets
from leakwarden.cli.kubectl.operator_api import PORT
from tests.cli.people import Cluster, pod

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
OPERATOR = {"app.kubernetes.io/name": "leakwarden", "app.kubernetes.io/component": "operator"}
MIB = 2.0**20
KEEP = "memory/example.org/lsp/internal/cache.(*Cache).keep"


def row(name: str = "ws-1", **more: Any) -> TargetRow:
    known = {
        "namespace": "demo",
        "pod": name,
        "endpoint": "pprof",
        "policy": "gopls",
        "verdict": "Leaking",
        "message": f"{KEEP} by rule live-heap",
        "last_attempt": NOW - timedelta(seconds=3),
        "live_heap": 612 * MIB,
        "heap_per_hour": 96.3 * MIB,
        "goroutines": 1246.0,
        "goroutines_per_hour": 0.0,
        "memory_limit": 1536 << 20,
        "limit_at": NOW + timedelta(hours=2, minutes=40),
        "worst": KEEP,
    }
    return TargetRow(**{**known, **more})


def leaking(name: str = "ws-1", **more: Any) -> TargetDetail:
    """With a rule that fires, one that does not and one that is not known, and a leak that two rails hold back."""
    rules = (
        RuleStanding(
            name="live-heap", when="LiveHeap grows by 64Mi in 15m, held for 2m", state="Firing", unit="bytes",
            value=612 * MIB, growth=81.5 * MIB, per_hour=96.3 * MIB, held=300.0, hold=120.0,
            why="+82Mi in 15 m at the least, 64Mi asked",
        ),
        RuleStanding(
            name="blocked", when="BlockedGoroutines above 500 and grows by 200 in 15m, held for 2m", state="NotMet",
            unit="count", value=12.0, held=0.0, hold=120.0, why="12 is not above 500",
            function="example.org/lsp/internal/server.(*Server).onChange",
        ),
        RuleStanding(
            name="heap-inuse", when="HeapInuse above 1500Mi", state="Unknown", unit="bytes", held=0.0, hold=120.0,
            why="memstats was not taken in this round",
        ),
    )  # fmt: skip
    finding = FindingDetail(
        signature=KEEP, type="Leak", severity="Critical", confidence="High", rules=("live-heap",),
        since=NOW - timedelta(hours=4), first_seen=NOW - timedelta(hours=3),
        message="live heap of cache.(*Cache).keep (cache.go:41) grew 512 MiB. Fix: clear it.",
        decision="ReplicaSet/ws lost a pod at 11:30 UTC",
        obstacles=(
            Obstacle(reason="Cooldown", message="ReplicaSet/ws lost a pod at 11:30 UTC", remedy="Wait."),
            Obstacle(reason="MinReadyPeers", message="0 other Ready pods", remedy="Run more replicas."),
        ),
    )  # fmt: skip
    known = {
        "row": row(name),
        "mode": "Evict",
        "execution": "Live",
        "owner": "ReplicaSet/ws",
        "interval": 30.0,
        "verdict_since": NOW - timedelta(minutes=12),
        "process_since": NOW - timedelta(hours=5),
        "readings": 412,
        "rules": rules,
        "findings": (finding,),
        "next": "if Cooldown were lifted, MinReadyPeers would hold an action back",
    }
    return TargetDetail(**{**known, **more})


@dataclass
class Operator:
    """Answers with these, whatever the namespace; `standing_by` makes it say so instead."""

    rows: list[TargetRow] = field(default_factory=list)
    details: dict[str, tuple[TargetDetail, ...]] = field(default_factory=dict)
    standing_by: str = ""
    asked: list[tuple[str, ...]] = field(default_factory=list)
    port: int = 0

    def targets(self, namespace: str, policy: str, most: int) -> Targets:
        self.asked.append((namespace, policy, str(most)))
        return Targets(at=NOW, total=len(self.rows), targets=tuple(self.rows[:most]))

    def pod(self, namespace: str, name: str) -> Details:
        self.asked.append((namespace, name))
        return Details(at=NOW, targets=self.details.get(name, ()))


@asynccontextmanager
async def reading_port(made: Operator) -> AsyncIterator[Operator]:
    """Listening; `port` is where."""
    server = InspectServer("127.0.0.1", 0, lambda: made.standing_by or made)
    made.port = await server.start()
    try:
        yield made
    finally:
        await server.stop()


def install(here: Cluster, made: Operator, name: str = "leakwarden-0", namespace: str = "leakwarden") -> None:
    """As a pod of the chart."""
    here.pods.append(pod(name, namespace, labels=OPERATOR))
    here.ports[name, PORT] = made.port
