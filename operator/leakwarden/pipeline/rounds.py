"""Sampling rounds: take what is due, within the bounds, and hand each result to the judging. No task a pod."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from leakwarden.api.words import MEMSTATS as MEMSTATS_SIGNALS
from leakwarden.api.words import FailureReason, Mode
from leakwarden.core import judge
from leakwarden.core.parts import GOROUTINE_LEAK, IDENTITY, MEMSTATS, ROUTINE
from leakwarden.core.policy import remediation_of
from leakwarden.core.readings import Failure
from leakwarden.core.samples import SampleResult
from leakwarden.core.schedule import Schedule, Tempo
from leakwarden.core.targets import Target, TargetKey
from leakwarden.core.throttle import Concurrency, RateLimit, Ticket
from leakwarden.errors import StoreError
from leakwarden.pipeline.clock import Clock
from leakwarden.pipeline.fleet import Changes, Fleet, Point, Watch
from leakwarden.pipeline.forced_gc import ForcedCollections
from leakwarden.pipeline.logcontext import log_fields
from leakwarden.pipeline.ports import Sampler
from leakwarden.pipeline.steps import Step, Steps

log = logging.getLogger(__name__)

MEMSTATS_EVERY = 3.0
"""Intervals. Memstats is 1 MB of text from an idle gopls, so it comes at a lower rate; a window of 60 intervals still
has 20. Counted in time, not in rounds: a quiet target's rounds are up to 3 intervals apart already."""
MEMSTATS_EVERY_GROWING = 2.0
EARLY = 0.5
"""Intervals by which memstats may come early, since rounds are jittered."""
IDENTITY_EVERY = 5
"""A gopls restarted within its container is noticed by its falling counters anyway; its pages make it exact, and tell
what it does."""
_CROWDED = frozenset({FailureReason.CONNECTION_LOST})

OnSample = Callable[[Point, SampleResult], Awaitable[Tempo]]


class Rounds:
    """`on_sample` judges and records; what it returns says how soon the point is due again. `count` only counts."""

    def __init__(
        self,
        fleet: Fleet,
        sampler: Sampler,
        clock: Clock,
        on_sample: OnSample,
        count: Callable[[SampleResult], None],
        steps: Steps,
        *,
        most: int,
        rate: float,
    ) -> None:
        self.schedule = Schedule()
        self.concurrency = Concurrency(most=most)
        self._rate = RateLimit(rate)
        self._forced = ForcedCollections()
        self._fleet = fleet
        self._sampler = sampler
        self._clock = clock
        self._on_sample = on_sample
        self._count = count
        self._steps = steps
        self._wake = asyncio.Event()
        self._flying: set[asyncio.Task[None]] = set()

    def apply(self, changes: Changes) -> None:
        """Points that came, changed or went."""
        now = self._clock.now()
        for key in changes.touched:
            point = self._fleet.points.get(key)
            if point is None:
                self.schedule.remove(key)
            else:
                self.schedule.put(key, point.interval, point.cadence, now)
        if changes.touched:
            self._wake.set()

    async def run(self) -> None:
        """Until cancelled; attempts in flight are then cancelled too, and count as never made."""
        try:
            while True:
                pause = self._start_due(self._clock.now())
                self._wake.clear()
                try:
                    async with asyncio.timeout(pause):
                        await self._wake.wait()
                except TimeoutError:
                    pass
        finally:
            for task in self._flying:
                task.cancel()
            await asyncio.gather(*self._flying, return_exceptions=True)

    def _start_due(self, now: float) -> float | None:
        """Start what may start; returns the seconds until something may again, None: only an event can tell."""
        while (due := self.schedule.next_due()) is not None:
            if due > now:
                return due - now
            if (at := self._rate.next_at(now)) > now:
                return at - now
            ticket = self.concurrency.enter(now)
            if ticket is None:
                free = self.concurrency.free_at(now)
                return None if free is None else max(0.01, free - now)
            key = self.schedule.take(now)
            if key is None or key not in self._fleet.points:
                self.concurrency.leave(ticket, 0.0, crowded=False, now=now)
                continue
            self._rate.take(now)
            task = asyncio.create_task(self._attempt(key, self._fleet.points[key], ticket))
            self._flying.add(task)
            task.add_done_callback(self._flying.discard)
        return None

    async def _attempt(self, key: TargetKey, point: Point, ticket: Ticket) -> None:
        target = point.target
        with log_fields(namespace=target.namespace, pod=target.pod, endpoint=target.key.endpoint):
            result = await self._sample(point, target)
            point.rounds += 1
            self._leave(ticket, result)
            tempo = await self._judge(point, result)
        self.schedule.done(key, tempo, self._clock.now())
        self._wake.set()

    async def _sample(self, point: Point, target: Target) -> SampleResult:
        """A sampler never raises for what a target does; a bug in one must not take the target out of the rounds."""
        at = self._clock.now()
        wanted = wanted_parts(point, at)
        if MEMSTATS in wanted:
            point.memstats_at = at
        try:
            with self._forced.turn(point, at) as more:
                return await self._sampler.sample(target, wanted | more)
        except Exception as error:
            log.exception("sampling failed in a way that is a bug")
            return SampleResult(round(at, 3), 0.0, Failure(FailureReason.INTERNAL, f"{type(error).__name__}: {error}"))

    def _leave(self, ticket: Ticket, result: SampleResult) -> None:
        reason = result.outcome.reason if isinstance(result.outcome, Failure) else None
        self.concurrency.leave(ticket, result.opening, crowded=reason in _CROWDED, now=self._clock.now())

    async def _judge(self, point: Point, result: SampleResult) -> Tempo:
        try:
            self._count(result)
            with self._steps.timed(Step.JUDGE):
                return await self._on_sample(point, result)
        except StoreError as error:
            log.error("the sample is lost: %s", error)
        except Exception:
            log.exception("judging failed in a way that is a bug; the sample is lost")
        return Tempo.STEADY


def wanted_parts(point: Point, now: float) -> frozenset[str]:
    """Heap and goroutines every round, gopls's pages every fifth and where an eviction may follow; memstats every third
    interval where a rule needs it, and every second where something grows: it tells what the container holds for each
    live byte, and so when the limit comes. The goroutineleak profile when the judge of a policy asks for it."""
    wanted = set(ROUTINE)
    needs = any(rule.signal in MEMSTATS_SIGNALS for watch in point.watches for rule in watch.policy.rules.rules)
    growing = any(watch.growing for watch in point.watches)
    every = MEMSTATS_EVERY_GROWING if growing else MEMSTATS_EVERY
    if (needs or growing) and now - point.memstats_at >= (every - EARLY) * point.interval:
        wanted.add(MEMSTATS)
    if point.rounds % IDENTITY_EVERY == 0 or any(_may_lead_to_an_eviction(watch) for watch in point.watches):
        wanted.add(IDENTITY)
    if any(judge.leak_profile_due(w.state, w.policy.rules, now, w.policy.interval) for w in point.watches):
        wanted.add(GOROUTINE_LEAK)
    return frozenset(wanted)


def _may_lead_to_an_eviction(watch: Watch) -> bool:
    """Then what people have open is looked at with every round."""
    own = bool(watch.report and watch.report.open_findings) and remediation_of(watch.policy).mode is Mode.EVICT
    return own or watch.at_stake
