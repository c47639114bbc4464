"""What stands now of single targets, for people who ask: a view, nothing is kept and nothing changed."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from leakwarden.api.inspection import Details, TargetDetail, Targets
from leakwarden.core.decide import OpenFinding
from leakwarden.core.decide.outlook import outlook
from leakwarden.core.policy import Policy, mutes_of
from leakwarden.core.report.inspection import Outlook, Subject, detail, fastest_first, row
from leakwarden.core.report.values import TargetReport
from leakwarden.core.targets import TargetKey
from leakwarden.pipeline.clock import Clock
from leakwarden.pipeline.deciding import Deciding
from leakwarden.pipeline.fleet import Fleet, Watch
from leakwarden.pipeline.picture import levels_of
from leakwarden.pipeline.recording import Recording

MOST = 1000
"""Rows of one answer: who wants more is not a person who looks at a screen."""


class Inspecting:
    """Implements `adapters.inspect_web.Inspector`. A namespace of "" means all."""

    def __init__(self, fleet: Fleet, recording: Recording, deciding: Deciding, clock: Clock) -> None:
        self._fleet = fleet
        self._recording = recording
        self._deciding = deciding
        self._clock = clock

    def targets(self, namespace: str, policy: str, most: int) -> Targets:
        """The `most` fastest growing of one namespace, and of one policy where it is named."""
        subjects = [
            subject for subject, _ in self._subjects(namespace) if policy in ("", subject.policy.key.name)
        ]  # fmt: skip
        fastest = heapq.nsmallest(min(most, MOST), subjects, key=fastest_first)
        return Targets(at=self._now(), total=len(subjects), targets=tuple(row(subject) for subject in fastest))

    def pod(self, namespace: str, name: str) -> Details:
        """Every target of the pods of this name; none where no policy watches one."""
        found = [each for each in self._subjects(namespace) if each[0].report.pod == name]
        return Details(at=self._now(), targets=tuple(self._detail(*each) for each in found))

    def _subjects(self, namespace: str) -> Iterator[tuple[Subject, Watch | None]]:
        """Every target, those that are never sampled too."""
        now = self._clock.now()
        for key, policy in sorted(self._fleet.policies.items()):
            if namespace not in ("", key.namespace):
                continue
            watches = {watch.key: watch for watch in self._fleet.watches(key)}
            mutes = mutes_of(policy, now)
            for found in self._recording.reports(policy):
                report = found.as_allowed(policy.rules.hide_labels)
                watch = watches.get(TargetKey(report.pod_uid, report.endpoint))
                yield Subject(
                    policy, report, levels_of(watch, report, now), watch.rules if watch else (),
                    watch.state.segment if watch else None, mutes,
                ), watch  # fmt: skip

    def _detail(self, subject: Subject, watch: Watch | None) -> TargetDetail:
        now = self._clock.now()
        outlooks = dict(self._outlooks(subject.policy, watch, subject.report, now)) if watch else {}
        return detail(subject, outlooks, self._deciding.plan.suspended.get(subject.policy.key), now)

    def _outlooks(
        self, policy: Policy, watch: Watch, report: TargetReport, now: float
    ) -> Iterable[tuple[str, Outlook]]:
        decided = {
            item.decision.signature: item.decision
            for item in self._deciding.plan.decisions
            if (item.policy, item.target) == (policy.key, watch.key)
        }
        view = self._deciding.view(now) if decided else None
        for finding in report.open_findings:
            decision = decided.get(finding.signature)
            if view is not None and decision is not None:
                every = outlook(view, OpenFinding(policy.key, watch.key, finding), now)
                yield finding.signature, Outlook(decision, every)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(round(self._clock.now(), 3), UTC)
