"""What is watched and what is sampled follows policies and pods, whatever the order in which they come."""

from __future__ import annotations

from dataclasses import replace

from leakwarden.api import OPT_OUT_ANNOTATION, PORT_ANNOTATION_PREFIX
from leakwarden.api.words import Cadence, FailureReason
from leakwarden.core import judge
from leakwarden.core.targets import PolicyKey, TargetKey
from leakwarden.pipeline.fleet import Changes, Fleet, Remembered, Watch
from tests.core.decide.fleets import NOW, leak
from tests.pipeline.build import pod, policy, report_of

GOPLS = policy("gopls")
WS1, WS2 = pod("ws-1"), pod("ws-2")


def watched(fleet: Fleet, key: PolicyKey) -> set[tuple[str, str]]:
    return {(watch.pod.name, watch.key.endpoint) for watch in fleet.watches(key)}


def only(fleet: Fleet, key: PolicyKey = GOPLS.key) -> Watch:
    (watch,) = fleet.watches(key)
    return watch


def ports(fleet: Fleet) -> list[int]:
    return sorted(point.target.endpoint.port for point in fleet.points.values())


def test_two_policies_that_mean_one_port_share_a_point_and_watch_each_for_itself() -> None:
    fleet, other = Fleet(), policy("other", endpoints=[{"name": "debug", "port": 6060}])
    fleet.put_policy(GOPLS, [WS1])
    fleet.put_policy(other, [WS1])
    (point,) = fleet.points.values()
    assert [(w.policy.key.name, w.key.endpoint) for w in point.watches] == [("gopls", "pprof"), ("other", "debug")]
    assert point.watches[0].state is not point.watches[1].state


def test_two_ports_or_two_transports_are_two_points() -> None:
    fleet = Fleet()
    fleet.put_policy(GOPLS, [WS1])
    fleet.put_policy(policy("other", endpoints=[{"name": "pprof", "port": 6061}]), [WS1])
    fleet.put_policy(policy("direct", transport="PodIP"), [WS1])
    assert ports(fleet) == [6060, 6060, 6061]


def test_a_shared_point_is_asked_as_the_most_eager_and_the_most_patient_of_its_policies_want() -> None:
    fleet = Fleet()
    eager = policy("eager", interval="5s", cadence="Adaptive", rules=[
        {"name": "live", "signal": "LiveHeap", "growth": {"atLeast": "8Mi", "window": "90s"}, "for": "0s"}
    ])  # fmt: skip
    fleet.put_policy(GOPLS, [WS1])
    fleet.put_policy(eager, [WS1])
    (point,) = fleet.points.values()
    assert (point.interval, point.cadence) == (5.0, Cadence.FIXED)
    fleet.remove_policy(GOPLS.key)
    assert (point.interval, point.cadence) == (5.0, Cadence.ADAPTIVE)


def test_saying_the_same_twice_changes_nothing() -> None:
    fleet = Fleet()
    first = fleet.put_policy(GOPLS, [WS1, WS2])
    watches, points = tuple(fleet.watches(GOPLS.key)), dict(fleet.points)
    assert len(first.started) == 2
    assert fleet.put_policy(GOPLS, [WS1, WS2]) == Changes()
    assert fleet.look_at_pod("demo", WS1.uid, WS1) == Changes()
    assert fleet.look_at_pod("demo", "never-seen", None) == Changes()
    assert fleet.remove_policy(PolicyKey("demo", "nobody")) == Changes()
    assert (tuple(fleet.watches(GOPLS.key)), dict(fleet.points)) == (watches, points)


def test_what_is_new_about_a_pod_is_seen_by_its_watch_without_starting_over() -> None:
    fleet = Fleet()
    fleet.put_policy(GOPLS, [WS1])
    before, changed = only(fleet), replace(WS1, ready=False)
    assert fleet.look_at_pod("demo", WS1.uid, changed) == Changes()
    assert only(fleet) is before
    assert before.pod is changed


def test_no_collection_is_forced_for_a_policy_that_was_edited_before_it_is_decided_on_anew() -> None:
    """It may observe only, be paused or mute the leak by now."""
    fleet = Fleet()
    fleet.put_policy(policy("gopls", mode="Evict"), [WS1])
    (watch,) = fleet.watches(GOPLS.key)
    watch.unconfirmed = True
    fleet.put_policy(policy("gopls", generation=2), [WS1])
    assert not watch.unconfirmed


def test_an_edited_selector_ends_the_watches_of_pods_that_left_it_and_goes_on_with_the_others() -> None:
    fleet, special = Fleet(), pod("special", labels={"app": "gopls", "tier": "gold"})
    fleet.put_policy(GOPLS, [WS1, special])
    stays = next(w for w in fleet.watches(GOPLS.key) if w.pod is special)
    narrowed = policy("gopls", generation=2, labels={"tier": "gold"})
    changes = fleet.put_policy(narrowed, [WS1, special])
    assert [watch.pod for watch in changes.ended] == [WS1]
    assert only(fleet) is stays
    assert stays.policy is narrowed


def test_a_pod_whose_labels_leave_the_selector_or_that_opts_out_is_watched_no_more() -> None:
    for changed in (replace(WS1, labels={"app": "x"}), replace(WS1, annotations={OPT_OUT_ANNOTATION: "true"})):
        fleet = Fleet()
        fleet.put_policy(GOPLS, [WS1])
        assert len(fleet.look_at_pod("demo", WS1.uid, changed).ended) == 1
        assert (tuple(fleet.all_watches()), fleet.points) == ((), {})
        assert len(fleet.look_at_pod("demo", WS1.uid, WS1).started) == 1


def test_a_pod_of_another_namespace_is_none_of_the_policy_s_business() -> None:
    fleet = Fleet()
    fleet.put_policy(GOPLS, [])
    assert fleet.look_at_pod("elsewhere", "uid-x", pod("x", namespace="elsewhere")) == Changes()


def test_a_port_override_moves_the_point_and_keeps_what_was_learned() -> None:
    fleet, before = Fleet(), replace(WS1)
    fleet.put_policy(GOPLS, [before])
    watch, (old,) = only(fleet), fleet.points
    moved = replace(WS1, annotations={f"{PORT_ANNOTATION_PREFIX}pprof": "7070"})
    changes = fleet.look_at_pod("demo", WS1.uid, moved)
    (new,) = fleet.points
    assert changes == Changes(touched=frozenset({old, new}))
    assert only(fleet) is watch
    assert ports(fleet) == [7070]


def test_an_unusable_override_is_a_refusal_until_it_is_mended() -> None:
    fleet = Fleet()
    fleet.put_policy(GOPLS, [replace(WS1, annotations={f"{PORT_ANNOTATION_PREFIX}pprof": "80"})])
    ((_, refusal),) = fleet.refusals[GOPLS.key].values()
    assert (refusal.reason, fleet.points) == (FailureReason.INVALID_PORT, {})
    fleet.look_at_pod("demo", WS1.uid, WS1)
    assert (fleet.refusals[GOPLS.key], ports(fleet)) == ({}, [6060])


def test_a_refused_pod_that_went_away_is_refused_no_more() -> None:
    on_host = pod("host", host_network=True)
    for goes in ("watched", "at the next look"):
        fleet = Fleet()
        fleet.put_policy(GOPLS, [on_host])
        assert len(fleet.refusals[GOPLS.key]) == 1
        fleet.look_at_pod("demo", on_host.uid, None) if goes == "watched" else fleet.put_policy(GOPLS, [])
        assert fleet.refusals[GOPLS.key] == {}, goes


def test_a_pod_missing_at_the_next_look_has_ended() -> None:
    fleet = Fleet()
    fleet.put_policy(GOPLS, [WS1, WS2])
    assert [watch.pod for watch in fleet.put_policy(GOPLS, [WS2]).ended] == [WS1]
    assert watched(fleet, GOPLS.key) == {("ws-2", "pprof")}


def test_a_policy_that_cannot_be_followed_watches_nothing() -> None:
    fleet = Fleet()
    fleet.put_policy(GOPLS, [WS1])
    broken = policy("gopls", generation=2, rules=[{"name": "r", "signal": "LiveHeap"}])
    assert broken.problems
    assert len(fleet.put_policy(broken, [WS1]).ended) == 1
    assert fleet.points == {}


def test_a_deleted_policy_leaves_the_point_to_the_others() -> None:
    fleet, other = Fleet(), policy("other")
    fleet.put_policy(GOPLS, [WS1])
    fleet.put_policy(other, [WS1])
    assert [w.policy for w in fleet.remove_policy(GOPLS.key).ended] == [GOPLS]
    (point,) = fleet.points.values()
    assert [w.policy for w in point.watches] == [other]
    assert (tuple(fleet.watches(GOPLS.key)), GOPLS.key in fleet.policies) == ((), False)


def test_what_an_earlier_process_knew_is_taken_up_by_the_first_watch_of_that_target_only() -> None:
    earlier, fleet, key = Fleet(), Fleet(), TargetKey(WS1.uid, "pprof")
    earlier.put_policy(GOPLS, [WS1])
    state = replace(judge.start(GOPLS.rules), failures=2)
    known = Remembered(state, report_of(only(earlier), leak(), at=NOW - 30.0))
    fleet.remembered[GOPLS.key] = {key: known}
    fleet.put_policy(GOPLS, [WS1, WS2])
    by_pod = {watch.pod.name: watch for watch in fleet.watches(GOPLS.key)}
    assert (by_pod["ws-1"].state, by_pod["ws-1"].report) == (state, known.report)
    assert by_pod["ws-2"].report is None
    assert fleet.remembered[GOPLS.key] == {}
    fleet.look_at_pod("demo", WS1.uid, None)
    fleet.look_at_pod("demo", WS1.uid, WS1)
    assert [watch.report for watch in fleet.watches(GOPLS.key) if watch.pod is WS1] == [None]
