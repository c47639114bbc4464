"""The reading port: what it answers, to whom, and that it only reads."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
import pytest

from leakwarden.adapters.inspect_web import DEFAULT_ROWS, InspectServer
from leakwarden.api.inspection import Details, TargetRow, Targets
from leakwarden.errors import InvalidSpec

AT = datetime(2026, 11, 24, 8, tzinfo=UTC)
ROW = TargetRow(namespace="demo", pod="ws-1", endpoint="pprof", policy="gopls", verdict="Healthy", message="fine")


@dataclass
class Inspector:
    """Remembers what it was asked."""

    asked: list[tuple[str, ...]] = field(default_factory=list)

    def targets(self, namespace: str, policy: str, most: int) -> Targets:
        self.asked.append((namespace, policy, str(most)))
        return Targets(at=AT, total=1, targets=(ROW,))

    def pod(self, namespace: str, name: str) -> Details:
        self.asked.append((namespace, name))
        return Details(at=AT, targets=())


@dataclass
class Served:
    inspector: Inspector = field(default_factory=Inspector)
    nobody: str = ""
    port: int = 0

    async def ask(self, path: str, method: str = "GET", host: str = "localhost") -> tuple[int, str]:
        url = f"http://127.0.0.1:{self.port}{path}"
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, url, headers={"Host": f"{host}:{self.port}"}) as answer,
        ):
            return answer.status, await answer.text()


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    made = Served()
    server = InspectServer("127.0.0.1", 0, lambda: made.nobody or made.inspector)
    made.port = await server.start()
    yield made
    await server.stop()


async def test_targets_are_asked_for_by_namespace_policy_and_number(served: Served) -> None:
    status, text = await served.ask("/v1/targets?namespace=demo&policy=gopls&most=7")
    assert status == 200
    assert Targets.model_validate_json(text).targets == (ROW,)
    assert '"liveHeap"' not in text
    await served.ask("/v1/targets")
    await served.ask("/v1/targets/ws-1?namespace=demo")
    assert served.inspector.asked == [("demo", "gopls", "7"), ("", "", str(DEFAULT_ROWS)), ("demo", "ws-1")]


@pytest.mark.parametrize("most", ["", "0", "-1", "many", "1e3", "99999999", "9" * 5000, "%D9%A3", "%1b%5b2J", "7x"])
async def test_a_number_of_rows_that_is_none_is_refused(served: Served, most: str) -> None:
    status, text = await served.ask(f"/v1/targets?most={most}")
    assert (status, text.endswith(" is no number of rows\n"), text.rstrip().isprintable()) == (400, True, True)
    assert served.inspector.asked == []


async def test_one_that_stands_by_says_who_leads(served: Served) -> None:
    assert (await served.ask("/v1/leader"))[1] == '{"leads":true,"says":""}'
    served.nobody = "standing by: leakwarden-0 leads"
    assert (await served.ask("/v1/leader"))[1] == '{"leads":false,"says":"standing by: leakwarden-0 leads"}'
    for path in ("/v1/targets", "/v1/targets/ws-1"):
        assert await served.ask(path) == (503, "standing by: leakwarden-0 leads\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/v1/leader", "/v1/targets", "/v1/targets/ws-1"])
async def test_nothing_can_be_changed_through_it(served: Served, method: str, path: str) -> None:
    assert (await served.ask(path, method))[0] == 405
    assert served.inspector.asked == []


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost", 200), ("127.0.0.1", 200), ("[::1]", 200), ("evil.example", 421), ("10.0.0.7", 421)],
)
async def test_a_page_of_another_name_cannot_read_it_through_a_browser(served: Served, host: str, status: int) -> None:
    assert (await served.ask("/v1/targets", host=host))[0] == status


async def test_a_port_that_is_taken_is_an_error_that_names_the_setting() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InvalidSpec, match=rf"LEAKWARDEN_INSPECT: cannot listen on 127\.0\.0\.1:{port}"):
            await InspectServer("127.0.0.1", port, Inspector).start()
