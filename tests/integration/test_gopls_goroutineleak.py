"""The one language server that proves its own leaks so far: gopls v0.24.0, built by Go 1.27."""

from __future__ import annotations

import asyncio
import shutil
import socket
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from leakwarden.adapters.decode_pool import DecodePool
from leakwarden.adapters.pod_ip import PodIPDialer
from leakwarden.adapters.sampler import PodSampler
from leakwarden.api.words import FailureReason, Transport
from leakwarden.core import judge
from leakwarden.core.parts import GOROUTINE_LEAK, IDENTITY, ROUTINE
from leakwarden.core.readings import Attempt, Failure, ProcessIdentity, Reading
from leakwarden.core.samples import SampleResult
from tests.adapters.servers import target
from tests.core.judge.builders import INTERVAL, T0, builtin
from workloads.gobuild import build_binary, cache_dir, digest

pytestmark = pytest.mark.integration

MODULE = Path(__file__).parents[2] / "hack/gomods/gopls-go1.27"
TOOLCHAIN = "go1.27.0"
STARTS = 60.0
"""Seconds that it may take until gopls listens."""


@pytest.fixture(scope="module")
def gopls() -> Path:
    """Built once and kept with the other tools."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("GOTOOLCHAIN", TOOLCHAIN)
        binary = cache_dir() / "bin" / f"gopls-{digest([MODULE], TOOLCHAIN)}"
        return build_binary(MODULE, "golang.org/x/tools/gopls", binary)


@asynccontextmanager
async def running(gopls: Path, scratch: Path) -> AsyncIterator[int]:
    """The port of its debug pages. It has nothing of the user's but PATH, and without HOME no telemetry."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    go = shutil.which("go")
    assert go is not None
    env = {"PATH": str(Path(go).parent), "GOPLSCACHE": str(scratch), "XDG_CACHE_HOME": str(scratch), "GOFLAGS": ""}
    process = await asyncio.create_subprocess_exec(
        str(gopls), f"-debug=localhost:{port}", "serve", stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL, env=env
    )
    try:
        yield port
    finally:
        process.kill()
        await process.wait()


async def test_the_sampler_reads_what_gopls_proves_of_itself(gopls: Path, tmp_path: Path) -> None:
    pool = DecodePool()
    sampler = PodSampler({Transport.POD_IP: PodIPDialer()}, pool)
    rules, process = builtin(), ProcessIdentity("uid-1", "container", 1, T0 - 3600)
    wanted = ROUTINE | {GOROUTINE_LEAK, IDENTITY}

    async def listening(port: int) -> SampleResult:
        async with asyncio.timeout(STARTS):
            while True:
                result = await sampler.sample(replace(target(port), timeout=STARTS), wanted)
                if not (
                    isinstance(result.outcome, Failure) and result.outcome.reason is FailureReason.CONNECTION_REFUSED
                ):
                    return result
                await asyncio.sleep(0.1)

    try:
        async with running(gopls, tmp_path) as port:
            first = await listening(port)
            second = await sampler.sample(replace(target(port), timeout=STARTS), wanted)
    finally:
        await sampler.close()
        pool.close()

    state = judge.start(rules)
    for number, outcome in enumerate((first.outcome, second.outcome)):
        assert isinstance(outcome, Reading) and (outcome.failures, outcome.not_served) == ({}, frozenset())
        assert outcome.leaked is not None and outcome.goroutines is not None
        assert outcome.leaked.total == 0 < outcome.goroutines.total
        state = judge.step(state, Attempt(T0 + number * INTERVAL, outcome, process, INTERVAL), rules).state
    assert second.info.pid > 0
    assert state.segment is not None
    assert (state.segment.leaks.served, state.segment.leaks.known, state.segment.leaked.values.tolist()) == (
        True, True, [0.0, 0.0],
    )  # fmt: skip
