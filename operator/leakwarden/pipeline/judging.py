"""From one sample to what is known: step each watch's fold, and commit state and news together.

The state and the Events that it leads to are one commit in the store. A crash before it forgets the sample; a crash
after it finds the Events still in the outbox. Nothing is lost and nothing is said twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from pydantic import TypeAdapter

from leakwarden.api.words import FailureReason, Resolution, Verdict
from leakwarden.core import judge
from leakwarden.core.findings import Finding
from leakwarden.core.judge import Judgement, TargetState, codec
from leakwarden.core.judge.intake import GAP
from leakwarden.core.judge.levels import levels
from leakwarden.core.judge.strain import FRESH
from leakwarden.core.patterns import Table, named
from leakwarden.core.policy import Policy, mutes_of
from leakwarden.core.readings import Attempt, Failure, ProcessIdentity
from leakwarden.core.recording_target import of_pod
from leakwarden.core.records import Ended, Step, StoredTarget
from leakwarden.core.report.events import EventNote, Transition, finding_events, policy_ref, transitions
from leakwarden.core.report.scene import workload_of
from leakwarden.core.report.values import TargetReport, openings, row_of
from leakwarden.core.samples import SampleResult
from leakwarden.core.schedule import Tempo
from leakwarden.core.targets import ContainerFacts, PolicyKey, TargetKey
from leakwarden.core.targets_of_policy import container_of
from leakwarden.pipeline.clock import Clock
from leakwarden.pipeline.fleet import Fleet, Point, Remembered, Watch
from leakwarden.pipeline.logcontext import log_fields
from leakwarden.pipeline.ports import Recorder, Store

log = logging.getLogger(__name__)

RETURN_WINDOW = 7 * 86400.0
"""Seconds within which the same signature of the same owner is LeakReturned."""
_FAULTS = frozenset({Verdict.UNREACHABLE, Verdict.NOT_RUNNING})

NOTE: TypeAdapter[EventNote] = TypeAdapter(EventNote)
_REPORT: TypeAdapter[TargetReport] = TypeAdapter(TargetReport)
_FINDING: TypeAdapter[Finding] = TypeAdapter(Finding)


class Judging:
    """`changed` is told of each policy whose picture changed; `recorder` of each sample that was judged and stored.

    `inherited`: since when a policy has what an earlier operator found, by row of the status. `patterns`: the table in
    force now, by which findings are named once they were judged.
    """

    def __init__(
        self,
        fleet: Fleet,
        store: Store,
        clock: Clock,
        changed: Callable[[PolicyKey], None],
        recorder: Recorder | None = None,
        inherited: Callable[[Policy], Mapping[str, float]] = lambda _: {},
        patterns: Callable[[], Table] = lambda: Table(patterns=()),
    ) -> None:
        self._fleet = fleet
        self._store = store
        self._clock = clock
        self._changed = changed
        self._recorder = recorder
        self._inherited = inherited
        self._patterns = patterns
        self._under_way: dict[tuple[str, TargetKey], TargetReport] = {}
        """Reports, by policy UID and target, that are being stored: others must see what opens in the same moment."""

    async def on_sample(self, point: Point, result: SampleResult) -> Tempo:
        """Every policy that watches this point judges the sample. QUIET when none of them has a reason to hurry."""
        quiet = True
        for watch in tuple(point.watches):
            async with watch.lock:
                if watch not in point.watches:
                    continue  # it ended, or moved to another port, while the attempt was in flight
                judgement = await self._step(watch, result)
            quiet = quiet and not judgement.growing and judgement.verdict in {Verdict.HEALTHY, Verdict.NOT_RUNNING}
        return Tempo.QUIET if quiet else Tempo.STEADY

    async def end(self, watch: Watch) -> None:
        """The pod is gone, or is no longer meant: its findings end, and it is forgotten."""
        async with watch.lock:
            await self._end(watch.policy, watch.key, watch.state, watch.report)

    async def settled(self, watches: Iterable[Watch]) -> None:
        """Return when no step of these watches, which have ended, is under way any more."""
        for watch in watches:
            async with watch.lock:
                pass

    async def end_remembered(self, policy: Policy, key: TargetKey, known: Remembered) -> None:
        """The same for a target that went while no operator was there to see it."""
        await self._end(policy, key, known.state, known.report)

    async def restore(self, policy: Policy) -> dict[TargetKey, Remembered]:
        """What an earlier process knew of this policy's targets. A row that cannot be read starts over, and says so."""
        known = {}
        for row in await self._store.targets(policy.uid):
            try:
                known[row.key] = Remembered(codec.from_json(row.state), _REPORT.validate_json(row.report))
            except ValueError as error:
                log.warning("stored state of %s is unreadable and starts over: %s", row.key, error)
        return known

    async def _end(self, policy: Policy, key: TargetKey, state: TargetState, report: TargetReport | None) -> None:
        step = Step(policy.uid, key, None)
        if report is not None:
            judgement = judge.end(state, self._clock.now(), Resolution.TARGET_GONE)
            last = replace(report, findings=named(judgement.findings, self._patterns()))
            notes = await self._news(policy, report, last)
            ended = _ended(policy, last)
            step = Step(policy.uid, key, None, outbox=_bodies(notes), ended=ended)
        await self._store.save(step)
        self._changed(policy.key)

    async def _step(self, watch: Watch, result: SampleResult) -> Judgement:
        attempt, pod, endpoint = attempt_of(watch, result), watch.pod, watch.target.endpoint
        judgement = judge.step(watch.state, attempt, watch.policy.rules)
        report = self._report(watch, judgement, attempt.at, result)
        self._under_way[watch.policy.uid, watch.key] = report
        try:
            notes = await self._news(watch.policy, watch.report, report)
            row = StoredTarget(
                watch.policy.uid,
                watch.key,
                codec.to_json(judgement.state),
                _REPORT.dump_json(report).decode(),
                attempt.at,
            )
            ended = _ended(watch.policy, report)
            await self._store.save(Step(watch.policy.uid, watch.key, row, outbox=_bodies(notes), ended=ended))
            watch.state, watch.report, watch.growing = judgement.state, report, judgement.growing
            watch.wants, watch.rules = judgement.wants, judgement.rules
            watch.gopls = watch.gopls or report.gopls is not None
            if not isinstance(result.outcome, Failure):
                watch.moved = watch.target.endpoint != endpoint  # it may have moved while this was stored
        finally:
            del self._under_way[watch.policy.uid, watch.key]
        if self._recorder is not None:
            self._recorder.record(watch.policy.key, of_pod(watch.target.endpoint, pod), result)
        if not isinstance(result.outcome, Failure):
            watch.read_at = attempt.at
        self._changed(watch.policy.key)
        return judgement

    def _report(
        self, watch: Watch, judgement: Judgement, at: float, result: SampleResult | None = None
    ) -> TargetReport:
        before, pod = watch.report, watch.pod
        container = container_of(watch.target.endpoint, pod)
        same = before is not None and before.verdict is judgement.verdict
        failure = result.outcome if result and isinstance(result.outcome, Failure) else None
        now = levels(judgement.state, at - FRESH * watch.policy.interval)
        return TargetReport(
            namespace=pod.namespace,
            pod=pod.name,
            pod_uid=pod.uid,
            endpoint=watch.key.endpoint,
            owner=pod.owner,
            verdict=judgement.verdict,
            reason=_reason(judgement.verdict, failure, before),
            verdict_since=before.verdict_since if before and same else at,
            findings=named(judgement.findings, self._patterns()),
            last_attempt=at,
            interval=_reached(watch, before, at),
            message=judgement.reason,
            memory_limit=container.memory_limit if container else 0,
            openings=openings(judgement.findings, before, self._openings_before(watch.policy, watch.key)),
            ends=_ends(judgement.findings, before),
            gopls=judge.gopls_of(judgement.state),
            container=container.name if container else "",
            workload=workload_of(pod),
            live_heap=now.live_heap,
            memory=now.memory,
            started_at=judgement.state.segment.process.started_at if judgement.state.segment else 0.0,
            above={rule.name: rule.above for rule in watch.policy.rules.rules if rule.above is not None},
        )

    async def standing(self, policy: Policy, report: TargetReport) -> Sequence[EventNote]:
        """What an earlier process must have said of the findings that are open in `report`."""
        return self._notes(policy, report, await self._changes(policy, None, report))

    async def _news(self, policy: Policy, old: TargetReport | None, new: TargetReport) -> Sequence[EventNote]:
        changes = await self._changes(policy, old, new)
        for change in changes:
            _log(policy, change)
        return self._notes(policy, new, changes)

    def _notes(self, policy: Policy, report: TargetReport, changes: Sequence[Transition]) -> Sequence[EventNote]:
        """What is muted makes no Events; where the mute ends first, `Muting` tells it then."""
        reference = policy_ref(policy.key.namespace, policy.key.name, policy.uid)
        here = TargetKey(report.pod_uid, report.endpoint)
        mutes = mutes_of(policy, self._clock.now())
        told = [change for change in changes if change.finding.signature not in mutes]
        return finding_events(reference, told, self._openings_elsewhere(policy, here))

    async def _changes(self, policy: Policy, old: TargetReport | None, new: TargetReport) -> Sequence[Transition]:
        hide = policy.rules.hide_labels
        new = new.as_allowed(hide)
        before = old.as_allowed(hide).open_findings if old else ()
        ended = {finding.signature for finding in new.findings if not finding.open}
        known = {finding.signature for finding in before} - ended
        opened = [finding for finding in new.open_findings if finding.signature not in known]
        returned = {finding.signature for finding in opened if await self._was_here(policy, new, finding)}
        return transitions(before, new, returned, old)

    async def _was_here(self, policy: Policy, report: TargetReport, finding: Finding) -> bool:
        """Whether this owner had the same leak, and was rid of it, within 7 days before this finding."""
        if report.owner is None:
            return False
        since = finding.first_seen - RETURN_WINDOW
        last = await self._store.ended(policy.uid, report.owner.uid, finding.signature, since)
        return last is not None and last.ended_at <= finding.first_seen

    def _openings_before(self, policy: Policy, here: TargetKey) -> dict[str, float]:
        """Since when the policy has what may open here: as other targets know, or as an earlier operator said."""
        return {**self._inherited(policy), **self._openings_elsewhere(policy, here)}

    def _openings_elsewhere(self, policy: Policy, here: TargetKey) -> dict[str, float]:
        """What other targets of the policy have open, and since when the policy has it."""
        found: dict[str, float] = {}
        for watch in self._fleet.watches(policy.key):
            report = self._under_way.get((watch.policy.uid, watch.key), watch.report)
            if report and watch.key != here:
                for finding in report.open_findings:
                    at = report.opening_of(finding)
                    found[row_of(finding)] = min(at, found.get(row_of(finding), at))
        return found


def _ends(findings: Iterable[Finding], before: TargetReport | None) -> dict[str, float]:
    """When each signature last ended here."""
    now = {one.signature: one.resolved_at for one in findings if one.resolved_at is not None}
    return {**(before.ends if before else {}), **now}


def _ended(policy: Policy, report: TargetReport) -> tuple[Ended, ...]:
    """What LeakReturned compares with: an edited rule ends a finding, not the leak."""
    owner = report.owner
    return tuple(
        Ended(
            policy_uid=policy.uid,
            owner_uid=owner.uid,
            signature=finding.signature,
            pod_uid=report.pod_uid,
            body=_FINDING.dump_json(replace(finding, labels=())).decode(),
            ended_at=finding.resolved_at or 0.0,
        )
        for finding in report.findings
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
        oom_killed=bool(container and container.last_oom_at >= watch.read_at - 1.0),
        gopls=result.info,
    )


def _process(watch: Watch, result: SampleResult, container: ContainerFacts | None) -> ProcessIdentity:
    started = result.info.started_at or (container.started_at if container else 0.0)
    return ProcessIdentity(watch.pod.uid, container.container_id if container else "", result.info.pid, started)


def _reason(verdict: Verdict, failure: Failure | None, before: TargetReport | None) -> str:
    """The word of FailureReason behind a fault; while a verdict outlasts one good attempt it keeps its word."""
    if verdict not in _FAULTS:
        return ""
    if failure is not None:
        return failure.reason.value
    return before.reason if before else FailureReason.INTERNAL.value


def _reached(watch: Watch, before: TargetReport | None, at: float) -> float:
    """Seconds between attempts as reached, smoothed over about five. A gap is no pace: it counts as GAP at most."""
    if before is None or before.last_attempt <= 0 or at <= before.last_attempt:
        return watch.policy.interval
    took = min(at - before.last_attempt, GAP * before.interval)
    return before.interval + 0.2 * (took - before.interval)


def _bodies(notes: Sequence[EventNote]) -> tuple[str, ...]:
    return tuple(NOTE.dump_json(note).decode() for note in notes)


def _log(policy: Policy, change: Transition) -> None:
    with log_fields(
        policy=str(policy.key), namespace=change.namespace, pod=change.pod, endpoint=change.endpoint
    ):  # fmt: skip
        log.info("%s: %s", change.reason, change.finding.signature)
