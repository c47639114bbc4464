"""What is done to pods: eviction by the eviction subresource, our one annotation. Never a delete, whatever is refused.

Live and dry run are one class over two APIs. The dry run's API puts `dryRun=All` on every request that leaves, so that
the server checks everything (rights, disruption budgets, preconditions) and keeps nothing; no code path can forget it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leakwarden.adapters.ports import KubeApi
from leakwarden.api import SUMMARY_ANNOTATION
from leakwarden.core.targets import PodFacts
from leakwarden.errors import ApiConflict, ApiError, ApiNotFound, ApiUnavailable, OutcomeUnknown

TOO_MANY_REQUESTS = 429
INTERNAL_ERROR = 500
ETCD = "etcdserver: "
"""What its errors begin with in the API server's 500: it timed out or lost its leader, and may commit all the same."""
UNPROCESSABLE = 422
"""What the API server calls a patch whose UID is not the object's: `metadata.uid: … field is immutable`."""
EVICTION_DEADLINE = 10.0
"""Seconds that the API server may work on one eviction, admission webhooks included. It is told so, and gives up then:
nobody must wonder for long whether one that was sent is still to happen."""
MERGE_PATCH = "application/merge-patch+json"


class LiveActuator:
    """Each method raises ApiError; afterwards nothing has happened, OutcomeUnknown excepted."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api

    async def evict(self, pod: PodFacts) -> None:
        """Ask for the eviction of exactly this pod: the UID is a precondition, a namesake is an ApiConflict.

        A PodDisruptionBudget's no is DisruptionBudget. Where the answer is lost the pod itself tells what happened; as
        long as it is still there that is an OutcomeUnknown, for the API server may yet be working on it. So it is
        with a 503: proxies say it as well when the connection breaks behind them.
        """
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod.name, "namespace": pod.namespace},
            "deleteOptions": {"preconditions": {"uid": pod.uid}},
        }
        try:
            await self._api.request(
                "POST", f"{_path(pod.namespace, pod.name)}/eviction",
                body=body, params={"timeout": f"{EVICTION_DEADLINE:g}s"},
            )  # fmt: skip
        except ApiUnavailable as error:
            if error.status == TOO_MANY_REQUESTS:
                raise  # throttled before anything was done
            await self._look(pod, error)

    async def _look(self, pod: PodFacts, lost: ApiUnavailable) -> None:
        try:
            left = await pod_left(self._api, pod.namespace, pod.name, pod.uid)
        except ApiError as error:
            raise OutcomeUnknown(str(lost), lost.status) from error
        if left:
            return
        if lost.status == INTERNAL_ERROR and ETCD not in str(lost):
            raise lost  # an answer, if no good one
        raise OutcomeUnknown(str(lost), lost.status)

    async def annotate(self, pod: PodFacts, text: str) -> None:
        """Write our annotation, to exactly this pod."""
        await self._patch(pod, text)

    async def unannotate(self, pod: PodFacts) -> None:
        """Take our annotation away; a pod that is gone, or whose name another has now, has none of ours."""
        try:
            await self._patch(pod, None)
        except (ApiNotFound, ApiConflict):
            return

    async def _patch(self, pod: PodFacts, text: str | None) -> None:
        """The UID in a patch works as a precondition. No resourceVersion: a merge patch of one key that nobody else
        writes takes nothing from anybody, and a pod's version moves with every probe."""
        body = {"metadata": {"uid": pod.uid, "annotations": {SUMMARY_ANNOTATION: text}}}
        try:
            await self._api.request("PATCH", _path(pod.namespace, pod.name), body=body, content_type=MERGE_PATCH)
        except ApiError as error:
            if error.status == UNPROCESSABLE and "metadata.uid" in str(error):
                raise ApiConflict(f"pod {pod.name} is another one by now: {error}", error.status) from error
            raise


class DryRunActuator(LiveActuator):
    """The same requests, none of which the server keeps."""

    def __init__(self, api: KubeApi) -> None:
        super().__init__(DryRunApi(api))

    async def _look(self, pod: PodFacts, lost: ApiUnavailable) -> None:
        raise lost  # nothing can have happened


class DryRunApi:
    """A KubeApi whose every write is the server's own dry run."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | Sequence[Any] | None = None,
        params: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        if method != "GET":
            params = {**(params or {}), "dryRun": "All"}
        return await self._api.request(method, path, body=body, params=params, content_type=content_type)


async def pod_left(api: KubeApi, namespace: str, name: str, uid: str) -> bool:
    """Whether this very pod is gone or on its way out. Raises ApiError when that cannot be told."""
    try:
        found = await api.request("GET", _path(namespace, name))
    except ApiNotFound:
        return True
    metadata = found.get("metadata") or {}
    return metadata.get("uid") != uid or bool(metadata.get("deletionTimestamp"))


def _path(namespace: str, name: str) -> str:
    return f"/api/v1/namespaces/{namespace}/pods/{name}"
