"""What a sample costs the others: API server, node and sampled process; and the latency of a gopls that is at work.

python3 -m bench.cost servers             # CPU a sample of every component; makes a cluster of its own
python3 -m bench.cost gopls PATH          # latency of a busy gopls, sampled every second and not at all
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from bench.decode_workload import Editor
from bench.fleet import bench_fleet
from bench.sampling import Ours, machine, running_pods
from hack.cluster import Cluster
from leakwarden.adapters.decode_pool import DecodePool
from leakwarden.adapters.kube_api import KubeClient
from leakwarden.adapters.kube_config import load_connection
from leakwarden.adapters.pod_ip import PodIPDialer
from leakwarden.adapters.port_forward import PortForwardDialer
from leakwarden.adapters.sampler import PodSampler
from leakwarden.api.words import Scheme, Transport
from leakwarden.core.parts import MEMSTATS, ROUTINE
from leakwarden.core.readings import Failure
from leakwarden.core.targets import EndpointSpec, PodFacts, Target, TargetKey
from leakwarden.core.targets_of_policy import SamplingSpec, targets_for

ENDPOINT = EndpointSpec("pprof", 6060, "/debug/pprof", Scheme.HTTP, None)
ROUNDS = 30


def servers(pods: int) -> None:
    """CPU milliseconds a sample of each process that has a part in it: connections opened anew, and kept."""
    with bench_fleet(pods) as (cluster, namespace):
        found = running_pods(str(cluster.kubeconfig), namespace, "")
        processes = {**_parts_of(cluster), **_containers(found)}
        for name, keep in (("a connection a sample", 0), ("connections kept", 64)):
            print(f"{name}:")
            for who, cost in asyncio.run(_measure(cluster, found, processes, keep)).items():
                print(f"  {who:28} {cost:7.2f} ms of CPU a sample")


async def _measure(cluster: Cluster, pods: list[PodFacts], processes: dict[int, str], keep: int) -> dict[str, float]:
    spec = SamplingSpec((ENDPOINT,), Transport.PORT_FORWARD, 10.0, 32 << 20)
    targets = [target for pod in pods for target in targets_for(spec, pod).targets]
    pool = DecodePool()
    async with KubeClient(await load_connection(str(cluster.kubeconfig))) as api:
        sampler = PodSampler({Transport.PORT_FORWARD: PortForwardDialer(api)}, pool, keep=keep)
        run = Ours(sampler, targets)
        await run.rounds(1)
        began, before = time.monotonic(), _cpu(processes)
        await asyncio.sleep(5)
        idle = {who: (used - before[who]) / (time.monotonic() - began) for who, used in _cpu(processes).items()}
        began, before, own = time.monotonic(), _cpu(processes), time.process_time()
        await run.rounds(ROUNDS)
        seconds, samples = time.monotonic() - began, ROUNDS * len(targets)
        spent = {who: used - before[who] - idle[who] * seconds for who, used in _cpu(processes).items()}
        spent["leakwarden"] = time.process_time() - own
        await sampler.close()
    pool.close()
    return {who: 1000 * cost / samples for who, cost in sorted(spent.items(), key=lambda item: -item[1])}


def _parts_of(cluster: Cluster) -> dict[int, str]:
    """Processes of a local cluster, by what stands in their command lines."""
    names = ("kube-apiserver", "kubelet", "containerd", "etcd")
    found = {}
    for pid, command in _commands().items():
        name = Path(command.split(" ")[0]).name
        if name in names and str(cluster.state_dir) in command:
            found[pid] = name
    return found


def _containers(pods: list[PodFacts]) -> dict[int, str]:
    """Processes in the pods' containers, all under one name: the sampled ones and what runs beside them."""
    ids = [container.container_id.split("//")[-1] for pod in pods for container in pod.containers]
    found = {}
    for pid in _commands():
        try:
            cgroup = Path(f"/proc/{pid}/cgroup").read_text()
        except OSError:
            continue
        if any(identity in cgroup for identity in ids):
            name = Path(f"/proc/{pid}/comm").read_text().strip()
            found[pid] = f"{name}, in the pod"
    return found


def _commands() -> dict[int, str]:
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue  # ended meanwhile
    return found


def _cpu(processes: dict[int, str]) -> dict[str, float]:
    """Seconds of CPU by name, from the scheduler's own count of every thread (a tick of /proc/PID/stat is 10 ms)."""
    used = dict.fromkeys(processes.values(), 0.0)
    for pid, name in processes.items():
        try:
            threads = list(Path(f"/proc/{pid}/task").iterdir())
            used[name] += sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9
        except OSError:
            continue  # ended meanwhile, most likely a helper of gopls
    return used


def busy_gopls(gopls: Path, seconds: float, turns: int) -> None:
    """Latency of an edit and a question to a gopls at work, in turns with and without a sample every second."""
    root = Path(subprocess.run(["go", "env", "GOROOT"], check=True, capture_output=True, text=True).stdout.strip())
    latencies: dict[str, list[float]] = {"alone": [], "sampled": []}
    samples: list[float] = []
    with tempfile.TemporaryDirectory() as cache:
        process = subprocess.Popen(
            [gopls, "-debug=localhost:16060", "serve"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=root / "src/cmd",
            env={**os.environ, "GOPLSCACHE": cache, "GOTOOLCHAIN": "local"},
        )  # fmt: skip
        try:
            ask = _open(Editor(process), root / "src/cmd")
            _for(10, ask)  # it loads the workspace
            for _ in range(turns):
                latencies["alone"] += _for(seconds, ask)
                latencies["sampled"] += _while_sampled(seconds, ask, samples)
        finally:
            process.kill()
            process.wait()
    for name, values in latencies.items():
        quantiles = statistics.quantiles(values, n=100)
        print(
            f"{name:8} {len(values):5} edits and questions, median {1000 * quantiles[49]:6.1f} ms,"
            f" 90th percentile {1000 * quantiles[89]:6.1f} ms, 99th {1000 * quantiles[98]:6.1f} ms"
        )
    print(
        f"a sample (heap, goroutines, memstats) took {1000 * statistics.median(samples):.0f} ms, {len(samples)} of them"
    )


def _open(editor: Editor, root: Path) -> Callable[[], None]:
    """Opens a file; what it returns types a character and asks for the file's tokens."""
    path = root / "go" / "internal" / "load" / "pkg.go"
    tokens = {"requests": {"full": True}, "tokenTypes": [], "tokenModifiers": [], "formats": ["relative"]}
    capabilities = {"textDocument": {"semanticTokens": tokens}}
    options = {"semanticTokens": True}
    beginning = {"processId": os.getpid(), "rootUri": root.as_uri(), "capabilities": capabilities}
    editor.request("initialize", {**beginning, "initializationOptions": options}, 60)
    editor.notify("initialized", {})
    text, document = path.read_text(), {"uri": path.as_uri()}
    editor.notify(
        "textDocument/didOpen", {"textDocument": {**document, "languageId": "go", "version": 1, "text": text}}
    )
    versions = itertools.count(2)

    def ask() -> None:
        version = next(versions)
        changed = {
            "textDocument": {**document, "version": version},
            "contentChanges": [{"text": f"{text}// {version}\n"}],
        }
        editor.notify("textDocument/didChange", changed)
        editor.request("textDocument/semanticTokens/full", {"textDocument": document}, 60)

    return ask


def _for(seconds: float, ask: Callable[[], None]) -> list[float]:
    latencies = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        ask()
        latencies.append(time.monotonic() - began)
        time.sleep(0.05)  # a fast typist
    return latencies


def _while_sampled(seconds: float, ask: Callable[[], None], took: list[float]) -> list[float]:
    stop = threading.Event()
    sampling = threading.Thread(target=lambda: asyncio.run(_sample_every_second(stop, took)))
    sampling.start()
    try:
        return _for(seconds, ask)
    finally:
        stop.set()
        sampling.join()


async def _sample_every_second(stop: threading.Event, took: list[float]) -> None:
    endpoint = EndpointSpec("gopls", 16060, "/debug/pprof", Scheme.HTTP, None)
    there = Target(TargetKey("local", "gopls"), "", "gopls", "127.0.0.1", endpoint, Transport.POD_IP, 10.0, 32 << 20)
    sampler = PodSampler({Transport.POD_IP: PodIPDialer()}, DecodePool(workers=1), keep=1)
    while not stop.is_set():
        result = await sampler.sample(there, ROUTINE | {MEMSTATS})
        if isinstance(result.outcome, Failure):
            raise SystemExit(str(result.outcome))
        took.append(result.latency)
        await asyncio.sleep(1.0)
    await sampler.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    of_servers = commands.add_parser("servers")
    of_servers.add_argument("--pods", type=int, default=16)
    of_gopls = commands.add_parser("gopls")
    of_gopls.add_argument("gopls", type=Path)
    of_gopls.add_argument("--seconds", type=float, default=20, help="of one turn")
    of_gopls.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    print(machine())
    if options.command == "servers":
        servers(options.pods)
    else:
        busy_gopls(options.gopls, options.seconds, options.turns)


if __name__ == "__main__":
    main()
