"""Evicting and annotating: exactly this pod, by exactly these requests, and what a lost answer means."""

from __future__ import annotations

import pytest

from leakwarden.adapters.actuator import DryRunActuator, LiveActuator
from leakwarden.api import SUMMARY_ANNOTATION
from leakwarden.errors import ApiConflict, ApiError, ApiUnavailable, DisruptionBudget, OutcomeUnknown
from tests.adapters.fake_kube import FakeKube, Request
from tests.core.decide.fleets import pod

POD = pod()
PATH = "/api/v1/namespaces/demo/pods/ws-1"


def kube(uid: str = POD.uid) -> FakeKube:
    made = FakeKube()
    made.pod("demo", "ws-1", uid)
    return made


def terminating(api: FakeKube) -> bool:
    return "deletionTimestamp" in api.objects[PATH]["metadata"]


def failing(error: ApiError, *methods: str) -> object:
    return lambda asked: error if asked.method in methods else None


async def test_an_eviction_is_one_post_to_the_eviction_subresource_with_the_uid() -> None:
    api = kube()
    await LiveActuator(api).evict(POD)
    (asked,) = api.requests
    assert (asked.method, asked.path, asked.params) == ("POST", f"{PATH}/eviction", {"timeout": "10s"})
    assert asked.body["apiVersion"] == "policy/v1"
    assert asked.body["deleteOptions"] == {"preconditions": {"uid": POD.uid}}
    assert terminating(api)


async def test_a_namesake_is_not_evicted() -> None:
    api = kube(uid="another")
    with pytest.raises(ApiConflict):
        await LiveActuator(api).evict(POD)
    assert not terminating(api)


async def test_a_dry_run_sends_the_same_and_changes_nothing() -> None:
    api = kube()
    actuator = DryRunActuator(api)
    await actuator.evict(POD)
    await actuator.annotate(POD, "a leak")
    await actuator.unannotate(POD)
    assert [asked.params["dryRun"] for asked in api.requests] == ["All"] * 3
    assert not terminating(api)
    assert "annotations" not in api.objects[PATH]["metadata"]


@pytest.mark.parametrize(
    "error",
    [DisruptionBudget("ws needs 2", 429), ApiUnavailable("throttled", 429)],
    ids=["disruption budget", "throttled"],
)
async def test_a_refusal_is_passed_on_and_nothing_else_is_tried(error: ApiError) -> None:
    api = kube()
    api.fault = failing(error, "POST")  # type: ignore[assignment]
    with pytest.raises(type(error)) as raised:
        await LiveActuator(api).evict(POD)
    assert raised.value is error
    assert [asked.method for asked in api.requests] == ["POST"]


async def test_an_eviction_whose_answer_is_lost_is_done_when_the_pod_is_terminating() -> None:
    api = kube()
    api.fault_after = failing(ApiUnavailable("connection reset"), "POST")  # type: ignore[assignment]
    await LiveActuator(api).evict(POD)
    assert [asked.method for asked in api.requests] == ["POST", "GET"]


async def test_an_eviction_whose_answer_is_lost_is_done_when_the_pod_is_gone() -> None:
    api = kube()

    def gone(asked: Request) -> ApiError | None:
        if asked.method != "POST":
            return None
        del api.objects[PATH]
        return ApiUnavailable("connection reset")

    api.fault_after = gone
    await LiveActuator(api).evict(POD)


@pytest.mark.parametrize("status", [0, 502, 503, 504])
async def test_without_an_answer_a_pod_that_is_still_there_may_yet_be_evicted(status: int) -> None:
    api = kube()
    api.fault = failing(ApiUnavailable("connection reset", status), "POST")  # type: ignore[assignment]
    with pytest.raises(OutcomeUnknown, match="connection reset"):
        await LiveActuator(api).evict(POD)


async def test_an_error_of_the_server_is_an_answer() -> None:
    """Such as that of a pod with two disruption budgets."""
    api = kube()
    api.fault = failing(ApiUnavailable("more than one PodDisruptionBudget", 500), "POST")  # type: ignore[assignment]
    with pytest.raises(ApiUnavailable) as raised:
        await LiveActuator(api).evict(POD)
    assert not isinstance(raised.value, OutcomeUnknown)


@pytest.mark.parametrize("said", ["etcdserver: request timed out", "etcdserver: leader changed"])
async def test_an_error_of_etcd_is_none_for_it_may_yet_commit(said: str) -> None:
    api = kube()
    api.fault = failing(ApiUnavailable(f"cannot create pods/eviction: HTTP 500: {said}", 500), "POST")  # type: ignore[assignment]
    with pytest.raises(OutcomeUnknown):
        await LiveActuator(api).evict(POD)


async def test_when_the_pod_cannot_be_looked_at_either_the_outcome_is_unknown() -> None:
    api = kube()
    api.fault_after = failing(ApiUnavailable("connection reset"), "POST")  # type: ignore[assignment]
    api.fault = failing(ApiUnavailable("connection refused"), "GET")  # type: ignore[assignment]
    with pytest.raises(OutcomeUnknown):
        await LiveActuator(api).evict(POD)


async def test_a_lost_answer_of_a_dry_run_has_done_nothing() -> None:
    api = kube()
    api.fault_after = failing(ApiUnavailable("connection reset"), "POST")  # type: ignore[assignment]
    with pytest.raises(ApiUnavailable):
        await DryRunActuator(api).evict(POD)
    assert [asked.method for asked in api.requests] == ["POST"]


async def test_the_annotation_comes_and_goes_and_leaves_others_alone() -> None:
    api = FakeKube()
    api.pod("demo", "ws-1", POD.uid, annotations={"mine": "stays"})
    actuator = LiveActuator(api)
    await actuator.annotate(POD, "a leak")
    assert api.objects[PATH]["metadata"]["annotations"] == {"mine": "stays", SUMMARY_ANNOTATION: "a leak"}
    await actuator.unannotate(POD)
    assert api.objects[PATH]["metadata"]["annotations"] == {"mine": "stays"}
    assert {asked.content_type for asked in api.requests} == {"application/merge-patch+json"}


async def test_a_namesake_is_not_annotated() -> None:
    api = kube(uid="another")
    with pytest.raises(ApiConflict):
        await LiveActuator(api).annotate(POD, "a leak")


async def test_there_is_nothing_to_take_away_from_a_pod_that_is_gone_or_another() -> None:
    await LiveActuator(FakeKube()).unannotate(POD)
    other = kube(uid="another")
    await LiveActuator(other).unannotate(POD)
    assert "annotations" not in other.objects[PATH]["metadata"]
