"""`leakwarden run` put together: kopf brings policies, status goes back, and it starts and stops as it should."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from leakwarden.adapters.policies_api import PolicyList
from leakwarden.cli.assembly import run_until
from leakwarden.cli.run import first_list, run_operator
from leakwarden.errors import ApiForbidden, ApiNotFound, InvalidSpec, LeakwardenError, StoreError
from leakwarden.settings import Settings
from tests.cli.api_server import ApiServer, api_server, kubeconfig
from tests.pipeline.build import body

SPEC = {"target": {"selector": {"matchLabels": {"app": "gopls"}}}}


@pytest.fixture
async def api() -> AsyncIterator[ApiServer]:
    async with api_server() as server:
        yield server


def settings(api: ApiServer, directory: Path, **more: Any) -> Settings:
    made = {"kubeconfig": kubeconfig(directory, api.port), "state_dir": directory / "state", "listen": "127.0.0.1:0",
            "inspect": "127.0.0.1:0"}  # fmt: skip
    return Settings(**{**made, "status_interval": 0.1, **more})


async def eventually(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (it waits for another process)
            await asyncio.sleep(0.02)


# -- a start that cannot work -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [(403, ApiForbidden, "cannot list leakpolicies"), (404, ApiNotFound, "is the CRD there")],
)
async def test_a_start_without_right_or_crd_ends_with_what_is_missing(
    api: ApiServer, tmp_path: Path, status: int, kind: type[LeakwardenError], says: str
) -> None:
    api.refuse = status
    with pytest.raises(kind, match=says):
        await run_operator(settings(api, tmp_path))


async def test_a_start_without_a_usable_state_directory_names_it(api: ApiServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"file.*is the state directory writable"):
        await run_operator(settings(api, tmp_path, state_dir=tmp_path / "file"))


async def test_a_start_on_a_port_that_is_taken_names_the_setting(api: ApiServer, tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec, match="LEAKWARDEN_LISTEN: cannot listen"):
        await run_operator(settings(api, tmp_path, listen=f"127.0.0.1:{api.port}"))


async def test_a_start_that_cannot_write_its_address_names_the_setting(api: ApiServer, tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec, match="LEAKWARDEN_LISTEN_FILE"):
        await run_operator(settings(api, tmp_path, listen_file=tmp_path / "absent" / "file"))


async def test_a_start_that_can_never_record_names_the_setting(api: ApiServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InvalidSpec, match="LEAKWARDEN_RECORD_DIR: cannot make"):
        await run_operator(settings(api, tmp_path, record_dir=tmp_path / "file" / "below"))


async def test_a_first_list_of_other_trouble_says_what_the_api_said(api: ApiServer) -> None:
    class Refusing:
        def list_pages(self, path: str, **_: Any) -> Any:
            raise ApiForbidden("cannot list leakpolicies.leakwarden.io: no", 403)

    with pytest.raises(ApiForbidden, match=r"^cannot list"):
        await first_list(PolicyList(Refusing(), ()))  # type: ignore[arg-type]


# -- running ----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def running(api: ApiServer, directory: Path, **more: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A real process, as the chart starts it; killed in the end if it does not stop by itself."""
    address = directory / "address"
    environment = {
        "PATH": os.environ["PATH"],
        "LEAKWARDEN_KUBECONFIG": str(kubeconfig(directory, api.port)),
        "LEAKWARDEN_STATE_DIR": str(directory / "state"),
        "LEAKWARDEN_LISTEN": "127.0.0.1:0",
        "LEAKWARDEN_INSPECT": "127.0.0.1:0",
        "LEAKWARDEN_LISTEN_FILE": str(address),
        "LEAKWARDEN_STATUS_INTERVAL": "0.1",
        **more,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "leakwarden", "run", env=environment, cwd=directory, stderr=asyncio.subprocess.PIPE
    )
    try:
        await eventually(lambda: address.exists() or process.returncode is not None)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_the_reading_port_is_listened_on_and_named_in_the_file(api: ApiServer, tmp_path: Path) -> None:
    async with running(api, tmp_path), aiohttp.ClientSession() as session:
        address = (tmp_path / "address").read_text().split()[1]
        async with session.get(f"http://{address}/v1/leader") as answer:
            assert await answer.json() == {"leads": True, "says": ""}
        async with session.get(f"http://{address}/v1/targets") as answer:
            assert (await answer.json())["targets"] == []


async def test_a_reading_port_that_is_taken_keeps_nobody_from_being_watched(api: ApiServer, tmp_path: Path) -> None:
    api.policies["first"] = body("first", SPEC)
    async with running(api, tmp_path, LEAKWARDEN_INSPECT=f"127.0.0.1:{api.port}") as process:
        await eventually(lambda: len(api.patched) == 1)
        process.terminate()
        _, log = await process.communicate()
    assert b"top and explain cannot ask this operator: LEAKWARDEN_INSPECT: cannot listen on" in log


async def test_kopf_brings_policies_status_goes_back_and_sigterm_ends_it(api: ApiServer, tmp_path: Path) -> None:
    api.policies["first"] = body("first", SPEC)
    async with running(api, tmp_path) as process:
        await eventually(lambda: len(api.patched) == 1)
        path, patch = api.patched[0]
        assert path.endswith("/namespaces/demo/leakpolicies/first/status")
        ready = next(c for c in patch[1]["value"]["conditions"] if c["type"] == "Ready")
        assert ready["reason"] == "NoMatchingPods"

        await eventually(lambda: api.watchers == 1)
        api.say("ADDED", body("second", {**SPEC, "rules": []}))
        await eventually(lambda: any("/second/" in path for path, _ in api.patched))
        reason = next(c["reason"] for c in api.patched[-1][1][1]["value"]["conditions"] if c["type"] == "Ready")
        assert reason == "InvalidSpec"

        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{(tmp_path / 'address').read_text().split()[0]}/metrics") as metrics,
        ):
            assert 'policy="first"' in await metrics.text()

        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        log = await asyncio.wait_for(process.stderr.read(), 60)
        assert await asyncio.wait_for(process.wait(), 60) == 0
    lines = [json.loads(line) for line in log.splitlines()]
    assert lines[-1]["message"] == "stopping: what waits is written first"
    assert {line["level"] for line in lines} <= {"INFO", "WARNING"}


async def test_only_what_is_asked_for_is_written_to_policies(api: ApiServer, tmp_path: Path) -> None:
    """No finalizer, no annotation of kopf's: the status is all that is ever patched."""
    api.policies["first"] = body("first", SPEC)
    async with running(api, tmp_path):
        await eventually(lambda: len(api.patched) == 1 and api.watchers == 1)
        api.say("MODIFIED", body("first", {**SPEC, "remediation": {"mode": "Annotate"}}, generation=2))
        await eventually(lambda: len(api.patched) == 2)
    assert {path.rsplit("/", 1)[-1] for path, _ in api.patched} == {"status"}
    assert not [asked for asked in api.asked if asked.split()[0] not in {"GET", "PATCH", "POST"}]


# -- the end of parts -------------------------------------------------------------------------------------------------


async def forever() -> None:
    await asyncio.Event().wait()


async def at_once() -> None:
    return


async def failing() -> None:
    raise ZeroDivisionError("a bug")


@pytest.mark.parametrize(("work", "error"), [(failing, ZeroDivisionError), (at_once, RuntimeError)])
async def test_a_part_that_ends_ends_the_others_and_is_an_error(
    work: Callable[[], Coroutine[Any, Any, None]], error: type[Exception]
) -> None:
    stop, other = asyncio.Event(), asyncio.Event()

    async def unending() -> None:
        try:
            await forever()
        finally:
            other.set()

    with pytest.raises(error):
        await run_until(stop, unending(), work())
    assert (stop.is_set(), other.is_set()) == (True, True)


async def test_a_stop_ends_all_parts_and_is_no_error() -> None:
    stop = asyncio.Event()

    async def obedient() -> None:
        await stop.wait()

    asyncio.get_running_loop().call_later(0.05, stop.set)
    await run_until(stop, obedient(), forever())
