"""What must hold for any history: budgets, one in flight an owner, pods that are never touched, no second action.

A small world is driven at random: leaks open and close, pods lose readiness, the API server accepts, refuses or is lost
to sight, replacements come late or never, the operator restarts and finds intents that it cannot tell the end of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from leakwarden.api.words import Execution, Mode
from leakwarden.core.actions import Action, ActionState, Refusal
from leakwarden.core.decide import FleetView, Intent, OpenFinding, RemediationPolicy, plan
from leakwarden.core.decide.pace_rails import STEADY_FOR
from leakwarden.core.decide.view import Budget
from leakwarden.core.findings import Confirmation, ConfirmationResult
from leakwarden.core.targets import Owner, PodFacts
from tests.core.decide.fleets import NOW, found, leak, pod, policy, view

PROTECTED: list[Callable[[PodFacts], PodFacts]] = [
    lambda each: replace(each, owner=None),
    lambda each: replace(each, owner=Owner("DaemonSet", "ds", "ds")),
    lambda each: replace(each, owner=Owner("Job", "job", "job")),
    lambda each: replace(each, mirror=True),
    lambda each: replace(each, deleting=True),
    lambda each: replace(each, restart_policy="Never"),
    lambda each: replace(each, priority_class="system-node-critical"),
    lambda each: replace(each, host_network=True),
    lambda each: replace(each, annotations={"leakwarden.io/opt-out": "true"}),
    lambda each: replace(each, annotations={"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}),
    lambda each: replace(each, local_volumes=("home",)),
]
GARBAGE = Confirmation(ConfirmationResult.GARBAGE, NOW, grown=1e8, kept=0.0)
OWNERS = [Owner("ReplicaSet", f"rs-{i}", f"rs-uid-{i}") for i in range(3)]


@dataclass
class World:
    """What is true; the plan sees it only through `view`."""

    policies: list[RemediationPolicy]
    now: float = NOW
    pods: dict[str, PodFacts] = field(default_factory=dict)
    leaking: set[str] = field(default_factory=set)
    garbage: set[str] = field(default_factory=set)
    """UIDs of pods whose growth a forced collection took back."""
    journal: dict[str, Action] = field(default_factory=dict)
    evictions: list[tuple[str, float, Action]] = field(default_factory=list)
    """Everything that was ever done or may have been: pod UID, time, entry. The journal may replace, this never."""
    made: int = 0

    def add(self, owner: Owner, ready: bool = True) -> PodFacts:
        self.made += 1
        name = f"{owner.name}-{self.made}"
        new = pod(name, owner=owner, created_at=self.now, ready=ready, ready_since=self.now if ready else 0.0)
        self.pods[new.uid] = new
        return new

    def seen(self) -> FleetView:
        findings: list[OpenFinding] = [
            found(self.pods[uid], by, leak(confirmation=GARBAGE) if uid in self.garbage else leak())
            for uid in sorted(self.leaking & self.pods.keys())
            for by in self.policies
        ]
        return view(findings, self.policies, self.pods.values(), journal=self.journal.values(), healthy=100)


@dataclass(frozen=True)
class Step:
    """`wait` seconds, then one thing happens to one pod, then a plan is made and carried out."""

    wait: float
    what: str
    which: int
    answer: str


STEPS = st.lists(
    st.builds(
        Step,
        wait=st.sampled_from([0.0, 1.0, 29.0, 31.0, 120.0, 601.0, 1800.0, 3600.0]),
        what=st.sampled_from(
            ["leak", "leak", "leak", "heal", "garbage", "kept", "unready", "ready", "replace", "replace", "restart"]
        ),
        which=st.integers(0, 11),
        answer=st.sampled_from(["done", "done", "done", "budget", "forbidden", "lost", "lost but done"]),
    ),
    min_size=1,
    max_size=40,
)  # fmt: skip
POLICIES = st.builds(
    lambda actions, window, cooldown, peers, dry: policy(
        budget=Budget(actions, window), cooldown=cooldown, min_ready_peers=peers,
        execution=Execution.DRY_RUN if dry else Execution.LIVE,
    ),
    st.integers(1, 3), st.sampled_from([60.0, 600.0, 3600.0]), st.sampled_from([0.0, 60.0, 3600.0]), st.integers(0, 2),
    st.booleans(),
)  # fmt: skip


def happen(world: World, step: Step) -> None:
    world.now += step.wait
    if not world.pods:
        return
    uid = sorted(world.pods)[step.which % len(world.pods)]
    one = world.pods[uid]
    match step.what:
        case "leak" | "heal" | "garbage" | "kept":
            judged(world, uid, step.what)
        case "unready":
            world.pods[uid] = replace(one, ready=False)
        case "ready":
            world.pods[uid] = replace(one, ready=True, ready_since=world.now)
        case "replace":
            for gone in [each for each in world.pods.values() if each.deleting]:
                del world.pods[gone.uid]
                if gone.owner is not None:
                    world.add(gone.owner)
        case "restart":
            reconcile(world)


def judged(world: World, uid: str, what: str) -> None:
    """`garbage` is a leak too until it was asked about, and so is `kept` once it was asked about again."""
    changed = world.garbage if what in ("garbage", "kept") else world.leaking
    (changed.discard if what in ("heal", "kept") else changed.add)(uid)
    if what == "garbage":
        world.leaking.add(uid)


def reconcile(world: World) -> None:
    for action in list(world.journal.values()):
        if action.state is ActionState.INTENDED:
            there = world.pods.get(action.pod_uid)
            left = not action.dry_run and (there is None or there.deleting)
            state = ActionState.DONE if left else ActionState.FAILED
            world.journal[action.id] = replace(action, state=state, settled_at=action.at)


def carry_out(world: World, intent: Intent, answer: str) -> None:
    """The journal first, then the API server, whose answer may be lost."""
    action = intent.action
    assert action is not None
    world.journal[action.id] = action
    match answer:
        case "budget" | "forbidden":
            why = Refusal.DISRUPTION_BUDGET if answer == "budget" else Refusal.FORBIDDEN
            world.journal[action.id] = replace(action, state=ActionState.FAILED, refusal=why, settled_at=world.now)
            return
        case "lost":
            return
        case "done":
            world.journal[action.id] = replace(action, state=ActionState.DONE, settled_at=world.now)
    if answer == "done" or not intent.dry_run:  # a rehearsal whose answer is lost has not happened
        world.evictions.append((intent.pod.uid, world.now, action))
    if not intent.dry_run:
        world.pods[intent.pod.uid] = replace(world.pods[intent.pod.uid], deleting=True, ready=False)


def check_before(world: World, intents: tuple[Intent, ...]) -> None:
    """At the moment of the plan: nobody of the owner is on the way, and enough others are Ready."""
    owners = [intent.pod.owner for intent in intents]
    assert len(set(owners)) == len(owners), "two pods of one owner in one plan"
    for intent in intents:
        assert intent.action is not None
        assert intent.pod.uid not in world.garbage, "a pod was evicted for garbage"
        by = next(each for each in world.policies if each.key == intent.action.policy)
        peers = [each for each in world.pods.values() if each.owner == intent.pod.owner and each.uid != intent.pod.uid]
        assert sum(each.ready and not each.deleting for each in peers) >= by.min_ready_peers
        for uid, at, before in world.evictions:
            if before.dry_run or before.owner != intent.pod.owner:
                continue
            assert uid not in world.pods, "the one before is not gone"
            steady = [
                each for each in [*peers, intent.pod] if each.ready and world.now - each.ready_since >= STEADY_FOR
            ]
            assert any(each.created_at >= at - 5 for each in steady), "its replacement is not steady"


def check_budgets(world: World) -> None:
    for by in world.policies:
        times = [at for _, at, action in world.evictions if action.policy == by.key]
        for end in times:
            inside = [at for at in times if end - by.budget.window < at <= end]
            assert len(inside) <= by.budget.actions


def check_cooldowns(world: World) -> None:
    for uid, at, action in world.evictions:
        by = next(each for each in world.policies if each.key == action.policy)
        for other_uid, earlier, other in world.evictions:
            if other.owner == action.owner and other_uid != uid and earlier < at:
                assert at - earlier >= by.cooldown


@settings(max_examples=100, deadline=None)
@given(st.lists(POLICIES, min_size=1, max_size=2), STEPS)
def test_no_history_breaks_a_budget_a_cooldown_or_the_one_in_flight(
    policies: list[RemediationPolicy], steps: list[Step]
) -> None:
    named = [
        replace(by, key=replace(by.key, name=f"p{i}"), uid=f"p{i}", created_at=NOW - 9000 + i)
        for i, by in enumerate(policies)
    ]
    world = World(named)
    for owner in OWNERS:
        for _ in range(3):
            world.add(owner)
    for step in steps:
        happen(world, step)
        made = plan(world.seen(), world.now)
        assert len(made.decisions) == len(world.seen().findings)
        check_before(world, made.intents)
        for intent in made.intents:
            carry_out(world, intent, step.answer)
        tried = {intent.pod.owner for intent in made.intents}
        again = plan(world.seen(), world.now).intents
        assert not tried & {intent.pod.owner for intent in again}, "an owner is tried twice at one moment"
        if step.answer not in ("budget", "forbidden"):  # a refusal spends nothing, so another owner may have its turn
            assert again == (), "the same findings and the journal plan nothing more"
    check_budgets(world)
    check_cooldowns(world)
    live = [uid for uid, _, action in world.evictions if not action.dry_run]
    assert len(set(live)) == len(live), "a pod was evicted twice"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(range(len(PROTECTED))), min_size=1, max_size=6), st.booleans())
def test_protected_pods_are_never_planned(kinds: list[int], dry: bool) -> None:
    by = policy(
        min_ready_peers=0, budget=Budget(100, 60.0), storm_percent=100,
        execution=Execution.DRY_RUN if dry else Execution.LIVE,
    )  # fmt: skip
    pods = [PROTECTED[kind](pod(f"ws-{i}")) for i, kind in enumerate(kinds)]
    made = plan(view([found(each, by) for each in pods], [by], pods), NOW)
    assert made.intents == ()
    assert all(one.decision.action is None and one.decision.message for one in made.decisions)


@given(st.sampled_from(list(Mode)), st.integers(0, 2))
def test_a_decision_is_an_action_or_a_refusal(mode: Mode, peers: int) -> None:
    by = policy(mode=mode, min_ready_peers=peers)
    for one in plan(view([found(pod(), by)], [by], [pod(), pod("ws-2")]), NOW).decisions:
        assert (one.decision.action is None) != (one.decision.refusal is None)
        assert one.decision.message
