"""The whole operator in virtual time: everything real but the cluster. Another one over the same world is a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from leakwarden.adapters.store import SqliteStore
from leakwarden.core.actions import Action
from leakwarden.core.policy import Policy
from leakwarden.core.targets import PodFacts, PolicyKey
from leakwarden.pipeline.deciding import Deciding
from leakwarden.pipeline.fleet import Fleet
from leakwarden.pipeline.judging import Judging
from leakwarden.pipeline.operator import Operator
from leakwarden.pipeline.recording import Recording
from leakwarden.pipeline.rounds import Rounds
from tests.pipeline.build import quiet
from tests.pipeline.fakes import (
    Actuator,
    Events,
    FailingStore,
    Look,
    LoopClock,
    MemoryJournal,
    Pods,
    Policies,
    ScriptedSampler,
    Statuses,
    untimed,
)

PACE = 2.0


class Process:
    """One life of the operator."""

    def __init__(self, world: World) -> None:
        clock = LoopClock()
        self.fleet = Fleet()
        self.store = FailingStore(world.store)
        self.pods = Pods(pods=world.pods)
        self.journal = MemoryJournal(world.journal, lambda uid: uid not in world.pods)
        self.recording = Recording(self.fleet, self.store, world.statuses, world.events, clock)
        actuators = {False: world.live, True: world.dry}
        steps = untimed(clock)
        look = Look(lambda: world.policies.there, world.pods.values)
        self.deciding = Deciding(self.fleet, self.pods, self.journal, actuators, self.recording, clock, steps, look)
        self.judging = Judging(
            self.fleet, self.store, clock, self.deciding.changed, inherited=self.recording.inherited
        )
        self.rounds = Rounds(
            self.fleet, world.sampler, clock, self.judging.on_sample, lambda _: None, steps, most=16, rate=100.0
        )
        self.operator = Operator(
            fleet=self.fleet, pods=self.pods, policies=world.policies, store=self.store, rounds=self.rounds,
            judging=self.judging, recording=self.recording, deciding=self.deciding, clock=clock, steps=steps, pace=PACE,
        )  # fmt: skip

    def watched(self, key: PolicyKey) -> set[str]:
        return {watch.pod.name for watch in self.fleet.watches(key)}

    def verdicts(self, key: PolicyKey) -> dict[str, str]:
        return {w.pod.name: w.report.verdict.value if w.report else "" for w in self.fleet.watches(key)}


@dataclass
class World:
    """The cluster, and what the operator wrote into it. Of a policy kopf tells nothing unless `tell` does."""

    store: SqliteStore
    pods: dict[str, PodFacts] = field(default_factory=dict)
    journal: dict[str, Action] = field(default_factory=dict)
    policies: Policies = field(default_factory=Policies)
    statuses: Statuses = field(default_factory=Statuses)
    events: Events = field(default_factory=Events)
    live: Actuator = field(default_factory=Actuator)
    dry: Actuator = field(default_factory=Actuator)
    alive: list[Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sampler = ScriptedSampler(LoopClock().now, quiet())

    def add(self, *pods: PodFacts) -> None:
        for pod in pods:
            self.pods[pod.uid] = pod
            for process in self.alive:
                process.pods.tell(pod.namespace, pod.uid)

    def remove(self, *pods: PodFacts) -> None:
        for pod in pods:
            del self.pods[pod.uid]
            for process in self.alive:
                process.pods.tell(pod.namespace, pod.uid)

    def put(self, policy: Policy, *, tell: bool = True) -> None:
        """As `kubectl apply` does."""
        self.policies.there[policy.key] = policy
        for process in self.alive if tell else ():
            process.operator.policy_seen(policy)

    def delete(self, policy: Policy, *, tell: bool = True) -> None:
        del self.policies.there[policy.key]
        for process in self.alive if tell else ():
            process.operator.policy_gone(policy.key, policy.uid)

    @asynccontextmanager
    async def operator(self) -> AsyncIterator[Process]:
        process = Process(self)
        task = asyncio.create_task(process.operator.run())
        self.alive.append(process)
        try:
            yield process
            assert not task.done(), task
        finally:
            self.alive.remove(process)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def status_of(self, policy: Policy) -> dict[str, Any]:
        """As last written."""
        return dict(next(status for key, _, status in reversed(self.statuses.written) if key == policy.key))

    def told(self, pod: PodFacts) -> list[str]:
        """Reasons of the Events on one pod, each once, in order."""
        mine = [note for note in self.events.posted if note.regarding.uid == pod.uid]
        return [note.reason.value for note in {note.key: note for note in mine}.values()]
