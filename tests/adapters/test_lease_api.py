"""The Lease as raw JSON: guarded by its version, and nothing that others put onto it is taken away."""

from __future__ import annotations

import pytest

from leakwarden.adapters.lease_api import LeaseApi
from leakwarden.core.lease import LeaseRecord, Timing, given_back, taken
from leakwarden.errors import ApiConflict, ApiNotFound
from tests.adapters.fake_kube import FakeKube

PATH = "/apis/coordination.k8s.io/v1/namespaces/leakwarden/leases/leakwarden"
AT = 1780000000.25


def leases(api: FakeKube) -> LeaseApi:
    return LeaseApi(api, "leakwarden", "leakwarden")


def mine(found: LeaseRecord | None = None, me: str = "one") -> LeaseRecord:
    return taken(found, me, Timing(15, 10, 2), AT)


async def test_what_is_written_is_what_is_read() -> None:
    api = FakeKube()
    assert await leases(api).read() is None
    stored = await leases(api).write(mine())
    assert await leases(api).read() == stored
    assert (stored.holder, stored.duration, stored.renewed_at, stored.version) == ("one", 15, AT, "1")
    assert api.objects[PATH]["spec"] == {
        "holderIdentity": "one",
        "leaseDurationSeconds": 15,
        "leaseTransitions": 0,
        "acquireTime": "2026-05-28T20:26:40.250000Z",
        "renewTime": "2026-05-28T20:26:40.250000Z",
    }


async def test_who_writes_over_an_older_version_is_refused() -> None:
    api = FakeKube()
    first = await leases(api).write(mine())
    await leases(api).write(mine(first))
    with pytest.raises(ApiConflict):
        await leases(api).write(mine(first, "two"))
    with pytest.raises(ApiConflict):
        await leases(api).write(mine(None, "two"))
    del api.objects[PATH]
    with pytest.raises(ApiNotFound):
        await leases(api).write(mine(first))


async def test_given_back_it_names_nobody() -> None:
    api = FakeKube()
    held = await leases(api).write(mine())
    back = await leases(api).write(given_back(held, AT + 1))
    assert back.holder == ""
    assert "holderIdentity" not in api.objects[PATH]["spec"]


async def test_labels_and_annotations_of_others_stay() -> None:
    api = FakeKube()
    one = leases(api)
    held = await one.write(mine())
    api._store(PATH, {**api.objects[PATH], "metadata": {**api.objects[PATH]["metadata"], "labels": {"a": "b"}}})
    with pytest.raises(ApiConflict):
        await one.write(mine(held))
    await one.write(mine(await one.read()))
    assert api.objects[PATH]["metadata"]["labels"] == {"a": "b"}


async def test_a_lease_that_a_person_made_can_be_taken() -> None:
    """`kubectl create` makes one with an empty spec, or with times of another form."""
    api = FakeKube()
    api._store(PATH, {"metadata": {"name": "leakwarden"}, "spec": {"renewTime": "yesterday"}})
    found = await leases(api).read()
    assert found == LeaseRecord("", 0, 0, 0.0, 0.0, "1")
    assert (await leases(api).write(mine(found))).holder == "one"
