"""The Lease in a real API server, under the operator's own rights: taken, kept, given back, and taken over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from hack.cluster import Cluster
from leakwarden.adapters.kube_api import KubeClient
from leakwarden.adapters.lease_api import LeaseApi
from leakwarden.core.lease import Timing
from leakwarden.errors import ApiConflict, ApiForbidden, NotLeader
from leakwarden.pipeline.clock import uptime
from leakwarden.pipeline.leading import Leading
from tests.integration.acting import OPERATOR_NAMESPACE, admin, operator, prepare

pytestmark = pytest.mark.integration

LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{OPERATOR_NAMESPACE}/leases/leakwarden"
TIMING = Timing(duration=3, renew_deadline=2.0, retry=0.2)
HOUR = 3600.0


@pytest.fixture(scope="module")
def cluster(control_plane: Cluster) -> Cluster:
    prepare(control_plane, "lease")
    return control_plane


@pytest.fixture
async def api(cluster: Cluster) -> AsyncIterator[KubeClient]:
    """Each test begins without a Lease."""
    async with admin(cluster) as client:
        cluster.kubectl("delete", "lease", "leakwarden", "--namespace", OPERATOR_NAMESPACE, "--ignore-not-found")
        yield client


@pytest.fixture
async def ours(cluster: Cluster, tmp_path: Path) -> AsyncIterator[KubeClient]:
    async with operator(cluster, tmp_path) as client:
        yield client


def candidate(client: KubeClient, name: str, skew: float = 0.0) -> Leading:
    """`skew`: by how much its clocks are off, both of them."""
    leases = LeaseApi(client, OPERATOR_NAMESPACE, "leakwarden")
    return Leading(leases, name, TIMING, clock=lambda: uptime() + skew, wall=lambda: time.time() + skew)


async def spec(api: KubeClient) -> dict[str, object]:
    return dict((await api.request("GET", LEASE))["spec"])


async def test_the_operator_may_make_keep_and_give_back_its_lease(api: KubeClient, ours: KubeClient) -> None:
    one = candidate(ours, "one")
    term = await one.acquire()
    first = await spec(api)
    assert (first["holderIdentity"], first["leaseDurationSeconds"], first["leaseTransitions"]) == ("one", 3, 0)
    keeping = asyncio.create_task(one.keep(term))
    await asyncio.sleep(TIMING.duration + 1)
    assert one.leads
    renewed = await spec(api)
    assert str(renewed["renewTime"]) > str(first["renewTime"])
    assert renewed["acquireTime"] == first["acquireTime"]
    keeping.cancel()
    await one.give_back(term)
    assert "holderIdentity" not in await spec(api)


async def test_it_may_touch_no_other_lease(api: KubeClient, ours: KubeClient) -> None:
    other = LeaseApi(ours, OPERATOR_NAMESPACE, "another")
    with pytest.raises(ApiForbidden, match=r"leases"):
        await other.read()


@pytest.mark.parametrize("skew", [0.0, HOUR, -HOUR], ids=["clocks agree", "an hour ahead", "an hour behind"])
async def test_the_other_takes_over_from_a_leader_that_is_gone_and_not_before(
    api: KubeClient, ours: KubeClient, skew: float
) -> None:
    one, two = candidate(ours, "one"), candidate(ours, "two", skew)
    term = await one.acquire()
    keeping = asyncio.create_task(one.keep(term))
    standing_by = asyncio.create_task(two.acquire())
    await asyncio.sleep(TIMING.duration + 1)
    assert (one.leads, two.leads, two.leader) == (True, False, "one")
    keeping.cancel()  # killed: it renews no more, and gives nothing back
    before = uptime()
    await asyncio.wait_for(standing_by, TIMING.duration + 5)
    assert uptime() - before > TIMING.duration - TIMING.retry - 1
    assert not one.leads
    assert (await spec(api))["leaseTransitions"] == 1


async def test_a_lease_given_back_is_not_waited_for(api: KubeClient, ours: KubeClient) -> None:
    one, two = candidate(ours, "one"), candidate(ours, "two")
    term = await one.acquire()
    standing_by = asyncio.create_task(two.acquire())
    await asyncio.sleep(2 * TIMING.retry)
    await one.give_back(term)
    before = uptime()
    await asyncio.wait_for(standing_by, TIMING.duration)
    assert uptime() - before < TIMING.duration / 2


async def test_of_two_that_take_it_at_once_one_is_told_so(api: KubeClient, ours: KubeClient) -> None:
    one, two = candidate(ours, "one"), candidate(ours, "two")
    async with asyncio.timeout(30):
        done, waiting = await asyncio.wait(
            [asyncio.create_task(each.acquire()) for each in (one, two)], return_when=asyncio.FIRST_COMPLETED
        )
    assert [one.leads, two.leads].count(True) == len(done) == 1
    for task in waiting:
        task.cancel()
    leases = LeaseApi(ours, OPERATOR_NAMESPACE, "leakwarden")
    found = await leases.read()
    assert found is not None
    later = replace(found, renewed_at=found.renewed_at + 1)
    await leases.write(later)
    with pytest.raises(ApiConflict):
        await leases.write(later)


async def test_an_eviction_of_a_leader_whose_term_is_over_never_reaches_the_server(
    api: KubeClient, ours: KubeClient, cluster: Cluster
) -> None:
    """The guard stands at the last moment there is: after the connection, before the body."""
    one = candidate(ours, "one")
    term = await one.acquire()
    async with KubeClient(ours._connection, guard=term.check) as guarded:
        leases = LeaseApi(guarded, OPERATOR_NAMESPACE, "leakwarden")
        found = await leases.read()
        assert found is not None
        stored = await leases.write(found)
        term.end()
        with pytest.raises(NotLeader):
            await leases.write(stored)
    assert (await api.request("GET", LEASE))["metadata"]["resourceVersion"] == stored.version
