"""Events: one a key, counted while it lasts, never doubled by a restart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leakwarden.adapters.events_api import COUNT_AFTER, EventsApi, event_name
from leakwarden.core.report.events import EventNote, EventReason, EventType, ObjectRef
from leakwarden.errors import ApiForbidden
from tests.adapters.fake_kube import FakeKube
from tests.core.decide.fleets import NOW

NOTE = EventNote(
    regarding=ObjectRef("Pod", "demo", "ws-1", "uid-ws-1"),
    type=EventType.WARNING,
    reason=EventReason.LEAK_DETECTED,
    action="Judge",
    note="live heap of main.keep grew",
    key="policy/uid-ws-1/pprof/memory/main.keep/LeakDetected",
)
EVENTS = "/apis/events.k8s.io/v1/namespaces/demo/events"
PATH = f"{EVENTS}/{event_name(NOTE)}"


async def test_an_event_is_created_with_all_that_the_api_wants() -> None:
    api = FakeKube()
    await EventsApi(api, "leakwarden-7").post(NOTE, NOW)
    event = api.objects[PATH]
    event["metadata"].pop("resourceVersion")
    assert event == {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": event_name(NOTE), "namespace": "demo"},
        "eventTime": "2026-11-23T13:13:20.000000Z",
        "reportingController": "leakwarden.io/operator",
        "reportingInstance": "leakwarden-7",
        "type": "Warning",
        "reason": "LeakDetected",
        "action": "Judge",
        "note": "live heap of main.keep grew",
        "regarding": {"apiVersion": "v1", "kind": "Pod", "namespace": "demo", "name": "ws-1", "uid": "uid-ws-1"},
    }


async def test_an_event_on_a_policy_names_its_api_version() -> None:
    api = FakeKube()
    on_policy = replace(NOTE, regarding=ObjectRef("LeakPolicy", "demo", "gopls", "p"))
    await EventsApi(api).post(on_policy, NOW)
    (event,) = api.objects.values()
    assert event["regarding"]["apiVersion"] == "leakwarden.io/v1alpha1"


async def test_a_restarted_operator_doubles_nothing() -> None:
    api = FakeKube()
    await EventsApi(api).post(NOTE, NOW)
    before = dict(api.objects[PATH])
    await EventsApi(api).post(replace(NOTE, note="other words"), NOW + COUNT_AFTER - 1)
    assert api.objects == {PATH: before}


async def test_what_lasts_is_counted_in_series_alone() -> None:
    api = FakeKube()
    events = EventsApi(api)
    await events.post(NOTE, NOW)
    for times in (1, 2, 3):
        await events.post(NOTE, NOW + times * 1800)
    patches = [asked.body for asked in api.requests if asked.method == "PATCH"]
    assert patches == [
        {"series": {"count": 2, "lastObservedTime": "2026-11-23T13:43:20.000000Z"}},
        {"series": {"count": 3, "lastObservedTime": "2026-11-23T14:13:20.000000Z"}},
        {"series": {"count": 4, "lastObservedTime": "2026-11-23T14:43:20.000000Z"}},
    ]


async def test_an_event_that_expired_is_made_anew() -> None:
    api = FakeKube()
    events = EventsApi(api)
    await events.post(NOTE, NOW)
    api.objects.clear()
    await events.post(NOTE, NOW + 7200)
    assert "series" not in api.objects[PATH]


async def test_an_event_that_expires_between_two_requests_is_no_error() -> None:
    api = FakeKube()
    events = EventsApi(api)
    await events.post(NOTE, NOW)
    api.fault = lambda asked: api.objects.clear() if asked.method == "GET" else None
    await events.post(NOTE, NOW + 7200)


async def test_missing_rights_are_told() -> None:
    api = FakeKube()
    api.fault = lambda _: ApiForbidden("cannot create events.events.k8s.io", 403)
    with pytest.raises(ApiForbidden):
        await EventsApi(api).post(NOTE, NOW)


def test_names_tell_keys_apart_and_fit() -> None:
    assert event_name(NOTE) == event_name(replace(NOTE, note="x"))
    assert event_name(NOTE) != event_name(replace(NOTE, key="y"))
    long = replace(NOTE, regarding=replace(NOTE.regarding, name="p" * 253))
    assert len(event_name(long)) <= 253


async def test_notes_and_instances_are_cut_to_what_the_api_takes() -> None:
    api = FakeKube()
    await EventsApi(api, "i" * 300).post(replace(NOTE, note="n" * 2000), NOW)
    event = api.objects[PATH]
    assert (len(event["note"]), len(event["reportingInstance"])) == (1024, 128)
