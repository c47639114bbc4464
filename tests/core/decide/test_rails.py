"""Each rail: one case in which everything else allows the eviction and this rail alone does not, with its sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest

from leakwarden.api.words import Family, Mode, Severity, Verdict
from leakwarden.core.actions import ActionState, Refusal
from leakwarden.core.decide import FleetView, Mute, OpenFinding, Verb, plan
from leakwarden.core.decide.rails import RAILS
from leakwarden.core.documents import Editing
from leakwarden.core.findings import ConfirmationResult
from leakwarden.core.targets import TargetKey
from tests.core.decide.fleets import (
    GOPLS,
    HOUR,
    NOW,
    decided,
    evicted,
    found,
    leak,
    one_leak,
    pod,
    policy,
    view,
)
from tests.core.decide.held import (
    EVICTED,
    HELD,
    MI,
    SAFE,
    STEADY,
    VOLUMES,
    Held,
    came_back,
    owned_by,
    storm,
    storm_before,
    told,
)


def test_a_critical_leak_on_a_pod_with_a_ready_peer_is_evicted() -> None:
    made = plan(one_leak(), NOW)
    (intent,) = made.intents
    assert (intent.verb, intent.pod.name, intent.dry_run) == (Verb.EVICT, "ws-1", False)
    assert intent.action is not None
    assert intent.action.state is ActionState.INTENDED
    (only,) = made.decisions
    assert (only.decision.action, only.decision.refusal) == (Mode.EVICT, None)
    assert "demo/ws-1" in only.decision.message
    assert not made.suspended


@pytest.mark.parametrize("held", HELD, ids=lambda held: f"{held.refusal.value}: {held.what}")
def test_a_rail_refuses_with_a_sentence_that_stands_alone(held: Held) -> None:
    made = plan(held.seen(), NOW)
    assert made.intents == ()
    for one in made.decisions:
        assert (one.decision.action, one.decision.refusal) == (None, held.refusal)
        for words in held.says:
            assert words in one.decision.message
    assert made.decisions


def test_every_rail_has_a_case_here() -> None:
    elsewhere = {Refusal.ANOTHER_POLICY_ACTS}
    assert {held.refusal for held in HELD} | elsewhere == set(Refusal)


def test_every_refusal_is_one_rail_and_they_are_asked_in_the_order_of_the_vocabulary() -> None:
    asked = [rail.refusal for rail in RAILS]
    assert asked == list(Refusal)


ALLOWED: list[tuple[str, Callable[[], FleetView]]] = [
    (
        "a warning under minSeverity Warning",
        lambda: one_leak(by=policy(min_severity=Severity.WARNING), finding=leak(severity=Severity.WARNING)),
    ),
    ("a mute that has ended", lambda: one_leak(mutes=(Mute(GOPLS, "memory/main.keep", "", NOW - 1),))),
    ("a mute of another leak", lambda: one_leak(mutes=(Mute(GOPLS, "memory/main.other", "", None),))),
    ("a pod of a StatefulSet", lambda: owned_by("StatefulSet")),
    ("a pod of a ReplicationController", lambda: owned_by("ReplicationController")),
    ("local storage that is safe to lose", lambda: one_leak(pod(local_volumes=("home",), annotations={SAFE: "true"}))),
    ("local storage that is listed", lambda: one_leak(pod(local_volumes=("a", "b"), annotations={VOLUMES: "b, a"}))),
    ("a gopls with nothing open", lambda: one_leak(editing={"uid-ws-1": Editing("gopls", 0)})),
    ("documents open in another pod", lambda: one_leak(editing={"uid-ws-2": Editing("gopls", 4)})),
    (
        "documents open, and a policy that ignores them",
        lambda: one_leak(by=policy(protect_documents=False), editing={"uid-ws-1": Editing("gopls", 4)}),
    ),
    (
        "a note about a pod with documents open",
        lambda: one_leak(by=policy(mode=Mode.ANNOTATE), editing={"uid-ws-1": Editing("gopls", 4)}),
    ),
    ("an opt-out taken back", lambda: one_leak(pod(annotations={"leakwarden.io/opt-out": "false"}))),
    ("a pause that is over", lambda: one_leak(by=policy(paused_until=NOW))),
    ("two leaks that came back", lambda: came_back(2)),
    ("three that came back under an older spec", lambda: came_back(3, generation=0)),
    ("one leak in a fleet of one", lambda: storm(1, 0)),
    ("leaks up to stormPercent", lambda: storm(2, 8)),
    ("a storm of before that is over", lambda: storm_before(NOW)),
    ("a storm of before where the brake is off", lambda: storm_before(NOW + HOUR, percent=100)),
    ("a storm under stormPercent 100", lambda: storm(2, 0, percent=100)),
    ("no peers asked for", lambda: one_leak(by=policy(min_ready_peers=0), peers=[])),
    (
        "a cooldown that is over, the replacement steady",
        lambda: one_leak(peers=[STEADY], by=policy(cooldown=600), journal=[evicted(EVICTED)]),
    ),
    (
        "an owner that was scaled down instead",
        lambda: one_leak(by=policy(cooldown=0), journal=[evicted(EVICTED, at=NOW - 601)]),
    ),
    (
        "a disruption budget asked 30 s ago",
        lambda: one_leak(
            journal=[evicted(pod(), at=NOW - 30, state=ActionState.FAILED, refusal=Refusal.DISRUPTION_BUDGET)]
        ),
    ),
    (
        "an attempt that was never sent",
        lambda: one_leak(journal=[evicted(pod(), at=NOW - 1, state=ActionState.FAILED)]),
    ),
    (
        "rights missing five minutes ago",
        lambda: one_leak(
            journal=[evicted(pod("x"), at=NOW - 300, state=ActionState.FAILED, refusal=Refusal.FORBIDDEN)]
        ),
    ),
    (
        "rights to annotate missing",
        lambda: one_leak(
            journal=[
                evicted(pod("x"), kind=Mode.ANNOTATE, at=NOW - 3, state=ActionState.FAILED, refusal=Refusal.FORBIDDEN)
            ]
        ),
    ),
    (
        "goroutines, which are never garbage",
        lambda: one_leak(finding=leak(family=Family.GOROUTINE, confirmation=None)),
    ),
    (
        "an unconfirmed leak of a policy that asks for no confirmation",
        lambda: one_leak(by=policy(confirm=False), finding=leak(confirmation=None)),
    ),
    (
        "a note about an unconfirmed leak",
        lambda: one_leak(by=policy(mode=Mode.ANNOTATE), finding=leak(confirmation=None)),
    ),
    (
        "a dry run before on the pod, now live",
        lambda: one_leak(by=policy(cooldown=0), journal=[evicted(pod(), dry_run=True)]),
    ),
]


@pytest.mark.parametrize(("what", "seen"), ALLOWED, ids=[what for what, _ in ALLOWED])
def test_the_rails_let_pass(what: str, seen: Callable[[], FleetView]) -> None:
    made = plan(seen(), NOW)
    assert [one.decision.message for one in made.decisions if one.decision.refusal] == []
    assert made.intents, what


def test_a_leak_without_a_confirmation_does_not_go_along_with_one_that_has_it() -> None:
    """Its decision says so, although its pod is evicted."""
    by, on = policy(), pod()
    garbage = leak("main.other", confirmation=told(ConfirmationResult.GARBAGE, grown=MI, kept=0.0))
    made = plan(view([found(on, by), found(on, by, garbage)], [by], [on, pod("ws-2")]), NOW)
    said = {one.decision.signature: one.decision.refusal or one.decision.action for one in made.decisions}
    assert said == {"memory/main.keep": Mode.EVICT, "memory/main.other": Refusal.NOT_CONFIRMED}
    assert len(made.intents) == 1


def test_a_disruption_budget_is_asked_less_often_the_longer_it_says_no() -> None:
    def waiting(attempts: int, ago: float) -> Refusal | None:
        before = evicted(
            pod(), at=NOW - ago, state=ActionState.FAILED, refusal=Refusal.DISRUPTION_BUDGET, attempts=attempts
        )
        return decided(one_leak(journal=[before])).decision.refusal

    for attempts, wait in ((1, 30), (2, 60), (3, 120), (4, 240), (5, 300), (50, 300)):
        assert waiting(attempts, wait - 1) is Refusal.DISRUPTION_BUDGET
        assert waiting(attempts, wait) is None


def test_a_retry_counts_on_under_the_id_of_the_failed_attempt() -> None:
    before = evicted(pod(), at=NOW - 60, state=ActionState.FAILED, refusal=Refusal.DISRUPTION_BUDGET, attempts=2)
    (intent,) = plan(one_leak(journal=[before]), NOW).intents
    assert intent.action is not None
    assert (intent.action.id, intent.action.attempts, intent.action.refusal) == (before.id, 3, None)


def test_targets_that_are_not_seen_make_no_storm_and_hide_none() -> None:
    seen = storm(2, 2)
    dark = {TargetKey(f"dark-{i}", "pprof"): Verdict.UNREACHABLE for i in range(100)}
    dark |= {TargetKey(f"off-{i}", "pprof"): Verdict.NOT_RUNNING for i in range(100)}
    verdicts = {key: {**each, **dark} for key, each in seen.verdicts.items()}
    assert {one.decision.refusal for one in plan(replace(seen, verdicts=verdicts), NOW).decisions} == {
        Refusal.STORM_BRAKE
    }


def test_one_pod_that_leaks_at_two_endpoints_is_no_storm() -> None:
    by = policy()
    both: list[OpenFinding] = [found(pod(), by), found(pod(), by, endpoint="debug")]
    assert plan(view(both, [by], [pod(), pod("ws-2")], healthy=0), NOW).intents


@pytest.mark.parametrize("refusal", [Refusal.DISRUPTION_BUDGET, Refusal.API_REFUSED])
@pytest.mark.parametrize("attempts", [1_100, 10**9])
def test_however_often_it_was_refused_it_is_asked_again_every_five_minutes(refusal: Refusal, attempts: int) -> None:
    """A disruption budget may say no for weeks."""
    for ago, held in ((299.0, refusal), (301.0, None)):
        refused = evicted(
            pod(), at=NOW - ago, settled_at=NOW - ago, state=ActionState.FAILED, refusal=refusal, attempts=attempts
        )
        assert decided(one_leak(journal=[refused])).decision.refusal is held


FAR = datetime.fromisoformat("9999-12-31T23:59:59-12:00").timestamp()


def test_a_time_beyond_the_calendar_holds_up_nobody_else() -> None:
    assert decided(one_leak(by=policy(paused_until=FAR))).decision.refusal is Refusal.PAUSED
    for_ever = Mute(GOPLS, "memory/main.keep", "known", FAR)
    assert decided(one_leak(mutes=(for_ever,))).decision.refusal is Refusal.MUTED


def test_the_first_that_is_judged_anew_in_a_storm_of_before_a_gap_is_no_single_pod() -> None:
    others = frozenset((GOPLS, TargetKey(f"uid-ws-{i}", "pprof")) for i in range(1, 8))
    made = plan(replace(storm(8, 8), stale=others), NOW)
    assert made.intents == ()
    assert {one.decision.pod: one.decision.refusal for one in made.decisions}["ws-0"] is Refusal.STORM_BRAKE
