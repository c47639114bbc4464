"""Findings that an earlier operator put into the status, and that this one is still learning about.

A new leader has the journal but not the series (docs/ha.md): it finds again what still grows. Until then the rows of
before stay, marked with the time up to which they were known, so that a takeover looks like what it is, and not like
leaks that went away and came back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil

from leakwarden.api.status import ConditionReason, FindingStatus, LeakPolicyStatus
from leakwarden.api.words import Verdict
from leakwarden.core.policy import Policy
from leakwarden.core.report.values import TargetReport

PATIENCE = 1.25
"""Of the longest window and hold of the policy's rules: for so long a row may wait to be found again."""
UNJUDGED = frozenset({Verdict.LEARNING, Verdict.INCONCLUSIVE, Verdict.UNREACHABLE})
"""Verdicts that say nothing yet of what an operator before this one had found."""
UNDECIDED = UNJUDGED | {Verdict.LEAKING}
"""Verdicts that do not speak against a finding that was not found again. Leaking does not: it may be another."""
_ROUNDING = 60.0
"""Seconds by which the `since` of a row may be off: it is rounded to the minute."""


@dataclass(frozen=True, slots=True)
class Known:
    """What this operator knew of a pod before it came. `until`: the last sample that its store has; -inf: none."""

    made_at: float
    until: float


@dataclass(frozen=True, slots=True)
class Heir:
    """What this operator takes over. `known` of each pod, by name; empty once it has written the status itself."""

    policy: Policy
    now: float
    known: Mapping[str, Known] = field(default_factory=dict)

    def rows(
        self, shown: Sequence[FindingStatus], judged: Collection[tuple[str, str]], reports: Iterable[TargetReport]
    ) -> tuple[FindingStatus, ...]:
        """Those of `shown` that stay, as they were. `judged`: signature and type of what this operator found itself."""
        undecided = {report.pod for report in reports if report.verdict in UNDECIDED}
        kept = (self._row(row, undecided) for row in shown if (row.signature, row.type) not in judged)
        return tuple(row for row in kept if row is not None)

    def openings(self, shown: Iterable[FindingStatus]) -> dict[str, float]:
        """By row, since when the policy has what it inherits: whoever finds it again goes on from there."""
        return {
            f"{row.type}/{row.signature}": row.first_seen.timestamp()
            for row in shown
            if row.first_seen is not None and (row.as_of is not None or self.was_there(row))
        }

    def _row(self, row: FindingStatus, undecided: Collection[str]) -> FindingStatus | None:
        if row.as_of is None:
            pods = [pod for pod in self.was_there(row) if pod in undecided]
            as_of = datetime.fromtimestamp(int(self.now), row.since.tzinfo)
        else:
            pods = [pod for pod in row.pods if pod in undecided]
            as_of = row.as_of
        if not pods or self.now - as_of.timestamp() > patience(self.policy):
            return None
        affected = row.affected if row.affected > len(row.pods) else len(pods)
        return row.model_copy(update={"pods": tuple(pods), "affected": affected, "as_of": as_of, "decision": None})

    def was_there(self, row: FindingStatus) -> list[str]:
        """Pods of the row that were there when it began (a StatefulSet gives names anew), and of which this operator
        cannot know better: it has no memory of them, or one that ends before the row was first said."""
        since, said = row.since.timestamp(), (row.first_seen or row.since).timestamp()
        return [
            pod
            for pod in row.pods
            if (known := self.known.get(pod)) and known.made_at <= since + _ROUNDING and known.until < said
        ]


def storm_until(heir: Heir, shown: LeakPolicyStatus) -> float:
    """Until when a storm that `shown` tells of holds this operator, too; 0 without one. What leaks is found again one
    by one, and the first of them must not look like single pods. An edited policy is judged by what is known."""
    stormy = any(one.reason is ConditionReason.STORM_BRAKE for one in shown.conditions)
    inherits = any(row.as_of is not None or heir.was_there(row) for row in shown.findings)
    if not (stormy and inherits and shown.observed_generation == heir.policy.generation):
        return 0.0
    return heir.now + patience(heir.policy)


def patience(policy: Policy) -> float:
    """Seconds after which what was not found again is believed to be over."""
    spans = ((rule.growth.window if rule.growth else 0.0) + rule.hold for rule in policy.rules.rules)
    return policy.rules.grace + ceil(PATIENCE * max(spans, default=0.0))
