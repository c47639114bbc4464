"""A lean cache of pods: list in pages, watch, keep PodFacts only.

Level-based: what counts is the state now. A watch that ends, breaks or goes silent is taken up again where it was;
one that has expired (410) is listed anew, and what vanished in between is noticed. About 2 KiB of memory a pod
(docs/sampling.md).
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace

from leakwarden.adapters.kube_errors import WatchExpired, cap
from leakwarden.adapters.ports import OPENED, KubeReader
from leakwarden.api.spec import Selector
from leakwarden.core.pod_facts import pod_facts
from leakwarden.core.targets import PodFacts
from leakwarden.errors import ApiError, ApiForbidden

log = logging.getLogger(__name__)

ALL_NAMESPACES = ""
MAX_WATCHES = 20
"""Namespaces that are watched one by one; beyond that one watch over the whole cluster is cheaper for everybody."""
_BACKOFF = (0.5, 30.0)
_SHORT_WATCH = 1.0
"""Seconds; a watch that the server ends sooner, and says nothing, is not begun again at once."""
_NO_POD = frozenset({OPENED, "BOOKMARK"})
FORBIDDEN_PAUSE = 30.0
"""Seconds between two tries while a right is missing: a person has to grant it."""


@dataclass(slots=True)
class _Scope:
    """One list and watch: a namespace, or the cluster."""

    namespace: str
    task: asyncio.Task[None] | None = None
    synced: bool = False
    trouble: ApiError | None = None
    heard_at: float = field(default=0.0)


class PodCache:
    """`follow` says which namespaces; reads are plain and synchronous; `changes` tells what to look at again.

    `clock` is monotonic seconds. Nothing here raises for what the API server does: see `trouble`.
    """

    def __init__(
        self, api: KubeReader, *, clock: Callable[[], float] = time.monotonic, forbidden_pause: float = FORBIDDEN_PAUSE
    ) -> None:
        self._api = api
        self._forbidden_pause = forbidden_pause
        self._clock = clock
        self._wanted: frozenset[str] = frozenset()
        self._scopes: dict[str, _Scope] = {}
        self._pods: dict[str, PodFacts] = {}
        self._by_namespace: dict[str, dict[str, PodFacts]] = {}
        self._changed: dict[str, set[str]] = {}
        self._wake = asyncio.Event()

    @property
    def followed(self) -> frozenset[str]:
        """The namespaces, as given to `follow`."""
        return self._wanted

    def get(self, uid: str) -> PodFacts | None:
        return self._pods.get(uid)

    def by_namespace(self, namespace: str) -> Iterator[PodFacts]:
        return iter(tuple(self._by_namespace.get(namespace, {}).values()))

    def select(self, namespace: str, selector: Selector) -> list[PodFacts]:
        return [pod for pod in self.by_namespace(namespace) if selector.matches(pod.labels)]

    def __len__(self) -> int:
        return len(self._pods)

    def synced(self, namespace: str) -> bool:
        """Whether the list has been read whole: before that, an absent pod means nothing."""
        scope = self._scope_of(namespace)
        return scope is not None and scope.synced

    def trouble(self, namespace: str) -> ApiError | None:
        """Why this namespace cannot be read at the moment, None when it can. ApiForbidden names verb and resource."""
        scope = self._scope_of(namespace)
        return scope.trouble if scope else None

    def silence(self, namespace: str) -> float:
        """Seconds since the API server was last heard from about this namespace; infinite before the first time."""
        scope = self._scope_of(namespace)
        return self._clock() - scope.heard_at if scope and scope.heard_at else float("inf")

    async def changes(self) -> dict[str, frozenset[str]]:
        """Waits until something changed, then hands over all of it: namespace -> UIDs of pods added, changed or gone.

        A namespace with no UIDs has become synced, or its trouble changed. One consumer.
        """
        await self._wake.wait()
        self._wake.clear()
        changed, self._changed = self._changed, {}
        return {namespace: frozenset(uids) for namespace, uids in changed.items()}

    def follow(self, namespaces: frozenset[str]) -> None:
        """From now on these namespaces, and no others. Needs a running loop."""
        if namespaces == self._wanted:
            return
        self._wanted = namespaces
        scopes = scopes_for(namespaces)
        for name in [name for name in self._scopes if name not in scopes]:
            self._stop(self._scopes.pop(name))
        if ALL_NAMESPACES in self._scopes:
            # Pods of a newly wanted namespace were not kept so far: list again.
            self._stop(self._scopes.pop(ALL_NAMESPACES))
        for name in scopes - self._scopes.keys():
            scope = self._scopes[name] = _Scope(name)
            scope.task = asyncio.create_task(self._run(scope), name=f"pods of {name or 'all namespaces'}")
        for namespace in [n for n in self._by_namespace if not self._keeps(n)]:
            for uid in list(self._by_namespace[namespace]):
                self._drop(namespace, uid)

    async def close(self) -> None:
        tasks = [scope.task for scope in self._scopes.values() if scope.task]
        for scope in self._scopes.values():
            self._stop(scope)
        self._scopes.clear()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, scope: _Scope) -> None:
        """List, watch, and again, for ever; waits longer after each failure in a row."""
        delay, version = _BACKOFF[0], ""
        while True:
            try:
                if not version:
                    version = await self._list(scope)
                    self._healthy(scope)
                began, before = self._clock(), version
                async for reached in self._watch(scope, version):
                    delay = delay if reached == version else _BACKOFF[0]
                    version = reached
                    self._healthy(scope)
                if version == before and self._clock() - began < _SHORT_WATCH:
                    delay = await _pause(delay)
            except WatchExpired:
                version = ""
                delay = await _pause(delay)
            except ApiError as error:
                self._troubled(scope, error)
                delay = await _pause(self._forbidden_pause if isinstance(error, ApiForbidden) else delay)
            except Exception:
                # A bug or a pod of a shape never seen must not end the watch; listing anew starts from known ground.
                log.exception("watching pods of %s failed in a way that is a bug", scope.namespace or "all namespaces")
                version = ""
                await asyncio.sleep(_BACKOFF[1])

    async def _list(self, scope: _Scope) -> str:
        seen: set[str] = set()
        version = ""
        async for items, reached in self._api.list_pages(_path(scope.namespace)):
            version = reached
            scope.heard_at = self._clock()
            for item in items:
                seen.add(self._put(pod_facts(item)))
            await asyncio.sleep(0)  # a page takes milliseconds; samples in flight go first
        for namespace, pods in list(self._by_namespace.items()):
            if scope.namespace in {ALL_NAMESPACES, namespace}:
                for uid in [uid for uid in pods if uid not in seen]:
                    self._drop(namespace, uid)
        if not scope.synced:
            scope.synced = True
            self._notify_scope(scope)
        return version

    async def _watch(self, scope: _Scope, version: str) -> AsyncIterator[str]:
        """Applies events, and yields the resourceVersion reached."""
        async for event in self._api.watch(_path(scope.namespace), resource_version=version):
            scope.heard_at = self._clock()
            if event.kind not in _NO_POD:
                pod = pod_facts(event.object)
                if event.kind == "DELETED":
                    self._drop(pod.namespace, pod.uid)
                else:
                    self._put(pod)
            yield str((event.object.get("metadata") or {}).get("resourceVersion") or version)

    def _put(self, pod: PodFacts) -> str:
        if self._keeps(pod.namespace):
            before = self._pods.get(pod.uid)
            self._pods[pod.uid] = pod
            self._by_namespace.setdefault(pod.namespace, {})[pod.uid] = pod
            if before is None or replace(before, resource_version="") != replace(pod, resource_version=""):
                self._notify(pod.namespace, pod.uid)
        return pod.uid

    def _drop(self, namespace: str, uid: str) -> None:
        pods = self._by_namespace.get(namespace, {})
        if pods.pop(uid, None) is None:
            return
        self._pods.pop(uid, None)
        if not pods:
            del self._by_namespace[namespace]
        self._notify(namespace, uid)

    def _keeps(self, namespace: str) -> bool:
        return namespace in self._wanted or ALL_NAMESPACES in self._wanted

    def _scope_of(self, namespace: str) -> _Scope | None:
        return self._scopes.get(namespace) or self._scopes.get(ALL_NAMESPACES)

    def _healthy(self, scope: _Scope) -> None:
        scope.heard_at = self._clock()
        if scope.trouble is not None:
            log.info("pods of %s can be read again", scope.namespace or "all namespaces")
            scope.trouble = None
            self._notify_scope(scope)

    def _troubled(self, scope: _Scope, error: ApiError) -> None:
        if type(error) is not type(scope.trouble):
            log.warning("pods of %s cannot be read: %s", scope.namespace or "all namespaces", cap(str(error)))
            scope.trouble = error
            self._notify_scope(scope)

    def _notify_scope(self, scope: _Scope) -> None:
        for namespace in [scope.namespace] if scope.namespace else self._wanted:
            self._changed.setdefault(namespace, set())
        self._wake.set()

    def _notify(self, namespace: str, uid: str) -> None:
        self._changed.setdefault(namespace, set()).add(uid)
        self._wake.set()

    @staticmethod
    def _stop(scope: _Scope) -> None:
        if scope.task is not None:
            scope.task.cancel()


async def _pause(seconds: float) -> float:
    """Waits about that long, never two watches in step; returns how long to wait the next time in a row."""
    await asyncio.sleep(seconds * random.uniform(0.5, 1.5))
    return min(seconds * 2, _BACKOFF[1])


def scopes_for(namespaces: frozenset[str], limit: int = MAX_WATCHES) -> frozenset[str]:
    """What to watch: each namespace by itself, or the cluster where they are many."""
    if ALL_NAMESPACES in namespaces or len(namespaces) > limit:
        return frozenset({ALL_NAMESPACES})
    return namespaces


def _path(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/pods" if namespace else "/api/v1/pods"
