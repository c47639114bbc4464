"""Recording: status when it changes, Events from the outbox. What cannot be written now stays, and is written later."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from leakwarden.api.words import Verdict
from leakwarden.core.actions import Action
from leakwarden.core.decide import Plan
from leakwarden.core.policy import Policy
from leakwarden.core.report.events import EventNote
from leakwarden.core.report.inherited import UNJUDGED, Heir, Known, storm_until
from leakwarden.core.report.status import build_status, parsed
from leakwarden.core.report.values import TargetReport
from leakwarden.core.targets import PodFacts, PolicyKey
from leakwarden.core.targets_of_policy import Refusal
from leakwarden.errors import ApiError, ApiForbidden, ApiNotFound, Retry
from leakwarden.pipeline.clock import Clock
from leakwarden.pipeline.fleet import Fleet
from leakwarden.pipeline.judging import NOTE
from leakwarden.pipeline.ports import EventWriter, StatusWriter, Store

log = logging.getLogger(__name__)

SERIES_EVERY = 1800.0
"""Seconds between two counts of an Event while what it tells lasts."""
FORBIDDEN_AGAIN = 60.0
"""Seconds: rights are granted by people, and a namespace that terminates takes its time."""
_NEVER_TAKEN = frozenset({400, 413, 422})
"""HTTP statuses that the same Event will always meet."""


@dataclass(slots=True)
class _Lasting:
    note: EventNote
    counted_at: float


@dataclass(slots=True)
class _Written:
    uid: str
    status: Mapping[str, Any] = field(default_factory=dict)


class Recording:
    """What the API will not take now is kept, and tried again; nothing here raises ApiError."""

    def __init__(self, fleet: Fleet, store: Store, statuses: StatusWriter, events: EventWriter, clock: Clock) -> None:
        self._fleet = fleet
        self._store = store
        self._statuses = statuses
        self._events = events
        self._clock = clock
        self._written: dict[PolicyKey, _Written] = {}
        self._storms: dict[str, tuple[int, float]] = {}
        """By policy UID: the generation under which an earlier operator saw a storm, and until when it holds."""
        self._lasting: dict[str, _Lasting] = {}
        self._forbidden: dict[PolicyKey, str] = {}
        self._closed: dict[str, float] = {}
        """Namespaces in which Events are forbidden, and when to ask again."""

    async def status(self, policy: Policy, plan: Plan, journal: Sequence[Action]) -> bool:
        """Bring the status of one policy up to date. False when it could not be written: then nothing may be done."""
        now = self._clock.now()
        previous = self._shown(policy)
        status = build_status(
            policy,
            self.reports(policy),
            [item.decision for item in plan.decisions if item.policy == policy.key],
            [action for action in journal if action.policy == policy.key],
            previous=previous,
            now=now,
            suspension=plan.suspended.get(policy.key),
            forbidden=self._forbidden.get(policy.key),
            known=self._known(policy),
        )
        if status == previous:
            return True
        try:
            await self._statuses.write(policy.key, policy.uid, status)
        except ApiNotFound:
            return False  # deleted: the watch will tell
        except ApiError as error:
            log.warning("status of %s is not written and will be again: %s", policy.key, error)
            return False
        self._written[policy.key] = _Written(policy.uid, status)
        return True

    def _shown(self, policy: Policy) -> Mapping[str, Any]:
        """The status as this process wrote it last, else as it was read."""
        last = self._written.get(policy.key)
        return last.status if last and last.uid == policy.uid else policy.status

    def _known(self, policy: Policy) -> dict[str, Known]:
        """What was known of each pod before this process; nothing once the status is its own."""
        if self._shown(policy) is not policy.status:
            return {}
        watches = self._fleet.watches(policy.key)
        return {watch.pod.name: Known(watch.pod.created_at, watch.known_until) for watch in watches}

    def inherited(self, policy: Policy) -> dict[str, float]:
        """Since when the policy has what an earlier operator found, by row of the status."""
        heir = Heir(policy, self._clock.now(), self._known(policy))
        return heir.openings(parsed(self._shown(policy)).findings)

    def storm_before(self, policy: Policy) -> float:
        """Until when a storm holds that an earlier operator saw; 0 once every target is judged, and without one."""
        before = self._storms.get(policy.uid)
        if before is None:
            if self._shown(policy) is not policy.status:
                return 0.0
            heir = Heir(policy, self._clock.now(), self._known(policy))
            before = self._storms[policy.uid] = (policy.generation, storm_until(heir, parsed(policy.status)))
        generation, until = before
        undecided = any(report.verdict in UNJUDGED for report in self.reports(policy))
        return until if undecided and generation == policy.generation else 0.0

    def reports(self, policy: Policy) -> list[TargetReport]:
        """One report a target; a target that was never asked yet is Learning, one that never will be is Unreachable."""
        now = self._clock.now()
        watched = [
            watch.report or _unseen(policy, watch.pod, watch.key.endpoint, now)
            for watch in self._fleet.watches(policy.key)
        ]
        refused = self._fleet.refusals.get(policy.key, {}).values()
        return watched + [_refused(policy, pod, refusal, now) for pod, refusal in refused]

    def conditions(self, key: PolicyKey) -> Sequence[Mapping[str, Any]]:
        """As last written, in the API's words; none before that."""
        written = self._written.get(key)
        return tuple(written.status.get("conditions", ())) if written else ()

    def set_forbidden(self, key: PolicyKey, message: str | None) -> None:
        """What the operator's token may not do for this policy; None: nothing is missing."""
        if message is None:
            self._forbidden.pop(key, None)
        else:
            self._forbidden[key] = message

    def forget(self, key: PolicyKey, uid: str) -> None:
        """A deleted policy has no status, and its Events are counted no more."""
        self._written.pop(key, None)
        self._storms.pop(uid, None)
        self._forbidden.pop(key, None)
        self._lasting = {k: lasting for k, lasting in self._lasting.items() if not k.startswith(uid)}

    async def enqueue(self, policy_uid: str, notes: Iterable[EventNote]) -> None:
        """Events that no sample led to (actions, refusals); writing one twice is harmless, its key is its name."""
        bodies = [NOTE.dump_json(note).decode() for note in notes]
        if bodies:
            await self._store.enqueue(policy_uid, bodies)

    async def pump(self) -> None:
        """Write what the outbox holds, oldest first; stop at the first that the API will not take now.

        A namespace in which Events are forbidden (it is terminating, or a right is missing) holds up only its own.
        """
        after = 0
        while rows := await self._store.outbox(after):
            after = rows[-1].id
            done: list[int] = []
            try:
                for row in rows:
                    if await self._post(row.body):
                        done.append(row.id)  # noqa: PERF401 (what was done before an error counts)
            except ApiError as error:
                log.warning("Events wait, since one is not written: %s", error)
                return
            finally:
                if done:
                    await self._store.sent(done)

    async def _post(self, body: str) -> bool:
        """True when the row is done with. Raises ApiError when the API takes nothing at the moment."""
        try:
            note = NOTE.validate_json(body)
        except ValidationError as error:
            log.error("an Event of an older version cannot be read and is dropped: %s", error)
            return True
        now, namespace = self._clock.now(), note.regarding.namespace
        if now < self._closed.get(namespace, now):
            return False
        try:
            await self._events.post(note, now)
        except ApiForbidden as error:
            log.error("Events of namespace %s wait: %s", namespace, error)
            self._closed[namespace] = now + FORBIDDEN_AGAIN
            return False
        except ApiError as error:
            if not (error.retry is Retry.NEVER or error.status in _NEVER_TAKEN):
                raise
            log.error("Event %s on %s is dropped: %s", note.reason, note.regarding.name, error)
            return True
        self._closed.pop(namespace, None)
        self._lasting[note.key] = _Lasting(note, now)
        return True

    def resume(self, notes: Iterable[EventNote]) -> None:
        """Events of an earlier process whose findings are still open: they go on being counted, before they expire."""
        counted_at = self._clock.now() - SERIES_EVERY / 2
        for note in notes:
            self._lasting.setdefault(note.key, _Lasting(note, counted_at))

    async def count_lasting(self, still: frozenset[str]) -> None:
        """Every 30 min count the Events of findings that are still open: those with a key that begins as one of `still`
        says, up to a slash."""
        now = self._clock.now()
        for key, lasting in list(self._lasting.items()):
            if not any(key[: place + 1] in still for place, letter in enumerate(key) if letter == "/"):
                del self._lasting[key]
            elif now - lasting.counted_at >= SERIES_EVERY:
                lasting.counted_at = now
                try:
                    await self._events.post(lasting.note, now)
                except ApiError as error:
                    log.warning("Event %s is not counted: %s", lasting.note.reason, error)


def _unseen(policy: Policy, pod: PodFacts, endpoint: str, now: float) -> TargetReport:
    return TargetReport(
        pod.namespace, pod.name, pod.uid, endpoint, pod.owner, Verdict.LEARNING, "", now, (), 0.0, policy.interval,
        message="not sampled yet",
    )  # fmt: skip


def _refused(policy: Policy, pod: PodFacts, refusal: Refusal, now: float) -> TargetReport:
    return TargetReport(
        pod.namespace, pod.name, pod.uid, refusal.key.endpoint, pod.owner, Verdict.UNREACHABLE, refusal.reason.value,
        now, (), 0.0, policy.interval, message=refusal.message,
    )  # fmt: skip
