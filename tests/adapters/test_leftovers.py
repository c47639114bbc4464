"""What uninstalling takes away: ours, exactly as it was looked at, and nothing of others that has such a name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from leakwarden.adapters.leftovers import Leftovers
from leakwarden.adapters.ports import WatchEvent
from leakwarden.errors import ApiConflict, ApiError
from tests.adapters.fake_kube import FakeKube, Request

CONFIG_MAP = "/api/v1/namespaces/home/configmaps/leakwarden-journal"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/home/leases/some-lease"


class Kube(FakeKube):
    """With DELETE, which nobody else asks."""

    def _answer(self, asked: Request) -> dict[str, Any]:
        if asked.method != "DELETE":
            return super()._answer(asked)
        self._check(asked.path, asked.body["preconditions"])
        return self.objects.pop(asked.path)

    async def list_pages(
        self, path: str, *, params: Mapping[str, str] | None = None, page_size: int = 100
    ) -> AsyncIterator[tuple[list[dict[str, Any]], str]]:
        raise AssertionError("no lists here")
        yield

    async def watch(
        self, path: str, *, resource_version: str, params: Mapping[str, str] | None = None
    ) -> AsyncIterator[WatchEvent]:
        raise AssertionError("nothing is watched here")
        yield


def kube(data: object = None, holder: str = "") -> Kube:
    api = Kube()
    config_map = {"metadata": {"uid": "c"}} | ({} if data is None else {"data": data})
    api._store(CONFIG_MAP, config_map)
    api._store(LEASE, {"metadata": {"uid": "l"}, "spec": {"holderIdentity": holder} if holder else {}})
    return api


def leftovers(api: Kube) -> Leftovers:
    return Leftovers(api, "home", "some-lease", ())


@pytest.mark.parametrize("data", [None, {}, {"journal.json": "{}"}])
@pytest.mark.parametrize("holder", ["", "leakwarden-5f7_0a1b2c3d_4e5f6a7b"])
async def test_journal_and_lease_go(data: object, holder: str) -> None:
    api = kube(data, holder)
    assert await leftovers(api).delete_journal() == "ConfigMap leakwarden-journal"
    assert await leftovers(api).delete_lease() == "Lease some-lease"
    assert api.objects == {}
    assert (await leftovers(api).delete_journal(), await leftovers(api).delete_lease()) == ("", "")


@pytest.mark.parametrize("holder", ["control-plane_1b4d6b0e-8d1c-4f0e-9d55-0d6f1c3f6b9a", "somebody"])
async def test_a_lease_that_another_program_holds_stays(holder: str) -> None:
    api = kube(holder=holder)
    with pytest.raises(
        ApiConflict, match=f"Lease some-lease in namespace home is not ours and stays: {holder} holds it"
    ):
        await leftovers(api).delete_lease()
    assert LEASE in api.objects


async def test_a_config_map_with_what_no_operator_writes_stays() -> None:
    api = kube({"journal.json": "{}", "notes.txt": "mine"})
    with pytest.raises(ApiConflict, match=r"it has notes\.txt"):
        await leftovers(api).delete_journal()
    assert CONFIG_MAP in api.objects


async def test_what_was_written_anew_since_it_was_looked_at_stays() -> None:
    api = kube()

    def anew(asked: Request) -> ApiError | None:
        if asked.method == "DELETE":
            api._store(CONFIG_MAP, {"metadata": {"uid": "another"}, "data": {"notes.txt": "mine"}})
        return None

    api.fault = anew
    with pytest.raises(ApiConflict):
        await leftovers(api).delete_journal()
    assert CONFIG_MAP in api.objects
