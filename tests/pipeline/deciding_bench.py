"""Deciding over a fleet whose verdicts are given: what the tests of it share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from leakwarden.api.words import Mode
from leakwarden.core.actions import Action, ActionState, Refusal
from leakwarden.core.findings import Finding
from leakwarden.core.policy import Policy
from leakwarden.core.report.events import EventNote
from leakwarden.core.targets import PodFacts
from leakwarden.errors import (
    ApiForbidden,
    ApiUnavailable,
    DisruptionBudget,
)
from leakwarden.pipeline.deciding import Deciding
from leakwarden.pipeline.fleet import Fleet, Watch
from leakwarden.pipeline.judging import NOTE
from leakwarden.pipeline.recording import Recording
from tests.core.decide.fleets import leak
from tests.pipeline.build import owned, policy, report_of
from tests.pipeline.fakes import Actuator, Events, FailingStore, HandClock, Look, MemoryJournal, Pods, Statuses, untimed

LOST = ApiUnavailable("no answer in time")
FORBIDDEN = ApiForbidden("cannot create pods/eviction in namespace demo", 403)
PDB = DisruptionBudget("the disruption budget ws needs 1 healthy pod", 429)


@dataclass
class Bench:
    """Deciding over a fleet whose verdicts are given, a journal in memory and an actuator that touches no pod."""

    store: FailingStore
    journal: MemoryJournal
    pods: Pods
    clock: HandClock

    def __post_init__(self) -> None:
        self.fleet = Fleet()
        self.statuses, self.events = Statuses(), Events()
        self.live, self.dry = Actuator(), Actuator()
        self.recording = Recording(self.fleet, self.store, self.statuses, self.events, self.clock)
        actuators = {False: self.live, True: self.dry}
        self.look = Look(lambda: self.fleet.policies, self.pods.pods.values)
        self.deciding = Deciding(
            self.fleet, self.pods, self.journal, actuators, self.recording, self.clock, untimed(self.clock), self.look
        )

    def put(self, by: Policy, *pods: PodFacts) -> list[Watch]:
        self.pods.put(*pods)
        self.pods.follow(self.pods.followed | {by.key.namespace})
        self.fleet.put_policy(by, list(self.pods.by_namespace(by.key.namespace)))
        self.deciding.changed(by.key)
        return list(self.fleet.watches(by.key))

    def leaking(self, by: Policy, *pods: PodFacts, finding: Finding | None = None) -> list[Watch]:
        watches = self.put(by, *pods)
        for watch in watches:
            watch.report = report_of(watch, finding or leak(first_seen=self.clock.at - 600), at=self.clock.at)
        return watches

    async def turn(self, after: float = 2.0) -> None:
        """The next turn; what was judged goes on being judged the same."""
        self.clock.at += after
        for watch in self.fleet.all_watches():
            if watch.report is not None:
                watch.report = replace(watch.report, last_attempt=self.clock.at)
                self.deciding.changed(watch.policy.key)
        await self.deciding.once()

    def state(self, name: str = "ws-1") -> ActionState | None:
        return next((entry.state for entry in self.journal.stored.values() if entry.pod == name), None)

    def entry(self, name: str = "ws-1") -> Action:
        return next(entry for entry in self.journal.stored.values() if entry.pod == name)

    def decisions(self) -> dict[str, Refusal | Mode | None]:
        made = [item.decision for item in self.deciding.plan.decisions]
        return {decision.pod: decision.refusal or decision.action for decision in made}

    async def said(self) -> list[EventNote]:
        return [NOTE.validate_json(row.body) for row in await self.store.outbox()]

    async def reasons(self, kind: str = "Pod") -> list[str]:
        return [note.reason.value for note in await self.said() if note.regarding.kind == kind]


def after_a_crash(before: Bench) -> Bench:
    """Another process: the API (journal, pods), the store and the time stand as they were; the memory is empty."""
    again = Bench(before.store, MemoryJournal(before.journal.stored, before.journal.gone), before.pods, before.clock)
    for key, known in before.fleet.policies.items():
        again.put(replace(known, status=before.statuses.last))
        for watch, earlier in zip(again.fleet.watches(key), before.fleet.watches(key), strict=True):
            watch.report = earlier.report
    return again


def evicting(name: str = "gopls", **more: Any) -> Policy:
    return policy(name, mode="Evict", **more)


def annotating(name: str = "notes", **more: Any) -> Policy:
    return policy(name, mode="Annotate", **more)


def pair() -> tuple[PodFacts, PodFacts]:
    """Two pods of two owners."""
    return owned("ws-1", "one"), owned("ws-2", "two")
