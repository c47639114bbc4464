"""The status: what it counts, when it says that something is wrong, and that it stays still when nothing happened."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from leakwarden.api.status import LeakPolicyStatus
from leakwarden.api.words import Mode, Outcome, Resolution, Severity, Signal, Verdict
from leakwarden.core.actions import ActionState, Decision, Refusal
from leakwarden.core.decide.view import Suspend, Suspension
from leakwarden.core.findings import Finding, LabelShare, Strain
from leakwarden.core.policy import Policy
from leakwarden.core.report.groups import group
from leakwarden.core.report.status import ACCEPTED
from leakwarden.core.report.values import TargetReport
from tests.core.api.policies import SMALLEST, spec_with
from tests.core.report.samples import (
    HOUR,
    MIB,
    NOW,
    evicted,
    full_status,
    goroutine_leak,
    heap_leak,
    policy,
    pressure,
    refused,
    report,
    several,
    status,
)


def condition(found: dict[str, Any], kind: str) -> tuple[str, str, str]:
    (one,) = [c for c in found["conditions"] if c["type"] == kind]
    return one["status"], one["reason"], one["message"]


# Conditions


def test_a_policy_that_samples_is_ready() -> None:
    assert condition(status(report()), "Ready") == ("True", "Sampling", "sampling 1 target")


def test_a_policy_without_pods_is_not_ready_and_says_so() -> None:
    state, reason, message = condition(status(), "Ready")
    assert (state, reason) == ("False", "NoMatchingPods")
    assert "selector" in message


def test_before_the_first_attempt_ready_is_unknown() -> None:
    found = status(report(last_attempt=0.0, verdict=Verdict.LEARNING))
    assert condition(found, "Ready")[:2] == ("Unknown", "Starting")
    assert "reachedInterval" not in found["targets"]


def test_an_invalid_spec_is_named_by_its_field_and_leaves_every_other_condition_unknown() -> None:
    found = status(of=policy(spec_with("rules.0.growth.window", "3m")))
    state, reason, message = condition(found, "Ready")
    assert (state, reason) == ("False", "InvalidSpec")
    assert message.startswith("spec.rules[0].growth.window: ")
    for kind in ("Leaking", "Degraded", "Suspended"):
        assert condition(found, kind)[:2] == ("Unknown", "InvalidSpec")


def test_a_missing_right_makes_it_not_ready() -> None:
    found = status(report(), forbidden="create pods/portforward is forbidden in namespace demo")
    assert condition(found, "Ready") == ("False", "Forbidden", "create pods/portforward is forbidden in namespace demo")


def test_rules_in_effect_say_when_they_are_met_and_whether_they_are_built_in() -> None:
    builtin = {rule["name"]: rule for rule in status(report())["rules"]}
    assert builtin["heap-inuse"]["when"] == "above 1500Mi and grows by 128Mi in 1h40m, held for 10m"
    assert all(rule["builtin"] for rule in builtin.values())
    assert not any(rule["builtin"] for rule in status(report(), of=policy())["rules"])


def test_leaking_is_unknown_until_something_was_judged() -> None:
    found = status(*several(2, Verdict.LEARNING), *several(1, Verdict.NOT_RUNNING, first=2))
    assert condition(found, "Leaking")[:2] == ("Unknown", "NothingJudged")


def test_leaking_is_false_only_with_a_verdict_to_show() -> None:
    state, reason, message = condition(status(*several(2), *several(1, Verdict.LEARNING, first=2)), "Leaking")
    assert (state, reason) == ("False", "NoLeakFound")
    assert message == "no open leak: of 3 targets 2 healthy, 1 learning"


def test_leaking_names_the_worst_leak() -> None:
    state, reason, message = condition(status(report("ws-1", heap_leak(), goroutine_leak())), "Leaking")
    assert (state, reason) == ("True", "LeakFound")
    assert message == "2 leaks open, the worst: main.(*Cache).parseAndKeep +96Mi/h (1 pod)"


def test_a_leak_of_a_pod_that_became_unreachable_stays_open() -> None:
    found = status(report("ws-1", heap_leak(), verdict=Verdict.UNREACHABLE, reason="Timeout"))
    assert condition(found, "Leaking")[0] == "True"
    assert found["targets"]["leaking"] == 0


def test_pressure_alone_is_no_leak() -> None:
    found = status(report("ws-1", pressure(), verdict=Verdict.INCONCLUSIVE))
    assert condition(found, "Leaking")[:2] == ("False", "NoLeakFound")
    assert found["findings"][0]["type"] == "Pressure"
    assert "topLeak" not in found


def muting(*muted: str, until: str = "") -> Policy:
    ends = {"until": until} if until else {}
    return policy({**SMALLEST, "mutes": [{"signature": one, "reason": "known", **ends} for one in muted]})


def test_a_muted_leak_is_shown_last_and_neither_leads_nor_counts_as_leaking() -> None:
    of = muting(heap_leak().signature, until="2026-12-03T08:00:00Z")
    found = status(report("ws-1", heap_leak(), goroutine_leak()), report("ws-2", pressure()), of=of)
    assert [row["signature"] for row in found["findings"]][-1] == heap_leak().signature
    assert [row.get("muted") for row in found["findings"]] == [None, None, "until 2026-12-03T08:00Z: known"]
    assert found["topLeak"].startswith("server.(*Server).onChange")
    state, reason, message = condition(found, "Leaking")
    assert (state, reason) == ("True", "LeakFound")
    assert message.startswith("1 leak open, the worst: server.(*Server).onChange")
    assert message.endswith("; 1 more muted")


def test_muted_leaks_alone_are_no_alarm_and_yet_the_verdict_of_their_targets() -> None:
    of = muting(heap_leak().signature)
    found = status(report("ws-1", heap_leak()), report("ws-2"), of=of)
    assert condition(found, "Leaking") == (
        "False",
        "LeaksMuted",
        "no open leak but 1 muted (spec.mutes): of 2 targets 1 healthy, 1 leaking",
    )
    assert (found["targets"]["leaking"], found["findingsTotal"]) == (1, 1)
    assert "topLeak" not in found


def test_a_mute_that_is_over_mutes_nothing() -> None:
    of = muting(heap_leak().signature, until="2026-11-23T14:00:00Z")
    before = status(report("ws-1", heap_leak()), of=of, now=NOW - 1)
    found = status(report("ws-1", heap_leak()), of=of, now=NOW, previous=before)
    assert ("muted" in before["findings"][0], "muted" in found["findings"][0]) == (True, False)
    assert condition(found, "Leaking")[0] == "True"


def test_a_finding_shows_what_was_decided_for_its_worst_pod() -> None:
    near = heap_leak(limit_at=NOW + 60)
    rows = [refused("ws-1", Refusal.BUDGET), refused("ws-2", Refusal.COOLDOWN)]
    before = status(report("ws-1", heap_leak()), report("ws-2", near))
    found = status(report("ws-1", heap_leak()), report("ws-2", near), decisions=rows, previous=before)
    assert ["decision" in row for row in before["findings"]] == [False]
    assert [row["decision"] for row in found["findings"]] == ["Cooldown"]


@pytest.mark.parametrize(("blind", "state"), [(0, "False"), (1, "False"), (2, "True"), (10, "True")])
def test_degraded_when_more_than_a_tenth_of_the_running_targets_is_blind(blind: int, state: str) -> None:
    unreadable = several(blind, Verdict.UNREACHABLE, first=100, reason="Timeout", message="no answer within 10s")
    asleep = several(50, Verdict.NOT_RUNNING, first=200, reason="ConnectionRefused")
    found = status(*several(10 - blind), *unreadable, *asleep)
    assert condition(found, "Degraded")[0] == state


def test_each_reason_for_blindness_is_told_with_an_example() -> None:
    found = status(
        report("ws-html", verdict=Verdict.UNREACHABLE, reason="NotPprof", message="the answer is HTML"),
        report("ws-hung", verdict=Verdict.UNREACHABLE, reason="Timeout", message="no answer within 10s"),
        report("ws-idle", verdict=Verdict.NOT_RUNNING, reason="ConnectionRefused"),
        report("ws-fine"),
    )
    assert condition(found, "Degraded") == (
        "True",
        "TargetsBlind",
        "2 of 3 running targets cannot be read; 1 NotPprof (e.g. ws-html: the answer is HTML), "
        "1 Timeout (e.g. ws-hung: no answer within 10s); nothing listens on 1 more",
    )


def test_what_to_do_about_a_missing_right_is_not_cut_off() -> None:
    refusal = 'cannot get pods/portforward in namespace demo: pods "ws-1" is forbidden: User "' + "x" * 200 + '"'
    hint = "(a forward needs get and create on pods/portforward)"
    blind = report("ws-1", verdict=Verdict.UNREACHABLE, reason="Forbidden", message=f"{refusal} {hint}")
    message = condition(status(blind), "Degraded")[2]
    assert message.startswith("1 of 1 running target cannot be read; 1 Forbidden (e.g. ws-1: cannot get pods/port")
    assert message.endswith(f"… {hint})")
    assert len(message) < 260


def test_without_targets_no_condition_counts_to_zero() -> None:
    found = status()
    assert condition(found, "Leaking")[2] == "no verdict yet: no targets"
    assert condition(found, "Degraded")[2] == "no targets"


@pytest.mark.parametrize(("minutes", "state"), [(9, "False"), (10, "True")])
def test_nothing_listening_anywhere_is_a_fault_after_ten_minutes(minutes: int, state: str) -> None:
    idle = several(3, Verdict.NOT_RUNNING, reason="ConnectionRefused", verdict_since=NOW - minutes * 60)
    found = status(*idle)
    assert condition(found, "Degraded")[0] == state
    assert "-debug=localhost:6060" in condition(found, "Degraded")[2]


def test_no_editor_open_in_most_workspaces_is_no_fault() -> None:
    found = status(report(), *several(9, Verdict.NOT_RUNNING, verdict_since=NOW - HOUR))
    assert condition(found, "Degraded")[:2] == ("False", "TargetsReadable")


@pytest.mark.parametrize("reason", list(Suspend))
def test_a_suspended_policy_says_why(reason: Suspend) -> None:
    found = status(report(), suspension=Suspension(reason, "because"))
    assert condition(found, "Suspended") == ("True", reason.value, "because")


def test_a_policy_that_may_act_is_not_suspended() -> None:
    assert condition(status(report()), "Suspended")[:2] == ("False", "NotSuspended")


def test_transition_times_move_only_with_the_status() -> None:
    first = status(report())
    later = status(report(), previous=first, now=NOW + HOUR)
    assert later == first
    leaking = status(report("ws-1", heap_leak()), previous=first, now=NOW + HOUR)
    times = {c["type"]: c["lastTransitionTime"] for c in leaking["conditions"]}
    assert times == {
        "Ready": "2026-11-23T14:00:00Z",
        "Leaking": "2026-11-23T15:00:00Z",
        "Degraded": "2026-11-23T14:00:00Z",
        "Suspended": "2026-11-23T14:00:00Z",
    }


# Counts, findings, decisions, actions


def test_targets_are_counted_by_verdict_with_the_pace_that_is_reached() -> None:
    found = status(
        report("a"),
        report("b", verdict=Verdict.LEARNING, interval=60.0),
        report("c", heap_leak(), interval=60.0),
        report("d", verdict=Verdict.NOT_RUNNING, interval=300.0),
    )
    assert found["targets"] == {
        "matched": 4,
        "healthy": 1,
        "learning": 1,
        "inconclusive": 0,
        "leaking": 1,
        "unreachable": 0,
        "notRunning": 1,
        "sampledPerMinute": 4,
        "reachedInterval": "1m",
    }


def test_one_bug_in_many_pods_is_one_row_with_the_worst_five() -> None:
    reports = [report(f"ws-{index}", heap_leak(growth_per_hour=index * MIB, limit_at=None)) for index in range(400)]
    (row,) = status(*reports)["findings"]
    assert row["affected"] == 400
    assert row["pods"] == ["ws-399", "ws-398", "ws-397", "ws-396", "ws-395"]
    assert ": 400 pods, the worst pod demo/ws-399 (" in row["message"]


def test_two_processes_of_one_pod_are_one_affected_pod() -> None:
    (row,) = status(report("ws-1", heap_leak()), report("ws-1", heap_leak(), endpoint="other"))["findings"]
    assert (row["affected"], row["pods"]) == (1, ["ws-1"])


def test_the_first_limit_of_a_group_is_the_one_that_is_shown() -> None:
    (row,) = status(report("a", heap_leak()), report("b", heap_leak(limit_at=NOW + 600)))["findings"]
    assert row["limitAt"] == "2026-11-23T14:10:00Z"
    assert row["pods"] == ["b", "a"]


SECRET = LabelShare("doc_id", "secret.go", 0.91, exact=True)


def test_whose_goroutines_they_are_is_in_the_row() -> None:
    (row,) = status(report("a", goroutine_leak(labels=(SECRET,))))["findings"]
    assert "91 % of the new goroutines belong to doc_id=secret.go (pprof labels). Cause " in row["message"]


@pytest.mark.parametrize("known", [(SECRET,), (replace(SECRET, value=""),), ()])
def test_a_policy_that_comes_to_hide_values_takes_them_out_of_a_row_that_stands(
    known: tuple[LabelShare, ...],
) -> None:
    shown = status(report("a", goroutine_leak(labels=(SECRET,))))
    hiding = policy(spec_with("labels.values", "Hide"))
    after = status(report("a", goroutine_leak(labels=known)), of=hiding, previous=shown)
    assert "secret" not in json.dumps(after)
    assert ("to one doc_id (the policy hides which)" in after["findings"][0]["message"]) is bool(known)


def test_a_row_that_stands_is_rewritten_for_another_value_and_not_for_a_share_that_moved() -> None:
    shown = status(report("a", goroutine_leak(labels=(SECRET,))))

    def after(label: LabelShare) -> bool:
        return status(report("a", goroutine_leak(labels=(label,))), previous=shown) == shown

    assert after(replace(SECRET, share=0.89))
    assert not after(replace(SECRET, value="other.go"))


def test_a_row_says_in_words_what_was_decided_and_changes_with_it() -> None:
    first = status(report("ws-1", heap_leak()))
    assert "before 16:40Z; not urgent yet. Evidence: " in first["findings"][0]["message"]
    watching = [refused("ws-1", Refusal.OBSERVE_ONLY)]
    then = status(report("ws-1", heap_leak()), decisions=watching, previous=first)
    assert "This policy only watches, it touches no pod. " in then["findings"][0]["message"]


def test_an_eviction_that_is_only_tried_is_said_to_be_a_dry_run() -> None:
    act = Decision("demo", "ws-1", "uid-ws-1", heap_leak().signature, Mode.EVICT, None, "evicted")
    trying = policy({**SMALLEST, "remediation": {"mode": "Evict", "execution": "DryRun"}})
    (row,) = status(report("ws-1", heap_leak()), decisions=[act], of=trying)["findings"]
    assert row["decision"] == "Evict"
    assert "Leakwarden would evict the pod, but only a dry run is allowed: it does nothing. " in row["message"]


def test_memory_that_moves_alone_rewrites_no_row() -> None:
    first = status(report("ws-1", heap_leak(), memory=600 * MIB))
    assert "uses 600 MiB of its 1.5 GiB limit as of 14:00Z and grows " in first["findings"][0]["message"]
    later = heap_leak(last_seen=NOW + 300, strain=Strain(held=1200 * MIB, limit=1536 * MIB))
    assert status(report("ws-1", later, memory=900 * MIB), previous=first, now=NOW + 300) == first


def test_pressure_is_written_anew_for_another_level_and_not_for_the_time_of_a_look() -> None:
    first = status(report("ws-1", pressure()))
    later = replace(pressure(), last_seen=NOW + 300, value=94.0)
    assert status(report("ws-1", later), previous=first, now=NOW + 300) == first
    assert status(report("ws-1", replace(later, value=70.0)), previous=first, now=NOW + 300) != first


def same_place(*others: Finding) -> TargetReport:
    return report("ws-1", heap_leak(), *others)


def test_another_finding_at_the_same_place_shows_in_both_rows_and_goes_with_its_end() -> None:
    other = goroutine_leak(site=heap_leak().site)
    alone = status(same_place())
    both = status(same_place(other), previous=alone)
    rows = {row["signature"]: row["message"] for row in both["findings"]}
    assert f"Perhaps the same bug as {other.signature}. " in rows[heap_leak().signature]
    assert f"Perhaps the same bug as {heap_leak().signature}. " in rows[other.signature]
    assert status(same_place(other), previous=both, now=NOW + 60) == both
    ended = replace(other, resolution=Resolution.SUBSIDED, resolved_at=NOW)
    (left,) = status(same_place(ended), previous=both)["findings"]
    assert "Perhaps" not in left["message"]


def test_which_of_the_pods_is_the_worst_does_not_rewrite_what_is_at_the_same_place() -> None:
    other = goroutine_leak(site=heap_leak().site)

    def fleet(first: float, second: float) -> tuple[TargetReport, TargetReport]:
        near, far = (heap_leak(limit_at=NOW + minutes * 60) for minutes in (first, second))
        return report("a", near, other), report("b", far)

    shown = status(*fleet(160, 161))
    assert status(*fleet(161, 160), previous=shown) == shown


def test_leaks_come_before_pressure_and_critical_before_warning() -> None:
    high = pressure(severity=Severity.CRITICAL)
    rows = group([report("a", high), report("b", goroutine_leak()), report("c", heap_leak())])
    assert [row.signature for row in rows] == [heap_leak().signature, goroutine_leak().signature, "memory/unattributed"]


FIRST, SECOND = "memory/main.z", "memory/main.a"
"""Against the alphabet, so that only what is meant decides."""


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"limit_at": NOW + 15 * 60}, {"limit_at": NOW + 15 * HOUR, "growth_per_hour": 9e12}),
        ({"limit_at": NOW + 5 * HOUR}, {"limit_at": NOW + 7 * HOUR}),
        ({"limit_at": NOW + 23 * HOUR}, {"limit_at": NOW + 25 * HOUR}),
        ({"limit_at": NOW + 23 * HOUR}, {"limit_at": None}),
        ({"growth_per_hour": 64 * MIB}, {"growth_per_hour": 16 * MIB}),
        ({"growth_per_hour": 64 * MIB}, {"growth_per_hour": 41_500.0 / 60, "signal": Signal.GOROUTINES}),
        ({"severity": Severity.CRITICAL, "limit_at": None}, {"severity": Severity.WARNING, "limit_at": NOW + 60}),
    ],
)
def test_what_is_more_urgent_comes_first(first: dict[str, Any], second: dict[str, Any]) -> None:
    fleet = [report("a", heap_leak(signature=SECOND, **second)), report("b", heap_leak(signature=FIRST, **first))]
    assert [row.signature for row in group(fleet)] == [FIRST, SECOND]


def test_of_leaks_as_near_to_their_limit_the_one_in_more_pods_comes_first() -> None:
    one = report("a", heap_leak(signature=SECOND, limit_at=NOW + 10 * 60, growth_per_hour=9e12))
    many = [report(pod, heap_leak(signature=FIRST, limit_at=NOW + 50 * 60)) for pod in "bc"]
    assert [row.signature for row in group([one, *many])] == [FIRST, SECOND]


def test_growth_that_wavers_does_not_change_the_order() -> None:
    def order(pace: float) -> list[str]:
        other = heap_leak(signature=FIRST, growth_per_hour=pace * MIB)
        return [row.signature for row in group([report("a", heap_leak(signature=SECOND)), report("b", other)])]

    assert order(90) == order(96.3) == order(110) == [SECOND, FIRST]


def test_findings_are_cut_at_twenty_and_the_total_says_so() -> None:
    found = status(*(report(f"p{i}", heap_leak(signature=f"memory/main.f{i:02}")) for i in range(31)))
    assert (len(found["findings"]), found["findingsTotal"]) == (20, 31)


def test_a_resolved_finding_is_not_shown() -> None:
    found = status(report("a", heap_leak(resolution=Resolution.SUBSIDED, resolved_at=NOW)))
    assert (found["findings"], found["findingsTotal"]) == ([], 0)


def test_rules_count_the_open_findings_they_take_part_in() -> None:
    found = status(report("a", heap_leak(rules=("live-heap", "site-bytes"))), report("b", heap_leak()))
    assert {rule["name"]: rule["open"] for rule in found["rules"]}["live-heap"] == 2
    assert {rule["name"]: rule["open"] for rule in found["rules"]}["site-bytes"] == 1


def test_decisions_are_counted_by_reason_with_an_example() -> None:
    act = Decision("demo", "ws-9", "uid", "s", Mode.EVICT, None, "ws-9 is evicted")
    found = status(decisions=[refused("ws-2"), refused("ws-1"), refused("ws-3", Refusal.BUDGET), act])
    assert found["decisions"] == [
        {"reason": "BudgetSpent", "count": 1, "pod": "ws-3", "message": "ws-3: BudgetSpent"},
        {"reason": "Cooldown", "count": 2, "pod": "ws-1", "message": "ws-1: Cooldown"},
        {"reason": "Evict", "count": 1, "pod": "ws-9", "message": "ws-9 is evicted"},
    ]


def test_an_example_stays_while_it_is_one() -> None:
    first = status(decisions=[refused("ws-2")])
    second = status(decisions=[refused("ws-1"), refused("ws-2")], previous=first)
    assert (second["decisions"][0]["pod"], second["decisions"][0]["count"]) == ("ws-2", 2)
    third = status(decisions=[refused("ws-1")], previous=second)
    assert third["decisions"][0]["pod"] == "ws-1"


def test_the_newest_twenty_actions_are_shown_newest_first_with_their_outcome() -> None:
    actions = [evicted(f"ws-{i}", at=NOW - i * 60) for i in range(25)]
    actions[3] = replace(actions[3], outcome=Outcome.CAME_BACK)
    found = status(actions=list(reversed(actions)))["actions"]
    assert [action["pod"] for action in found] == [f"ws-{i}" for i in range(20)]
    assert (found[3]["outcome"], found[3]["dryRun"], found[3]["at"]) == ("CameBack", False, "2026-11-23T13:57:00Z")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "evicting ws-1 was accepted by the API server"),
        ({"dry_run": True}, "dry run: evicting ws-1 was accepted by the API server"),
        ({"kind": Mode.ANNOTATE}, "annotating ws-1 was accepted by the API server"),
        ({"state": ActionState.FAILED, "message": "not allowed"}, "evicting ws-1 failed: not allowed"),
        ({"message": "the pod is gone"}, "evicting ws-1 is done: the pod is gone"),
        (
            {"state": ActionState.INTENDED, "message": ""},
            "evicting ws-1 is under way, or what became of it is not known yet",
        ),
    ],
)
def test_an_action_s_message_stands_alone(changes: dict[str, Any], message: str) -> None:
    (shown,) = status(actions=[evicted(**{"message": ACCEPTED, **changes})])["actions"]
    assert shown["message"] == message


@pytest.mark.parametrize("changes", [{"dry_run": True}, {"kind": Mode.ANNOTATE}])
def test_what_replaces_no_pod_has_no_outcome(changes: dict[str, Any]) -> None:
    (shown,) = status(actions=[evicted(outcome=Outcome.PENDING, **changes)])["actions"]
    assert "outcome" not in shown


def test_a_leak_that_is_flat_shows_neither_pace_nor_limit() -> None:
    found = status(report("ws-1", heap_leak(growth_per_hour=0.0)))
    assert {"growthPerHour", "limitAt"} & found["findings"][0].keys() == set()
    assert found["topLeak"] == "main.(*Cache).parseAndKeep flat (1 pod)"


def test_the_top_leak_says_what_it_counts() -> None:
    found = status(report("ws-1", goroutine_leak(growth_per_hour=41_500.0)))
    assert found["topLeak"] == "server.(*Server).onChange +41500 goroutines/h (1 pod)"


def test_a_limit_about_a_day_ahead_does_not_come_and_go() -> None:
    def limit(hours: float, previous: dict[str, Any] | None) -> dict[str, Any]:
        return status(report("ws-1", heap_leak(limit_at=NOW + hours * HOUR)), previous=previous)

    far = limit(24.5, None)
    near = limit(23.5, far)
    assert "limitAt" not in far["findings"][0]
    assert "limitAt" in near["findings"][0]
    assert limit(24.5, near) == near
    assert "limitAt" not in limit(27, near)["findings"][0]


def test_another_rule_or_confidence_shows_at_once() -> None:
    first = status(report("ws-1", heap_leak()))
    second = status(report("ws-1", heap_leak(rules=("live-heap", "site-bytes"))), previous=first)
    assert "(growth: High confidence; rules live-heap, site-bytes)" in second["findings"][0]["message"]


def test_every_field_of_the_status_can_be_filled() -> None:
    def empty(value: Any, path: str) -> list[str]:
        if isinstance(value, dict):
            return [found for key, child in value.items() for found in empty(child, f"{path}.{key}")]
        return [path] if value in (None, [], "") else []

    found = full_status()
    assert found.keys() == {"observedGeneration", "conditions", "targets", "rules", "decisions", "findingsTotal",
                            "findings", "actions", "topLeak"}  # fmt: skip
    assert empty(found, "status") == []
    assert LeakPolicyStatus.model_validate(found).wire() == found
