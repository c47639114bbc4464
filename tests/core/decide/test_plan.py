"""The plan as a whole: who goes first, two policies on one pod, several leaks on one pod, annotations, suspensions."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from leakwarden.api import SUMMARY_ANNOTATION
from leakwarden.api.words import Execution, FindingType, Mode, Severity, Signal
from leakwarden.core.actions import Action, ActionState, Refusal
from leakwarden.core.decide import FleetView, Mute, Suspend, Verb, plan
from leakwarden.core.decide.view import Budget
from leakwarden.core.report.annotation import summary
from leakwarden.core.targets import Owner, PodFacts
from tests.core.decide.fleets import GOPLS, HOUR, NOW, decided, evicted, found, leak, one_leak, pod, policy, view


def alone(name: str, **changes: object) -> PodFacts:
    """A pod of an owner of its own."""
    return pod(name, owner=Owner("StatefulSet", name, f"owner-{name}"), **changes)


def done(seen: FleetView, now: float = NOW) -> list[Action]:
    """The journal after the plan's intents were carried out."""
    actions = [intent.action for intent in plan(seen, now).intents if intent.action]
    return [replace(action, state=ActionState.DONE, settled_at=now) for action in actions]


def refusals(seen: FleetView, now: float = NOW) -> list[Refusal | None]:
    return [one.decision.refusal for one in plan(seen, now).decisions]


URGENCY = [
    ("critical before warning", leak(severity=Severity.CRITICAL, limit_at=None), leak(severity=Severity.WARNING)),
    ("the earlier limit", leak(limit_at=NOW + 60), leak(limit_at=NOW + 120, growth_per_hour=9e9)),
    ("a limit before none", leak(limit_at=NOW + 9e9), leak(limit_at=None, growth_per_hour=9e9)),
    ("the larger growth", leak(growth_per_hour=2e9), leak(growth_per_hour=1e9)),
    (
        "goroutines by the memory that they take",
        leak(growth_per_hour=2e6),
        leak(signal=Signal.BLOCKED_GOROUTINES, growth_per_hour=900),
    ),
    ("a leak before pressure", leak(severity=Severity.WARNING), leak(type=FindingType.PRESSURE)),
]


@pytest.mark.parametrize(("what", "first", "second"), URGENCY, ids=[what for what, _, _ in URGENCY])
def test_the_budget_goes_to_the_most_urgent(what: str, first: object, second: object) -> None:
    by = policy(min_severity=Severity.WARNING, min_ready_peers=0, budget=Budget(1, HOUR))
    urgent, other = alone("z"), alone("a")
    seen = view([found(other, by, second), found(urgent, by, first)], [by], [urgent, other])  # type: ignore[arg-type]
    assert [intent.pod.name for intent in plan(seen, NOW).intents] == ["z"], what


def test_of_equals_the_first_by_name_goes_first() -> None:
    by = policy(min_ready_peers=0, budget=Budget(1, HOUR))
    pods = [alone("c"), alone("a"), alone("b")]
    made = plan(view([found(each, by) for each in pods], [by], pods), NOW)
    assert [intent.pod.name for intent in made.intents] == ["a"]
    assert [one.decision.refusal for one in made.decisions] == [None, Refusal.BUDGET, Refusal.BUDGET]


def test_one_plan_takes_one_pod_an_owner() -> None:
    by = policy(budget=Budget(100, HOUR))
    pods = [pod(f"ws-{i}") for i in range(5)]
    made = plan(view([found(each, by) for each in pods], [by], pods), NOW)
    assert len(made.intents) == 1
    assert [one.decision.refusal for one in made.decisions] == [None, *[Refusal.IN_FLIGHT] * 4]


def test_the_order_of_what_is_given_changes_nothing() -> None:
    by, other = policy(budget=Budget(2, HOUR), min_ready_peers=0), policy("other", created_at=NOW - HOUR)
    pods = [alone(f"ws-{i}") for i in range(6)]
    findings = [found(each, which) for each in pods for which in (by, other)]
    expected = plan(view(findings, [by, other], pods), NOW)
    for seed in range(10):
        shuffled, others = findings[:], pods[:]
        random.Random(seed).shuffle(shuffled)
        random.Random(seed).shuffle(others)
        assert plan(view(shuffled, [other, by], others), NOW) == expected


def test_several_leaks_of_one_pod_share_one_eviction() -> None:
    by = policy()
    findings = [found(pod(), by, leak(f"main.f{i}")) for i in range(3)]
    findings.append(found(pod(), by, leak("main.warn", severity=Severity.WARNING)))
    made = plan(view(findings, [by], [pod(), pod("ws-2")]), NOW)
    assert len(made.intents) == 1
    assert [one.decision.action for one in made.decisions] == [Mode.EVICT, Mode.EVICT, Mode.EVICT, None]
    assert made.decisions[-1].decision.refusal is Refusal.BELOW_MIN_SEVERITY


OLD = policy("old", created_at=NOW - 9 * HOUR)
YOUNG = policy("young", created_at=NOW - HOUR)


def both(old: object = OLD, young: object = YOUNG, **more: object) -> FleetView:
    assert isinstance(old, type(OLD))
    assert isinstance(young, type(OLD))
    return view([found(pod(), old), found(pod(), young)], [young, old], [pod(), pod("ws-2")], **more)  # type: ignore[arg-type]


def by_policy(seen: FleetView) -> dict[str, tuple[Mode | None, Refusal | None]]:
    return {one.policy.name: (one.decision.action, one.decision.refusal) for one in plan(seen, NOW).decisions}


def test_of_two_policies_the_older_acts_and_the_other_names_it() -> None:
    made = plan(both(), NOW)
    assert by_policy(both()) == {"old": (Mode.EVICT, None), "young": (None, Refusal.ANOTHER_POLICY_ACTS)}
    assert [intent.action.policy.name for intent in made.intents if intent.action] == ["old"]
    assert "demo/old" in made.decisions[1].decision.message


def test_of_two_policies_of_one_age_the_first_by_name_acts() -> None:
    twins = (policy("b"), policy("a"))
    assert by_policy(both(*twins)) == {"a": (Mode.EVICT, None), "b": (None, Refusal.ANOTHER_POLICY_ACTS)}


@pytest.mark.parametrize(
    ("old", "why"),
    [
        (replace(OLD, mode=Mode.OBSERVE), Refusal.OBSERVE_ONLY),
        (replace(OLD, paused_until=NOW + 1), Refusal.PAUSED),
        (replace(OLD, min_ready_peers=5), Refusal.MIN_READY_PEERS),
        (replace(OLD, budget=Budget(0, HOUR)), Refusal.BUDGET),
    ],
    ids=lambda value: value.value if isinstance(value, Refusal) else "",
)
def test_a_policy_that_may_not_act_leaves_the_pod_to_the_next(old: object, why: Refusal) -> None:
    assert by_policy(both(old)) == {"old": (None, why), "young": (Mode.EVICT, None)}


def test_a_rehearsal_of_the_older_policy_keeps_the_younger_off_for_good() -> None:
    old = replace(OLD, execution=Execution.DRY_RUN, cooldown=0)
    seen = both(old, replace(YOUNG, cooldown=0))
    assert by_policy(seen)["young"] == (None, Refusal.ANOTHER_POLICY_ACTS)
    later = replace(seen, journal=tuple(done(seen)))
    assert by_policy(later) == {"old": (None, Refusal.ALREADY_DONE), "young": (None, Refusal.ANOTHER_POLICY_ACTS)}


def test_a_plan_that_was_carried_out_plans_nothing_more() -> None:
    for by in (policy(), policy(execution=Execution.DRY_RUN), policy(mode=Mode.ANNOTATE)):
        seen = one_leak(by=by)
        assert plan(seen, NOW).intents
        assert plan(replace(seen, journal=tuple(done(seen))), NOW).intents == ()


def test_dry_run_is_the_same_plan_with_another_hand() -> None:
    live, dry = one_leak(), one_leak(by=policy(execution=Execution.DRY_RUN))
    (a,), (b,) = plan(live, NOW).intents, plan(dry, NOW).intents
    assert (a.verb, a.pod, a.dry_run) == (b.verb, b.pod, not b.dry_run)
    assert "dry run" in decided(dry).decision.message


def test_findings_of_a_policy_that_is_gone_are_nobodys() -> None:
    assert plan(replace(one_leak(), policies=()), NOW).decisions == ()


def test_the_journal_entry_says_at_what_age_the_leak_was_found() -> None:
    (intent,) = plan(one_leak(finding=leak(first_seen=NOW - 600)), NOW).intents
    assert intent.action is not None
    assert intent.action.found_at_age == HOUR - 600


# Annotations.

NOTES = policy(mode=Mode.ANNOTATE)
TEXT = summary([leak()], GOPLS)


def annotated(deleting: bool = False) -> PodFacts:
    return pod(annotations={SUMMARY_ANNOTATION: TEXT}, deleting=deleting)


def test_annotate_writes_the_summary() -> None:
    (intent,) = plan(one_leak(by=NOTES), NOW).intents
    assert (intent.verb, intent.text, intent.dry_run) == (Verb.ANNOTATE, TEXT, False)
    assert decided(one_leak(by=NOTES)).decision.action is Mode.ANNOTATE


def test_a_pod_that_says_it_already_is_left_alone() -> None:
    seen = one_leak(annotated(), NOTES)
    assert plan(seen, NOW).intents == ()
    assert decided(seen).decision.action is Mode.ANNOTATE


def test_an_annotation_just_written_is_believed_until_the_view_can_show_it() -> None:
    seen = one_leak(by=NOTES)
    seen = replace(seen, journal=tuple(done(seen)))
    assert plan(seen, NOW + 59).intents == ()
    assert plan(seen, NOW + 60).intents


def test_a_second_leak_changes_the_text() -> None:
    seen = view([found(annotated(), NOTES), found(annotated(), NOTES, leak("main.more"))], [NOTES], [annotated()])
    (intent,) = plan(seen, NOW).intents
    assert intent.text == summary([leak(), leak("main.more")], GOPLS)


ANNOTATED_ANYWAY = [
    ("a bare pod", pod(owner=None)),
    ("a DaemonSet pod", pod(owner=Owner("DaemonSet", "x", "x"))),
    ("a pod that runs once", pod(restart_policy="Never")),
    ("a critical pod", pod(priority_class="system-node-critical")),
    ("a pod that may not be evicted", pod(annotations={"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"})),
    ("a pod with local storage", pod(local_volumes=("home",))),
]


@pytest.mark.parametrize(("what", "which"), ANNOTATED_ANYWAY, ids=[what for what, _ in ANNOTATED_ANYWAY])
def test_a_note_disturbs_nobody_and_needs_no_budget(what: str, which: PodFacts) -> None:
    by = replace(NOTES, budget=Budget(0, HOUR), storm_percent=1, min_ready_peers=9)
    assert plan(one_leak(which, by, peers=[], journal=None), NOW).intents, what


NOT_ANNOTATED = [
    (pod(deleting=True), NOTES, leak(), Refusal.POD_TERMINATING),
    (pod(mirror=True), NOTES, leak(), Refusal.MIRROR_POD),
    (pod(annotations={"leakwarden.io/opt-out": "true"}), NOTES, leak(), Refusal.OPTED_OUT),
    (pod(), replace(NOTES, paused_until=NOW + 1), leak(), Refusal.PAUSED),
    (pod(), NOTES, leak(type=FindingType.PRESSURE), Refusal.NOT_A_LEAK),
    (pod(), NOTES, leak(severity=Severity.WARNING), Refusal.BELOW_MIN_SEVERITY),
]


@pytest.mark.parametrize(("which", "by", "finding", "why"), NOT_ANNOTATED, ids=[case[-1] for case in NOT_ANNOTATED])
def test_a_note_is_not_written_either(which: PodFacts, by: object, finding: object, why: Refusal) -> None:
    seen = one_leak(which, by, finding)  # type: ignore[arg-type]
    assert plan(seen, NOW).intents == ()
    assert refusals(seen) == [why]


def test_a_note_that_failed_is_tried_again_later() -> None:
    failed = evicted(pod(), kind=Mode.ANNOTATE, at=NOW - 30, state=ActionState.FAILED, refusal=Refusal.API_REFUSED)
    seen = one_leak(by=NOTES, journal=[failed])
    assert refusals(seen) == [Refusal.API_REFUSED]
    assert plan(seen, NOW + 30).intents


REMOVED = [
    ("the leak is resolved", view([], [NOTES], [annotated()])),
    ("the policy is gone", replace(one_leak(annotated(), NOTES), policies=())),
    ("the policy only observes now", one_leak(annotated(), replace(NOTES, mode=Mode.OBSERVE))),
    ("only pressure is left", one_leak(annotated(), NOTES, leak(type=FindingType.PRESSURE))),
    ("the leak was muted", one_leak(annotated(), NOTES, mutes=(Mute(GOPLS, leak().signature, "known", None),))),
]


@pytest.mark.parametrize(("what", "seen"), REMOVED, ids=[what for what, _ in REMOVED])
def test_the_annotation_is_taken_away_when(what: str, seen: FleetView) -> None:
    (intent,) = plan(seen, NOW).intents
    assert (intent.verb, intent.pod.name, intent.action, intent.dry_run) == (
        Verb.REMOVE_ANNOTATION, "ws-1", None, False,
    )  # fmt: skip


STAYS = [
    ("the policy is paused", one_leak(annotated(), replace(NOTES, paused_until=NOW + 1))),
    ("the target is out of reach", replace(one_leak(annotated(), NOTES), verdicts={})),
    ("the pod is terminating", view([], [NOTES], [annotated(deleting=True)])),
    ("the pods cannot be read", replace(view([], [NOTES], [annotated()]), unread=frozenset({"demo"}))),
]


@pytest.mark.parametrize(("what", "seen"), STAYS, ids=[what for what, _ in STAYS])
def test_the_annotation_stays_while(what: str, seen: FleetView) -> None:
    assert plan(seen, NOW).intents == (), what


# Suspensions.


def test_a_pause_suspends_whatever_is_found() -> None:
    by = policy(paused_until=NOW + HOUR)
    suspended = plan(view([], [by], []), NOW).suspended
    assert suspended[GOPLS].reason is Suspend.PAUSED
    assert "until 14:13 UTC" in suspended[GOPLS].message


def test_a_policy_that_only_observes_has_nothing_to_suspend() -> None:
    by = policy(mode=Mode.OBSERVE, paused_until=NOW + HOUR)
    assert plan(view([], [by], []), NOW).suspended == {}


def test_a_storm_suspends_evictions_but_not_notes() -> None:
    pods = [alone("a"), alone("b")]
    for by, reasons in ((policy(), [Suspend.STORM_BRAKE]), (NOTES, [])):
        seen = view([found(each, by) for each in pods], [by], pods, healthy=0)
        assert [each.reason for each in plan(seen, NOW).suspended.values()] == reasons


def test_muted_leaks_make_no_storm() -> None:
    by = policy(min_ready_peers=0)
    pods = [alone("a"), alone("b"), alone("c")]
    findings = [found(each, by, leak("main.known")) for each in pods[:2]] + [found(pods[2], by)]
    mute = Mute(GOPLS, "memory/main.known", "known", None)
    assert not plan(view(findings, [by], pods, healthy=3), NOW).intents
    assert plan(view(findings, [by], pods, healthy=3, mutes=(mute,)), NOW).intents


def test_the_window_of_a_budget_slides_to_the_second() -> None:
    spent = [evicted(alone(f"gone-{i}"), at=NOW - HOUR + i) for i in range(3)]
    seen = one_leak(journal=spent)
    assert refusals(seen, NOW - 1) == [Refusal.BUDGET]
    assert refusals(seen, NOW) == [None]
    refused = replace(seen, journal=(*spent, replace(evicted(alone("gone-3"), at=NOW - 1))))
    assert refusals(refused, NOW) == [Refusal.BUDGET]
    assert "next at 13:13 UTC" in decided(refused).decision.message


def test_failed_attempts_spend_nothing() -> None:
    failed = [evicted(alone(f"gone-{i}"), at=NOW - 60, state=ActionState.FAILED) for i in range(9)]
    assert refusals(one_leak(journal=failed)) == [None]


def test_times_ahead_of_the_clock_count_as_spent() -> None:
    ahead = [evicted(alone(f"gone-{i}"), at=NOW + 300) for i in range(3)]
    assert refusals(one_leak(journal=ahead)) == [Refusal.BUDGET]
