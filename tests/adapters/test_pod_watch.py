"""The pod cache against an API server that lists, watches, expires, breaks and forbids."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from leakwarden.adapters.kube_api import KubeClient
from leakwarden.adapters.pod_watch import ALL_NAMESPACES, MAX_WATCHES, PodCache, scopes_for
from leakwarden.api.spec import Selector
from leakwarden.errors import ApiForbidden
from tests.adapters.servers import event_line, eventually, status, web_app


def pod(name: str, namespace: str = "demo", **labels: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}", "labels": labels},
        "spec": {"containers": [{"name": "main"}]},
        "status": {"phase": "Running"},
    }


class Server:
    """Pods with one version counter; watches get what changes after they began. `code` forces that answer."""

    def __init__(self) -> None:
        self.pods: dict[str, dict[str, Any]] = {}
        self.version = 100
        self.oldest = 0
        """Versions up to here have expired."""
        self.code = 0
        self.lists = 0
        self.watches = 0
        self._history: list[tuple[int, str, dict[str, Any]]] = []
        self._open: set[web.StreamResponse] = set()
        self._news = asyncio.Condition()
        self._breaking = 0

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/api/v1/pods", self._serve)
        app.router.add_get("/api/v1/namespaces/{namespace}/pods", self._serve)
        return app

    async def put(self, value: dict[str, Any]) -> None:
        uid = value["metadata"]["uid"]
        await self._record("MODIFIED" if uid in self.pods else "ADDED", value)
        self.pods[uid] = value

    async def delete(self, name: str) -> None:
        await self._record("DELETED", self.pods.pop(f"uid-{name}"))

    async def bookmark(self) -> None:
        await self._record("BOOKMARK", {"metadata": {}})

    async def break_watches(self) -> None:
        async with self._news:
            self._breaking += 1
            self._news.notify_all()

    def expire(self) -> None:
        self.oldest = self.version

    async def _record(self, kind: str, value: dict[str, Any]) -> None:
        async with self._news:
            self.version += 1
            value["metadata"]["resourceVersion"] = str(self.version)
            self._history.append((self.version, kind, value))
            self._news.notify_all()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if self.code:
            return status(self.code, "no")
        namespace = request.match_info.get("namespace", "")
        if "watch" in request.query:
            return await self._watch(request, namespace)
        self.lists += 1
        return self._list(request, namespace)

    def _list(self, request: web.Request, namespace: str) -> web.Response:
        everything = [p for p in self.pods.values() if namespace in {"", p["metadata"]["namespace"]}]
        start, limit = int(request.query.get("continue", "0")), int(request.query["limit"])
        following = str(start + limit) if start + limit < len(everything) else ""
        metadata = {"resourceVersion": str(self.version), "continue": following}
        return web.json_response({"metadata": metadata, "items": everything[start : start + limit]})

    async def _watch(self, request: web.Request, namespace: str) -> web.StreamResponse:
        self.watches += 1
        response = web.StreamResponse()
        await response.prepare(request)
        at, breaking = int(request.query["resourceVersion"]), self._breaking
        if at < self.oldest:
            await response.write(event_line("ERROR", {"kind": "Status", "code": 410, "message": "too old"}))
            return response
        while breaking == self._breaking and request.transport is not None:
            seen = self.version
            for version, kind, value in self._history:
                if version > at and (kind == "BOOKMARK" or namespace in {"", value["metadata"]["namespace"]}):
                    await response.write(event_line(kind, value))
                    at = version
            async with self._news:
                while self.version == seen and breaking == self._breaking:
                    await self._news.wait()
        if request.transport is not None:
            request.transport.abort()
        return response


@asynccontextmanager
async def cache_of(server: Server, *namespaces: str) -> AsyncIterator[PodCache]:
    async with web_app(server.app()) as connection, KubeClient(connection) as api:
        cache = PodCache(api)
        cache.follow(frozenset(namespaces))
        try:
            yield cache
        finally:
            await cache.close()


def names(cache: PodCache, namespace: str = "demo") -> set[str]:
    return {facts.name for facts in cache.by_namespace(namespace)}


async def test_pods_are_listed_in_pages_and_then_known() -> None:
    server = Server()
    for index in range(250):
        await server.put(pod(f"p{index}"))
    async with cache_of(server, "demo") as cache:
        await eventually(lambda: cache.synced("demo"))
        assert len(cache) == 250 and server.lists == 3
        found = cache.get("uid-p7")
        assert found is not None and found.name == "p7"


async def test_nothing_is_said_to_be_synced_before_the_whole_list_was_read() -> None:
    server = Server()
    async with cache_of(server, "demo") as cache:
        assert not cache.synced("demo") and not cache.synced("elsewhere")
        assert cache.silence("demo") == float("inf")
        await eventually(lambda: cache.synced("demo"))
        assert cache.silence("demo") < 5


async def test_what_changes_is_seen_and_announced() -> None:
    server = Server()
    await server.put(pod("a"))
    async with cache_of(server, "demo") as cache:
        await eventually(lambda: cache.synced("demo"))
        assert await cache.changes() == {"demo": frozenset({"uid-a"})}
        await server.put(pod("b"))
        assert await cache.changes() == {"demo": frozenset({"uid-b"})}
        await server.put(pod("a", app="gopls"))
        assert await cache.changes() == {"demo": frozenset({"uid-a"})}
        await server.delete("a")
        assert await cache.changes() == {"demo": frozenset({"uid-a"})}
        assert cache.get("uid-a") is None and names(cache) == {"b"}


async def test_a_new_version_without_a_new_fact_is_not_announced() -> None:
    server = Server()
    await server.put(pod("a"))
    async with cache_of(server, "demo") as cache:
        await eventually(lambda: cache.synced("demo"))
        await cache.changes()
        await server.put(pod("a"))
        await server.put(pod("b"))
        assert await cache.changes() == {"demo": frozenset({"uid-b"})}
        found = cache.get("uid-a")
        assert found is not None and found.resource_version == "102"


async def test_a_broken_watch_goes_on_where_it_was() -> None:
    server = Server()
    await server.put(pod("a"))
    async with cache_of(server, "demo") as cache:
        await eventually(lambda: server.watches == 1)
        await server.break_watches()
        await server.put(pod("b"))
        await eventually(lambda: names(cache) == {"a", "b"})
        assert server.lists == 1


async def test_an_expired_watch_lists_again_and_notices_what_vanished_meanwhile() -> None:
    server = Server()
    for name in ("a", "b"):
        await server.put(pod(name))
    async with cache_of(server, "demo") as cache:
        await eventually(lambda: server.watches == 1)
        await cache.changes()
        server.code = 503
        await server.break_watches()
        await eventually(lambda: cache.trouble("demo") is not None)
        await server.delete("a")
        await server.put(pod("c"))
        server.expire()
        server.code = 0
        await eventually(lambda: names(cache) == {"b", "c"}, 10)
        assert server.lists == 2
        seen = await cache.changes()
        assert {"uid-a", "uid-c"} <= seen["demo"] and "uid-b" not in seen["demo"]


async def test_a_watch_that_stands_again_is_no_trouble_even_when_nothing_happens() -> None:
    server = Server()
    async with cache_of(server, "demo") as cache:
        await eventually(lambda: server.watches == 1)
        server.code = 503
        await server.break_watches()
        await eventually(lambda: cache.trouble("demo") is not None)
        server.code = 0
        await eventually(lambda: cache.trouble("demo") is None, 10)
        assert server.lists == 1


async def test_a_watch_goes_on_from_the_last_event() -> None:
    server = Server()
    async with cache_of(server, "demo") as cache:
        await eventually(lambda: server.watches == 1)
        await server.put(pod("a"))
        await eventually(lambda: names(cache) == {"a"})
        server.expire()
        await server.break_watches()
        await server.put(pod("b"))
        await eventually(lambda: names(cache) == {"a", "b"})
        assert server.lists == 1


async def test_a_watch_goes_on_from_the_last_bookmark_which_is_no_pod() -> None:
    server = Server()
    async with cache_of(server, ALL_NAMESPACES) as cache:
        await eventually(lambda: server.watches == 1)
        sent = time.monotonic()
        await server.bookmark()
        await eventually(lambda: cache.silence("demo") < time.monotonic() - sent)
        assert len(cache) == 0
        server.expire()
        await server.break_watches()
        await eventually(lambda: server.watches >= 2)
        await server.put(pod("a"))
        await eventually(lambda: names(cache) == {"a"})
        assert server.lists == 1


async def test_a_missing_right_is_reported_with_verb_and_resource_and_known_pods_stay() -> None:
    server = Server()
    server.code = 403
    async with cache_of(server, "demo") as cache:
        await eventually(lambda: cache.trouble("demo") is not None)
        trouble = cache.trouble("demo")
        assert isinstance(trouble, ApiForbidden) and "list pods in namespace demo" in str(trouble)
        assert await cache.changes() == {"demo": frozenset()}
        assert not cache.synced("demo")


async def test_an_api_server_that_comes_back_is_no_trouble_any_more() -> None:
    server = Server()
    server.code = 500
    async with cache_of(server, "demo") as cache:
        await eventually(lambda: cache.trouble("demo") is not None)
        server.code = 0
        await eventually(lambda: cache.synced("demo"), 10)
        assert cache.trouble("demo") is None


async def test_namespaces_come_and_go() -> None:
    server = Server()
    for namespace in ("demo", "other", "third"):
        await server.put(pod(f"in-{namespace}", namespace))
    async with cache_of(server, "demo") as cache:
        await eventually(lambda: len(cache) == 1)
        cache.follow(frozenset({"demo", "other"}))
        await eventually(lambda: len(cache) == 2)
        await cache.changes()
        cache.follow(frozenset({"other"}))
        assert names(cache) == set() and names(cache, "other") == {"in-other"}
        assert await cache.changes() == {"demo": frozenset({"uid-in-demo"})}


async def test_many_namespaces_are_one_watch_that_keeps_only_what_is_wanted() -> None:
    server = Server()
    wanted = {f"n{index}" for index in range(MAX_WATCHES + 1)}
    for namespace in [*wanted, "unwanted"]:
        await server.put(pod(f"in-{namespace}", namespace))
    async with cache_of(server, *wanted) as cache:
        await eventually(lambda: cache.synced("n1"))
        assert len(cache) == len(wanted) and names(cache, "unwanted") == set()
        await eventually(lambda: server.watches == 1)
        await server.put(pod("late", "unwanted"))
        await server.put(pod("later", "n3"))
        await eventually(lambda: "later" in names(cache, "n3"))
        assert len(cache) == len(wanted) + 1
        cache.follow(frozenset(wanted | {"unwanted"}))
        await eventually(lambda: names(cache, "unwanted") == {"in-unwanted", "late"})


async def test_pods_are_selected_by_labels() -> None:
    server = Server()
    await server.put(pod("a", app="gopls", tier="dev"))
    await server.put(pod("b", app="gopls"))
    await server.put(pod("c", app="other", tier="dev"))
    selector = Selector.model_validate(
        {"matchLabels": {"app": "gopls"}, "matchExpressions": [{"key": "tier", "operator": "Exists"}]}
    )
    async with cache_of(server, "demo") as cache:
        await eventually(lambda: cache.synced("demo"))
        assert [facts.name for facts in cache.select("demo", selector)] == ["a"]


def test_a_few_namespaces_are_watched_one_by_one_and_many_as_a_whole() -> None:
    few, many = frozenset({"a", "b"}), frozenset(str(number) for number in range(MAX_WATCHES + 1))
    assert scopes_for(few) == few
    assert scopes_for(many) == scopes_for(few | {ALL_NAMESPACES}) == frozenset({ALL_NAMESPACES})
    assert scopes_for(frozenset()) == frozenset()
