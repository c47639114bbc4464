"""LeakPolicies over the API: all of the watched namespaces, and a status that only its own policy takes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from leakwarden.adapters.policies_api import PolicyList, StatusPatch
from leakwarden.adapters.ports import WatchEvent
from leakwarden.api import SUMMARY_ANNOTATION
from leakwarden.core.targets import PolicyKey
from leakwarden.errors import ApiForbidden

ROOT = "/apis/leakwarden.io/v1alpha1"


@dataclass
class Reader:
    """A KubeReader over pages by path."""

    pages: dict[str, list[list[dict[str, Any]]]]
    asked: list[str] = field(default_factory=list)

    async def list_pages(
        self, path: str, *, params: Mapping[str, str] | None = None, page_size: int = 100
    ) -> AsyncIterator[tuple[list[dict[str, Any]], str]]:
        self.asked.append(path)
        if path not in self.pages:
            raise ApiForbidden(f"cannot list {path}", 403)
        for page in self.pages[path]:
            yield page, "10"

    async def watch(
        self, path: str, *, resource_version: str, params: Mapping[str, str] | None = None
    ) -> AsyncIterator[WatchEvent]:
        raise AssertionError("nothing is watched here")
        yield


@dataclass
class Api:
    """A KubeApi that keeps what it was asked."""

    asked: list[tuple[str, str, Any, str]] = field(default_factory=list)

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | Sequence[Any] | None = None,
        params: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        self.asked.append((method, path, body, content_type))
        return {}


def item(name: str, namespace: str = "demo", **spec: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": namespace, "uid": f"uid-{name}", "generation": 4,
            "creationTimestamp": "2026-11-01T00:00:00Z"}  # fmt: skip
    return {"metadata": meta, "spec": spec or {"target": {"selector": {"matchLabels": {"app": "gopls"}}}}}


def a_pod(namespace: str, *annotations: str) -> dict[str, Any]:
    return {"metadata": {"namespace": namespace, "annotations": dict.fromkeys(annotations, "x") or None}}


async def test_every_page_is_read_and_an_invalid_policy_hides_no_other() -> None:
    reader = Reader({f"{ROOT}/leakpolicies": [[item("a"), item("bad", rules=5)], [item("c", "prod")]]})
    found = await PolicyList(reader, ()).policies()
    assert [str(policy.key) for policy in found] == ["demo/a", "demo/bad", "prod/c"]
    assert [bool(policy.problems) for policy in found] == [False, True, False]
    assert (found[0].uid, found[0].generation) == ("uid-a", 4)


async def test_only_the_watched_namespaces_are_asked_where_they_are_named() -> None:
    paths = [f"{ROOT}/namespaces/{namespace}/leakpolicies" for namespace in ("x", "y")]
    reader = Reader({path: [[item(path[-14:-13])]] for path in paths})
    assert len(await PolicyList(reader, ("x", "y")).policies()) == 2
    assert reader.asked == paths


async def test_what_may_not_be_listed_is_an_error_and_not_an_empty_list() -> None:
    with pytest.raises(ApiForbidden):
        await PolicyList(Reader({}), ()).policies()


async def test_namespaces_with_an_annotation_of_ours_are_found() -> None:
    pods = [[a_pod("a", SUMMARY_ANNOTATION), a_pod("b", "other")], [a_pod("c"), a_pod("d", "x", SUMMARY_ANNOTATION)]]
    everywhere = PolicyList(Reader({"/api/v1/pods": pods}), ())
    assert await everywhere.annotated_namespaces() == {"a", "d"}
    named = PolicyList(Reader({"/api/v1/namespaces/a/pods": [pods[0][:1]]}), ("a",))
    assert await named.annotated_namespaces() == {"a"}


async def test_a_status_replaces_the_old_one_whole_and_only_of_the_policy_with_this_uid() -> None:
    api = Api()
    await StatusPatch(api).write(PolicyKey("demo", "gopls"), "uid-1", {"observedGeneration": 3})
    (asked,) = api.asked
    assert asked == (
        "PATCH",
        f"{ROOT}/namespaces/demo/leakpolicies/gopls/status",
        [
            {"op": "test", "path": "/metadata/uid", "value": "uid-1"},
            {"op": "add", "path": "/status", "value": {"observedGeneration": 3}},
        ],
        "application/json-patch+json",
    )
