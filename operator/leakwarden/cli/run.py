"""A process of the operator: settings become what it works with, and then it takes its turns."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from prometheus_client import CollectorRegistry

from leakwarden.adapters.decode_pool import DecodePool
from leakwarden.adapters.inspect_web import InspectServer
from leakwarden.adapters.kube_api import KubeClient
from leakwarden.adapters.kube_config import load_connection
from leakwarden.adapters.metrics import ProcessMetrics, SampleMetrics
from leakwarden.adapters.policies_api import PolicyList
from leakwarden.adapters.record_dir import RecordDir
from leakwarden.adapters.state_dir import StateDir
from leakwarden.adapters.store import SqliteStore
from leakwarden.adapters.web import WebServer
from leakwarden.cli.assembly import Process
from leakwarden.cli.turns import Turns
from leakwarden.errors import ApiNotFound, InvalidSpec, MalformedRecording
from leakwarden.pipeline.clock import AnchoredClock
from leakwarden.pipeline.inspecting import Inspecting
from leakwarden.settings import Settings
from leakwarden.version import commit, number, version

log = logging.getLogger(__name__)


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
        await first_list(PolicyList(api, settings.watch_namespaces))
        home = StateDir(settings.state_dir)
        home.hold()
        last.callback(home.release)
        store = SqliteStore(settings.state_dir)
        await store.open()
        last.push_async_callback(store.close)
        decoder = DecodePool(settings.decode_workers)
        last.callback(decoder.close)
        registry = CollectorRegistry()
        process = Process(
            settings=settings, connection=connection, api=api, identity=home.identity, clock=AnchoredClock(),
            store=store, decoder=decoder, recorder=_recorder(settings, last), registry=registry,
            samples=SampleMetrics(registry), itself=ProcessMetrics(registry, number(), commit()),
            stop=stop, take_signals=lambda: _take_signals(stop),
        )  # fmt: skip
        turns = Turns(process)
        process.itself.say_who_leads(lambda: turns.leads)
        web = WebServer(settings.listen_host, settings.listen_port, registry, turns.readiness)
        port = await web.start()
        last.push_async_callback(web.stop)
        reading = await _reading_port(settings, turns.ask, last)
        if settings.listen_file:
            _write(settings.listen_file, f"{settings.listen_host}:{port}\n{reading}")
        log.info("leakwarden %s runs; metrics and health on %s:%d", version(), settings.listen_host, port)
        await turns.run()
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


async def _reading_port(settings: Settings, ask: Callable[[], Inspecting | str], last: AsyncExitStack) -> str:
    """The address that people's commands read at, "" without one: nobody's pods go unwatched for want of it."""
    if not settings.inspect:
        return ""
    server = InspectServer(settings.inspect_host, settings.inspect_port, ask)
    try:
        port = await server.start()
    except InvalidSpec as error:
        log.error("kubectl leakwarden top and explain cannot ask this operator: %s", error)
        return ""
    last.push_async_callback(server.stop)
    return f"{settings.inspect_host}:{port}"


def _take_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)


def _write(listen_file: Path, address: str) -> None:
    """Whole, or not at all: somebody waits for it to be there."""
    whole = listen_file.with_name(f"{listen_file.name}.new")
    try:
        whole.write_text(address)
        whole.replace(listen_file)
    except OSError as error:
        raise InvalidSpec("LEAKWARDEN_LISTEN_FILE", str(error)) from error


async def first_list(policies: PolicyList) -> None:
    """Ends a start that could never work with one sentence: no API server, no such resource, no right to it."""
    try:
        await policies.policies()
    except ApiNotFound as error:
        raise ApiNotFound(f"{error}; is the CRD there? kubectl apply -f crds/", error.status) from error
