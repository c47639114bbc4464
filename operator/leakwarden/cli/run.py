"""The composition root: settings become adapters, adapters a pipeline, and kopf brings the policies."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import kopf
from prometheus_client import CollectorRegistry

from leakwarden import handlers
from leakwarden.adapters.actuator import DryRunActuator, LiveActuator
from leakwarden.adapters.decode_pool import DecodePool
from leakwarden.adapters.events_api import EventsApi
from leakwarden.adapters.journal import ConfigMapJournal
from leakwarden.adapters.kopf_login import kopf_login
from leakwarden.adapters.kube_api import KubeClient
from leakwarden.adapters.kube_config import KubeConnection, load_connection
from leakwarden.adapters.kube_errors import cap
from leakwarden.adapters.loop_lag import watch_loop_lag
from leakwarden.adapters.metrics import FleetCollector, ProcessMetrics, SampleMetrics
from leakwarden.adapters.pod_ip import PodIPDialer
from leakwarden.adapters.pod_watch import PodCache
from leakwarden.adapters.policies_api import PolicyList, StatusPatch
from leakwarden.adapters.port_forward import PortForwardDialer
from leakwarden.adapters.record_dir import RecordDir
from leakwarden.adapters.sampler import PodSampler
from leakwarden.adapters.store import SqliteStore
from leakwarden.adapters.target_metrics import TargetCollector
from leakwarden.adapters.web import WebServer
from leakwarden.api.words import Transport
from leakwarden.errors import ApiNotFound, InvalidSpec, MalformedRecording
from leakwarden.pipeline.clock import AnchoredClock
from leakwarden.pipeline.deciding import Deciding
from leakwarden.pipeline.fleet import Fleet
from leakwarden.pipeline.judging import Judging
from leakwarden.pipeline.operator import Operator
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


async def run_operator(settings: Settings) -> None:
    """Until SIGTERM or SIGINT; then everything that waits in the store is written, and connections are closed.

    Raises LeakwardenError at once where it could never work: no connection, no right to list policies, no state
    directory, no port. In a cluster the pod is then restarted with a growing delay, and its last log line says why.
    """
    stop = asyncio.Event()
    _take_signals(stop)
    connection = await load_connection(str(settings.kubeconfig) if settings.kubeconfig else None)
    async with AsyncExitStack() as last:
        api = await last.enter_async_context(KubeClient(connection))
        policies = PolicyList(api, settings.watch_namespaces)
        await first_list(policies)
        store = SqliteStore(settings.state_dir)
        await store.open()
        last.push_async_callback(store.close)
        decoder = DecodePool(settings.decode_workers)
        last.callback(decoder.close)
        pods = PodCache(api)
        last.push_async_callback(pods.close)
        clock, fleet, registry = AnchoredClock(), Fleet(), CollectorRegistry()
        recording = Recording(fleet, store, StatusPatch(api), EventsApi(api), clock)
        actuators = {False: LiveActuator(api), True: DryRunActuator(api)}
        counted, process = SampleMetrics(registry), ProcessMetrics(registry, version("leakwarden"))
        steps = Steps(clock, counted.took)
        deciding = Deciding(fleet, pods, ConfigMapJournal(api, settings.namespace), actuators, recording, clock, steps)
        judging = Judging(fleet, store, clock, deciding.changed, _recorder(settings, last))
        sampler = PodSampler(
            {Transport.PORT_FORWARD: PortForwardDialer(api), Transport.POD_IP: PodIPDialer()}, decoder, clock.now
        )
        last.push_async_callback(sampler.close)
        picture = Picture(fleet, recording, deciding, clock)
        registry.register(FleetCollector(picture))
        registry.register(TargetCollector(picture, settings.metrics_targets))
        rounds = Rounds(
            fleet, sampler, clock, judging.on_sample, counted.count, steps,
            most=settings.max_in_flight, rate=settings.samples_per_second,
        )  # fmt: skip
        operator = Operator(
            fleet=fleet, pods=pods, policies=policies, store=store, rounds=rounds,
            judging=judging, recording=recording, deciding=deciding, clock=clock, steps=steps,
            pace=settings.status_interval,
        )  # fmt: skip
        web = WebServer(settings.listen_host, settings.listen_port, registry, lambda: operator.ready)
        port = await web.start()
        last.push_async_callback(web.stop)
        if settings.listen_file:
            _write(settings.listen_file, f"{settings.listen_host}:{port}")
        log.info("leakwarden runs; metrics and health on %s:%d", settings.listen_host, port)
        await run_until(
            stop, operator.run(), _kopf(operator, connection, settings, stop), watch_loop_lag(process.lagged)
        )
        log.info("stopping: what waits is written first")


def _recorder(settings: Settings, last: AsyncExitStack) -> RecordDir | None:
    """Where every sample is written down, if anywhere."""
    if settings.record_dir is None:
        return None
    recorder = RecordDir(settings.record_dir, int(settings.record_max.value))
    try:
        recorder.start()
    except MalformedRecording as error:
        raise InvalidSpec("LEAKWARDEN_RECORD_DIR", str(error)) from error
    last.callback(recorder.close)
    return recorder


def _take_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)


async def _take_signals_when(ready: asyncio.Event, stop: asyncio.Event) -> None:
    await ready.wait()
    _take_signals(stop)


def _write(listen_file: Path, address: str) -> None:
    try:
        listen_file.write_text(address)
    except OSError as error:
        raise InvalidSpec("LEAKWARDEN_LISTEN_FILE", str(error)) from error


async def first_list(policies: PolicyList) -> None:
    """Ends a start that could never work with one sentence: no API server, no such resource, no right to it."""
    try:
        await policies.policies()
    except ApiNotFound as error:
        raise ApiNotFound(f"{error}; is the CRD there? kubectl apply -f crds/", error.status) from error


async def _kopf(operator: Operator, connection: KubeConnection, settings: Settings, stop: asyncio.Event) -> None:
    """kopf gives up when the API server fails for a minute or two. It is begun anew then: policies are checked
    meanwhile, and pods are sampled. At its start it takes the signals for itself; once it is ready they are taken back,
    and when it has met one before that it ends without an error."""
    while not stop.is_set():
        ready = asyncio.Event()
        taking = asyncio.create_task(_take_signals_when(ready, stop))
        try:
            await kopf.operator(
                registry=handlers.registry(operator, lambda: kopf_login(connection)),
                settings=handlers.settings(),
                clusterwide=not settings.watch_namespaces,
                namespaces=settings.watch_namespaces,
                standalone=True,
                stop_flag=stop,
                ready_flag=ready,
            )
        except Exception as error:
            log.warning("the watch of policies has ended, and begins anew: %s", cap(f"{type(error).__name__}: {error}"))
            _take_signals(stop)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), KOPF_AGAIN)
        else:
            stop.set()
        finally:
            taking.cancel()


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
