"""The operator's own port: metrics, and two answers for the kubelet."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.parser import text_string_to_metric_families

from leakwarden.adapters.web import WebServer
from leakwarden.errors import InvalidSpec


@dataclass
class Served:
    readiness: tuple[bool, str] = (False, "not listed yet")
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    port: int = 0

    async def ask(self, path: str, method: str = "GET") -> tuple[int, str, str]:
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, f"http://127.0.0.1:{self.port}{path}") as answer,
        ):
            return answer.status, answer.headers.get("Content-Type", ""), await answer.text()


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    made = Served()
    server = WebServer("127.0.0.1", 0, made.registry, lambda: made.readiness)
    made.port = await server.start()
    yield made
    await server.stop()


async def test_metrics_are_what_prometheus_reads(served: Served) -> None:
    Counter("leakwarden_things_total", "Things.", registry=served.registry).inc(3)
    status, content_type, text = await served.ask("/metrics")
    assert (status, content_type.split(";")[0]) == (200, "text/plain")
    (family,) = [f for f in text_string_to_metric_families(text) if f.name == "leakwarden_things"]
    assert [s.value for s in family.samples if s.name == "leakwarden_things_total"] == [3.0]


async def test_it_is_healthy_from_the_start_and_ready_when_the_operator_is(served: Served) -> None:
    assert [(await served.ask(path))[0] for path in ("/healthz", "/readyz")] == [200, 503]
    assert "not listed yet" in (await served.ask("/readyz"))[2]
    served.readiness = (True, "standing by: another leads")
    status, _, text = await served.ask("/readyz")
    assert (status, text) == (200, "standing by: another leads\n")


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/", 404), ("POST", "/metrics", 405)])
async def test_nothing_else_is_served_and_nothing_takes_a_body(
    served: Served, method: str, path: str, status: int
) -> None:
    assert (await served.ask(path, method))[0] == status


async def test_a_port_that_is_taken_is_an_error_that_names_the_setting() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InvalidSpec, match=rf"LEAKWARDEN_LISTEN: cannot listen on 127\.0\.0\.1:{port}"):
            await WebServer("127.0.0.1", port, CollectorRegistry(), lambda: (True, "ok")).start()


async def test_a_server_that_never_started_can_be_stopped() -> None:
    server = WebServer("127.0.0.1", 0, CollectorRegistry(), lambda: (True, "ok"))
    await server.stop()
    port = await server.start()
    assert port > 0
    await server.stop()
