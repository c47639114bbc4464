"""The look right before an eviction: what is there, by name, as it is now."""

from __future__ import annotations

import pytest

from leakwarden.adapters.last_look import LastLook
from leakwarden.core.targets import PolicyKey
from leakwarden.errors import ApiUnavailable
from tests.adapters.fake_kube import FakeKube

POLICY = "/apis/leakwarden.io/v1alpha1/namespaces/demo/leakpolicies/gopls"
GOPLS = PolicyKey("demo", "gopls")


async def test_policy_and_pod_are_read_by_their_names() -> None:
    api = FakeKube()
    path = api.pod("demo", "ws-1", "uid-ws-1", annotations={"leakwarden.io/opt-out": "true"})
    made = {
        "name": "gopls",
        "namespace": "demo",
        "uid": "u",
        "generation": 3,
        "creationTimestamp": "2026-11-23T13:00:00Z",
    }
    api.objects[POLICY] = {"metadata": made, "spec": {}}
    look = LastLook(api)
    policy, pod = await look.policy(GOPLS), await look.pod("demo", "ws-1")
    assert policy is not None
    assert (policy.key, policy.uid, policy.generation) == (GOPLS, "u", 3)
    assert pod is not None
    assert (pod.uid, pod.annotations) == ("uid-ws-1", {"leakwarden.io/opt-out": "true"})
    assert [(asked.method, asked.path) for asked in api.requests] == [("GET", POLICY), ("GET", path)]


async def test_what_is_not_there_is_none_and_what_cannot_be_asked_is_an_error() -> None:
    api = FakeKube()
    look = LastLook(api)
    assert (await look.policy(GOPLS), await look.pod("demo", "ws-1")) == (None, None)
    api.fault = lambda _: ApiUnavailable("away")
    with pytest.raises(ApiUnavailable):
        await look.policy(GOPLS)
    with pytest.raises(ApiUnavailable):
        await look.pod("demo", "ws-1")
