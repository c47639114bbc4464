"""From real Go processes to a finding: what the runtime proves leaked, by every Go that can and one that cannot."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from leakwarden.adapters.decode_pool import DecodePool
from leakwarden.adapters.pod_ip import PodIPDialer
from leakwarden.adapters.sampler import PodSampler
from leakwarden.api.words import Confidence, FindingType, Severity, Transport, Verdict, WaitKind
from leakwarden.core import judge
from leakwarden.core.judge import Judgement
from leakwarden.core.parts import GOROUTINE_LEAK, ROUTINE
from leakwarden.core.readings import Attempt, ProcessIdentity, Reading
from tests.adapters.servers import FIXTURES, go_process, target
from tests.core.judge.builders import INTERVAL, T0, builtin

TOOLCHAINS = {
    "Go 1.26": {"GOTOOLCHAIN": "go1.26.8"},
    "Go 1.26 with the experiment": {"GOTOOLCHAIN": "go1.26.8", "GOEXPERIMENT": "goroutineleakprofile"},
    "Go 1.27": {"GOTOOLCHAIN": "go1.27.0"},
}
PROVING = [name for name in TOOLCHAINS if name != "Go 1.26"]

Build = Callable[[str], Path]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """The server of tests/fixtures/pprofserver by this toolchain, which go fetches where it is not there."""
    folder = tmp_path_factory.mktemp("bin")

    def built(toolchain: str) -> Path:
        binary = folder / toolchain.replace(" ", "-")
        if not binary.exists():
            environment = {**os.environ, **TOOLCHAINS[toolchain]}
            command = ["go", "build", "-o", str(binary), "."]
            subprocess.run(command, cwd=FIXTURES / "pprofserver", env=environment, check=True)
        return binary

    return built


@asynccontextmanager
async def judged(
    binary: Path, *arguments: str
) -> AsyncIterator[Callable[[int], AsyncIterator[tuple[Reading, Judgement]]]]:
    """Rounds over the process, judged by the built-in rules, as if they were 30 s apart."""
    pool = DecodePool()
    sampler = PodSampler({Transport.POD_IP: PodIPDialer()}, pool)
    rules, process = builtin(), ProcessIdentity("uid-1", "container", 1, T0 - 3600)

    async def rounds(count: int) -> AsyncIterator[tuple[Reading, Judgement]]:
        state = judge.start(rules)
        for number in range(count):
            now = T0 + number * INTERVAL
            due = judge.leak_profile_due(state, rules, now, INTERVAL)
            outcome = (await sampler.sample(target(port), ROUTINE | ({GOROUTINE_LEAK} if due else set()))).outcome
            assert isinstance(outcome, Reading) and outcome.failures == {}
            said = judge.step(state, Attempt(now, outcome, process, INTERVAL), rules)
            state = judge.codec.from_json(judge.codec.to_json(said.state))
            yield outcome, said

    async with go_process(binary, *arguments) as port:
        try:
            yield rounds
        finally:
            await sampler.close()
            pool.close()


@pytest.mark.parametrize("toolchain", PROVING)
async def test_goroutines_that_nothing_can_wake_are_a_leak_at_the_function_that_blocks(
    build: Build, toolchain: str
) -> None:
    async with judged(build(toolchain), "-senders=150") as rounds:
        said = [judgement async for _, judgement in rounds(12)]
    assert [judgement.verdict for judgement in said[:8]] == [Verdict.LEARNING] * 8
    (found,) = said[-1].findings
    assert (said[-1].verdict, found.type, found.rules) == (Verdict.LEAKING, FindingType.LEAK, ("leaked",))
    assert (found.confidence, found.severity, found.value) == (Confidence.HIGH, Severity.WARNING, 150)
    assert (found.signature, found.wait) == ("goroutine/main.blockedSender/chan-send", WaitKind.CHAN_SEND)
    assert found.site is not None and (found.site.file.rsplit("/", 1)[-1], found.site.line > 0) == ("main.go", True)


@pytest.mark.parametrize("toolchain", PROVING)
async def test_goroutines_that_somebody_may_yet_wake_are_none(build: Build, toolchain: str) -> None:
    async with judged(build(toolchain), "-senders=150", "-reach") as rounds:
        made = [each async for each in rounds(14)]
    assert [number for number, (reading, _) in enumerate(made) if reading.leaked is not None] == [1, 11]
    assert all(reading.leaked is None or reading.leaked.total == 0 for reading, _ in made)
    assert all(judgement.findings == () for _, judgement in made)


async def test_a_process_that_has_no_such_profile_is_asked_once_and_has_not_failed(build: Build) -> None:
    async with judged(build("Go 1.26"), "-senders=150") as rounds:
        made = [each async for each in rounds(14)]
    assert [number for number, (reading, _) in enumerate(made) if reading.not_served] == [1]
    assert all(judgement.findings == () for _, judgement in made)
    assert "left out: leaked (the process serves no goroutineleak profile" in made[-1][1].reason
