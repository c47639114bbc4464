"""From one sample to what is known: step each watch's fold, and commit state and news together.

The state and the Events that it leads to are one commit in the store. A crash before it forgets the sample; a crash after
it finds the Events still in the outbox. Nothing is lost and nothing is said twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from pydantic import TypeAdapter

from leakwarden.api.words import FailureReason, Resolution, Verdict
from leakwarden.core import judge
from leakwarden.core.findings import Finding
from leakwarden.core.judge import Judgement, codec
from leakwarden.core.policy import Policy
from leakwarden.core.readings import Attempt, Failure, ProcessIdentity
from leakwarden.core.records import Ended, Step, StoredTarget
from leakwarden.core.report.events import EventNote, Transition, finding_events, policy_ref, transitions
from leakwarden.core.report.values import TargetReport
from leakwarden.core.samples import SampleResult
from leakwarden.core.schedule import Tempo
from leakwarden.core.targets import ContainerFacts, PolicyKey, TargetKey
from leakwarden.core.targets_of_policy import container_of
from leakwarden.pipeline.clock import Clock
from leakwarden.pipeline.fleet import Fleet, Point, Restored, Watch
from leakwarden.pipeline.ports import Store

log = logging.getLogger(__name__)

RETURN_WINDOW = 7 * 86400.0
"""Seconds within which the same signature of the same owner is LeakReturned."""
_FAULTS = frozenset({Verdict.UNREACHABLE, Verdict.NOT_RUNNING})

NOTE: TypeAdapter[EventNote] = TypeAdapter(EventNote)
_REPORT: TypeAdapter[TargetReport] = TypeAdapter(TargetReport)
_FINDING: TypeAdapter[Finding] = TypeAdapter(Finding)


class Judging:
    """`changed` is told of each policy whose picture changed."""

    def __init__(self, fleet: Fleet, store: Store, clock: Clock, changed: Callable[[PolicyKey], None]) -> None:
        self._fleet = fleet
        self._store = store
        self._clock = clock
        self._changed = changed

    async def on_sample(self, point: Point, result: SampleResult) -> Tempo:
        """Every policy that watches this point judges the sample. QUIET when none of them has a reason to hurry."""
        quiet = True
        for watch in tuple(point.watches):
            judgement = await self._step(watch, result)
            quiet = quiet and not judgement.growing and judgement.verdict in {Verdict.HEALTHY, Verdict.NOT_RUNNING}
        return Tempo.QUIET if quiet else Tempo.STEADY

    async def end(self, watch: Watch, reason: Resolution = Resolution.TARGET_GONE) -> None:
        """The watch is over: the pod is gone or no longer meant. Its findings end, and it is forgotten."""
        judgement = judge.end(watch.state, self._clock.now(), reason)
        report = self._report(watch, judgement, watch.report.last_attempt if watch.report else 0.0)
        notes = await self._news(watch, report)
        await self._store.save(
            Step(watch.policy.uid, watch.key, None, outbox=_bodies(notes), ended=self._ended(watch, judgement.findings))
        )
        self._changed(watch.policy.key)

    async def restore(self, policy: Policy) -> tuple[Restored, dict[TargetKey, TargetReport]]:
        """What an earlier process knew of this policy's targets. A row that cannot be read is dropped, and said so."""
        states, reports = {}, {}
        for row in await self._store.targets(policy.uid):
            try:
                states[row.key] = codec.from_json(row.state)
                reports[row.key] = _REPORT.validate_json(row.report)
            except ValueError as error:
                states.pop(row.key, None)
                log.warning("stored state of pod %s, endpoint %s is unreadable and starts over: %s", *_names(row), error)
        return states, reports

    async def _step(self, watch: Watch, result: SampleResult) -> Judgement:
        attempt = attempt_of(watch, result)
        judgement = judge.step(watch.state, attempt, watch.policy.rules)
        report = self._report(watch, judgement, attempt.at, result)
        if not self._fleet.is_current(watch):
            return judgement
        notes = await self._news(watch, report)
        row = StoredTarget(
            watch.policy.uid, watch.key, codec.to_json(judgement.state), _REPORT.dump_json(report).decode(), attempt.at
        )
        ended = self._ended(watch, judgement.findings)
        await self._store.save(Step(watch.policy.uid, watch.key, row, outbox=_bodies(notes), ended=ended))
        watch.state, watch.report, watch.growing = judgement.state, report, judgement.growing
        self._changed(watch.policy.key)
        return judgement

    def _report(
        self, watch: Watch, judgement: Judgement, at: float, result: SampleResult | None = None
    ) -> TargetReport:
        before, pod = watch.report, watch.pod
        container = container_of(watch.target.endpoint, pod)
        same = before is not None and before.verdict is judgement.verdict
        failure = result.outcome if result and isinstance(result.outcome, Failure) else None
        return TargetReport(
            namespace=pod.namespace,
            pod=pod.name,
            pod_uid=pod.uid,
            endpoint=watch.key.endpoint,
            owner=pod.owner,
            verdict=judgement.verdict,
            reason=_reason(judgement.verdict, failure, before),
            verdict_since=before.verdict_since if before and same else at,
            findings=judgement.findings,
            last_attempt=at,
            interval=_reached(watch, before, at),
            message=judgement.reason,
            memory_limit=container.memory_limit if container else 0,
        )

    async def _news(self, watch: Watch, report: TargetReport) -> Sequence[EventNote]:
        before = watch.report.open_findings if watch.report else ()
        opened = {finding.signature for finding in report.open_findings} - {finding.signature for finding in before}
        returned = {signature for signature in opened if await self._was_here(watch, signature)}
        changes = transitions(before, report, returned)
        for change in changes:
            _log(change)
        policy = policy_ref(watch.policy.key.namespace, watch.policy.key.name, watch.policy.uid)
        return finding_events(policy, changes, self._open_elsewhere(watch))

    async def _was_here(self, watch: Watch, signature: str) -> bool:
        owner = watch.pod.owner
        since = self._clock.now() - RETURN_WINDOW
        found = owner and await self._store.ended(watch.policy.uid, owner.uid, signature, since)
        return bool(found)

    def _open_elsewhere(self, watch: Watch) -> frozenset[str]:
        others = (other.report for other in self._fleet.watches(watch.policy.key) if other is not watch)
        return frozenset(f.signature for report in others if report for f in report.open_findings)

    @staticmethod
    def _ended(watch: Watch, findings: Sequence[Finding]) -> tuple[Ended, ...]:
        """What LeakReturned compares with: an edited rule ends a finding, not the leak."""
        owner = watch.pod.owner
        return tuple(
            Ended(
                policy_uid=watch.policy.uid,
                owner_uid=owner.uid,
                signature=finding.signature,
                pod_uid=watch.pod.uid,
                body=_FINDING.dump_json(finding).decode(),
                ended_at=finding.resolved_at or 0.0,
            )
            for finding in findings
            if owner is not None and finding.resolution not in {None, Resolution.RULE_CHANGED}
        )


def attempt_of(watch: Watch, result: SampleResult) -> Attempt:
    """The fold's input: the sample, and what the pod says of the container that the process is in."""
    container = container_of(watch.target.endpoint, watch.pod)
    return Attempt(
        at=result.at,
        outcome=result.outcome,
        process=_process(watch, result, container),
        interval=watch.policy.interval,
        memory_limit=container.memory_limit if container else 0,
        oom_killed=bool(container and container.last_oom_at and container.last_oom_at >= _last_attempt(watch)),
    )


def _process(watch: Watch, result: SampleResult, container: ContainerFacts | None) -> ProcessIdentity:
    started = result.info.started_at or (container.started_at if container else 0.0)
    return ProcessIdentity(watch.pod.uid, container.container_id if container else "", result.info.pid, started)


def _last_attempt(watch: Watch) -> float:
    return watch.report.last_attempt if watch.report else float("inf")


def _reason(verdict: Verdict, failure: Failure | None, before: TargetReport | None) -> str:
    """The word of FailureReason behind a fault; while a verdict outlasts one good attempt it keeps its word."""
    if verdict not in _FAULTS:
        return ""
    if failure is not None:
        return failure.reason.value
    return before.reason if before else FailureReason.INTERNAL.value


def _reached(watch: Watch, before: TargetReport | None, at: float) -> float:
    """Seconds between attempts as reached, smoothed over about five."""
    if before is None or before.last_attempt <= 0 or at <= before.last_attempt:
        return watch.policy.interval
    return before.interval + 0.2 * ((at - before.last_attempt) - before.interval)


def _bodies(notes: Sequence[EventNote]) -> tuple[str, ...]:
    return tuple(NOTE.dump_json(note).decode() for note in notes)


def _names(row: StoredTarget) -> tuple[str, str]:
    return row.key.pod_uid, row.key.endpoint


def _log(change: Transition) -> None:
    log.info(
        "%s: %s",
        change.reason,
        change.finding.signature,
        extra={"namespace": change.namespace, "pod": change.pod, "endpoint": change.endpoint},
    )
