"""`leakwarden record`: takes samples as the operator does, and writes them down."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from leakwarden.adapters.decode_pool import DecodePool
from leakwarden.adapters.kube_api import KubeClient
from leakwarden.adapters.kube_config import load_connection
from leakwarden.adapters.pod_ip import PodIPDialer
from leakwarden.adapters.port_forward import PortForwardDialer
from leakwarden.adapters.recording_folder import FolderWriter, is_packed, pack, remove
from leakwarden.adapters.sampler import PodSampler
from leakwarden.api import GROUP, PLURAL, VERSION
from leakwarden.api.words import FailureReason, Scheme, Transport
from leakwarden.cli.url import PPROF, parse_url
from leakwarden.core.parts import GOROUTINE_LEAK, IDENTITY, MEMSTATS, ROUTINE
from leakwarden.core.pod_facts import pod_facts
from leakwarden.core.policy import parse_policy
from leakwarden.core.readings import Failure, Reading
from leakwarden.core.recording_target import RecordedTarget, of_pod, of_url
from leakwarden.core.rules_from_spec import endpoint_specs
from leakwarden.core.samples import SampleResult
from leakwarden.core.targets import EndpointSpec, PodFacts, Target
from leakwarden.core.targets_of_policy import SamplingSpec, targets_for
from leakwarden.errors import ApiError, ApiNotFound, InvalidSpec

EXTRA_EVERY = 4
"""Rounds between two memstats blocks, leaked goroutines and gopls's own page; the first round has them too."""
DEFAULT_INTERVAL = 30.0
"""Seconds."""
_OTHERS_PACKED = frozenset({".tar", ".tgz", ".txz", ".gz", ".xz", ".zip", ".zst"})
"""Ends of names that only a file would be given."""
TIMEOUT = 10.0
"""Seconds for one attempt where no policy says."""
MAX_BYTES = 32 << 20

Refresh = Callable[[], Awaitable[PodFacts]]


@dataclass(frozen=True, slots=True)
class Plan:
    """When to take samples. `interval` and `duration` in seconds; neither `samples` nor `duration`: until stopped."""

    interval: float | None = None
    """None: as the policy has it, else DEFAULT_INTERVAL."""
    samples: int = 0
    duration: float = 0.0
    output: Path | None = None

    def every(self) -> float:
        return self.interval or DEFAULT_INTERVAL

    def wanted(self) -> int:
        """Samples to take; 0 without an end."""
        return int(self.duration // self.every()) + 1 if self.duration else self.samples


@dataclass(slots=True)
class Recorded:
    """One recording as it grows."""

    name: str
    target: Target
    facts: RecordedTarget
    writer: FolderWriter
    packed: Path | None = None
    pod: Refresh | None = None
    wanted: int = 0
    """Samples to take; 0 without an end."""
    rounds: int = 0
    good: int = 0
    failed: int = 0
    bytes: int = 0
    last_error: str = ""
    last_failed: bool = False
    serves_leaks: bool = True
    path: Path = field(default_factory=Path)


async def record_url(url: str, plan: Plan, show: Callable[[Recorded], None]) -> list[Recorded]:
    target = parse_url(url, TIMEOUT, MAX_BYTES)
    name = f"{target.pod.replace(':', '.')}-{target.endpoint.port}"
    host = f"[{target.pod}]" if ":" in target.pod else target.pod
    scheme, endpoint = target.endpoint.scheme.lower(), target.endpoint
    facts = of_url(f"{scheme}://{host}:{endpoint.port}{endpoint.path}", target)
    async with AsyncExitStack() as last:
        sampler = _sampler(last, None)
        return await _record([_begin(name, target, facts, plan, alone=True)], sampler, plan, show)


def _sampler(last: AsyncExitStack, api: KubeClient | None) -> PodSampler:
    decoder = DecodePool(1)
    last.callback(decoder.close)
    dialers = {Transport.POD_IP: PodIPDialer()} | ({Transport.PORT_FORWARD: PortForwardDialer(api)} if api else {})
    sampler = PodSampler(dialers, decoder)
    last.push_async_callback(sampler.close)
    return sampler


def _begin(
    name: str, target: Target, facts: RecordedTarget, plan: Plan, *, alone: bool, pod: Refresh | None = None
) -> Recorded:
    """The folder is made now: a name that cannot be written is told before the first sample, not after the last."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    output = plan.output or Path(f"leakwarden-{name}-{stamp}" if alone else f"leakwarden-{stamp}")
    if output.suffix in _OTHERS_PACKED and not is_packed(output):
        raise InvalidSpec("--output", f"{output}: files are packed as X.tar.gz or X.tar.xz, else it is a folder's name")
    if not is_packed(output):
        folder = output if alone else output / name
        return Recorded(name, target, facts, _new(folder), None, pod, plan.wanted(), path=folder)
    suffix = output.name[-len(".tar.gz") :]
    stem = output.name.removesuffix(suffix) if alone else f"{output.name.removesuffix(suffix)}-{name}"
    packed = output.with_name(stem + suffix)
    if packed.exists():
        raise InvalidSpec("--output", f"{packed} is there already: give another name")
    return Recorded(name, target, facts, _new(output.with_name(stem)), packed, pod, plan.wanted(), path=packed)


def _new(folder: Path) -> FolderWriter:
    """One process a recording: what is there already is never mixed with what comes."""
    writer = FolderWriter(folder)
    if any(folder.iterdir()):
        raise InvalidSpec("--output", f"{folder} is not empty: give another name")
    return writer


async def _record(
    recordings: Sequence[Recorded], sampler: PodSampler, plan: Plan, show: Callable[[Recorded], None]
) -> list[Recorded]:
    stop = _stop_on_signals()
    tasks = [asyncio.create_task(_rounds(one, sampler, plan, stop, show)) for one in recordings]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    for one in recordings:
        if one.packed is not None:
            await asyncio.to_thread(pack, one.writer.folder, one.packed)
            await asyncio.to_thread(remove, one.writer.folder)
    return list(recordings)


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, stop.set)
    return stop


async def _rounds(
    one: Recorded, sampler: PodSampler, plan: Plan, stop: asyncio.Event, show: Callable[[Recorded], None]
) -> None:
    due = time.monotonic()
    while not stop.is_set():
        await _round(one, sampler)
        show(one)
        if one.wanted and one.rounds >= one.wanted:
            return
        # A round that took longer than the interval skips a beat; the next one is not hurried.
        due += plan.every()
        while due < time.monotonic():
            due += plan.every()
        try:
            await asyncio.wait_for(stop.wait(), due - time.monotonic())
        except TimeoutError:
            continue


async def _round(one: Recorded, sampler: PodSampler) -> None:
    if one.pod is not None and not await _is_there(one, one.pod):
        gone = Failure(FailureReason.POD_GONE, f"pod {one.target.namespace}/{one.target.pod} is gone")
        result = SampleResult(round(time.time(), 3), 0.0, gone)
    else:
        result = await sampler.sample(one.target, _wanted(one))
    if isinstance(result.outcome, Reading) and GOROUTINE_LEAK in result.outcome.not_served:
        one.serves_leaks = False
    one.rounds += 1
    one.bytes += sum(map(len, one.writer.write(result, one.facts).values()))
    one.last_failed = isinstance(result.outcome, Failure)
    if isinstance(result.outcome, Failure):
        one.failed += 1
        one.last_error = f"{result.outcome.reason}: {result.outcome.message}"
    else:
        one.good += 1


async def _is_there(one: Recorded, look: Refresh) -> bool:
    """Whether it is still that pod: a forward goes by the name, which the next pod of a StatefulSet has too.

    Where the API does not answer, what is known stays.
    """
    try:
        pod = await look()
    except ApiNotFound:
        return False
    except ApiError:
        return True
    if pod.uid != one.target.key.pod_uid:
        return False
    one.facts = of_pod(one.target.endpoint, pod)
    one.target = replace(one.target, pod_ip=pod.ip)
    return True


def _wanted(one: Recorded) -> frozenset[str]:
    if one.good % EXTRA_EVERY:
        return ROUTINE
    return ROUTINE | {MEMSTATS, IDENTITY} | ({GOROUTINE_LEAK} if one.serves_leaks else frozenset())


async def record_pod(
    namespace: str, name: str, port: int, kubeconfig: str | None, plan: Plan, show: Callable[[Recorded], None]
) -> list[Recorded]:
    """One pod, by port-forward. Raises ApiError where it is not there."""
    endpoint = EndpointSpec("pprof", port, PPROF, Scheme.HTTP, None)
    async with AsyncExitStack() as last:
        api = await last.enter_async_context(KubeClient(await load_connection(kubeconfig)))
        sampling = SamplingSpec((endpoint,), Transport.PORT_FORWARD, TIMEOUT, MAX_BYTES)
        pod = await _pod(api, namespace, name)
        begun = _of_pod(api, sampling, pod, plan, alone=True)
        return await _record(begun, _sampler(last, api), plan, show)


async def record_policy(
    namespace: str, name: str, kubeconfig: str | None, plan: Plan, show: Callable[[Recorded], None]
) -> list[Recorded]:
    """Every target that the policy has at this moment. Raises ApiError, or InvalidSpec where there is none."""
    async with AsyncExitStack() as last:
        api = await last.enter_async_context(KubeClient(await load_connection(kubeconfig)))
        policy = parse_policy(
            await api.request("GET", f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{PLURAL}/{name}")
        )
        if (spec := policy.usable) is None:
            raise policy.problems[0]
        plan = plan if plan.interval else replace(plan, interval=policy.interval)
        sampling = SamplingSpec(
            endpoint_specs(spec), spec.target.transport, spec.sampling.timeout.seconds,
            int(spec.sampling.max_profile_size.value),
        )  # fmt: skip
        pods = [
            pod_facts(item)
            async for items, _ in api.list_pages(f"/api/v1/namespaces/{namespace}/pods")
            for item in items
        ]
        matching = [pod for pod in pods if spec.target.selector.matches(pod.labels)]
        begun = [one for pod in matching for one in _of_pod(api, sampling, pod, plan, alone=False)]
        if not begun:
            raise InvalidSpec(
                "--policy", f"{namespace}/{name} matches {len(matching)} pods, none of them can be sampled"
            )
        return await _record(begun, _sampler(last, api), plan, show)


def _of_pod(api: KubeClient, sampling: SamplingSpec, pod: PodFacts, plan: Plan, *, alone: bool) -> list[Recorded]:
    found = targets_for(sampling, pod)
    if alone and (found.skip or found.refusals):
        raise InvalidSpec("--pod", found.refusals[0].message if found.refusals else f"{pod.name}: {found.skip}")

    async def look() -> PodFacts:
        return await _pod(api, pod.namespace, pod.name)

    return [
        _begin(f"{pod.name}-{one.endpoint.name}", one, of_pod(one.endpoint, pod), plan, alone=alone, pod=look)
        for one in found.targets
    ]


async def _pod(api: KubeClient, namespace: str, name: str) -> PodFacts:
    try:
        return pod_facts(await api.request("GET", f"/api/v1/namespaces/{namespace}/pods/{name}"))
    except ApiNotFound as error:
        raise ApiNotFound(f"there is no pod {namespace}/{name}", error.status) from error
