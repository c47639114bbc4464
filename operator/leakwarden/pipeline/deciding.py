"""Decide, record, act: in this order, so that a crash in between leaves a trail and never a second eviction.

The plan is made from everything that is known; the status says what will be done and why the rest is not; then each
intent is written into the journal, carried out, and settled there. What the journal does not have is not done.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import replace

from leakwarden.api.words import Mode, Outcome
from leakwarden.core import decide
from leakwarden.core.actions import Action, ActionState, Decision, Refusal
from leakwarden.core.decide import FleetView, Intent, OpenFinding, Plan, Verb
from leakwarden.core.policy import Policy, mutes_of, remediation_of
from leakwarden.core.report.events import ObjectRef, action_events, policy_ref, refusal_events
from leakwarden.core.report.status import ACCEPTED
from leakwarden.core.targets import PolicyKey, TargetKey
from leakwarden.core.verify import Judged, verify
from leakwarden.errors import ApiConflict, ApiError, ApiForbidden, DisruptionBudget, LeakwardenError, OutcomeUnknown
from leakwarden.pipeline.clock import Clock
from leakwarden.pipeline.fleet import Fleet, Watch
from leakwarden.pipeline.inheriting import may_be_noted
from leakwarden.pipeline.last_moment import LastMoment
from leakwarden.pipeline.muting import Muting
from leakwarden.pipeline.ports import Actuator, Journal, LastLook, PodWatch
from leakwarden.pipeline.recording import Recording
from leakwarden.pipeline.seen import editing_in, is_fresh
from leakwarden.pipeline.steps import Step, Steps

log = logging.getLogger(__name__)

JOURNAL_AGAIN = 30.0
"""Seconds after which a journal that could not be written is tried again."""
NOT_SENT = "not sent: the policy or the pod was changed in the last moment"
TOLD_LATE = 600.0
"""Seconds for which a restarted operator says again what became of an action: the one before may have died between
writing it down and saying it. Under the same name that is the same Event."""
UNANNOTATE_AGAIN = 60.0
"""Seconds between two tries to take one annotation away: the watch shows it late, and rights are given by people."""


class Deciding:
    """`actuators` by `dry_run`: what is done differs only in who is asked to do it."""

    def __init__(
        self,
        fleet: Fleet,
        pods: PodWatch,
        journal: Journal,
        actuators: Mapping[bool, Actuator],
        recording: Recording,
        clock: Clock,
        steps: Steps,
        look: LastLook,
    ) -> None:
        self._moment = LastMoment(fleet, pods, look)
        self._fleet = fleet
        self._pods = pods
        self._journal = journal
        self._actuators = actuators
        self._recording = recording
        self._clock = clock
        self._steps = steps
        self._muting = Muting(fleet, recording)
        self._began = clock.now()
        self._changed: set[PolicyKey] = set()
        self._entries: tuple[Action, ...] | None = None
        self._journal_again = float("-inf")
        """Until then the journal counts as unavailable: it could not be written, and status shall say so."""
        self._told: dict[str, str] = {}
        """Keys of the refusals that were told, with the UID of the pod or the policy that they are about."""
        self._unannotated: dict[str, float] = {}
        """When a pod, by UID, was last asked to give our annotation back."""
        self.plan = Plan()

    def changed(self, key: PolicyKey) -> None:
        """The picture of this policy changed: its status is looked at in the next turn."""
        self._changed.add(key)

    async def once(self) -> None:
        """One turn. Policies whose status could not be written are not acted on, and are tried again."""
        await self._load_journal()
        await self._verify(self._clock.now())
        now = self._clock.now()  # what lies before may have taken long
        with self._steps.timed(Step.PLAN):
            view = self.view(now)
            self.plan = decide.plan(view, now)
        self._moment.planned()
        self._ask_for_more()
        policies = {policy.uid for policy in self._fleet.policies.values()}
        self._forget(policies | view.pods.keys() | {item.target.pod_uid for item in self.plan.decisions})
        acting = {intent.action.policy for intent in self.plan.intents if intent.action}
        recorded = {key for key in sorted(self._changed | acting) if await self._record(key)}
        for intent in self.plan.intents:
            if intent.action is None or intent.action.policy in recorded:
                with self._steps.timed(Step.ACT):
                    await self._carry_out(intent)
        await self._muting.tell_what_is_over(now)
        await self._recording.count_lasting(self._lasting())
        await self._journal.flush(now)

    def _ask_for_more(self) -> None:
        """The next round may force a collection where nothing else, but perhaps the budget, holds back an action; and
        what people have open in a pod that may be evicted is looked at in all its processes."""
        held = {(d.policy, d.target) for d in self.plan.decisions if d.decision.refusal is Refusal.NOT_CONFIRMED}
        evicting = {key for key, policy in self._fleet.policies.items() if remediation_of(policy).mode is Mode.EVICT}
        at_stake = {
            watch.pod.uid
            for watch in self._fleet.all_watches()
            if watch.policy.key in evicting and (watch.growing or (watch.report and watch.report.open_findings))
        }
        for watch in self._fleet.all_watches():
            watch.unconfirmed = (watch.policy.key, watch.key) in held
            watch.at_stake = watch.pod.uid in at_stake

    async def _load_journal(self) -> None:
        """Without the journal nothing is planned (JournalUnavailable). What a crash left INTENDED is looked up, as
        often as it takes: until it is known it counts as under way."""
        now = self._clock.now()
        if self._entries is None:
            try:
                before = {entry.id: _as_told(entry, now) for entry in await self._journal.load()}
            except ApiError as error:
                log.error("the journal cannot be read, so nothing is done until it can: %s", error)
                return
        elif any(entry.state is ActionState.INTENDED for entry in self._entries):
            before = {entry.id: entry for entry in self._entries}
        else:
            return
        try:
            self._entries = await self._journal.reconcile()
        except ApiError as error:
            log.error("what became of an action cannot be looked up, so nothing is done until it can: %s", error)
        await self._adopt(before, self._journal.entries)

    def view(self, now: float) -> FleetView:
        """Everything that a decision may depend on at this moment. The journal is as it was last read or written, by
        whatever led to that: what is decided on it is written against that version."""
        if self._entries is not None:
            self._entries = self._journal.entries
        policies = list(self._fleet.policies.values())
        pods = {pod.uid: pod for namespace in self._pods.followed for pod in self._pods.by_namespace(namespace)}
        return FleetView(
            policies=tuple(remediation_of(policy) for policy in policies),
            findings=tuple(
                OpenFinding(watch.policy.key, watch.key, finding)
                for watch in self._fleet.all_watches()
                if watch.report
                for finding in watch.report.open_findings
            ),
            pods=pods,
            verdicts={
                policy.key: {
                    watch.key: watch.report.verdict for watch in self._fleet.watches(policy.key) if watch.report
                }
                for policy in policies
            },
            stale=self._where(lambda watch: watch.report is not None and not is_fresh(watch.report, now)),
            outdated=self._where(lambda watch: watch.outdated),
            unread=self._unread(),
            journal=self._entries if now >= self._journal_again else None,
            editing=editing_in(self._fleet.all_watches(), now),
            mutes=tuple(mute for policy in policies for mute in mutes_of(policy, now).values()),
            storms_before={policy.key: self._recording.storm_before(policy) for policy in policies},
            noted_before=frozenset(
                watch.pod.uid for watch in self._fleet.all_watches() if may_be_noted(watch, self._began, now)
            ),
        )

    def _unread(self) -> frozenset[str]:
        followed = self._pods.followed
        return frozenset(name for name in followed if self._pods.trouble(name) or not self._pods.synced(name))

    def _where(self, holds: Callable[[Watch], bool]) -> frozenset[tuple[PolicyKey, TargetKey]]:
        return frozenset((watch.policy.key, watch.key) for watch in self._fleet.all_watches() if holds(watch))

    async def _record(self, key: PolicyKey) -> bool:
        """Whether the status says what is known now; if not, it is looked at again in the next turn. A bug in one
        policy's, by what a program of its pods is called, say, costs that policy alone."""
        self._changed.discard(key)
        policy = self._fleet.policies.get(key)
        if policy is None:
            return False
        recorded = False
        try:
            with self._steps.timed(Step.RECORD):
                recorded = await self._written(policy)
        except LeakwardenError:
            raise
        except Exception:
            log.exception("a bug: the status of %s cannot be made, and nothing is done for it", key)
        finally:
            if not recorded:
                self._changed.add(key)
        return recorded

    async def _written(self, policy: Policy) -> bool:
        decisions = [item.decision for item in self.plan.decisions if item.policy == policy.key]
        await self._tell_refusals(policy, decisions)
        return await self._recording.status(policy, self.plan, self.journal)

    def _planned_anew(self, intent: Intent) -> Intent | None:
        """This eviction as it is decided on now, by all that is known now; None where it is not. Where the journal is
        not what it was planned from any more (`_entries` is None), none is."""
        if intent.verb is not Verb.EVICT or intent.action is None:
            return intent
        now = self._clock.now()
        again = {one.action.id: one for one in decide.plan(self.view(now), now).intents if one.action}
        return again.get(intent.action.id)

    async def _carry_out(self, planned: Intent) -> None:
        actuator = self._actuators[planned.dry_run]
        if planned.action is None:
            await self._unannotate(actuator, planned)
            return
        still = await self._moment.still_so(planned) and self._moment.still_meant(planned)
        intent = self._planned_anew(planned) if still else None
        if intent is None or intent.action is None:
            self.changed(planned.action.policy)
            return
        action = intent.action
        try:
            await self._journal.intend(action)
        except ApiError as error:
            log.warning("not done, since the journal does not have it: %s of %s: %s", action.kind, action.pod, error)
            self._entries = None
            if not isinstance(error, ApiConflict):
                self._journal_again = self._clock.now() + JOURNAL_AGAIN
            return
        if not self._moment.still_meant(intent):
            await self._settle(action, ActionState.FAILED, NOT_SENT, None)
            return
        try:
            if intent.verb is Verb.EVICT:
                await actuator.evict(intent.pod)
            else:
                await actuator.annotate(intent.pod, intent.text)
                self._unannotated.pop(intent.pod.uid, None)
        except OutcomeUnknown as error:
            log.warning("whether %s was evicted is not known, and will be looked up: %s", intent.pod.name, error)
            self._entries = None
        except ApiError as error:
            await self._settle(action, ActionState.FAILED, str(error), refusal_of(error))
        else:
            await self._settle(action, ActionState.DONE, ACCEPTED, None)

    def _forget(self, there: Set[str]) -> None:
        self._told = {key: uid for key, uid in self._told.items() if uid in there}
        self._unannotated = {uid: at for uid, at in self._unannotated.items() if uid in there}

    async def _unannotate(self, actuator: Actuator, intent: Intent) -> None:
        now = self._clock.now()
        if now - self._unannotated.get(intent.pod.uid, float("-inf")) < UNANNOTATE_AGAIN:
            return
        self._unannotated[intent.pod.uid] = now
        try:
            await actuator.unannotate(intent.pod)
        except ApiError as error:
            log.warning("our annotation stays on pod %s for now: %s", intent.pod.name, error)

    async def _settle(self, action: Action, state: ActionState, message: str, refusal: Refusal | None) -> None:
        """What became of it. Where even that cannot be written the entry stays INTENDED, and is looked up later."""
        log.info("%s of %s/%s is %s: %s", action.kind, action.namespace, action.pod, state, message)
        after = replace(action, state=state, message=message, refusal=refusal, settled_at=self._clock.now())
        try:
            await self._put(action, after)
        except ApiError as error:
            log.error("the journal still has it as intended: %s", error)
            self._entries = None

    async def _verify(self, now: float) -> None:
        """What became of earlier evictions, told from the samples of the pods that replaced them."""
        for before in self._entries or ():
            policy = self._fleet.policies.get(before.policy)
            if policy is None:
                continue  # it may be made again, with the same circuit breaker
            after = verify(before, self._judged(before.policy), remediation_of(policy).verify_for, now)
            if after.outcome is before.outcome:
                continue
            try:
                await self._put(before, after)
            except ApiError as error:
                log.warning("the outcome of %s is not in the journal yet: %s", before.pod, error)
                return  # the next turn comes to the same outcome

    async def _put(self, before: Action, after: Action) -> None:
        await self._journal.put(after)
        await self._adopt({before.id: before}, self._journal.entries)

    def _judged(self, policy: PolicyKey) -> list[Judged]:
        return [
            Judged(watch.pod, watch.report.verdict, watch.report.findings, watch.report.last_attempt)
            for watch in self._fleet.watches(policy)
            if watch.report
        ]

    async def _adopt(self, before: Mapping[str, Action], entries: tuple[Action, ...]) -> None:
        """The journal as it is now; what changed since `before` is told. One that must be looked at again stays so."""
        if self._entries is not None:
            self._entries = entries
        for entry in entries:
            if entry.id in before and entry != before[entry.id]:
                self.changed(entry.policy)
                await self._tell(before[entry.id], entry)

    async def _tell(self, before: Action | None, after: Action) -> None:
        policy = self._fleet.policies.get(after.policy)
        if policy is not None:
            await self._recording.enqueue(policy.uid, action_events(_reference(policy), before, after))

    async def _tell_refusals(self, policy: Policy, decisions: Iterable[Decision]) -> None:
        """Refusals are decided anew in each turn and told once; a restart tells them again under the same name.

        One that holds the whole policy back is told again, as the same Event, when it comes back after it was over.
        """
        notes = refusal_events(_reference(policy), decisions)
        current = {note.key for note in notes}
        self._told = {key: uid for key, uid in self._told.items() if uid != policy.uid or key in current}
        fresh = {note.key: note.regarding.uid for note in notes if note.key not in self._told}
        await self._recording.enqueue(policy.uid, [note for note in notes if note.key in fresh])
        self._told |= fresh

    def _lasting(self) -> frozenset[str]:
        """Prefixes of the keys of Events whose finding is still open and not muted, on its pod and on its policy."""
        open_now = set()
        for watch in self._fleet.all_watches():
            for finding in watch.report.open_findings if watch.report else ():
                if self._muting.mutes(watch, finding):
                    continue
                uid, key = watch.policy.uid, watch.key
                open_now |= {f"{uid}/{finding.signature}/", f"{uid}/{key.pod_uid}/{key.endpoint}/{finding.signature}/"}
        return frozenset(open_now)

    @property
    def journal(self) -> tuple[Action, ...]:
        """As last known: for status and metrics, not for a plan."""
        return self._journal.entries if self._entries is None else self._entries


def _as_told(entry: Action, now: float) -> Action:
    """The entry as it was before what was perhaps not told of it."""
    settled = entry.state is not ActionState.INTENDED and now - (entry.settled_at or entry.at) <= TOLD_LATE
    verified = entry.outcome_at is not None and now - entry.outcome_at <= TOLD_LATE
    return replace(
        entry,
        state=ActionState.INTENDED if settled else entry.state,
        outcome=Outcome.PENDING if verified else entry.outcome,
    )


def _reference(policy: Policy) -> ObjectRef:
    return policy_ref(policy.key.namespace, policy.key.name, policy.uid)


def refusal_of(error: ApiError) -> Refusal:
    """Why the API did not take it, as a word of the decisions."""
    match error:
        case DisruptionBudget():
            return Refusal.DISRUPTION_BUDGET
        case ApiForbidden():
            return Refusal.FORBIDDEN
        case _:
            return Refusal.API_REFUSED
