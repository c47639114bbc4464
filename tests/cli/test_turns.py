"""Processes that take turns: one acts, the others stand by, and the end of a turn is the end of everything in it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from leakwarden.cli.assembly import unless
from leakwarden.core.lease import home_of
from tests.cli.api_server import ApiServer, api_server, kubeconfig
from tests.pipeline.build import body

SPEC = {"target": {"selector": {"matchLabels": {"app": "gopls"}}}}
LEASE = "/apis/coordination.k8s.io/v1/namespaces/leakwarden/leases/leakwarden"
JOURNAL = "/api/v1/namespaces/leakwarden/configmaps/leakwarden-journal"


@pytest.fixture
async def api() -> AsyncIterator[ApiServer]:
    async with api_server() as server:
        yield server


def signed_by(api: ApiServer) -> str:
    """Whose name the journal has: a leader signs it a moment after it says that it leads."""
    return str(api.objects[JOURNAL]["metadata"]["annotations"]["leakwarden.io/leader"])


async def eventually(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (it waits for another process)
            await asyncio.sleep(0.02)


class Candidate:
    """A real process with a state directory of its own."""

    def __init__(self, directory: Path, process: asyncio.subprocess.Process) -> None:
        self.directory = directory
        self.process = process

    async def ask(self, path: str) -> tuple[int, str]:
        """Of its own port, or of the reading port what begins with /v1."""
        address = (self.directory / "address").read_text().split()[1 if path.startswith("/v1/") else 0]
        async with aiohttp.ClientSession() as session, session.get(f"http://{address}{path}") as answer:
            return answer.status, await answer.text()

    async def wait_says(self, text: str) -> None:
        """Until /readyz says so, with 200."""
        async with asyncio.timeout(60):
            while (await self.ask("/readyz")) != (200, f"{text}\n"):  # noqa: ASYNC110 (it is another process)
                await asyncio.sleep(0.05)

    def is_named(self, holder: str) -> bool:
        return home_of(holder) == (self.directory / "state" / "leakwarden.lock").read_text().strip()

    async def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 60)

    def log(self) -> list[str]:
        return [json.loads(line)["message"] for line in (self.directory / "log").read_text().splitlines()]


@asynccontextmanager
async def candidate(api: ApiServer, directory: Path) -> AsyncIterator[Candidate]:
    directory.mkdir()  # noqa: ASYNC240 (a moment, before anything else runs)
    environment = {
        "PATH": os.environ["PATH"],
        "LEAKWARDEN_KUBECONFIG": str(kubeconfig(directory, api.port)),
        "LEAKWARDEN_STATE_DIR": str(directory / "state"),
        "LEAKWARDEN_LISTEN": "127.0.0.1:0",
        "LEAKWARDEN_INSPECT": "127.0.0.1:0",
        "LEAKWARDEN_LISTEN_FILE": str(directory / "address"),
        "LEAKWARDEN_STATUS_INTERVAL": "0.1",
        "LEAKWARDEN_LEADER_ELECTION": "true",
        # Long: nobody here waits for the end of one, and on a busy machine a stop takes its time.
        "LEAKWARDEN_LEASE_DURATION": "60",
        "LEAKWARDEN_LEASE_RENEW_DEADLINE": "45",
        "LEAKWARDEN_LEASE_RETRY": "0.2",
    }
    with (directory / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "leakwarden", "run", env=environment, cwd=directory, stderr=log
        )
    try:
        await eventually(lambda: (directory / "address").exists() or process.returncode is not None)
        yield Candidate(directory, process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_one_acts_the_other_stands_by_and_takes_over_when_the_first_is_stopped(
    api: ApiServer, tmp_path: Path
) -> None:
    api.policies["first"] = body("first", SPEC)
    async with candidate(api, tmp_path / "one") as one, candidate(api, tmp_path / "two") as two:
        await one.wait_says("ok")
        first = api.objects[LEASE]["spec"]["holderIdentity"]
        assert one.is_named(first)
        await two.wait_says(f"standing by: {first} leads")
        await eventually(lambda: len(api.patched) == 1)
        assert [("leakwarden_leader 1.0" in (await each.ask("/metrics"))[1]) for each in (one, two)] == [True, False]
        assert "leakwarden_targets" not in (await two.ask("/metrics"))[1]
        await eventually(lambda: signed_by(api) == first)

        assert await one.stop() == 0
        assert api.objects[LEASE]["spec"].get("holderIdentity") != first  # given back, or taken since
        await two.wait_says("ok")
        second = api.objects[LEASE]["spec"]["holderIdentity"]
        assert two.is_named(second)
        await eventually(lambda: signed_by(api) == second)
        assert await two.stop() == 0
        assert "holderIdentity" not in api.objects[LEASE]["spec"]


async def test_one_that_loses_the_lease_stops_everything_stands_by_and_may_lead_again(
    api: ApiServer, tmp_path: Path
) -> None:
    async with candidate(api, tmp_path / "one") as one:
        await one.wait_says("ok")
        lease = api.objects[LEASE]
        api.put(LEASE, {**lease, "spec": {**lease["spec"], "holderIdentity": "a-third", "leaseDurationSeconds": 3}})
        await one.wait_says("standing by: a-third leads")
        assert "leakwarden_leader 0.0" in (await one.ask("/metrics"))[1]
        await eventually(lambda: api.watchers == 0)
        api.policies["late"] = body("late", SPEC)
        assert api.patched == []

        await one.wait_says("ok")  # nobody renews it for the third
        await eventually(lambda: len(api.patched) == 1)
        assert await one.stop() == 0
    log = one.log()
    assert "everything is stopped, and this operator stands by: the Lease was taken by a-third" in log
    assert not [line for line in log if "a bug" in line]


async def test_people_are_told_who_leads_and_only_that_one_tells_about_the_fleet(
    api: ApiServer, tmp_path: Path
) -> None:
    async with candidate(api, tmp_path / "one") as one, candidate(api, tmp_path / "two") as two:
        await one.wait_says("ok")
        says = f"standing by: {api.objects[LEASE]['spec']['holderIdentity']} leads"
        await two.wait_says(says)
        assert json.loads((await one.ask("/v1/leader"))[1]) == {"leads": True, "says": ""}
        assert json.loads((await two.ask("/v1/leader"))[1]) == {"leads": False, "says": says}
        assert (await one.ask("/v1/targets"))[0] == 200
        assert await two.ask("/v1/targets") == (503, f"{says}\n")

        assert await one.stop() == 0
        await two.wait_says("ok")
        assert (await two.ask("/v1/targets"))[0] == 200


async def test_what_is_left_undone_by_an_event_is_cancelled_at_once() -> None:
    event, ended = asyncio.Event(), asyncio.Event()

    async def work() -> int:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()
        return 1

    asyncio.get_running_loop().call_later(0.01, event.set)
    assert await unless(event, work()) is None
    assert ended.is_set()


async def test_what_is_done_before_the_event_is_handed_over_and_so_is_its_error() -> None:
    async def answer() -> int:
        return 42

    async def failing() -> int:
        raise ZeroDivisionError

    assert await unless(asyncio.Event(), answer()) == 42
    with pytest.raises(ZeroDivisionError):
        await unless(asyncio.Event(), failing())
