"""The journal in a real API server: written ahead, guarded by its version, put back when somebody deletes it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from hack.cluster import Cluster
from leakwarden.adapters.actuator import LiveActuator
from leakwarden.adapters.journal import NAME, UNDER_WAY, ConfigMapJournal
from leakwarden.adapters.kube_api import KubeClient
from leakwarden.core.actions import Action, ActionState
from leakwarden.core.targets import PodFacts
from leakwarden.errors import ApiConflict, NotLeader
from tests.core.decide.fleets import NOW, evicted, pod
from tests.integration.acting import OPERATOR_NAMESPACE, admin, operator, prepare, running_pod

pytestmark = pytest.mark.integration

NAMESPACE = "journal"
MAP = f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/configmaps/{NAME}"


@pytest.fixture(scope="module")
def cluster(control_plane: Cluster) -> Cluster:
    prepare(control_plane, NAMESPACE)
    return control_plane


@pytest.fixture
async def api(cluster: Cluster) -> AsyncIterator[KubeClient]:
    """Each test begins without a journal."""
    async with admin(cluster) as client:
        cluster.kubectl("delete", "configmap", NAME, "--namespace", OPERATOR_NAMESPACE, "--ignore-not-found")
        yield client


@pytest.fixture
async def ours(cluster: Cluster, tmp_path: Path) -> AsyncIterator[KubeClient]:
    async with operator(cluster, tmp_path) as client:
        yield client


def intent(which: PodFacts) -> Action:
    return evicted(which, at=NOW, state=ActionState.INTENDED, settled_at=None)


async def opened(client: KubeClient) -> ConfigMapJournal:
    journal = ConfigMapJournal(client, OPERATOR_NAMESPACE)
    await journal.load()
    return journal


async def test_the_operator_writes_and_reads_its_journal(api: KubeClient, ours: KubeClient) -> None:
    journal = await opened(ours)
    first = intent(pod("a"))
    await journal.intend(first)
    assert (await opened(ours)).entries == (first,)
    done = replace(first, state=ActionState.DONE, settled_at=NOW + 1)
    await journal.put(done)
    assert (await opened(ours)).entries == (done,)


async def test_of_two_operators_the_later_is_told_to_look_again(api: KubeClient, ours: KubeClient) -> None:
    one, two = await opened(ours), await opened(ours)
    await one.intend(intent(pod("a")))
    with pytest.raises(ApiConflict):
        await two.intend(intent(pod("b")))
    await two.intend(intent(pod("b")))
    with pytest.raises(ApiConflict):
        await one.intend(intent(pod("c")))
    await one.put(replace(intent(pod("a")), state=ActionState.DONE))
    await two.put(replace(intent(pod("b")), state=ActionState.DONE))
    entries = (await opened(ours)).entries
    assert {(entry.pod, entry.state) for entry in entries} == {("a", ActionState.DONE), ("b", ActionState.DONE)}


async def test_a_deleted_journal_is_put_back(api: KubeClient, ours: KubeClient) -> None:
    journal = await opened(ours)
    await journal.intend(intent(pod("a")))
    await api.request("DELETE", MAP)
    await journal.put(replace(intent(pod("a")), state=ActionState.DONE))
    await journal.intend(intent(pod("b")))
    assert {entry.pod for entry in (await opened(ours)).entries} == {"a", "b"}


async def test_a_journal_edited_by_hand_is_heeded(api: KubeClient, ours: KubeClient) -> None:
    journal = await opened(ours)
    await journal.intend(intent(pod("a")))
    await api.request("PATCH", MAP, body={"data": {"journal.json": ""}}, content_type="application/merge-patch+json")
    with pytest.raises(ApiConflict):
        await journal.intend(intent(pod("b")))
    assert journal.entries == ()


async def test_after_a_crash_the_pods_tell_what_was_sent(api: KubeClient, ours: KubeClient) -> None:
    sent = await running_pod(api, NAMESPACE, "sent")
    unsent = await running_pod(api, NAMESPACE, "unsent")
    before = await opened(ours)
    for each in (sent, unsent):
        await before.intend(intent(each))
    await LiveActuator(ours).evict(sent)
    passed = 0.0
    after = ConfigMapJournal(ours, OPERATOR_NAMESPACE, monotonic=lambda: passed)
    await after.load()
    states = {entry.pod: entry.state for entry in await after.reconcile()}
    assert states == {"sent": ActionState.DONE, "unsent": ActionState.INTENDED}
    passed = UNDER_WAY + 1
    states = {entry.pod: entry.state for entry in await after.reconcile()}
    assert states == {"sent": ActionState.DONE, "unsent": ActionState.FAILED}


async def test_a_new_leader_signs_and_the_one_before_can_write_no_more(api: KubeClient, ours: KubeClient) -> None:
    lost: list[str] = []
    old = ConfigMapJournal(ours, OPERATOR_NAMESPACE, leader="old", lost=lambda: lost.append("old"))
    new = ConfigMapJournal(ours, OPERATOR_NAMESPACE, leader="new")
    await old.load()
    await old.intend(intent(pod("a")))
    assert await new.load() == (intent(pod("a")),)
    with pytest.raises(NotLeader, match="led by new"):
        await old.intend(intent(pod("b")))
    assert lost == ["old"]
    await new.intend(intent(pod("c")))
    assert {entry.pod for entry in (await opened(ours)).entries} == {"a", "c"}


async def test_the_api_takes_a_journal_of_the_largest_size(api: KubeClient, ours: KubeClient) -> None:
    journal = await opened(ours)
    many = [
        replace(evicted(pod(f"n{i}"), at=NOW - i), state=ActionState.FAILED, message="x" * 290) for i in range(3000)
    ]
    journal._entries = {entry.id: entry for entry in many}
    await journal.intend(intent(pod("last")))
    entries = (await opened(ours)).entries
    assert 1000 < len(entries) < 3000
    assert intent(pod("last")) in entries
