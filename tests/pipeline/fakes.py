"""The outside, behind the Protocols of `pipeline.ports`: each fake keeps what it was told, and can refuse."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from leakwarden.api.words import Mode
from leakwarden.core.actions import Action, ActionState
from leakwarden.core.gopls_info import GoplsInfo
from leakwarden.core.parts import HEAP_AFTER_GC, IDENTITY
from leakwarden.core.policy import Policy
from leakwarden.core.readings import Failure, HeapReading, PartFailure, Reading
from leakwarden.core.records import Ended, OutboxRow, Step, StoredTarget
from leakwarden.core.report.events import EventNote
from leakwarden.core.samples import SampleResult
from leakwarden.core.targets import PodFacts, PolicyKey, Target
from leakwarden.errors import ApiError
from leakwarden.pipeline.clock import Clock
from leakwarden.pipeline.ports import Store
from leakwarden.pipeline.steps import Steps
from tests.core.decide.fleets import NOW


class HandClock:
    """Stands still until it is moved."""

    def __init__(self, at: float = NOW) -> None:
        self.at = at

    def now(self) -> float:
        return self.at


class LoopClock:
    """Goes with the loop's virtual time: `await asyncio.sleep(30)` moves it by 30 seconds, at once."""

    def now(self) -> float:
        return NOW + asyncio.get_running_loop().time()


def untimed(clock: Clock) -> Steps:
    """Steps whose times nobody wants to know."""
    return Steps(clock, lambda step, seconds: None)


class Refusing:
    """What fakes have in common: `refuse` is raised instead of doing what was asked, for as long as it is set."""

    refuse: Exception | None = None

    def check(self) -> None:
        if self.refuse is not None:
            raise self.refuse


@dataclass
class Pods:
    """A PodWatch that is told what there is. `put` and `drop` wake whoever waits for `changes`."""

    followed: frozenset[str] = frozenset()
    pods: dict[str, PodFacts] = field(default_factory=dict)
    unsynced: set[str] = field(default_factory=set)
    troubles: dict[str, ApiError] = field(default_factory=dict)
    _changed: dict[str, set[str]] = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, *pods: PodFacts) -> None:
        for pod in pods:
            self.pods[pod.uid] = pod
            self.tell(pod.namespace, pod.uid)

    def drop(self, *uids: str) -> None:
        for uid in uids:
            self.tell(self.pods.pop(uid).namespace, uid)

    def tell(self, namespace: str, *uids: str) -> None:
        """Without UIDs: the namespace became synced, or its trouble changed."""
        self._changed.setdefault(namespace, set()).update(uids)
        self._wake.set()

    def follow(self, namespaces: frozenset[str]) -> None:
        self.followed = namespaces

    def get(self, uid: str) -> PodFacts | None:
        return self.pods.get(uid)

    def by_namespace(self, namespace: str) -> Iterator[PodFacts]:
        followed = namespace in self.followed
        return iter([pod for pod in self.pods.values() if followed and pod.namespace == namespace])

    def synced(self, namespace: str) -> bool:
        return namespace in self.followed and namespace not in self.unsynced

    def trouble(self, namespace: str) -> ApiError | None:
        return self.troubles.get(namespace)

    async def changes(self) -> dict[str, frozenset[str]]:
        await self._wake.wait()
        self._wake.clear()
        changed, self._changed = self._changed, {}
        return {namespace: frozenset(uids) for namespace, uids in changed.items()}


class Policies(Refusing):
    """The list of policies as the API has it; `slow` seconds lie between looking and answering."""

    def __init__(self, *policies: Policy) -> None:
        self.there = {policy.key: policy for policy in policies}
        self.annotated: frozenset[str] = frozenset()
        self.slow = 0.0
        self.lists = 0

    async def policies(self) -> list[Policy]:
        self.check()
        self.lists += 1
        found = list(self.there.values())
        await asyncio.sleep(self.slow)
        return found

    async def annotated_namespaces(self) -> frozenset[str]:
        self.check()
        return self.annotated


class Look(Refusing):
    """What is in the API: `policies` and `pods` are asked each time."""

    def __init__(
        self, policies: Callable[[], Mapping[PolicyKey, Policy]], pods: Callable[[], Iterable[PodFacts]]
    ) -> None:
        self._policies = policies
        self._pods = pods

    async def policy(self, key: PolicyKey) -> Policy | None:
        self.check()
        return self._policies().get(key)

    async def pod(self, namespace: str, name: str) -> PodFacts | None:
        self.check()
        return next((pod for pod in self._pods() if (pod.namespace, pod.name) == (namespace, name)), None)


Answer = Reading | Failure | Exception | None
Script = Callable[[Target, int], Answer]
"""From the target and the number of the attempt at it, from 0, to what it brings; None hangs for ever."""


@dataclass(frozen=True)
class Asked:
    at: float
    target: Target
    wanted: frozenset[str]


class ScriptedSampler:
    """Answers by pod name, each attempt after `latency` seconds; a pod without a script is quiet."""

    def __init__(self, now: Callable[[], float], quiet: Answer, latency: float = 0.1) -> None:
        self._now = now
        self._quiet = quiet
        self.latency = latency
        self.scripts: dict[str, Script] = {}
        self.asked: list[Asked] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.gopls: dict[str, GoplsInfo] = {}
        """What pods that are a gopls tell on their pages, by pod or by pod/endpoint."""
        self.after_gc: Callable[[HeapReading], HeapReading | PartFailure] = lambda heap: heap
        """What a forced collection makes of the heap of that attempt; by default it is no garbage."""

    def of(self, pod: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.target.pod == pod]

    async def sample(self, target: Target, wanted: frozenset[str]) -> SampleResult:
        at, number = self._now(), len(self.of(target.pod))
        self.asked.append(Asked(at, target, wanted))
        script = self.scripts.get(target.pod)
        answer = script(target, number) if script else self._quiet
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await (asyncio.sleep(self.latency) if answer is not None else asyncio.Event().wait())
        finally:
            self.in_flight -= 1
        if isinstance(answer, Exception):
            raise answer
        assert answer is not None
        if isinstance(answer, Reading) and HEAP_AFTER_GC in wanted and answer.heap is not None:
            forced = self.after_gc(answer.heap)
            failed = isinstance(forced, PartFailure)
            answer = replace(answer, **{"failures": {HEAP_AFTER_GC: forced}} if failed else {"heap_after_gc": forced})
        opening = 0.0 if isinstance(answer, Failure) else 0.01
        return SampleResult(at, self.latency, answer, opening=opening, info=self._told(target, wanted))

    def _told(self, target: Target, wanted: frozenset[str]) -> GoplsInfo:
        known = self.gopls.get(f"{target.pod}/{target.endpoint.name}") or self.gopls.get(target.pod)
        return known if known is not None and IDENTITY in wanted else GoplsInfo()


class Statuses(Refusing):
    """What was written, in order. `refuse_where` refuses single policies; `on_write` happens meanwhile."""

    def __init__(self) -> None:
        self.written: list[tuple[PolicyKey, str, Mapping[str, Any]]] = []
        self.refuse_where: Callable[[PolicyKey], ApiError | None] = lambda _: None
        self.on_write: Callable[[PolicyKey], None] = lambda _: None

    async def write(self, key: PolicyKey, uid: str, status: Mapping[str, Any]) -> None:
        self.check()
        if (error := self.refuse_where(key)) is not None:
            raise error
        self.written.append((key, uid, status))
        self.on_write(key)

    @property
    def last(self) -> Mapping[str, Any]:
        return self.written[-1][2]


class Events(Refusing):
    """What was posted. `refuse_where` refuses single notes."""

    def __init__(self) -> None:
        self.posted: list[EventNote] = []
        self.times: list[float] = []
        self.refuse_where: Callable[[EventNote], ApiError | None] = lambda _: None

    async def post(self, note: EventNote, now: float) -> None:
        self.check()
        if (error := self.refuse_where(note)) is not None:
            raise error
        self.posted.append(note)
        self.times.append(now)

    def reasons(self, kind: str = "Pod") -> list[str]:
        return [note.reason.value for note in self.posted if note.regarding.kind == kind]


class MemoryJournal(Refusing):
    """The journal without an API: `stored` is what survives this process, and another process may change it.

    Like the real one it writes evictions ahead and keeps annotations for company, and on a conflict (`moved`) it reads
    anew, refuses, and leaves it to the caller to decide again. `gone` says which pods are gone, for `reconcile`, and
    while `under_way` what is there is not settled.
    """

    def __init__(self, stored: dict[str, Action] | None = None, gone: Callable[[str], bool] = lambda _: False) -> None:
        self.stored = stored if stored is not None else {}
        self.gone = gone
        self.under_way = False
        self.moved: ApiError | None = None
        self.refuse_load: ApiError | None = None
        self.refuse_reconcile: ApiError | None = None
        self.refuse_put: ApiError | None = None
        self.loads = 0
        self.flushed = 0
        self._entries: dict[str, Action] = {}
        self._waiting: dict[str, Action] = {}

    @property
    def entries(self) -> tuple[Action, ...]:
        return tuple((self._entries | self._waiting).values())

    async def load(self) -> tuple[Action, ...]:
        if self.refuse_load is not None:
            raise self.refuse_load
        self.loads += 1
        self._entries = dict(self.stored)
        return self.entries

    async def reconcile(self) -> tuple[Action, ...]:
        if self.refuse_reconcile is not None:
            raise self.refuse_reconcile
        for entry in self.entries:
            gone = self.gone(entry.pod_uid)
            if entry.state is ActionState.INTENDED and (gone or not self.under_way):
                state = ActionState.DONE if gone else ActionState.FAILED
                self._write(replace(entry, state=state, settled_at=entry.at))
        return self.entries

    async def intend(self, action: Action) -> None:
        if action.kind is Mode.ANNOTATE:
            self._waiting[action.id] = action
            return
        self.check()
        if self.moved is not None:
            moved, self.moved = self.moved, None
            await self.load()
            raise moved
        self._write(action)

    async def put(self, action: Action) -> None:
        if self.refuse_put is not None:
            raise self.refuse_put
        if action.kind is Mode.ANNOTATE:
            self._waiting[action.id] = action
        else:
            self._write(action)

    async def flush(self, now: float) -> None:
        self.flushed += 1
        self.stored.update(self._waiting)
        self._entries.update(self._waiting)
        self._waiting = {}

    def _write(self, action: Action) -> None:
        self.stored[action.id] = action
        self._entries[action.id] = action


@dataclass
class Actuator(Refusing):
    """Does as it is told, to no pod. `refusals` are raised one by one, before anything is done."""

    done: list[tuple[str, str]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    refusals: list[ApiError] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    on_ask: Callable[[str, PodFacts], None] = lambda verb, pod: None

    async def evict(self, pod: PodFacts) -> None:
        self._do("evict", pod)

    async def annotate(self, pod: PodFacts, text: str) -> None:
        self._do("annotate", pod)
        self.texts.append(text)

    async def unannotate(self, pod: PodFacts) -> None:
        self._do("unannotate", pod)

    def _do(self, verb: str, pod: PodFacts) -> None:
        self.asked.append((verb, pod.name))
        self.on_ask(verb, pod)
        if self.refusals:
            raise self.refusals.pop(0)
        self.check()
        self.done.append((verb, pod.name))

    @property
    def evicted(self) -> list[str]:
        return [name for verb, name in self.done if verb == "evict"]


class FailingStore:
    """The real store, with calls by name that fail as long as they are listed in `failing`, or wait for `gate`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.failing: dict[str, Exception] = {}
        self.gates: dict[str, asyncio.Event] = {}
        self.waiting: dict[str, asyncio.Event] = {}

    def hold(self, name: str) -> tuple[asyncio.Event, asyncio.Event]:
        """The next calls of `name` set the first event and wait for the second."""
        self.waiting[name], self.gates[name] = asyncio.Event(), asyncio.Event()
        return self.waiting[name], self.gates[name]

    async def _pass(self, name: str) -> None:
        if name in self.gates:
            self.waiting[name].set()
            await self.gates[name].wait()
        if name in self.failing:
            raise self.failing[name]

    async def save(self, step: Step) -> None:
        await self._pass("save")
        await self._store.save(step)

    async def targets(self, policy_uid: str) -> list[StoredTarget]:
        await self._pass("targets")
        return await self._store.targets(policy_uid)

    async def outbox(self, after: int = 0) -> list[OutboxRow]:
        await self._pass("outbox")
        return await self._store.outbox(after)

    async def sent(self, ids: Sequence[int]) -> None:
        await self._pass("sent")
        await self._store.sent(ids)

    async def enqueue(self, policy_uid: str, bodies: Sequence[str]) -> None:
        await self._pass("enqueue")
        await self._store.enqueue(policy_uid, bodies)

    async def ended(self, policy_uid: str, owner_uid: str, signature: str, since: float) -> Ended | None:
        await self._pass("ended")
        return await self._store.ended(policy_uid, owner_uid, signature, since)

    async def forget_policy(self, policy_uid: str) -> None:
        await self._pass("forget_policy")
        await self._store.forget_policy(policy_uid)

    async def policies(self) -> set[str]:
        await self._pass("policies")
        return await self._store.policies()


async def until(condition: Callable[[], bool], seconds: float = 600.0) -> None:
    """Let virtual time pass, a tenth of a second at a time, until it holds; fails after `seconds`."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (it waits for others, who know of no event)
            await asyncio.sleep(0.1)
