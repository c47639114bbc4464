"""What stands now, in one place, for those who only look: the metrics."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leakwarden.core.actions import Action
from leakwarden.core.decide import Plan
from leakwarden.core.judge.levels import Levels, levels
from leakwarden.core.policy import mutes_of
from leakwarden.core.report.values import TargetReport
from leakwarden.core.targets import PolicyKey
from leakwarden.pipeline.clock import Clock
from leakwarden.pipeline.deciding import Deciding
from leakwarden.pipeline.fleet import Fleet, Watch
from leakwarden.pipeline.recording import Recording
from leakwarden.pipeline.seen import is_fresh

MEMSTATS_HOLD = 12.0
"""Intervals, as reached, for which what memstats told is shown: they come every third, of a quiet target every ninth.
"""


@dataclass(frozen=True, slots=True)
class TargetLevels:
    """One target that is read, and where its signals stand."""

    policy: PolicyKey
    report: TargetReport
    levels: Levels


class Picture:
    """A view; nothing is kept."""

    def __init__(self, fleet: Fleet, recording: Recording, deciding: Deciding, clock: Clock) -> None:
        self._fleet = fleet
        self._recording = recording
        self._deciding = deciding
        self._clock = clock

    def reports_by_policy(self) -> Iterable[tuple[PolicyKey, list[TargetReport]]]:
        return [(key, self._recording.reports(policy)) for key, policy in self._fleet.policies.items()]

    def levels(self) -> Iterator[TargetLevels]:
        """Of each target that is being read: one that fails, or was not asked for long, has none."""
        now = self._clock.now()
        for watch in self._fleet.all_watches():
            report = watch.report
            if report is not None and is_fresh(report, now) and not report.reason:
                yield TargetLevels(watch.policy.key, report, levels_of(watch, report, now))

    def conditions(self) -> Mapping[PolicyKey, Sequence[Mapping[str, Any]]]:
        """Of each policy, as last written; empty where its status was not written yet."""
        return {key: self._recording.conditions(key) for key in self._fleet.policies}

    def muted(self) -> Mapping[PolicyKey, Collection[str]]:
        """The signatures that each policy mutes now."""
        now = self._clock.now()
        return {key: mutes_of(policy, now) for key, policy in self._fleet.policies.items()}

    @property
    def plan(self) -> Plan:
        return self._deciding.plan

    @property
    def journal(self) -> tuple[Action, ...]:
        return self._deciding.journal


def levels_of(watch: Watch | None, report: TargetReport, now: float) -> Levels:
    """Where its signals stand; nothing is known of what is not watched."""
    return levels(watch.state, now - MEMSTATS_HOLD * report.interval) if watch else Levels()
