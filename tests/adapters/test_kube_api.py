"""The Kubernetes API over HTTP: what each answer becomes, and what a watch survives."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from leakwarden.adapters.kube_api import UNDELIVERED, KubeClient, impatient_socket
from leakwarden.adapters.kube_config import KubeConnection
from leakwarden.adapters.kube_errors import WatchExpired, describe
from leakwarden.adapters.ports import OPENED, WatchEvent
from leakwarden.errors import (
    ApiConflict,
    ApiError,
    ApiForbidden,
    ApiNotFound,
    ApiUnavailable,
    DisruptionBudget,
    NotLeader,
    Retry,
)
from tests.adapters.servers import answer, event_line, http_server, request_line, status, tcp_server, web_app

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
PODS = "/api/v1/namespaces/demo/pods"


@asynccontextmanager
async def client(handler: Handler, **options: Any) -> AsyncIterator[KubeClient]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with web_app(app) as connection, KubeClient(connection, **options) as api:
        yield api


def answers(response: Callable[[], web.Response]) -> Handler:
    async def handler(_: web.Request) -> web.StreamResponse:
        return response()

    return handler


async def test_a_request_carries_method_body_parameters_and_content_type() -> None:
    seen: list[Any] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append((request.method, request.path_qs, request.headers["Content-Type"], await request.json()))
        return web.json_response({"kind": "Pod"})

    async with client(handler) as api:
        answered = await api.request(
            "PATCH",
            f"{PODS}/p",
            body={"metadata": {}},
            params={"dryRun": "All"},
            content_type="application/merge-patch+json",
        )
    assert answered == {"kind": "Pod"}
    assert seen == [("PATCH", f"{PODS}/p?dryRun=All", "application/merge-patch+json", {"metadata": {}})]


BUDGET = {
    "reason": "TooManyRequests",
    "details": {
        "causes": [
            {
                "reason": "DisruptionBudget",
                "message": "The disruption budget gopls needs 2 healthy pods and has 2 currently",
            }
        ]
    },
}
CASES: dict[str, tuple[type[ApiError], str, int, str, dict[str, Any]]] = {}


def case(name: str, kind: type[ApiError], message: str, code: int, said: str, **more: Any) -> None:
    CASES[name] = (kind, message, code, said, more)


case("a missing right", ApiForbidden, "cannot create pods/eviction in namespace demo: no", 403, "no")
case(
    "a token not accepted",
    ApiForbidden,
    "cannot create pods/eviction in namespace demo: the token is not accepted",
    401,
    "x",
)
case("a pod that is gone", ApiNotFound, 'pods "p" not found', 404, 'pods "p" not found')
case("a changed object", ApiConflict, "the UID in the precondition", 409, "the UID in the precondition")
case(
    "a disruption budget",
    DisruptionBudget,
    "The disruption budget gopls needs 2 healthy pods",
    429,
    "Cannot evict pod",
    **BUDGET,
)
case("throttling", ApiUnavailable, "throttled: slow down", 429, "slow down")
case(
    "a server error",
    ApiUnavailable,
    "HTTP 500: This pod has more than one PodDisruptionBudget",
    500,
    "This pod has more than one PodDisruptionBudget",
)
case("a bad gateway", ApiUnavailable, "HTTP 502", 502, "bad gateway")
case("a refused body", ApiError, "HTTP 422: spec is invalid", 422, "spec is invalid")
case("an unexpected redirect", ApiError, "HTTP 302", 302, "elsewhere")


@pytest.mark.parametrize("name", CASES)
async def test_an_answer_outside_2xx_becomes_its_kind_of_error(name: str) -> None:
    kind, message, code, said, more = CASES[name]
    async with client(answers(lambda: status(code, said, **more))) as api:
        with pytest.raises(ApiError) as caught:
            await api.request("POST", f"{PODS}/p/eviction", body={})
    assert type(caught.value) is kind
    assert message in str(caught.value)
    assert caught.value.status == code


async def test_a_redirect_is_not_followed_since_it_could_lead_the_token_anywhere() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == PODS:
            return web.Response(status=307, headers={"Location": "/elsewhere"})
        return web.json_response({"kind": "Trap"})

    async with client(handler) as api:
        with pytest.raises(ApiError, match="HTTP 307"):
            await api.request("GET", PODS)
        with pytest.raises(ApiError, match="HTTP 307"):
            _ = [event async for event in api.watch(PODS, resource_version="5")]


async def test_texts_of_others_are_capped_and_on_one_line() -> None:
    async with client(answers(lambda: web.Response(status=503, text="upstream\x9b\x1b[2J\n" * 10_000))) as api:
        with pytest.raises(ApiUnavailable) as caught:
            await api.request("GET", PODS)
    assert len(str(caught.value)) < 500 and str(caught.value).isprintable()


async def test_an_answer_that_is_no_json_is_unavailable() -> None:
    async with client(answers(lambda: web.Response(text="<html>"))) as api:
        with pytest.raises(ApiUnavailable, match="not JSON"):
            await api.request("GET", PODS)


async def test_an_answer_without_a_body_is_an_empty_object() -> None:
    async with client(answers(web.Response)) as api:
        assert await api.request("DELETE", f"{PODS}/p") == {}


async def test_an_api_server_that_is_not_there_is_unavailable_and_worth_a_backoff() -> None:
    async with http_server(lambda _: b"") as (port, _):
        pass
    async with KubeClient(KubeConnection(f"http://127.0.0.1:{port}", None)) as api:
        with pytest.raises(ApiUnavailable) as caught:
            await api.request("GET", PODS)
    assert caught.value.retry is Retry.BACKOFF and caught.value.status == 0


async def test_an_api_server_that_hangs_is_unavailable_after_the_deadline() -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    async with client(handler, deadline=0.1) as api:
        with pytest.raises(ApiUnavailable, match="cannot list pods in namespace demo: no answer in time"):
            await api.request("GET", PODS)


async def test_a_list_is_read_page_by_page_with_the_version_of_the_whole() -> None:
    pages = {None: (["a", "b"], "t1"), "t1": (["c", "d"], "t2"), "t2": (["e"], "")}

    async def handler(request: web.Request) -> web.StreamResponse:
        names, following = pages[request.query.get("continue")]
        assert request.query["limit"] == "2" and request.query["labelSelector"] == "app=x"
        items = [{"metadata": {"name": name}} for name in names]
        return web.json_response({"metadata": {"resourceVersion": "77", "continue": following}, "items": items})

    async with client(handler) as api:
        read = [
            ([item["metadata"]["name"] for item in items], version)
            async for items, version in api.list_pages(PODS, params={"labelSelector": "app=x"}, page_size=2)
        ]
    assert read == [(["a", "b"], "77"), (["c", "d"], "77"), (["e"], "77")]


def pod(name: str, version: int) -> dict[str, Any]:
    return {"metadata": {"name": name, "resourceVersion": str(version)}}


async def watched(handler: Handler, **options: Any) -> list[WatchEvent]:
    async with client(handler, **options) as api:
        events = [event async for event in api.watch(PODS, resource_version="5")]
    assert events.pop(0) == WatchEvent(OPENED, {"metadata": {"resourceVersion": "5"}})
    return events


def streams(*chunks: bytes, then: Callable[[], Awaitable[None]] | None = None) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
            await asyncio.sleep(0)
        if then:
            await then()
        return response

    return handler


async def test_events_are_handed_over_wherever_the_network_cuts_them() -> None:
    line = event_line("ADDED", pod("a", 6)) + event_line("BOOKMARK", pod("", 7))
    events = await watched(streams(line[:10], line[10:75], line[75:]))
    assert [(event.kind, event.object["metadata"]["resourceVersion"]) for event in events] == [
        ("ADDED", "6"),
        ("BOOKMARK", "7"),
    ]


async def test_an_event_larger_than_any_buffer_arrives_whole() -> None:
    big = {"metadata": {"name": "a", "annotations": {"x": "y" * 1_500_000}}}
    [event] = await watched(streams(event_line("MODIFIED", big)))
    assert len(event.object["metadata"]["annotations"]["x"]) == 1_500_000


async def test_a_watch_asks_for_bookmarks_from_where_it_was() -> None:
    seen: list[dict[str, str]] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(dict(request.query))
        return await streams()(request)

    assert await watched(handler) == []
    assert seen[0]["resourceVersion"] == "5" and seen[0]["allowWatchBookmarks"] == "true"
    assert 200 < int(seen[0]["timeoutSeconds"]) < 400


async def test_a_watch_that_falls_silent_ends() -> None:
    async def silence() -> None:
        await asyncio.sleep(60)

    async with asyncio.timeout(5):
        events = await watched(streams(event_line("ADDED", pod("a", 6)), then=silence), silence=0.2)
    assert len(events) == 1


async def test_a_watch_that_breaks_in_the_middle_of_a_line_ends_without_half_an_event() -> None:
    line = event_line("ADDED", pod("a", 6))

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_line(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % (len(line) + 5) + line + b'{"ty')
        await writer.drain()

    async with tcp_server(talk) as port, KubeClient(KubeConnection(f"http://127.0.0.1:{port}", None)) as api:
        events = [event async for event in api.watch(PODS, resource_version="5")]
    assert [event.kind for event in events] == [OPENED, "ADDED"]


GONE = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version: 5 (900)"}


async def test_an_expired_version_is_said_as_such_in_both_forms() -> None:
    with pytest.raises(WatchExpired, match="too old resource version"):
        await watched(streams(event_line("ERROR", GONE)))
    with pytest.raises(WatchExpired):
        await watched(answers(lambda: status(410, "too old resource version")))


async def test_an_error_event_without_a_code_is_unavailable() -> None:
    with pytest.raises(ApiUnavailable):
        await watched(streams(event_line("ERROR", {"message": "etcdserver: no leader"})))


@pytest.mark.parametrize("line", [b"not json\n", b"[1]\n", b'{"type": "ADDED"}\n'])
async def test_a_line_that_is_no_event_is_unavailable(line: bytes) -> None:
    with pytest.raises(ApiUnavailable):
        await watched(streams(line))


async def test_a_forbidden_watch_names_verb_and_resource() -> None:
    with pytest.raises(ApiForbidden, match="cannot watch pods in namespace demo"):
        await watched(answers(lambda: status(403, "no")))


PATHS = {
    ("GET", "/api/v1/pods"): "list pods",
    ("GET", "/api/v1/namespaces/demo/pods/p"): "get pods in namespace demo",
    ("GET", "/api/v1/namespaces/demo/pods/p/portforward"): "get pods/portforward in namespace demo",
    ("GET", "/api/v1/namespaces/demo"): "get namespaces",
    (
        "PATCH",
        "/apis/leakwarden.io/v1alpha1/namespaces/demo/leakpolicies/g/status",
    ): "patch leakpolicies.leakwarden.io/status in namespace demo",
    ("POST", "/apis/events.k8s.io/v1/namespaces/demo/events"): "create events.events.k8s.io in namespace demo",
    ("GET", "/version"): "GET /version",
}


@pytest.mark.parametrize("request_of", PATHS)
def test_a_request_is_described_in_the_words_of_rbac(request_of: tuple[str, str]) -> None:
    assert describe(*request_of) == PATHS[request_of]


async def test_no_answer_is_read_beyond_the_cap() -> None:
    async with client(answers(lambda: web.json_response({"x": "y" * 2000})), max_body=1000) as api:
        with pytest.raises(ApiError, match="larger than"):
            await api.request("GET", PODS)


async def test_the_credential_goes_with_each_request() -> None:
    def said(path: str) -> bytes:
        return answer(json.dumps({"path": path}).encode(), "application/json")

    heads: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(said("/"))
        await writer.drain()

    async with tcp_server(talk) as port, KubeClient(bearer(port)) as api:
        await api.request("GET", "/version")
    assert b"Authorization: Bearer secret\r\n" in heads[0]


def bearer(port: int) -> KubeConnection:
    return KubeConnection(f"http://127.0.0.1:{port}", None, _token="Bearer secret")


# -- the guard of a leader's writes -----------------------------------------------------------------------------------


class Lease:
    """What a guard asks; `asked` counts how often."""

    def __init__(self) -> None:
        self.held, self.asked = True, 0

    def check(self) -> None:
        self.asked += 1
        if not self.held:
            raise NotLeader("not held")


async def test_what_the_guard_forbids_never_reaches_the_server_whole() -> None:
    bodies: list[bytes] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        bodies.append(await request.read())
        return web.json_response({})

    lease = Lease()
    async with client(handler, guard=lease.check) as api:
        await api.request("POST", PODS, body={"sent": 1})
        lease.held = False
        async with asyncio.timeout(5):
            with pytest.raises(NotLeader, match="not held"):
                await api.request("POST", PODS, body={"sent": 2})
        lease.held = True
        await api.request("PUT", f"{PODS}/p", body={"sent": 3})
    assert bodies == [b'{"sent":1}', b'{"sent":3}']


async def test_the_guard_is_asked_when_the_connection_stands_and_not_before(certificate: ssl.SSLContext) -> None:
    """A connection may take longer than the Lease lasts."""
    lease, got = Lease(), bytearray()

    async def handshake_done(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        got.extend(await reader.read())

    def lose(*_: object) -> None:
        lease.held = False

    certificate.sni_callback = lose
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    async with (
        tcp_server(handshake_done, ssl=certificate) as port,
        KubeClient(KubeConnection(f"https://127.0.0.1:{port}", trusting), guard=lease.check) as api,
    ):
        with pytest.raises(NotLeader):
            await api.request("POST", PODS, body={"sent": 1})
    assert lease.asked == 1
    assert b"sent" not in got


async def test_what_cannot_be_delivered_soon_is_dropped_by_the_kernel() -> None:
    """Else a partition that heals would bring an eviction that everybody has given up."""
    option = socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT
    with impatient_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 0))) as made:
        assert made.getsockopt(*option) == 1000 * UNDELIVERED
    async with client(answers(lambda: web.json_response({})), for_writes=True) as api:
        await api.request("POST", PODS, body={})
        kept = [protocol.transport for conns in api._session_now().connector._conns.values() for protocol, _ in conns]  # type: ignore[union-attr]
        assert [one.get_extra_info("socket").getsockopt(*option) for one in kept if one] == [1000 * UNDELIVERED]


async def test_reads_are_nobodys_secret_and_pass_without_the_guard() -> None:
    lease = Lease()
    lease.held = False
    async with client(answers(lambda: web.json_response({"kind": "Pod"})), guard=lease.check) as api:
        assert await api.request("GET", f"{PODS}/p") == {"kind": "Pod"}


async def test_a_write_over_a_connection_that_died_meanwhile_is_guarded_again_and_whole() -> None:
    """aiohttp sends a PUT once more when a kept connection turns out to be dead."""
    bodies: list[bytes] = []
    lease = Lease()

    async def one_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        bodies.append(await reader.readexactly(int(head.split(b"content-length: ")[1].split()[0])))
        writer.write(answer(b"{}"))
        await reader.read(1)  # the next request is left without an answer

    async with (
        tcp_server(one_answer) as port,
        KubeClient(KubeConnection(f"http://127.0.0.1:{port}", None), guard=lease.check) as api,
    ):
        await api.request("PUT", f"{PODS}/p", body={"sent": 1})
        await api.request("PUT", f"{PODS}/p", body={"sent": 2})
    assert bodies == [b'{"sent":1}', b'{"sent":2}']
    assert lease.asked == 3
