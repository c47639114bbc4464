"""Pods sampled and judged per second: ours against kubectl, curl and go tool pprof, over the same pods in one run.

    python3 -m bench.sampling                          # makes a cluster and quiet pods of its own, and removes them
    python3 -m bench.sampling --kubeconfig FILE --namespace NS [--selector app=x] [--port 6060]

The baseline (sampling_baseline.sh) takes heap and goroutine profiles and lists the top functions of each. Ours takes
the same, finds every site, and judges them by the built-in rules with the fold that the operator runs; it finds the
bound of its concurrency by itself and keeps its connections, as the operator does. Both go through the same API server
and kubelet to the same pods. With --profiles heap, both sides take the heap profile alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.fleet import bench_fleet
from leakwarden.adapters.decode_pool import DecodePool
from leakwarden.adapters.kube_api import KubeClient
from leakwarden.adapters.kube_config import load_connection
from leakwarden.adapters.port_forward import PortForwardDialer
from leakwarden.adapters.sampler import PodSampler
from leakwarden.api.spec import LeakPolicySpec
from leakwarden.api.words import Scheme, Transport
from leakwarden.core import judge
from leakwarden.core.judge import TargetState
from leakwarden.core.parts import ROUTINE
from leakwarden.core.pod_facts import pod_facts
from leakwarden.core.readings import Attempt, Failure, ProcessIdentity
from leakwarden.core.rules_from_spec import rule_set
from leakwarden.core.targets import EndpointSpec, PodFacts, Target
from leakwarden.core.targets_of_policy import SamplingSpec, targets_for
from leakwarden.core.throttle import Concurrency, Ticket

BASELINE = Path(__file__).with_name("sampling_baseline.sh")
RULES = rule_set(LeakPolicySpec.parse({"target": {"selector": {"matchLabels": {"app": "bench"}}}}))


@dataclass(frozen=True, slots=True)
class Pace:
    """What one way reached. `cpu` in seconds, of its own processes (of the baseline with its children)."""

    name: str
    pods: int
    seconds: float
    cpu: float

    @property
    def per_second(self) -> float:
        return self.pods / self.seconds

    def line(self) -> str:
        return (
            f"{self.name:34} {self.pods:5} pods in {self.seconds:7.2f} s = {self.per_second:7.2f} pods/s,"
            f" {1000 * self.cpu / self.pods:7.1f} ms of client CPU a pod"
        )


def baseline(kubeconfig: str, namespace: str, port: int, profiles: str, pods: list[str], parallel: int) -> Pace:
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    listing = subprocess.run(
        [str(BASELINE), namespace, str(port), str(parallel), profiles, *pods],
        env={**os.environ, "KUBECONFIG": kubeconfig}, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    told = {line.split()[0] for line in listing.splitlines()}
    if told != set(pods):
        raise SystemExit(f"the baseline did not list {sorted(set(pods) - told)}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Pace(f"kubectl + curl + pprof, {parallel} at once", len(pods), seconds, cpu)


class Ours:
    """Sampling and judging as the operator does, without waiting for intervals."""

    def __init__(self, sampler: PodSampler, targets: list[Target], wanted: frozenset[str] = ROUTINE) -> None:
        self._sampler = sampler
        self._wanted = wanted
        self._states: dict[Target, TargetState] = {target: judge.start(RULES) for target in targets}
        self.concurrency = Concurrency()
        self._free = asyncio.Event()
        self.failures: list[Failure] = []

    async def rounds(self, count: int) -> None:
        async with asyncio.TaskGroup() as tasks:
            for target in [target for _ in range(count) for target in self._states]:
                tasks.create_task(self._one(target, await self._place()))

    async def _place(self) -> Ticket:
        while (ticket := self.concurrency.enter(time.monotonic())) is None:
            self._free.clear()
            await self._free.wait()
        return ticket

    async def _one(self, target: Target, ticket: Ticket) -> None:
        result = await self._sampler.sample(target, self._wanted)
        if isinstance(result.outcome, Failure):
            self.failures.append(result.outcome)
        attempt = Attempt(result.at, result.outcome, ProcessIdentity(target.key.pod_uid), interval=30.0)
        self._states[target] = judge.step(self._states[target], attempt, RULES).state
        self.concurrency.leave(ticket, result.opening, crowded=False, now=time.monotonic())
        self._free.set()


async def ours(kubeconfig: str, port: int, profiles: str, pods: list[PodFacts], rounds: int) -> Pace:
    endpoint = EndpointSpec("pprof", port, "/debug/pprof", Scheme.HTTP, None)
    spec = SamplingSpec((endpoint,), Transport.PORT_FORWARD, 10.0, 32 << 20)
    targets = [target for pod in pods for target in targets_for(spec, pod).targets]
    pool = DecodePool()
    async with KubeClient(await load_connection(kubeconfig)) as api:
        run = Ours(
            PodSampler({Transport.PORT_FORWARD: PortForwardDialer(api)}, pool), targets, frozenset(profiles.split())
        )
        await run.rounds(1)  # connections, code and worker processes are warm in an operator that runs for weeks
        before, started = time.process_time(), time.perf_counter()
        await run.rounds(rounds)
        pace = Pace("Leakwarden", rounds * len(targets), time.perf_counter() - started, time.process_time() - before)
        print(f"concurrency settled at {run.concurrency.bound}", file=sys.stderr)
    pool.close()
    if run.failures:
        raise SystemExit(f"{len(run.failures)} samples failed, the first: {run.failures[0]}")
    return pace


def running_pods(kubeconfig: str, namespace: str, selector: str) -> list[PodFacts]:
    command = ["kubectl", "get", "pods", "--namespace", namespace, "--selector", selector, "-o", "json"]
    listed = subprocess.run(
        command, env={**os.environ, "KUBECONFIG": kubeconfig}, check=True, capture_output=True
    ).stdout
    facts = [pod_facts(item) for item in json.loads(listed)["items"]]
    return [pod for pod in facts if pod.phase == "Running" and pod.ready]


def machine() -> str:
    cpu = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.machine())  # fmt: skip
    return f"{os.cpu_count()} x {cpu}, load {os.getloadavg()[0]:.1f} at start"


@contextmanager
def subject(options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Kubeconfig and namespace of the pods: those named, or some of our own."""
    if options.kubeconfig:
        yield options.kubeconfig, options.namespace
    else:
        with bench_fleet(options.pods) as (cluster, namespace):
            os.environ["PATH"] = f"{cluster.bin_dir}:{os.environ['PATH']}"
            yield str(cluster.kubeconfig), namespace


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kubeconfig", help="of a cluster that is up; without it one is made, and removed again")
    parser.add_argument("--namespace", default="default", help="of the pods")
    parser.add_argument("--selector", default="", help="of the pods")
    parser.add_argument("--port", type=int, default=6060, help="that net/http/pprof listens on")
    parser.add_argument("--profiles", default="heap goroutine", choices=["heap goroutine", "heap"], help="of each pod")
    parser.add_argument("--pods", type=int, default=16, help="to make, where a cluster is made")
    parser.add_argument("--rounds", type=int, default=10, help="of ours; the baseline takes every pod once each way")
    parser.add_argument("--at-least", type=float, default=0.0, help="exit 1 when the ratio is lower")
    options = parser.parse_args()
    with subject(options) as (kubeconfig, namespace):
        pods = running_pods(kubeconfig, namespace, options.selector)
        if not pods:
            raise SystemExit("no pod matches that is Running and Ready")
        print(machine())
        names = [pod.name for pod in pods]
        subject_of = (kubeconfig, namespace, options.port, options.profiles)
        baseline(*subject_of, names[:1], 1)  # the Go command builds pprof at its first use
        paces = [baseline(*subject_of, names, parallel) for parallel in (1, 8)]
        paces.append(asyncio.run(ours(kubeconfig, options.port, options.profiles, pods, options.rounds)))
    for pace in paces:
        print(pace.line())
    one, eight, own = (pace.per_second for pace in paces)
    ratio = own / max(one, eight)
    print(f"{own / one:.1f} times one by one, {own / eight:.1f} times 8 at once; against the better: {ratio:.1f} times")
    return 0 if ratio >= options.at_least else 1


if __name__ == "__main__":
    raise SystemExit(main())
