"""The operator as a whole: the tasks, and what each hands to the next. Built by the composition root."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from leakwarden.api import SUMMARY_ANNOTATION
from leakwarden.core.policy import Policy
from leakwarden.core.report.values import TargetReport
from leakwarden.core.targets import PolicyKey
from leakwarden.errors import ApiError, ApiForbidden, LeakwardenError, StoreError
from leakwarden.pipeline.clock import Clock
from leakwarden.pipeline.deciding import Deciding
from leakwarden.pipeline.fleet import Changes, Fleet
from leakwarden.pipeline.judging import Judging
from leakwarden.pipeline.ports import PodWatch, PolicyList, Store
from leakwarden.pipeline.recording import Recording
from leakwarden.pipeline.rounds import Rounds
from leakwarden.pipeline.steps import Step, Steps

log = logging.getLogger(__name__)

POLICY_CHECK = 60.0
"""Seconds between two lists of policies: a watch can die without a word (kopf#1276)."""


@dataclass(frozen=True, slots=True)
class _Seen:
    policy: Policy


@dataclass(frozen=True, slots=True)
class _Gone:
    key: PolicyKey
    uid: str


@dataclass(frozen=True, slots=True)
class _Owed:
    policy: Policy
    work: Callable[[], Awaitable[None]]


class Operator:
    """`run` until cancelled. Policies come in through `policy_seen` and `policy_gone`, from the handlers."""

    def __init__(
        self,
        *,
        fleet: Fleet,
        pods: PodWatch,
        policies: PolicyList,
        store: Store,
        rounds: Rounds,
        judging: Judging,
        recording: Recording,
        deciding: Deciding,
        clock: Clock,
        steps: Steps,
        pace: float,
    ) -> None:
        self._fleet = fleet
        self._pods = pods
        self._policies = policies
        self._store = store
        self._rounds = rounds
        self._judging = judging
        self._recording = recording
        self._deciding = deciding
        self._clock = clock
        self._steps = steps
        self._pace = pace
        self._inbox: asyncio.Queue[_Seen | _Gone] = asyncio.Queue()
        self._listed = False
        self._known = False
        self._owed: deque[_Owed] = deque()
        """What has changed and is not in the store yet, in order."""
        self._looked_at: set[str] = set()
        """Namespaces whose pods were looked at after they had been listed whole."""
        self._sweeping: set[str] = set()
        """Namespaces that are followed only because a pod there may still carry an annotation of ours."""

    @property
    def ready(self) -> bool:
        """Policies were listed, and so were the pods of all their namespaces that may be read, and looked at."""
        return self._listed and all(
            key.namespace in self._looked_at or self._pods.trouble(key.namespace) for key in self._fleet.policies
        )

    def policy_seen(self, policy: Policy) -> None:
        self._inbox.put_nowait(_Seen(policy))

    def policy_gone(self, key: PolicyKey, uid: str) -> None:
        self._inbox.put_nowait(_Gone(key, uid))

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for name, work in (
                ("policies", self._take_policies),
                ("policy check", lambda: self._every(POLICY_CHECK, self._check_policies)),
                ("sweep", self._sweep_once),
                ("pods", self._take_pods),
                ("rounds", self._rounds.run),
                ("events", lambda: self._every(1.0, self._events)),
                ("decisions", lambda: self._every(self._pace, self._decide)),
            ):
                tasks.create_task(work(), name=name)

    async def _events(self) -> None:
        with self._steps.timed(Step.EVENTS):
            await self._recording.pump()

    async def _decide(self) -> None:
        """Not before everything is known once: of two policies on a pod only the older may act, and peers count."""
        self._known = self._known or self.ready
        await self._catch_up()
        if self._known:
            await self._deciding.once()

    async def _sweep_once(self) -> None:
        try:
            await self._sweep()
        except ApiError as error:
            log.warning("annotations of deleted policies are not looked for before the next start: %s", error)

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        """Again and again; an error of ours or of the API is logged, and the next turn is another try."""
        while True:
            try:
                await work()
            except LeakwardenError as error:
                log.warning("%s; tried again in %g s", error, seconds)
            except Exception:
                log.exception("a bug; tried again in %g s", seconds)
            await asyncio.sleep(seconds)

    async def _take_policies(self) -> None:
        while True:
            message = await self._inbox.get()
            try:
                if isinstance(message, _Seen):
                    await self._put(message.policy)
                else:
                    await self._remove(message.key, message.uid)
            except LeakwardenError as error:
                log.error("a change of a policy could not be taken, the next check will: %s", error)
            except Exception:
                log.exception("taking a change of a policy failed in a way that is a bug")
            finally:
                self._inbox.task_done()

    async def _check_policies(self) -> None:
        """What the watch may have missed. Level-based, so that saying what is known already changes nothing."""
        before = dict(self._fleet.policies)
        listed = {policy.key: policy for policy in await self._policies.policies()}
        for key in listed.keys() | before.keys():
            known, found = before.get(key), listed.get(key)
            if self._fleet.policies.get(key) is not known:
                continue  # the watch was faster than the list: it knows better
            if found is not None and (known is None or (known.uid, known.generation) != (found.uid, found.generation)):
                self.policy_seen(found)
            elif found is None and known is not None:
                self.policy_gone(key, known.uid)
        await self._inbox.join()
        self._listed = True
        for key in self._fleet.policies:
            self._deciding.changed(key)  # time alone may have ended a pause, or made a silence too long
        known_uids = {policy.uid for policy in (*listed.values(), *self._fleet.policies.values())}
        for uid in await self._store.policies() - known_uids:
            log.info("a policy that was deleted unseen is forgotten: UID %s", uid)
            await self._store.forget_policy(uid)

    async def _put(self, policy: Policy) -> None:
        known = self._fleet.policies.get(policy.key)
        if known is not None and known.uid == policy.uid and policy.generation <= known.generation:
            return  # only its status or metadata changed, most often by ourselves; or this is old news
        if known is not None and known.uid != policy.uid:
            await self._remove(policy.key, known.uid)
        for problem in policy.problems:
            log.warning("LeakPolicy %s is not followed: %s", policy.key, problem)
        first = policy.key not in self._fleet.policies
        if first:
            self._fleet.remembered[policy.key] = await self._judging.restore(policy)
        self._follow(policy.key.namespace)
        self._apply(self._fleet.put_policy(policy, tuple(self._pods.by_namespace(policy.key.namespace))))
        self._note_trouble(policy.key.namespace)
        self._settle_gone(policy.key.namespace)
        self._deciding.changed(policy.key)
        await self._catch_up()

    async def _remove(self, key: PolicyKey, uid: str) -> None:
        known = self._fleet.policies.get(key)
        if known is None or known.uid != uid:
            return
        log.info("LeakPolicy %s is gone", key)
        changes = self._fleet.remove_policy(key)
        self._rounds.apply(changes)
        self._recording.forget(key, uid)
        await self._judging.settled(changes.ended)
        await self._store.forget_policy(uid)
        self._sweeping.add(key.namespace)
        self._follow()

    async def _sweep(self) -> None:
        """At start: annotations of ours may stand where no policy is any more. Those namespaces are followed too,
        until the decisions, which see a leftover as one, have taken them away."""
        self._sweeping |= await self._policies.annotated_namespaces()
        self._follow()

    def _follow(self, *more: str) -> None:
        self._pods.follow(frozenset(key.namespace for key in self._fleet.policies) | self._sweeping | frozenset(more))

    def _swept(self, namespace: str) -> None:
        if namespace not in self._sweeping or not self._pods.synced(namespace):
            return
        if not any(SUMMARY_ANNOTATION in pod.annotations for pod in self._pods.by_namespace(namespace)):
            self._sweeping.discard(namespace)
            self._follow()

    async def _take_pods(self) -> None:
        while True:
            for namespace, uids in (await self._pods.changes()).items():
                try:
                    await self._take_changes(namespace, uids)
                except LeakwardenError as error:
                    log.error("what changed in namespace %s is not recorded whole: %s", namespace, error)
                except Exception:
                    log.exception("what changed in namespace %s is not taken whole, which is a bug", namespace)

    async def _take_changes(self, namespace: str, uids: frozenset[str]) -> None:
        for uid in uids:
            self._apply(self._fleet.look_at_pod(namespace, uid, self._pods.get(uid)))
        self._note_trouble(namespace)
        self._settle_gone(namespace)
        self._swept(namespace)
        await self._catch_up()

    def _apply(self, changes: Changes) -> None:
        """At once what needs no store; the rest is put down, for `_catch_up`."""
        self._rounds.apply(changes)
        self._owed += [_Owed(watch.policy, partial(self._judging.end, watch)) for watch in changes.ended]
        for watch in changes.started:
            self._deciding.changed(watch.policy.key)
            if watch.report is not None:
                self._owed.append(_Owed(watch.policy, partial(self._resume, watch.policy, watch.report)))

    async def _resume(self, policy: Policy, report: TargetReport) -> None:
        self._recording.resume(await self._judging.standing(policy, report))

    async def _catch_up(self) -> None:
        """What is owed to the store, in order; what it does not take now is tried again in the next turn."""
        for _ in range(len(self._owed)):
            if not self._owed:
                return  # another task was faster
            owed = self._owed.popleft()
            known = self._fleet.policies.get(owed.policy.key)
            if known is None or known.uid != owed.policy.uid:
                continue  # deleted meanwhile, and forgotten as a whole
            try:
                await owed.work()
            except StoreError as error:
                log.error("what became of a target of %s is not recorded yet: %s", owed.policy.key, error)
                self._owed.append(owed)

    def _settle_gone(self, namespace: str) -> None:
        """Once the pods are listed: what an earlier process watched and is not there any more has gone meanwhile."""
        if not self._pods.synced(namespace):
            return
        self._looked_at.add(namespace)
        for key, policy in list(self._fleet.policies.items()):
            if key.namespace == namespace:
                self._owed += [
                    _Owed(policy, partial(self._judging.end_remembered, policy, target, known))
                    for target, known in self._fleet.remembered.pop(key, {}).items()
                ]

    def _note_trouble(self, namespace: str) -> None:
        trouble = self._pods.trouble(namespace)
        for key in self._fleet.policies:
            if key.namespace == namespace:
                self._recording.set_forbidden(key, str(trouble) if isinstance(trouble, ApiForbidden) else None)
                self._deciding.changed(key)
