"""From what changed to Kubernetes Events: one a signature on the policy, one a finding on the pod.

An Event's note is fixed when it is first said; after that the writer PATCHes only `series` of the one with that `key`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from leakwarden.api import KIND
from leakwarden.api.words import FindingType, Mode, Outcome, Resolution, Severity
from leakwarden.core.actions import Action, ActionState, Decision, Refusal
from leakwarden.core.findings import Finding
from leakwarden.core.report.amounts import clip_bytes
from leakwarden.core.report.message import end_message, finding_message
from leakwarden.core.report.scene import NOWHERE, Scene, scene_of
from leakwarden.core.report.values import TargetReport, row_of

MAX_NOTE = 1024
"""Of events.k8s.io/v1: bytes of UTF-8, although the API server says characters."""


class EventReason(StrEnum):
    LEAK_DETECTED = "LeakDetected"
    LEAK_WORSENED = "LeakWorsened"
    LEAK_RETURNED = "LeakReturned"
    LEAK_RESOLVED = "LeakResolved"
    PRESSURE_DETECTED = "PressureDetected"
    ACTION_TAKEN = "ActionTaken"
    ACTION_REFUSED = "ActionRefused"
    ACTION_OUTCOME = "ActionOutcome"


class EventType(StrEnum):
    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """What an Event regards: `kind` is Pod or LeakPolicy."""

    kind: str
    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class EventNote:
    """One Event to be written. The same `key` is the same Event, seen again."""

    regarding: ObjectRef
    type: EventType
    reason: EventReason
    action: str
    """What the operator did, in one word (the API wants one): Judge, Annotate, Evict, Verify."""
    note: str
    key: str


@dataclass(frozen=True, slots=True)
class Transition:
    """What happened to one finding on one target: `reason` is one of the Leak… and Pressure… words."""

    reason: EventReason
    namespace: str
    pod: str
    pod_uid: str
    endpoint: str
    finding: Finding
    opening: float
    """Since when the policy has had it without a break: the same for all pods that share it."""
    after: float | None = None
    """When this target had last been rid of it before; None: it never had it, as far as anybody knows."""
    scene: Scene = NOWHERE


_OPENED = "Opened"
"""In keys: who has lost the history says Detected of what another called Returned."""
_SILENT = frozenset(
    {
        Refusal.OBSERVE_ONLY,
        Refusal.NOT_A_LEAK,
        Refusal.BELOW_MIN_SEVERITY,
        Refusal.MUTED,
        Refusal.ALREADY_DONE,
        Refusal.IN_FLIGHT,
        Refusal.TARGET_NOT_SEEN,
        Refusal.SUBSIDING,
        Refusal.NOT_CONFIRMED,
    }
)
"""What the policy itself asks for, or what passes by itself within seconds: status counts it, an Event each would be
noise."""
_OF_THE_POLICY = frozenset(
    {
        Refusal.STORM_BRAKE,
        Refusal.BUDGET,
        Refusal.PAUSED,
        Refusal.CIRCUIT_BREAKER,
        Refusal.JOURNAL_UNAVAILABLE,
    }
)
"""What holds the whole policy back: told once on the policy, and on none of its pods."""


def policy_ref(namespace: str, name: str, uid: str) -> ObjectRef:
    return ObjectRef(KIND, namespace, name, uid)


def transitions(
    before: Sequence[Finding],
    after: TargetReport,
    returned: Collection[str] = (),
    old: TargetReport | None = None,
) -> tuple[Transition, ...]:
    """What changed on one target since `before`. `returned`: signatures that this owner had within the last 7 days;
    `old`: the report that `before` stood in, for what ended.

    A finding that was open and is not there any more has ended with its target. Pressure that ends is not told. One
    that ended and opened again at once (a rule was edited) is told as both, the end first.
    """
    known = {finding.signature: finding for finding in before}
    were, ends = (old.openings, old.ends) if old else ({}, {})
    ended = {finding.signature for finding in after.findings if not finding.open}
    found = [
        (None if finding.open and finding.signature in ended else known.get(finding.signature), finding)
        for finding in sorted(after.findings, key=lambda finding: finding.open)
    ]
    present = {finding.signature for finding in after.findings}
    found += [
        (gone, replace(gone, resolution=Resolution.TARGET_GONE))
        for gone in before
        if gone.open and gone.signature not in present
    ]
    told = ((_change(old, new, new.signature in returned), new) for old, new in found)
    return tuple(
        Transition(
            reason=reason,
            namespace=after.namespace,
            pod=after.pod,
            pod_uid=after.pod_uid,
            endpoint=after.endpoint,
            finding=finding,
            opening=after.opening_of(finding) if finding.open else were.get(row_of(finding), finding.first_seen),
            after=(after.ends if finding.open else ends).get(finding.signature),
            scene=scene_of(after),
        )
        for reason, finding in told
        if reason is not None
    )


def _change(old: Finding | None, new: Finding, returned: bool) -> EventReason | None:
    was_open = old is not None and old.open
    is_leak = new.type is FindingType.LEAK
    if not new.open:
        return EventReason.LEAK_RESOLVED if was_open and is_leak else None
    if old is None or not old.open or old.type is not new.type:
        if not is_leak:
            return EventReason.PRESSURE_DETECTED if not was_open else None
        return EventReason.LEAK_RETURNED if returned else EventReason.LEAK_DETECTED
    worse = new.severity is Severity.CRITICAL and old.severity is not Severity.CRITICAL
    return EventReason.LEAK_WORSENED if worse and is_leak else None


def finding_events(
    policy: ObjectRef, changes: Iterable[Transition], still_open: Collection[str] = ()
) -> tuple[EventNote, ...]:
    """Events of findings. `still_open`: what is open on any target of the policy now, by `row_of`.

    While one is, its end on one pod is told on that pod alone. Keys are made so that who has lost the store comes to
    the same: an operator that finds a leak anew writes the Event that is there already. On a pod the key has when it
    was last rid of the leak; on the policy since when it has it, which the status says, too. What opens again after
    its end is another Event.
    """
    notes: dict[str, EventNote] = {}
    for change in changes:
        for note in _of_transition(policy, change, still_open):
            notes.setdefault(note.key, note)
    return tuple(notes.values())


def _of_transition(policy: ObjectRef, change: Transition, still_open: Collection[str]) -> Iterable[EventNote]:
    finding, reason = change.finding, change.reason
    kind = EventType.NORMAL if reason is EventReason.LEAK_RESOLVED else EventType.WARNING
    named = f" (LeakPolicy {policy.namespace}/{policy.name})"
    word = _OPENED if reason in {EventReason.LEAK_DETECTED, EventReason.LEAK_RETURNED} else reason
    before = "first" if change.after is None else f"{change.after:.0f}"
    yield EventNote(
        regarding=_pod(change.namespace, change.pod, change.pod_uid),
        type=kind,
        reason=reason,
        action="Judge",
        note=clip_bytes(f"{_sentence(change, MAX_NOTE - len(named))}{named}", MAX_NOTE),
        key=_key(policy, change.pod_uid, change.endpoint, finding.signature, before, word),
    )
    if reason is EventReason.LEAK_RESOLVED and row_of(finding) in still_open:
        return
    yield EventNote(
        regarding=policy,
        type=kind,
        reason=reason,
        action="Judge",
        note=clip_bytes(_on_policy(change), MAX_NOTE),
        key=_key(policy, finding.signature, f"{change.opening:.0f}", word),
    )


def _on_policy(change: Transition) -> str:
    """Which pod it is, a message says itself."""
    text = _sentence(change, MAX_NOTE)
    return f"Pod {change.pod}: {text}" if change.reason is EventReason.LEAK_RESOLVED else text


def _sentence(change: Transition, room: int) -> str:
    """Of at most `room` bytes, where the names that it needs leave that."""
    finding = change.finding
    if change.reason is EventReason.LEAK_RESOLVED:
        return end_message(finding)
    news = {
        EventReason.LEAK_WORSENED: f"now {finding.severity}: ",
        EventReason.LEAK_RETURNED: "back within 7 days: ",
    }.get(change.reason, "")
    return news + _within(finding, change.scene, room - len(news))


def _within(finding: Finding, scene: Scene, most: int) -> str:
    """A message of at most `most` bytes: a name that was cut, or that is not in ASCII, has fewer characters."""
    room = most
    while (over := len((said := finding_message(finding, scene, room=room)).encode()) - most) > 0 and room > most // 2:
        room -= over
    return said


def action_events(policy: ObjectRef, before: Action | None, after: Action) -> tuple[EventNote, ...]:
    """What became of one action since `before` (None: it is new): taken or failed, and later its outcome."""
    notes: list[EventNote] = []
    old_state = before.state if before else ActionState.INTENDED
    if after.state is not ActionState.INTENDED and old_state is ActionState.INTENDED:
        done = after.state is ActionState.DONE
        what = f"{_verb(after)} for {after.signature}"
        text = what if done else f"{what} failed"
        notes.append(
            EventNote(
                regarding=_pod(after.namespace, after.pod, after.pod_uid),
                type=EventType.NORMAL if done else EventType.WARNING,
                reason=EventReason.ACTION_TAKEN,
                action=after.kind.value,
                note=f"{text}: {after.message}" if after.message else text,
                key=_key(policy, after.id, EventReason.ACTION_TAKEN, after.state),
            )
        )
    old_outcome = before.outcome if before else Outcome.PENDING
    if after.outcome is not Outcome.PENDING and old_outcome is Outcome.PENDING:
        bad = after.outcome is Outcome.CAME_BACK
        notes.append(
            EventNote(
                regarding=_pod(after.namespace, after.pod, after.pod_uid),
                type=EventType.WARNING if bad else EventType.NORMAL,
                reason=EventReason.ACTION_OUTCOME,
                action="Verify",
                note=f"{_verb(after)} for {after.signature}: {_OUTCOMES[after.outcome]}",
                key=_key(policy, after.id, EventReason.ACTION_OUTCOME),
            )
        )
    return tuple(both for note in notes for both in _on_both(policy, after.pod, note))


_OUTCOMES = {
    Outcome.PENDING: "not told yet",
    Outcome.HELPED: "helped, its replacement is healthy at an age at which the leak was found",
    Outcome.CAME_BACK: "the same leak came back in a newer pod: the code has to change",
    Outcome.UNKNOWN: "whether it helped cannot be said",
}


def refusal_events(policy: ObjectRef, decisions: Iterable[Decision]) -> tuple[EventNote, ...]:
    """What a rail refused: one Event per pod, signature and reason, or one on the policy for what holds all of it back.

    What the policy itself rules out, and what passes by itself, is not told.
    """
    notes: dict[str, EventNote] = {}
    for decision in decisions:
        if decision.refusal is None or decision.refusal in _SILENT:
            continue
        wide = decision.refusal in _OF_THE_POLICY
        about = () if wide else (decision.pod_uid, decision.signature)
        note = EventNote(
            regarding=policy if wide else _pod(decision.namespace, decision.pod, decision.pod_uid),
            type=EventType.WARNING,
            reason=EventReason.ACTION_REFUSED,
            action="Evict",
            note=clip_bytes(f"{decision.refusal}: {decision.message}", MAX_NOTE),
            key=_key(policy, *about, EventReason.ACTION_REFUSED, decision.refusal),
        )
        notes.setdefault(note.key, note)
    return tuple(notes.values())


def _on_both(policy: ObjectRef, pod: str, note: EventNote) -> tuple[EventNote, EventNote]:
    """The note on its pod, and the same on the policy."""
    return (
        replace(note, note=clip_bytes(note.note, MAX_NOTE), key=f"{note.key}/pod"),
        replace(note, regarding=policy, note=clip_bytes(f"Pod {pod}: {note.note}", MAX_NOTE)),
    )


def _verb(action: Action) -> str:
    done = {Mode.EVICT: "evicted", Mode.ANNOTATE: "annotated", Mode.OBSERVE: "observed"}[action.kind]
    return f"{done} (dry run)" if action.dry_run else done


def _pod(namespace: str, name: str, uid: str) -> ObjectRef:
    return ObjectRef("Pod", namespace, name, uid)


def _key(policy: ObjectRef, *parts: str) -> str:
    return "/".join((policy.uid, *parts))
