"""One case a rail: everything else allows the eviction and this rail alone does not, with words of its sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from leakwarden.api.words import Execution, FindingType, Mode, Outcome, Severity, Verdict
from leakwarden.core.actions import ActionState, Refusal
from leakwarden.core.decide import FleetView, Mute
from leakwarden.core.decide.view import Budget
from leakwarden.core.documents import Editing
from leakwarden.core.findings import Confirmation, ConfirmationResult
from leakwarden.core.targets import Owner, TargetKey
from tests.core.decide.fleets import (
    GOPLS,
    HOUR,
    NOW,
    evicted,
    found,
    leak,
    one_leak,
    pod,
    policy,
    view,
)

SAFE = "cluster-autoscaler.kubernetes.io/safe-to-evict"
VOLUMES = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"


@dataclass(frozen=True)
class Held:
    """What is different from the case that is allowed, which rail says no, and words that must be in its sentence."""

    what: str
    seen: Callable[[], FleetView]
    refusal: Refusal
    says: tuple[str, ...] = ()


def owned_by(kind: str) -> FleetView:
    owner = Owner(kind, "x", "o")
    return one_leak(pod(owner=owner), peers=[pod("ws-2", owner=owner)])


def came_back(times: int, generation: int = 1) -> FleetView:
    gone = [pod(f"old-{i}", owner=Owner("ReplicaSet", f"other-{i}", f"o{i}")) for i in range(times)]
    journal = [
        evicted(
            each,
            at=NOW - (9 - i) * HOUR,
            outcome=Outcome.CAME_BACK,
            outcome_at=NOW - (9 - i) * HOUR + 60,
            generation=generation,
        )
        for i, each in enumerate(gone)
    ]
    return one_leak(journal=journal)


def unseen(verdict: Verdict | None) -> FleetView:
    seen = one_leak()
    verdicts = {} if verdict is None else {TargetKey("uid-ws-1", "pprof"): verdict}
    return replace(seen, verdicts={GOPLS: verdicts})


THE_ONE = frozenset({(GOPLS, TargetKey("uid-ws-1", "pprof"))})


def storm(leaking: int, healthy: int, percent: int = 20) -> FleetView:
    """Every leaking pod of an owner of its own, so that no other rail is in the way."""
    by = policy(storm_percent=percent, min_ready_peers=0, budget=Budget(100, HOUR))
    pods = [pod(f"ws-{i}", owner=Owner("ReplicaSet", f"rs-{i}", f"rs-{i}")) for i in range(leaking)]
    return view([found(each, by) for each in pods], [by], pods, healthy=healthy)


def storm_before(until: float, percent: int = 20) -> FleetView:
    """One leak found so far, where an earlier operator saw a storm."""
    return replace(storm(1, 9, percent), storms_before={GOPLS: until})


def told(result: ConfirmationResult, **more: Any) -> Confirmation:
    return Confirmation(result, NOW - 600.0, **more)


MI = float(1 << 20)
EVICTED = pod("ws-0", created_at=NOW - 5 * HOUR)
STEADY = pod("ws-2", created_at=NOW - 590)

HELD = [
    Held(
        "the default mode",
        lambda: one_leak(by=policy(mode=Mode.OBSERVE)),
        Refusal.OBSERVE_ONLY,
        ("demo/gopls", "spec.remediation.mode"),
    ),
    Held(
        "pressure, however high",
        lambda: one_leak(finding=leak(type=FindingType.PRESSURE)),
        Refusal.NOT_A_LEAK,
        ("memory/main.keep", "Pressure"),
    ),
    Held(
        "a warning under minSeverity Critical",
        lambda: one_leak(finding=leak(severity=Severity.WARNING)),
        Refusal.BELOW_MIN_SEVERITY,
        ("Warning", "minSeverity Critical"),
    ),
    Held(
        "a muted signature",
        lambda: one_leak(mutes=(Mute(GOPLS, "memory/main.keep", "fix is under way", NOW + HOUR),)),
        Refusal.MUTED,
        ("until 14:13 UTC", "fix is under way"),
    ),
    Held(
        "the eviction was accepted already",
        lambda: one_leak(journal=[evicted(pod())]),
        Refusal.ALREADY_DONE,
        ("ws-1 was evicted at 13:03 UTC",),
    ),
    Held(
        "the dry run said it already",
        lambda: one_leak(by=policy(execution=Execution.DRY_RUN), journal=[evicted(pod(), dry_run=True)]),
        Refusal.ALREADY_DONE,
        ("dry run", "13:03 UTC"),
    ),
    Held("a pod on its way out", lambda: one_leak(pod(deleting=True)), Refusal.POD_TERMINATING, ("demo/ws-1",)),
    Held(
        "growth that is given back already",
        lambda: one_leak(finding=leak(subsiding=True)),
        Refusal.SUBSIDING,
        ("half of the growth of memory/main.keep",),
    ),
    Held("a pod that is not known", lambda: replace(one_leak(), pods={}), Refusal.TARGET_NOT_SEEN, ("not known",)),
    Held("a pod that has ended", lambda: one_leak(pod(phase="Failed")), Refusal.TARGET_NOT_SEEN, ("Failed",)),
    Held("a target out of reach", lambda: unseen(Verdict.UNREACHABLE), Refusal.TARGET_NOT_SEEN, ("Unreachable",)),
    Held("nothing listens now", lambda: unseen(Verdict.NOT_RUNNING), Refusal.TARGET_NOT_SEEN, ("NotRunning",)),
    Held(
        "a verdict from before a gap",
        lambda: replace(one_leak(), stale=THE_ONE),
        Refusal.TARGET_NOT_SEEN,
        ("not judged lately",),
    ),
    Held(
        "a verdict from before an edit",
        lambda: replace(one_leak(), outdated=THE_ONE),
        Refusal.TARGET_NOT_SEEN,
        ("was edited",),
    ),
    Held(
        "pods that cannot be read",
        lambda: replace(one_leak(), unread=frozenset({"demo"})),
        Refusal.TARGET_NOT_SEEN,
        ("pods of namespace demo cannot be read now",),
    ),
    Held("a target without a verdict", lambda: unseen(None), Refusal.TARGET_NOT_SEEN, ("not judged",)),
    Held("a mirror pod", lambda: one_leak(pod(mirror=True)), Refusal.MIRROR_POD, ("mirror",)),
    Held("a pod of a DaemonSet", lambda: owned_by("DaemonSet"), Refusal.DAEMON_SET, ("DaemonSet/x",)),
    Held("a bare pod", lambda: one_leak(pod(owner=None)), Refusal.NO_CONTROLLER, ("no controller",)),
    Held("a pod of a Job", lambda: owned_by("Job"), Refusal.NO_CONTROLLER, ("Job/x", "not known to replace")),
    Held(
        "a pod of an unknown kind", lambda: owned_by("Workspace"), Refusal.NO_CONTROLLER, ("a Workspace is not known",)
    ),
    Held(
        "a pod that runs once",
        lambda: one_leak(pod(restart_policy="Never")),
        Refusal.NEVER_RESTARTED,
        ("restartPolicy Never",),
    ),
    Held(
        "a pod critical to the cluster",
        lambda: one_leak(pod(priority_class="system-cluster-critical")),
        Refusal.SYSTEM_CRITICAL,
        ("system-cluster-critical",),
    ),
    Held(
        "a pod critical to its node",
        lambda: one_leak(pod(priority_class="system-node-critical")),
        Refusal.SYSTEM_CRITICAL,
        ("system-node-critical",),
    ),
    Held("a pod on its node's network", lambda: one_leak(pod(host_network=True)), Refusal.HOST_NETWORK, ("network",)),
    Held(
        "a pod that opted out",
        lambda: one_leak(pod(annotations={"leakwarden.io/opt-out": "true"})),
        Refusal.OPTED_OUT,
        ("leakwarden.io/opt-out",),
    ),
    Held(
        "a pod that opted out in words of its own",
        lambda: one_leak(pod(annotations={"leakwarden.io/opt-out": "yes"})),
        Refusal.OPTED_OUT,
        ('"yes"',),
    ),
    Held(
        "a pod that says it is not safe to evict",
        lambda: one_leak(pod(annotations={SAFE: "false"})),
        Refusal.NOT_SAFE_TO_EVICT,
        (SAFE,),
    ),
    Held(
        "a pod with local storage",
        lambda: one_leak(pod(local_volumes=("home", "cache"))),
        Refusal.LOCAL_STORAGE,
        ("home, cache", VOLUMES),
    ),
    Held(
        "a pod with local storage of which one volume may go",
        lambda: one_leak(pod(local_volumes=("home", "cache"), annotations={VOLUMES: "cache"})),
        Refusal.LOCAL_STORAGE,
        ("lose local storage of pod demo/ws-1: home;",),
    ),
    Held(
        "documents open in its gopls",
        lambda: one_leak(editing={"uid-ws-1": Editing("gopls", 4)}),
        Refusal.OPEN_DOCUMENTS,
        ("the gopls of pod demo/ws-1 (endpoint gopls)", "whether they are saved", "openDocuments: Ignore"),
    ),
    Held(
        "a gopls that does not tell what is open",
        lambda: one_leak(editing={"uid-ws-1": Editing("gopls", None)}),
        Refusal.OPEN_DOCUMENTS,
        ("is not known", "openDocuments: Ignore"),
    ),
    Held("no journal", lambda: one_leak(journal=None), Refusal.JOURNAL_UNAVAILABLE, ("journal",)),
    Held(
        "a pause",
        lambda: one_leak(by=policy(paused_until=NOW + HOUR)),
        Refusal.PAUSED,
        ("until 14:13 UTC", "pausedUntil"),
    ),
    Held(
        "a pause into another day",
        lambda: one_leak(by=policy(paused_until=NOW + 24 * HOUR)),
        Refusal.PAUSED,
        ("until 2026-11-24 13:13 UTC",),
    ),
    Held("a leak that came back three times", lambda: came_back(3), Refusal.CIRCUIT_BREAKER, ("came back", "edit")),
    Held("a release in which half of the fleet leaks", lambda: storm(2, 2), Refusal.STORM_BRAKE, ("2 of 4", "50 %")),
    Held(
        "the first leak found again after a storm that an earlier operator saw",
        lambda: storm_before(NOW + HOUR),
        Refusal.STORM_BRAKE,
        ("an earlier operator", "not all judged anew yet", "at the latest"),
    ),
    Held("a fleet of two that leaks as a whole", lambda: storm(2, 0), Refusal.STORM_BRAKE, ("2 of 2", "100 %")),
    Held(
        "an eviction without an answer",
        lambda: one_leak(journal=[evicted(EVICTED, state=ActionState.INTENDED)]),
        Refusal.IN_FLIGHT,
        ("ws-0 of ReplicaSet/ws-7d9", "under way"),
    ),
    Held(
        "a pod of the owner that is still going",
        lambda: one_leak(peers=[STEADY, replace(EVICTED, deleting=True)], journal=[evicted(EVICTED)]),
        Refusal.IN_FLIGHT,
        ("not gone yet",),
    ),
    Held(
        "a cooldown counts from the last of several",
        lambda: one_leak(
            peers=[STEADY],
            journal=[evicted(EVICTED), evicted(pod("ws-00", created_at=NOW - 9 * HOUR), at=NOW - 4 * HOUR)],
        ),
        Refusal.COOLDOWN,
        ("ws-0 at 13:03 UTC",),
    ),
    Held(
        "no replacement in ten minutes, and a pod that is left is not steady",
        lambda: one_leak(
            by=policy(cooldown=0),
            peers=[pod("ws-2", ready_since=NOW - 5)],
            journal=[evicted(EVICTED, at=NOW - 601)],
        ),
        Refusal.IN_FLIGHT,
        ("has not been seen yet",),
    ),
    Held(
        "a storm among those that are judged, while the rest was last judged before a gap",
        lambda: replace(
            storm(3, 30),
            stale=frozenset((GOPLS, TargetKey(f"healthy-{i}", "pprof")) for i in range(30)),
        ),
        Refusal.STORM_BRAKE,
        ("3 of 3 running targets leak at once",),
    ),
    Held(
        "a replacement that is not there",
        lambda: one_leak(peers=[pod("ws-2")], journal=[evicted(EVICTED, at=NOW - 300)]),
        Refusal.IN_FLIGHT,
        ("not been seen",),
    ),
    Held(
        "a replacement that is not Ready",
        lambda: one_leak(
            peers=[pod("ws-2"), pod("ws-3", created_at=NOW - 590, ready=False)], journal=[evicted(EVICTED)]
        ),
        Refusal.IN_FLIGHT,
        ("ws-3", "30s"),
    ),
    Held(
        "a replacement that was not Ready for long",
        lambda: one_leak(peers=[replace(STEADY, ready_since=NOW - 29)], journal=[evicted(EVICTED)]),
        Refusal.IN_FLIGHT,
        ("ws-2", "30s"),
    ),
    Held(
        "an owner that rests",
        lambda: one_leak(peers=[STEADY], journal=[evicted(EVICTED)]),
        Refusal.COOLDOWN,
        ("cooldown of owner ReplicaSet/ws-7d9 until 14:03 UTC", "ws-0 at 13:03 UTC"),
    ),
    Held(
        "an owner that rests after another policy's action",
        lambda: one_leak(peers=[STEADY], journal=[evicted(EVICTED, policy=replace(GOPLS, name="other"))]),
        Refusal.COOLDOWN,
        ("ws-0",),
    ),
    Held(
        "an owner that rests after a dry run",
        lambda: one_leak(journal=[evicted(EVICTED, dry_run=True)]),
        Refusal.COOLDOWN,
        ("dry run: ws-0",),
    ),
    Held("the only pod of its owner", lambda: one_leak(peers=[]), Refusal.MIN_READY_PEERS, ("0 other Ready pods",)),
    Held(
        "peers that are not Ready, or going, or of another owner",
        lambda: one_leak(
            peers=[
                pod("a", ready=False),
                pod("b", deleting=True),
                pod("c", owner=Owner("ReplicaSet", "ws-next", "rs2")),
            ]
        ),
        Refusal.MIN_READY_PEERS,
        ("0 other Ready pods", "minReadyPeers is 1"),
    ),
    Held(
        "a disruption budget that said no",
        lambda: one_leak(
            journal=[
                evicted(
                    pod(),
                    at=NOW - 20,
                    state=ActionState.FAILED,
                    refusal=Refusal.DISRUPTION_BUDGET,
                    message="The disruption budget ws needs 2 healthy pods",
                )
            ]
        ),
        Refusal.DISRUPTION_BUDGET,
        ("The disruption budget ws needs 2 healthy pods", "asked again"),
    ),
    Held(
        "a disruption budget that said no to a pod of the same owner",
        lambda: one_leak(
            journal=[
                evicted(
                    pod("ws-2"), at=NOW - 20, state=ActionState.FAILED, refusal=Refusal.DISRUPTION_BUDGET, message="no"
                )
            ]
        ),
        Refusal.DISRUPTION_BUDGET,
        ("ws-2",),
    ),
    Held(
        "rights that are missing in the namespace",
        lambda: one_leak(
            journal=[
                evicted(
                    pod("x", owner=Owner("ReplicaSet", "y", "y")),
                    at=NOW - 200,
                    state=ActionState.FAILED,
                    refusal=Refusal.FORBIDDEN,
                    message="cannot create pods/eviction in namespace demo",
                )
            ]
        ),
        Refusal.FORBIDDEN,
        ("cannot create pods/eviction", "every 5m"),
    ),
    Held(
        "an API server that refused",
        lambda: one_leak(
            journal=[
                evicted(pod(), at=NOW - 50, state=ActionState.FAILED, refusal=Refusal.API_REFUSED, message="HTTP 500")
            ]
        ),
        Refusal.API_REFUSED,
        ("HTTP 500",),
    ),
    Held(
        "a memory leak that was not asked about yet",
        lambda: one_leak(finding=leak(confirmation=None)),
        Refusal.NOT_CONFIRMED,
        ("memory/main.keep waits for a forced collection",),
    ),
    Held(
        "growth that turned out to be garbage",
        lambda: one_leak(finding=leak(confirmation=told(ConfirmationResult.GARBAGE, grown=64 * MI, kept=4 * MI))),
        Refusal.NOT_CONFIRMED,
        ("memory/main.keep is not confirmed", "at 13:03 UTC", "took back 60 MiB of its 64 MiB", "ten intervals later"),
    ),
    Held(
        "a place that holds less than before it grew",
        lambda: one_leak(finding=leak(confirmation=told(ConfirmationResult.GARBAGE, grown=64 * MI, kept=-64 * MI))),
        Refusal.NOT_CONFIRMED,
        ("took back 64 MiB of its 64 MiB",),
    ),
    Held(
        "a forced collection that failed",
        lambda: one_leak(finding=leak(confirmation=told(ConfirmationResult.UNKNOWN, why="it failed with Timeout"))),
        Refusal.NOT_CONFIRMED,
        ("at 13:03 UTC", "it failed with Timeout", "ten intervals later"),
    ),
    Held(
        "a process too near its limit to be asked",
        lambda: one_leak(
            finding=leak(confirmation=told(ConfirmationResult.UNKNOWN, why="it is near the limit", near_limit=True))
        ),
        Refusal.NOT_CONFIRMED,
        ("no collection is forced, since it is near the limit",),
    ),
    Held(
        "a leak that a dry run would act on",
        lambda: one_leak(by=policy(execution=Execution.DRY_RUN), finding=leak(confirmation=None)),
        Refusal.NOT_CONFIRMED,
    ),
    Held(
        "a budget that is spent",
        lambda: one_leak(
            journal=[
                evicted(pod(f"gone-{i}", owner=Owner("ReplicaSet", f"o{i}", f"o{i}")), at=NOW - 3000 + i * 60)
                for i in range(3)
            ]
        ),
        Refusal.BUDGET,
        ("3 actions of 3 in 1h", "next at 13:23 UTC"),
    ),
    Held("a budget of nothing", lambda: one_leak(by=policy(budget=Budget(0, HOUR))), Refusal.BUDGET, ("0 actions",)),
]
