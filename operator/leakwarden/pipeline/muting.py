"""Mutes as time goes by: what is muted is silent, and what is still open when a mute is over is told then."""

from __future__ import annotations

from dataclasses import replace

from leakwarden.core.findings import Finding
from leakwarden.core.policy import mutes_of
from leakwarden.core.report.events import finding_events, policy_ref, transitions
from leakwarden.core.targets import TargetKey
from leakwarden.pipeline.fleet import Fleet, Watch
from leakwarden.pipeline.recording import Recording


class Muting:
    """Remembers which open findings were muted in the turn before. A restart forgets it: then the Events of what is
    open are counted within half an hour, as they always are after one."""

    def __init__(self, fleet: Fleet, recording: Recording) -> None:
        self._fleet = fleet
        self._recording = recording
        self._muted: frozenset[tuple[str, TargetKey, str]] = frozenset()

    def mutes(self, watch: Watch, finding: Finding) -> bool:
        """Whether it was muted when this was last asked for."""
        return (watch.policy.uid, watch.key, finding.signature) in self._muted

    async def tell_what_is_over(self, now: float) -> None:
        """As the Event that the mute held back: one that was written before it is the same, counted once more."""
        before, self._muted = self._muted, self._now(now)
        over = before - self._muted
        for watch in self._fleet.all_watches() if over else ():
            if watch.report is None:
                continue
            uid, key = watch.policy.uid, watch.policy.key
            findings = tuple(one for one in watch.report.open_findings if (uid, watch.key, one.signature) in over)
            reference = policy_ref(key.namespace, key.name, uid)
            changes = transitions((), replace(watch.report, findings=findings))
            await self._recording.enqueue(uid, finding_events(reference, changes))

    def _now(self, now: float) -> frozenset[tuple[str, TargetKey, str]]:
        mutes = {key: mutes_of(policy, now) for key, policy in self._fleet.policies.items()}
        return frozenset(
            (watch.policy.uid, watch.key, finding.signature)
            for key, muted in mutes.items()
            if muted
            for watch in self._fleet.watches(key)
            for finding in (watch.report.open_findings if watch.report else ())
            if finding.signature in muted
        )
