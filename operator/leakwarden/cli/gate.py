"""`leakwarden gate`: runs a command over and over, and measures what stays in the memory of a Go process."""

from __future__ import annotations

import asyncio
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from leakwarden.adapters.gate_command import Command
from leakwarden.adapters.gate_target import GateTarget
from leakwarden.cli.url import parse_url
from leakwarden.core.gate.decide import growth_of, look
from leakwarden.core.gate.naming import named_growers
from leakwarden.core.gate.values import Check, Kind, Measurement, Outcome, Plan, Report
from leakwarden.core.patterns import Table
from leakwarden.errors import NotMeasured

TIMEOUT = 60.0
"""Seconds for one answer: it forces a collection, and 0.5 GB of heap take up to 1.5 s."""
MAX_BYTES = 256 << 20
"""Of one profile, packed and unpacked."""

Say = Callable[[str], None]
"""Told what is being done, a line each."""


@dataclass(frozen=True, slots=True)
class Job:
    """What the command line asks for."""

    words: Sequence[str]
    url: str | None
    """None: the command is a Go test with our helper in it."""
    ready_timeout: float
    """Seconds."""
    plan: Plan
    output_to_stderr: bool
    patterns: Table
    """What the places that grew are named by."""


class Work(Protocol):
    """What leaves something behind or does not."""

    async def run(self) -> None:
        """Once. Raises NotMeasured where it fails."""
        ...


async def gate(job: Job, say: Say) -> Report:
    """Raises NotMeasured, or InvalidSpec for the URL. Whatever it raises, the command is ended with its children."""
    command = Command(job.words, output_to_stderr=job.output_to_stderr)
    return await _until_told_to_end(_gate(job, command, say))


async def _until_told_to_end(work: Awaitable[Report]) -> Report:
    """SIGINT, SIGTERM, and SIGHUP of a terminal that closes, cancel the work, so that it cleans up."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(sign, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise NotMeasured("interrupted: nothing was decided") from None


async def _gate(job: Job, command: Command, say: Say) -> Report:
    began = time.monotonic()
    try:
        if job.url is not None:
            async with _target(job.url) as target:
                say(f"waiting for {target.url}")
                await target.ready(job.ready_timeout)
                report = await _measured(job, command, target, command.shown, say)
        else:
            report = await _test_binary(job, command, say)
    finally:
        await command.stop()
    return replace(report, seconds=time.monotonic() - began)


async def _test_binary(job: Job, command: Command, say: Say) -> Report:
    from leakwarden.adapters.gate_helper import GoTests  # it brings aiohttp, which takes its time

    with tempfile.TemporaryDirectory(prefix="leakwarden-gate-") as folder:
        async with GoTests(command, Path(folder)) as tests:
            say(f"waiting for the tests of {command.shown} to serve pprof")
            url = await tests.start(job.ready_timeout)
            async with _target(url) as target:
                report = await _measured(job, tests, target, command.shown, say)
            await tests.end()
            return report


@asynccontextmanager
async def _target(url: str) -> AsyncIterator[GateTarget]:
    target = GateTarget(parse_url(url, TIMEOUT, MAX_BYTES))
    try:
        yield target
    finally:
        await target.close()


async def _measured(job: Job, work: Work, target: GateTarget, command: str, say: Say) -> Report:
    plan = job.plan
    for run in range(1, plan.warmup + 1):
        say(f"warm-up, run {run} of {plan.warmup}")
        await work.run()
    measured = [await target.measure()]
    while True:
        for _ in range(plan.repeats):
            say(f"measured run {len(measured)}{_expected(measured, plan)}")
            await work.run()
            measured.append(_same(await target.measure(), measured[-1], len(measured), target.url))
        outcomes = {kind: look(_values(kind, measured), plan, plan.tolerance(kind)) for kind in Kind}
        if None not in outcomes.values() or Outcome.LEAK in outcomes.values():
            break
    checks = [_check(kind, outcome or Outcome.UNPROVEN, measured, job) for kind, outcome in outcomes.items()]
    return Report(target.url, command, plan, checks, measured[-1].sampling, 0.0)


def _expected(measured: Sequence[Measurement], plan: Plan) -> str:
    if len(measured) <= plan.repeats:
        return f" of {plan.repeats}"
    return f" of {plan.most} at most, to tell growth from noise"


def _same(now: Measurement, before: Measurement, run: int, url: str) -> Measurement:
    if now.is_of_another_process(before):
        raise NotMeasured(
            f"the process behind {url} was restarted during measured run {run}: did it crash, or does the command "
            "restart it? It must stay up through all runs"
        )
    return now


def _values(kind: Kind, measured: Sequence[Measurement]) -> list[int]:
    return [kind.value_of(one) for one in measured]


def _check(kind: Kind, outcome: Outcome, measured: Sequence[Measurement], job: Job) -> Check:
    plan, values = job.plan, _values(kind, measured)
    grown = () if outcome is Outcome.PASSED else named_growers(kind, measured, plan, job.patterns)
    return Check(kind, outcome, plan.tolerance(kind), growth_of(values, plan), values, grown)
