"""What is watched now: policies, the targets of each, and the points at which they are sampled.

A *watch* is one target of one policy, with its own fold. A *point* is one process that is sampled: two policies that
mean the same port of the same pod share it, so that it is sampled once and judged by each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from leakwarden.api.words import Cadence
from leakwarden.core import judge
from leakwarden.core.judge import RuleEvaluation, TargetState
from leakwarden.core.policy import Policy
from leakwarden.core.report.values import TargetReport
from leakwarden.core.rules_from_spec import endpoint_specs
from leakwarden.core.targets import PodFacts, PolicyKey, Target, TargetKey
from leakwarden.core.targets_of_policy import Refusal, SamplingSpec, targets_for


@dataclass(slots=True, eq=False)
class Watch:
    """One target of one policy: the fold's state and what was last said about it."""

    policy: Policy
    pod: PodFacts
    target: Target
    state: TargetState
    report: TargetReport | None = None
    growing: bool = False
    wants: frozenset[str] = frozenset()
    """Parts that would tell the judge more."""
    rules: tuple[RuleEvaluation, ...] = ()
    """How each rule stood at the newest sample; after a restart nothing until there is one."""
    unconfirmed: bool = False
    """A finding of its own would lead to an action if only it were confirmed."""
    at_stake: bool = False
    """Something leaks in its pod or may turn out to, here or at another endpoint, under a policy that evicts."""
    gopls: bool = False
    """A process here has said that it is a gopls."""
    known_until: float = float("-inf")
    """The last attempt of an earlier process that left behind what it knew of it."""
    read_at: float = float("inf")
    """When it was last read with success: an OOM kill since then is news."""
    moved: bool = False
    """Its process is reached another way since the last report, and may be another one."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a step or the end of this watch is judged and stored: each goes on from what the last one left."""

    @property
    def key(self) -> TargetKey:
        return self.target.key

    @property
    def outdated(self) -> bool:
        """Whether the report is by other rules than those of the policy now, or of another way to the process."""
        return self.moved or self.state.rules != self.policy.rules


@dataclass(slots=True, eq=False)
class Point:
    """One process that is sampled, for one watch or several."""

    key: TargetKey
    """Not a policy's endpoint name, but how the process is reached: names differ between policies, ports do not."""
    watches: list[Watch] = field(default_factory=list)
    rounds: int = 0
    memstats_at: float = float("-inf")
    """When memstats were last asked for."""
    forced_at: float = float("-inf")
    """When a collection was last forced."""

    @property
    def interval(self) -> float:
        return min(watch.policy.interval for watch in self.watches)

    @property
    def cadence(self) -> Cadence:
        """Fixed when one of its policies wants that."""
        fixed = any(w.policy.spec and w.policy.spec.sampling.cadence is Cadence.FIXED for w in self.watches)
        return Cadence.FIXED if fixed else Cadence.ADAPTIVE

    @property
    def target(self) -> Target:
        """As the most patient policy would reach it."""
        return max((watch.target for watch in self.watches), key=lambda target: (target.timeout, target.max_bytes))


@dataclass(frozen=True, slots=True)
class Changes:
    """What a look at pods or policies led to; `touched` are points whose schedule must be put anew or removed."""

    started: tuple[Watch, ...] = ()
    ended: tuple[Watch, ...] = ()
    touched: frozenset[TargetKey] = frozenset()


@dataclass(frozen=True, slots=True)
class Remembered:
    """What an earlier process knew of one target."""

    state: TargetState
    report: TargetReport

    @property
    def read_at(self) -> float:
        """When that process last read it with success; failed attempts may have followed."""
        if self.state.last_read is not None:
            return self.state.last_read
        heap = self.state.segment.heap_read if self.state.segment else None
        return heap.last if heap else self.report.last_attempt


class Fleet:
    """Synchronous and level-based: saying the same thing twice changes nothing the second time."""

    def __init__(self) -> None:
        self.policies: dict[PolicyKey, Policy] = {}
        self.points: dict[TargetKey, Point] = {}
        self.refusals: dict[PolicyKey, dict[TargetKey, tuple[PodFacts, Refusal]]] = {}
        self.remembered: dict[PolicyKey, dict[TargetKey, Remembered]] = {}
        """Not yet seen again: what is left once the pods are listed has gone while nobody watched."""
        self._watches: dict[PolicyKey, dict[TargetKey, Watch]] = {}

    def watches(self, policy: PolicyKey) -> Iterable[Watch]:
        return tuple(self._watches.get(policy, {}).values())

    def all_watches(self) -> Iterable[Watch]:
        return tuple(watch for watches in self._watches.values() for watch in watches.values())

    def put_policy(self, policy: Policy, pods: Sequence[PodFacts]) -> Changes:
        """A policy is there, as given; `pods` are all those of its namespace."""
        self.policies[policy.key] = policy
        there = {pod.uid for pod in pods}
        ended = [self._end(watch) for watch in self.watches(policy.key) if watch.pod.uid not in there]
        refused = {key.pod_uid for key in self.refusals.get(policy.key, {})}
        for uid in refused - there:
            self._drop_refusals(policy.key, uid)
        return _merge([*ended, *(self._look(policy, pod) for pod in pods)])

    def remove_policy(self, key: PolicyKey) -> Changes:
        changes = [self._end(watch) for watch in self.watches(key)]
        self.policies.pop(key, None)
        self.refusals.pop(key, None)
        self.remembered.pop(key, None)
        self._watches.pop(key, None)
        return _merge(changes)

    def look_at_pod(self, namespace: str, uid: str, pod: PodFacts | None) -> Changes:
        """A pod is there as given, or gone (None). Every policy of its namespace looks at it."""
        changes: list[Changes] = []
        for key, policy in self.policies.items():
            if key.namespace != namespace:
                continue
            if pod is not None:
                changes.append(self._look(policy, pod))
            else:
                self._drop_refusals(key, uid)
                changes += [self._end(watch) for watch in self.watches(key) if watch.pod.uid == uid]
        return _merge(changes)

    def _look(self, policy: Policy, pod: PodFacts) -> Changes:
        wanted = self._targets(policy, pod)
        mine = self._watches.setdefault(policy.key, {})
        changes = [self._end(w) for w in tuple(mine.values()) if w.pod.uid == pod.uid and w.key not in wanted]
        for key, target in wanted.items():
            watch = mine.get(key)
            if watch is not None and watch.target == target and watch.policy is policy:
                watch.pod = pod
                continue
            if watch is not None:
                changes.append(self._update(watch, policy, pod, target))
            else:
                changes.append(self._start(policy, pod, target))
        return _merge(changes)

    def _targets(self, policy: Policy, pod: PodFacts) -> dict[TargetKey, Target]:
        self._drop_refusals(policy.key, pod.uid)
        spec = policy.usable
        if spec is None or not spec.target.selector.matches(pod.labels):
            return {}
        sampling = SamplingSpec(
            endpoint_specs(spec),
            spec.target.transport,
            timeout=spec.sampling.timeout.seconds,
            max_bytes=int(spec.sampling.max_profile_size.value),
        )
        found = targets_for(sampling, pod)
        for refusal in found.refusals:
            self.refusals.setdefault(policy.key, {})[refusal.key] = (pod, refusal)
        return {target.key: target for target in found.targets}

    def _drop_refusals(self, policy: PolicyKey, pod_uid: str) -> None:
        refused = self.refusals.get(policy, {})
        for key in [key for key in refused if key.pod_uid == pod_uid]:
            del refused[key]

    def _start(self, policy: Policy, pod: PodFacts, target: Target) -> Changes:
        known = self.remembered.get(policy.key, {}).pop(target.key, None)
        watch = Watch(policy, pod, target, known.state if known else judge.start(policy.rules))
        if known is not None:
            watch.report, watch.read_at, watch.known_until = known.report, known.read_at, known.report.last_attempt
            watch.gopls = known.report.gopls is not None
        self._watches[policy.key][target.key] = watch
        return Changes(started=(watch,), touched=frozenset({self._attach(watch)}))

    def _update(self, watch: Watch, policy: Policy, pod: PodFacts, target: Target) -> Changes:
        """An edited policy, or a changed port: the fold goes on, and notices changed rules by itself."""
        before, watch.unconfirmed = point_key(watch.target), False
        if before == point_key(target):
            watch.policy, watch.pod, watch.target = policy, pod, target
            return Changes(touched=frozenset({before}))
        self._detach(watch)
        watch.policy, watch.pod, watch.target, watch.moved = policy, pod, target, True
        return Changes(touched=frozenset({before, self._attach(watch)}))

    def _end(self, watch: Watch) -> Changes:
        self._watches.get(watch.policy.key, {}).pop(watch.key, None)
        return Changes(ended=(watch,), touched=frozenset({self._detach(watch)}))

    def _attach(self, watch: Watch) -> TargetKey:
        key = point_key(watch.target)
        self.points.setdefault(key, Point(key)).watches.append(watch)
        return key

    def _detach(self, watch: Watch) -> TargetKey:
        key = point_key(watch.target)
        point = self.points.get(key)
        if point is not None and watch in point.watches:
            point.watches.remove(watch)
            if not point.watches:
                del self.points[key]
        return key


def point_key(target: Target) -> TargetKey:
    """How a process is reached; the endpoint's name is a policy's own affair."""
    endpoint = target.endpoint
    return TargetKey(target.key.pod_uid, f"{target.transport}:{endpoint.scheme}:{endpoint.port}{endpoint.path}")


def _merge(changes: Sequence[Changes]) -> Changes:
    return Changes(
        started=tuple(watch for change in changes for watch in change.started),
        ended=tuple(watch for change in changes for watch in change.ended),
        touched=frozenset(key for change in changes for key in change.touched),
    )
