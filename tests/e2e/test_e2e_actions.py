"""What is done about a leak, and the rails that pace it: evictions, dry runs, a disruption budget, annotations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.e2e.audit import writes_by
from tests.e2e.conftest import ACTIONS, Stage
from tests.e2e.policies import QUICK, policy, quick_leak
from tests.e2e.scene import Scene, annotation, is_ready, name, uid
from workloads.manifests import Workload, disruption_budget, manifest

pytestmark = pytest.mark.e2e

EVICT: dict[str, Any] = {"mode": "Evict", "stormPercent": 100}


@pytest.fixture(scope="module")
def scene(stage: Stage) -> Iterator[Scene]:
    """Four groups of pods that leak from the start, and the policies over them, the older before the younger."""
    scene = stage.scene(ACTIONS)

    def leak(app: str, group: str, replicas: int) -> Workload:
        return replace(quick_leak(stage.images, app, ACTIONS, replicas=replicas), labels={"group": group})

    guarded = leak("guarded", "guarded", 1)
    scene.apply(
        *map(manifest, (leak("first", "evicted", 2), leak("second", "evicted", 2), leak("rehearsed", "rehearsed", 2))),
        *map(manifest, (guarded, leak("shared", "shared", 2))),
        disruption_budget(guarded, 1),
    )
    scene.apply(
        policy("evict", {"group": "evicted"}, rules=[QUICK], **EVICT, budget={"actions": 1}),
        policy("rehearse", {"group": "rehearsed"}, rules=[QUICK], **EVICT, execution="DryRun", cooldown="0s",
               budget={"actions": 1}),
        policy("guarded", {"group": "guarded"}, rules=[QUICK], **EVICT, minReadyPeers=0),
        policy("elder", {"group": "shared"}, rules=[QUICK], mode="Annotate"),
    )  # fmt: skip
    scene.eventually(lambda: scene.condition("elder", "Ready"), 30)
    scene.apply(policy("younger", {"group": "shared"}, rules=[QUICK], **EVICT))
    yield scene
    scene.delete("leakpolicies", "evict", "rehearse", "guarded", "elder", "younger")
    scene.kubectl("delete", "deployments,poddisruptionbudgets", "--all", "--wait=false")


def test_a_leaking_pod_is_evicted_by_its_uid_and_its_replacement_runs_and_is_ready(scene: Scene) -> None:
    def evicted() -> tuple[str, str]:
        requests = scene.real_evictions()
        mine = [request for request in requests if request.name.startswith(("first-", "second-"))]
        assert len(mine) == 1, scene.evictions()
        return mine[0].name, mine[0].uid

    pod, evicted_uid = scene.eventually(evicted, 120)
    owner = pod.split("-")[0]
    assert evicted_uid != ""

    def replaced() -> None:
        pods = scene.pods(owner)
        assert evicted_uid not in {uid(each) for each in pods}
        assert [is_ready(each) for each in pods] == [True, True], [name(each) for each in pods]

    scene.eventually(replaced, 60)
    user = {request.user for request in scene.real_evictions()}
    assert user == {"system:serviceaccount:leakwarden:leakwarden"}


def test_the_eviction_stands_in_status_and_in_events_on_pod_and_policy(scene: Scene) -> None:
    def told() -> None:
        actions = scene.actions("evict")
        assert [(each["action"], each["state"], each["dryRun"]) for each in actions] == [("Evict", "Done", False)]
        assert "analyzeAndSend" in actions[0]["signature"]
        [request] = [r for r in scene.real_evictions() if r.name == actions[0]["pod"]]
        on_pod = scene.events("ActionTaken", "Pod", request.name)
        on_policy = scene.events("ActionTaken", "LeakPolicy", "evict")
        assert [(event.uid, event.count) for event in on_pod] == [(request.uid, 1)]
        assert [event.count for event in on_policy] == [1]
        assert "evicted for goroutine" in on_pod[0].note

    scene.eventually(told, 60)


def test_while_one_eviction_is_in_flight_the_owner_loses_no_other_pod(scene: Scene) -> None:
    """Until the replacement has been Ready for half a minute; after that the owner rests."""
    in_flight = scene.wait_decision("evict", "ActionInFlight", 60)
    assert "was evicted at" in in_flight["message"]


def test_an_owner_that_lost_a_pod_has_a_cooldown(scene: Scene) -> None:
    cooldown = scene.wait_decision("evict", "Cooldown", 120)
    assert "cooldown of owner ReplicaSet/" in cooldown["message"]


def test_a_spent_budget_holds_the_other_owners(scene: Scene) -> None:
    spent = scene.wait_decision("evict", "BudgetSpent", 60)
    assert spent["count"] == 2
    assert "budget of policy e2e-actions/evict is spent: 1 action of 1 in 1h" in spent["message"]


def test_a_dry_run_asks_the_server_and_evicts_nothing(scene: Scene) -> None:
    done = scene.wait_decision("rehearse", "AlreadyDone", 60)
    assert done["message"].startswith(f"dry run: {done['pod']} would have been evicted")
    asked = [request for request in scene.evictions() if request.name.startswith("rehearsed-")]
    assert [(request.accepted, request.dry_run, request.name) for request in asked] == [(True, True, done["pod"])]
    assert done["pod"] in {name(pod) for pod in scene.pods("rehearsed") if is_ready(pod)}
    [action] = scene.actions("rehearse")
    assert (action["dryRun"], action["state"], action["pod"]) == (True, "Done", done["pod"])


def test_a_dry_run_spends_the_budget_all_the_same(scene: Scene) -> None:
    assert scene.wait_decision("rehearse", "BudgetSpent", 60)["count"] == 1


def test_a_disruption_budget_that_says_no_is_recorded_and_asked_again_once_it_allows(scene: Scene) -> None:
    refused = scene.wait_decision("guarded", "DisruptionBudget", 120)
    assert "disruption budget" in refused["message"].lower()
    [pod] = scene.pods("guarded")
    first = [request for request in scene.evictions() if request.name == name(pod)]
    assert {(request.code, request.uid) for request in first} == {(429, uid(pod))}
    [failed] = scene.actions("guarded")
    assert (failed["state"], failed["pod"]) == ("Failed", name(pod))

    scene.delete("poddisruptionbudget", "guarded")

    def evicted() -> None:
        done = [request for request in scene.real_evictions() if request.name == name(pod)]
        assert [request.uid for request in done] == [uid(pod)], scene.decisions("guarded")

    scene.eventually(evicted, 100)
    scene.wait_ready("guarded", 1)
    assert name(scene.pod("guarded")) != name(pod)


def test_annotate_writes_a_summary_onto_each_leaking_pod(scene: Scene) -> None:
    def written() -> None:
        for pod in scene.pods("shared"):
            summary = annotation(pod) or ""
            assert "analyzeAndSend" in summary, pod["metadata"].get("annotations")
            assert "LeakPolicy e2e-actions/elder" in summary

    scene.eventually(written, 90)


def test_of_two_policies_the_older_acts_and_the_younger_is_refused(scene: Scene) -> None:
    refused = scene.wait_decision("younger", "AnotherPolicyActs", 60)
    assert "e2e-actions/elder" in refused["message"]
    assert refused["count"] == 2
    assert scene.decisions("elder")["Annotate"]["count"] == 2
    assert [request for request in scene.evictions() if request.name.startswith("shared-")] == []


def test_each_of_two_policies_judges_the_same_pods_for_itself(scene: Scene) -> None:
    for each in ("elder", "younger"):
        targets = scene.targets(each)
        assert (targets["matched"], targets["leaking"]) == (2, 2), (each, targets)


def test_a_pod_that_leaves_the_selector_loses_its_annotation_and_the_other_keeps_it(scene: Scene) -> None:
    scene.delete("leakpolicy", "younger")
    leaver, stays = scene.pods("shared")
    scene.kubectl("label", "pod", name(leaver), "group-")

    def removed() -> None:
        by_uid = {uid(pod): pod for pod in scene.get("pods")["items"]}
        assert annotation(by_uid[uid(leaver)]) is None
        assert annotation(by_uid[uid(stays)]) is not None

    scene.eventually(removed, 20)
    scene.kubectl("label", "pod", name(leaver), "group=shared")


def test_switching_to_observe_removes_the_annotations_at_once(scene: Scene) -> None:
    scene.patch("leakpolicy", "elder", {"spec": {"remediation": {"mode": "Observe"}}})
    scene.eventually(lambda: _assert_annotated(scene, False), 15)
    assert scene.decisions("elder").keys() == {"ObserveOnly"}


def test_deleting_the_policy_removes_the_annotations(scene: Scene) -> None:
    scene.patch("leakpolicy", "elder", {"spec": {"remediation": {"mode": "Annotate"}}})
    scene.eventually(lambda: _assert_annotated(scene, True), 60)
    scene.delete("leakpolicy", "elder")
    scene.eventually(lambda: _assert_annotated(scene, False), 15)


def _assert_annotated(scene: Scene, wanted: bool) -> None:
    assert {annotation(pod) is not None for pod in scene.pods("shared")} == {wanted}


def test_no_pod_was_ever_evicted_twice_and_none_was_deleted_instead(scene: Scene) -> None:
    uids = [request.uid for request in scene.real_evictions()]
    assert len(uids) == len(set(uids)) == 2, uids
    writes = writes_by(scene.cluster.audit_log, "system:serviceaccount:leakwarden:leakwarden", ACTIONS)
    assert {request.verb for request in writes} <= {"create", "patch"}
    assert {r.resource for r in writes} <= {"pods", "pods/eviction", "events", "leakpolicies/status"}
