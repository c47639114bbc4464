"""Events before a real API server: taken, counted, listed, and not doubled."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from hack.cluster import Cluster
from leakwarden.adapters.events_api import EventsApi, event_name
from leakwarden.adapters.kube_api import KubeClient
from leakwarden.core.report.events import EventNote, EventReason, EventType, ObjectRef
from tests.core.decide.fleets import NOW
from tests.integration.acting import operator, prepare

pytestmark = pytest.mark.integration

NAMESPACE = "events"
NOTE = EventNote(
    regarding=ObjectRef("Pod", NAMESPACE, "ws-1", "uid-ws-1"),
    type=EventType.WARNING,
    reason=EventReason.LEAK_DETECTED,
    action="Judge",
    note="live heap of main.keep grew",
    key="policy/uid-ws-1/pprof/memory/main.keep/LeakDetected",
)


@pytest.fixture(scope="module")
def cluster(control_plane: Cluster) -> Cluster:
    prepare(control_plane, NAMESPACE)
    return control_plane


@pytest.fixture
async def ours(cluster: Cluster, tmp_path: Path) -> AsyncIterator[KubeClient]:
    async with operator(cluster, tmp_path) as client:
        yield client


async def test_every_kind_of_event_is_taken_as_it_is(ours: KubeClient) -> None:
    events = EventsApi(ours)
    path = f"/apis/events.k8s.io/v1/namespaces/{NAMESPACE}/events"
    on_policy = ObjectRef("LeakPolicy", NAMESPACE, "gopls", "uid-gopls")
    for regarding in (NOTE.regarding, on_policy):
        for reason in EventReason:
            for kind in EventType:
                note = replace(
                    NOTE, regarding=regarding, reason=reason, type=kind, key=f"every/{regarding.kind}/{reason}/{kind}"
                )
                await events.post(note, NOW)
                stored = await ours.request("GET", f"{path}/{event_name(note)}")
                assert (stored["reason"], stored["regarding"]["kind"]) == (reason, regarding.kind)


async def test_the_longest_note_and_the_longest_name_are_taken(ours: KubeClient) -> None:
    long = replace(
        NOTE, regarding=replace(NOTE.regarding, name="p" * 253), note="n" * 2000, key="long"
    )  # fmt: skip
    await EventsApi(ours, "i" * 200).post(long, NOW)


async def test_a_restarted_operator_finds_its_event_and_counts_on(ours: KubeClient, cluster: Cluster) -> None:
    counted = replace(NOTE, key="counted")
    for now in (NOW, NOW + 60, NOW + 1800, NOW + 1860, NOW + 3600):
        await EventsApi(ours).post(counted, now)
    path = f"/apis/events.k8s.io/v1/namespaces/{NAMESPACE}/events/{event_name(counted)}"
    event = await ours.request("GET", path)
    assert event["series"] == {"count": 3, "lastObservedTime": "2026-11-23T14:13:20.000000Z"}
    assert event["note"] == NOTE.note
    listed = json.loads(cluster.kubectl("get", "events", "-n", NAMESPACE, "-o", "json"))["items"]
    assert [item["metadata"]["name"] for item in listed].count(event_name(counted)) == 1


async def test_kubectl_shows_them_beside_the_pod(ours: KubeClient, cluster: Cluster) -> None:
    shown = replace(NOTE, key="shown", note="shown to people")
    await EventsApi(ours).post(shown, NOW)
    table = cluster.kubectl("get", "events", "-n", NAMESPACE, "--field-selector", "involvedObject.name=ws-1")
    assert "shown to people" in table
    assert "LeakDetected" in table
