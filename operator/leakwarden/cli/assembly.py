"""The operator put together from its parts, and run for as long as it may act."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import kopf
from prometheus_client import CollectorRegistry

from leakwarden import handlers
from leakwarden.adapters.actuator import DryRunActuator, LiveActuator
from leakwarden.adapters.decode_pool import DecodePool
from leakwarden.adapters.events_api import EventsApi
from leakwarden.adapters.journal import ConfigMapJournal
from leakwarden.adapters.kopf_login import kopf_login
from leakwarden.adapters.kube_api import KubeClient
from leakwarden.adapters.kube_config import KubeConnection
from leakwarden.adapters.kube_errors import cap
from leakwarden.adapters.last_look import LastLook
from leakwarden.adapters.loop_lag import watch_loop_lag
from leakwarden.adapters.metrics import FleetCollector, ProcessMetrics, SampleMetrics
from leakwarden.adapters.pattern_maps import PatternMaps
from leakwarden.adapters.pod_ip import PodIPDialer
from leakwarden.adapters.pod_watch import PodCache
from leakwarden.adapters.policies_api import PolicyList, StatusPatch
from leakwarden.adapters.port_forward import PortForwardDialer
from leakwarden.adapters.record_dir import RecordDir
from leakwarden.adapters.sampler import PodSampler
from leakwarden.adapters.store import SqliteStore
from leakwarden.adapters.target_metrics import TargetCollector
from leakwarden.api.words import Transport
from leakwarden.pipeline.clock import Clock
from leakwarden.pipeline.deciding import Deciding
from leakwarden.pipeline.fleet import Fleet
from leakwarden.pipeline.inspecting import Inspecting
from leakwarden.pipeline.judging import Judging
from leakwarden.pipeline.leading import Term
from leakwarden.pipeline.operator import Operator
from leakwarden.pipeline.patterns import Patterns
from leakwarden.pipeline.picture import Picture
from leakwarden.pipeline.recording import Recording
from leakwarden.pipeline.rounds import Rounds
from leakwarden.pipeline.steps import Steps
from leakwarden.settings import Settings

log = logging.getLogger(__name__)

STOP_PATIENCE = 1.0
"""Seconds for kopf to end its watches by itself; the rest is cancelled."""
KOPF_AGAIN = 5.0
"""Seconds between the end of kopf's watch and the next one."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Process:
    """What there is once in a process, whether it acts or not. `api` is for reading, and open to everybody."""

    settings: Settings
    connection: KubeConnection
    api: KubeClient
    identity: str
    clock: Clock
    store: SqliteStore
    decoder: DecodePool
    recorder: RecordDir | None
    registry: CollectorRegistry
    samples: SampleMetrics
    itself: ProcessMetrics
    stop: asyncio.Event
    """Set when the process is to end."""
    take_signals: Callable[[], None]
    """Makes SIGTERM and SIGINT set `stop`, whoever had them before."""


async def act(
    process: Process, over: asyncio.Event, began: Callable[[Operator, Inspecting], None], term: Term | None = None
) -> None:
    """Watch, sample, judge, decide and act until `over`. `began` is told of the operator, and who knows its fleet.

    With a `term` no write leaves after it: not one, from wherever in here.
    """
    settings, api, clock = process.settings, process.api, process.clock
    async with AsyncExitStack() as last:
        guard = term.check if term else None
        guarded = await last.enter_async_context(KubeClient(process.connection, guard=guard, for_writes=True))
        pods = PodCache(api)
        last.push_async_callback(pods.close)
        fleet = Fleet()
        recording = Recording(fleet, process.store, StatusPatch(guarded), EventsApi(guarded), clock)
        journal = ConfigMapJournal(
            guarded, settings.namespace,
            leader=process.identity if term else "", lost=term.end if term else lambda: None,
        )  # fmt: skip
        actuators = {False: LiveActuator(guarded), True: DryRunActuator(guarded)}
        steps = Steps(clock, process.samples.took)
        deciding = Deciding(fleet, pods, journal, actuators, recording, clock, steps, LastLook(api))
        maps = PatternMaps(api, settings.namespace)
        patterns = Patterns(maps, process.itself.patterns_refused, settings.docs_url or "")
        judging = Judging(
            fleet, process.store, clock, deciding.changed, process.recorder, recording.inherited,
            patterns=lambda: patterns.table,
        )  # fmt: skip
        sampler = PodSampler(
            {Transport.PORT_FORWARD: PortForwardDialer(api), Transport.POD_IP: PodIPDialer()},
            process.decoder, clock.now,
        )  # fmt: skip
        last.push_async_callback(sampler.close)
        _show(process.registry, Picture(fleet, recording, deciding, clock), settings.metrics_targets, last)
        rounds = Rounds(
            fleet, sampler, clock, judging.on_sample, process.samples.count, steps,
            most=settings.max_in_flight, rate=settings.samples_per_second,
        )  # fmt: skip
        operator = Operator(
            fleet=fleet, pods=pods, policies=PolicyList(api, settings.watch_namespaces), store=process.store,
            rounds=rounds, judging=judging, recording=recording, deciding=deciding, clock=clock, steps=steps,
            pace=settings.status_interval,
        )  # fmt: skip
        began(operator, Inspecting(fleet, recording, deciding, clock))
        await run_until(
            over,
            unless(over, operator.run()),
            unless(over, patterns.run()),
            unless(over, watch_loop_lag(process.itself.lagged)),
            _follow_policies(process, operator, over),
        )


def _show(registry: CollectorRegistry, picture: Picture, targets: int, last: AsyncExitStack) -> None:
    """In the metrics, until the end."""
    for collector in (FleetCollector(picture), TargetCollector(picture, targets)):
        registry.register(collector)
        last.callback(registry.unregister, collector)


async def _follow_policies(process: Process, operator: Operator, over: asyncio.Event) -> None:
    """kopf gives up when the API server fails for a minute or two. It is begun anew then: policies are checked
    meanwhile, and pods are sampled. At its start it takes the signals for itself; once it is ready they are taken back,
    and when it has met one before that it ends without an error."""
    settings = process.settings
    while not over.is_set():
        ready = asyncio.Event()
        taking = asyncio.create_task(_when(ready, process.take_signals))
        try:
            await kopf.operator(
                registry=handlers.registry(operator, lambda: kopf_login(process.connection)),
                settings=handlers.settings(),
                clusterwide=not settings.watch_namespaces,
                namespaces=settings.watch_namespaces,
                standalone=True,
                stop_flag=over,
                ready_flag=ready,
            )
        except Exception as error:
            log.warning("the watch of policies has ended, and begins anew: %s", cap(f"{type(error).__name__}: {error}"))
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), KOPF_AGAIN)
        else:
            if not over.is_set():
                process.stop.set()
                over.set()
        finally:
            taking.cancel()
            process.take_signals()


async def _when(ready: asyncio.Event, do: Callable[[], None]) -> None:
    await ready.wait()
    do()


async def unless(event: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """What `work` returns; None where the event comes first, and then the work is cancelled at once."""
    task, waiting = asyncio.create_task(work), asyncio.create_task(event.wait())
    try:
        await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
    return None if task.cancelled() else task.result()


async def run_until(stop: asyncio.Event, *works: Coroutine[Any, Any, None]) -> None:
    """Run all until `stop`; one that ends before that ends the others, and is an error."""
    tasks = [asyncio.create_task(work) for work in works]
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
    early = [] if stop.is_set() else [task for task in tasks if task.done()]
    stop.set()
    _, late = await asyncio.wait(tasks, timeout=STOP_PATIENCE)
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks, stopping, return_exceptions=True)
    for task in early:
        raise task.exception() or RuntimeError("a part of the operator ended by itself")
