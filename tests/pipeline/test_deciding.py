"""Decide, record, act, settle: what is not recorded is not done, and what may have been done is never done twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from leakwarden.adapters.store import SqliteStore
from leakwarden.api import SUMMARY_ANNOTATION
from leakwarden.api.words import Mode, Outcome, Verdict
from leakwarden.core.actions import Action, ActionState, Refusal
from leakwarden.core.findings import Finding
from leakwarden.core.policy import Policy
from leakwarden.core.report.events import EventNote, finding_events, policy_ref, transitions
from leakwarden.core.targets import PodFacts, PolicyKey
from leakwarden.errors import (
    ApiConflict,
    ApiError,
    ApiForbidden,
    ApiNotFound,
    ApiUnavailable,
    DisruptionBudget,
    OutcomeUnknown,
    StoreError,
)
from leakwarden.pipeline.deciding import JOURNAL_AGAIN, UNANNOTATE_AGAIN, Deciding
from leakwarden.pipeline.fleet import Fleet, Watch
from leakwarden.pipeline.judging import NOTE
from leakwarden.pipeline.recording import Recording
from tests.core.decide.fleets import NOW, evicted, leak
from tests.pipeline.build import owned, pod, policy, report_of
from tests.pipeline.fakes import Actuator, Events, FailingStore, HandClock, MemoryJournal, Pods, Statuses

LOST = ApiUnavailable("no answer in time")
FORBIDDEN = ApiForbidden("cannot create pods/eviction in namespace demo", 403)
PDB = DisruptionBudget("the disruption budget ws needs 1 healthy pod", 429)


@dataclass
class Bench:
    """Deciding over a fleet whose verdicts are given, a journal in memory and an actuator that touches no pod."""

    store: FailingStore
    journal: MemoryJournal
    pods: Pods
    clock: HandClock

    def __post_init__(self) -> None:
        self.fleet = Fleet()
        self.statuses, self.events = Statuses(), Events()
        self.live, self.dry = Actuator(), Actuator()
        self.recording = Recording(self.fleet, self.store, self.statuses, self.events, self.clock)
        actuators = {False: self.live, True: self.dry}
        self.deciding = Deciding(self.fleet, self.pods, self.journal, actuators, self.recording, self.clock)

    def put(self, by: Policy, *pods: PodFacts) -> list[Watch]:
        self.pods.put(*pods)
        self.pods.follow(self.pods.followed | {by.key.namespace})
        self.fleet.put_policy(by, list(self.pods.by_namespace(by.key.namespace)))
        self.deciding.changed(by.key)
        return list(self.fleet.watches(by.key))

    def leaking(self, by: Policy, *pods: PodFacts, finding: Finding | None = None) -> list[Watch]:
        watches = self.put(by, *pods)
        for watch in watches:
            watch.report = report_of(watch, finding or leak(first_seen=self.clock.at - 600), at=self.clock.at)
        return watches

    async def turn(self, after: float = 2.0) -> None:
        """The next turn; what was judged goes on being judged the same."""
        self.clock.at += after
        for watch in self.fleet.all_watches():
            if watch.report is not None:
                watch.report = replace(watch.report, last_attempt=self.clock.at)
                self.deciding.changed(watch.policy.key)
        await self.deciding.once()

    def state(self, name: str = "ws-1") -> ActionState | None:
        return next((entry.state for entry in self.journal.stored.values() if entry.pod == name), None)

    def entry(self, name: str = "ws-1") -> Action:
        return next(entry for entry in self.journal.stored.values() if entry.pod == name)

    def decisions(self) -> dict[str, Refusal | Mode | None]:
        made = [item.decision for item in self.deciding.plan.decisions]
        return {decision.pod: decision.refusal or decision.action for decision in made}

    async def said(self) -> list[EventNote]:
        return [NOTE.validate_json(row.body) for row in await self.store.outbox()]

    async def reasons(self, kind: str = "Pod") -> list[str]:
        return [note.reason.value for note in await self.said() if note.regarding.kind == kind]


@pytest.fixture
def bench(store: SqliteStore) -> Bench:
    return Bench(FailingStore(store), MemoryJournal(), Pods(), HandClock())


def after_a_crash(before: Bench) -> Bench:
    """Another process: the API (journal, pods), the store and the time stand as they were; the memory is empty."""
    again = Bench(before.store, MemoryJournal(before.journal.stored, before.journal.gone), before.pods, before.clock)
    for key, known in before.fleet.policies.items():
        again.put(replace(known, status=before.statuses.last))
        for watch, earlier in zip(again.fleet.watches(key), before.fleet.watches(key), strict=True):
            watch.report = earlier.report
    return again


def evicting(name: str = "gopls", **more: Any) -> Policy:
    return policy(name, mode="Evict", **more)


def annotating(name: str = "notes", **more: Any) -> Policy:
    return policy(name, mode="Annotate", **more)


def pair() -> tuple[PodFacts, PodFacts]:
    """Two pods of two owners."""
    return owned("ws-1", "one"), owned("ws-2", "two")


# -- recorded, then done ----------------------------------------------------------------------------------------------


async def test_a_leak_is_recorded_written_ahead_evicted_and_settled_in_this_order(bench: Bench) -> None:
    order: list[str] = []

    def look(verb: str, which: PodFacts) -> None:
        order.append(f"{verb}, journal says {bench.state(which.name)}, {len(bench.statuses.written)} status")

    bench.live.on_ask = look
    bench.leaking(evicting(), pod())
    await bench.turn()
    assert order == ["evict, journal says Intended, 1 status"]
    assert (bench.state(), bench.live.evicted, bench.dry.asked) == (ActionState.DONE, ["ws-1"], [])
    assert await bench.reasons("Pod") == await bench.reasons("LeakPolicy") == ["ActionTaken"]
    await bench.turn()
    assert bench.statuses.last["actions"][0]["state"] == "Done"


async def test_a_dry_run_asks_the_other_actuator_and_says_so(bench: Bench) -> None:
    bench.leaking(evicting(execution="DryRun"), pod())
    for _ in range(3):
        await bench.turn()
    assert (bench.live.asked, bench.dry.evicted) == ([], ["ws-1"])
    assert bench.entry().dry_run
    assert "dry run" in (await bench.said())[0].note


@pytest.mark.parametrize("error", [LOST, FORBIDDEN, ApiNotFound("gone", 404)], ids=["lost", "forbidden", "deleted"])
async def test_what_status_does_not_take_is_not_done_until_it_does(bench: Bench, error: ApiError) -> None:
    bench.statuses.refuse = error
    bench.leaking(evicting(), pod())
    await bench.turn()
    assert (bench.live.asked, bench.journal.stored) == ([], {})
    bench.statuses.refuse = None
    await bench.turn()
    assert bench.live.evicted == ["ws-1"]


async def test_one_policy_without_its_status_does_not_hold_up_another(bench: Bench) -> None:
    one, two = pair()
    bench.leaking(evicting("a", labels={"app": "gopls", "p": "a"}), replace(one, labels={"app": "gopls", "p": "a"}))
    bench.leaking(evicting("b", labels={"app": "gopls", "p": "b"}), replace(two, labels={"app": "gopls", "p": "b"}))
    bench.statuses.refuse_where = lambda key: LOST if key.name == "a" else None
    await bench.turn()
    assert bench.live.evicted == ["ws-2"]


async def test_what_the_journal_does_not_take_is_not_done(bench: Bench) -> None:
    bench.journal.refuse = LOST
    bench.leaking(evicting(), pod())
    await bench.turn()
    assert bench.live.asked == []
    bench.journal.refuse = None
    await bench.turn()
    assert [item.decision.refusal for item in bench.deciding.plan.decisions] == [Refusal.JOURNAL_UNAVAILABLE]
    await bench.turn(after=JOURNAL_AGAIN)
    assert bench.live.evicted == ["ws-1"]


async def test_without_the_journal_nothing_is_evicted_and_status_says_why(bench: Bench) -> None:
    bench.journal.refuse_load = FORBIDDEN
    bench.leaking(evicting(), pod())
    await bench.turn()
    assert (bench.live.asked, bench.decisions()) == ([], {"ws-1": Refusal.JOURNAL_UNAVAILABLE})
    assert bench.statuses.last["decisions"][0]["reason"] == "JournalUnavailable"
    assert await bench.reasons("LeakPolicy") == ["ActionRefused"]


async def test_a_journal_that_moved_meanwhile_stops_the_turn_and_the_next_one_decides_on_what_it_says_now(
    bench: Bench,
) -> None:
    """Another process has spent the budget: what was planned from the older journal must not be done any more."""
    by, theirs = evicting(budget={"actions": 1, "window": "1h"}), owned("ws-9", "nine")
    bench.put(by, *pair())
    await bench.turn()
    bench.leaking(by)
    bench.journal.stored["theirs"] = evicted(theirs, id="theirs", policy=by.key, at=bench.clock.at)
    bench.journal.moved = ApiConflict("the object has been modified", 409)
    for _ in range(3):
        await bench.turn()
    assert bench.live.asked == []
    assert set(bench.decisions().values()) == {Refusal.BUDGET}


async def test_a_policy_that_only_observes_writes_its_status_and_touches_nothing(bench: Bench) -> None:
    bench.leaking(policy(), pod())
    for _ in range(3):
        await bench.turn()
    assert (bench.live.asked, bench.dry.asked, bench.journal.stored) == ([], [], {})
    assert bench.statuses.last["decisions"][0]["reason"] == "ObserveOnly"
    assert await bench.said() == []


# -- never twice ------------------------------------------------------------------------------------------------------


async def test_a_pod_is_evicted_once_however_long_it_takes_to_go(bench: Bench) -> None:
    bench.leaking(evicting(), pod())
    for _ in range(50):
        await bench.turn(120.0)
    assert bench.live.asked == [("evict", "ws-1")]
    assert bench.decisions() == {"ws-1": Refusal.ALREADY_DONE}


@pytest.mark.parametrize("happened", [True, False])
async def test_an_eviction_whose_answer_is_lost_is_looked_up_and_not_repeated_if_it_happened(
    bench: Bench, happened: bool
) -> None:
    bench.live.refusals = [OutcomeUnknown("no answer in time")]
    bench.journal.gone = lambda uid: happened
    bench.leaking(evicting(), pod())
    await bench.turn()
    assert bench.state() is ActionState.INTENDED
    for _ in range(5):
        await bench.turn(100.0)
    assert len(bench.live.asked) == (1 if happened else 2)
    assert bench.state() is ActionState.DONE
    assert (await bench.reasons())[-1] == "ActionTaken"


async def test_an_unknown_answer_is_looked_up_although_other_actions_settled_after_it(bench: Bench) -> None:
    one, two = pair()
    bench.leaking(evicting(), one)
    bench.leaking(annotating(labels={"p": "b"}), replace(two, labels={"p": "b"}))
    bench.live.refusals = [OutcomeUnknown("no answer in time")]
    bench.journal.gone = lambda uid: uid == one.uid
    await bench.turn()
    assert ("annotate", "ws-2") in bench.live.done
    assert bench.state("ws-1") is ActionState.INTENDED
    await bench.turn()
    assert bench.state("ws-1") is ActionState.DONE


async def test_after_an_unknown_answer_no_other_eviction_leaves_in_the_same_turn(bench: Bench) -> None:
    bench.live.refusals = [OutcomeUnknown("no answer in time")]
    bench.leaking(evicting(), *pair())
    await bench.turn()
    assert len(bench.live.asked) == 1


async def test_while_an_unknown_answer_cannot_be_looked_up_nothing_is_evicted(bench: Bench) -> None:
    bench.live.refusals = [OutcomeUnknown("no answer in time")]
    bench.leaking(evicting(), *pair())
    await bench.turn()
    bench.journal.refuse_reconcile = LOST
    for _ in range(3):
        await bench.turn(400.0)
    assert len(bench.live.asked) == 1
    assert set(bench.decisions().values()) == {Refusal.JOURNAL_UNAVAILABLE}
    bench.journal.refuse_reconcile = None
    bench.journal.gone = lambda uid: True
    await bench.turn()
    assert {entry.state for entry in bench.journal.stored.values()} == {ActionState.DONE}


async def test_annotating_does_not_make_an_unreadable_journal_count_as_read(bench: Bench) -> None:
    one, two = pair()
    bench.journal.refuse_load = LOST
    bench.leaking(evicting(labels={"p": "a"}), replace(one, labels={"p": "a"}))
    bench.leaking(annotating(labels={"p": "b"}), replace(two, labels={"p": "b"}))
    for _ in range(3):
        await bench.turn(100.0)
    assert bench.live.evicted == []
    assert bench.decisions()["ws-1"] is Refusal.JOURNAL_UNAVAILABLE


@pytest.mark.parametrize("sent", [True, False], ids=["after it was sent", "before it was sent"])
async def test_a_crash_between_intent_and_settling_gives_no_second_eviction(bench: Bench, sent: bool) -> None:
    class Killed(BaseException):
        """SIGKILL, as far as this process can tell."""

    def die(verb: str, which: PodFacts) -> None:
        if sent:
            bench.live.done.append((verb, which.name))
        raise Killed

    bench.live.on_ask = die
    bench.leaking(evicting(), pod())
    with pytest.raises(Killed):
        await bench.turn()
    assert bench.state() is ActionState.INTENDED
    bench.journal.gone = lambda uid: sent
    again = after_a_crash(bench)
    for _ in range(5):
        await again.turn(100.0)
    assert bench.live.evicted + again.live.evicted == ["ws-1"]
    assert again.state() is ActionState.DONE
    assert await again.reasons("Pod") in (["ActionTaken"], ["ActionTaken", "ActionTaken"])


async def test_a_crash_after_settling_does_not_lose_what_is_to_be_said(bench: Bench) -> None:
    bench.store.failing["enqueue"] = StoreError("the process dies here")
    bench.leaking(evicting(), pod())
    with pytest.raises(StoreError):
        await bench.turn()
    assert (bench.state(), await bench.said()) == (ActionState.DONE, [])
    bench.store.failing.clear()
    again = after_a_crash(bench)
    await again.turn()
    assert await again.reasons() == ["ActionTaken"]
    assert again.live.asked == []


async def test_what_was_settled_long_ago_is_not_told_again_by_a_new_process(bench: Bench) -> None:
    bench.leaking(evicting(), pod())
    await bench.turn()
    bench.clock.at += 3600.0
    await after_a_crash(bench).turn()
    assert (await bench.reasons()).count("ActionTaken") == 1


async def test_a_settling_that_cannot_be_written_is_looked_up_before_anything_else(bench: Bench) -> None:
    bench.journal.refuse_put = LOST
    bench.leaking(evicting(), pod())
    await bench.turn()
    assert (bench.live.evicted, bench.state()) == (["ws-1"], ActionState.INTENDED)
    bench.journal.refuse_put = None
    bench.journal.gone = lambda uid: True
    for _ in range(3):
        await bench.turn(100.0)
    assert (bench.live.evicted, bench.state()) == (["ws-1"], ActionState.DONE)


# -- refused ----------------------------------------------------------------------------------------------------------


async def test_a_disruption_budget_s_refusal_is_recorded_told_once_and_tried_again_later(bench: Bench) -> None:
    bench.live.refusals = [PDB, PDB]
    bench.leaking(evicting(), pod())
    await bench.turn()
    assert (bench.state(), bench.entry().refusal) == (ActionState.FAILED, Refusal.DISRUPTION_BUDGET)
    asked = []
    for _ in range(120):
        await bench.turn(5.0)
        asked.append(len(bench.live.asked))
    assert asked[0] == 1
    assert (asked[-1], bench.state()) == (3, ActionState.DONE)
    refusals = [note for note in await bench.said() if note.reason.value == "ActionRefused"]
    assert [note.note.split(":")[0] for note in refusals] == ["DisruptionBudget"]


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        (FORBIDDEN, Refusal.FORBIDDEN),
        (PDB, Refusal.DISRUPTION_BUDGET),
        (ApiConflict("the UID in the precondition does not match", 409), Refusal.API_REFUSED),
        (ApiUnavailable("throttled", 429), Refusal.API_REFUSED),
    ],
)
async def test_each_refusal_of_the_api_has_its_word_in_journal_status_and_events(
    bench: Bench, error: ApiError, refusal: Refusal
) -> None:
    bench.live.refuse = error
    bench.leaking(evicting(), pod())
    await bench.turn()
    await bench.turn()
    assert (bench.entry().refusal, bench.entry().message) == (refusal, str(error))
    assert bench.decisions() == {"ws-1": refusal}
    assert bench.statuses.last["decisions"][0]["reason"] == refusal.value
    assert "ActionRefused" in await bench.reasons()
    assert len(bench.live.asked) == 1


async def test_a_rail_s_refusal_is_told_once_as_long_as_the_pod_is_there(bench: Bench) -> None:
    lonely = pod(owner=None)
    bench.leaking(evicting(), lonely)
    for _ in range(10):
        await bench.turn()
    assert await bench.reasons() == ["ActionRefused"]
    assert (await bench.said())[0].note.startswith("NoController")
    bench.pods.drop(lonely.uid)
    bench.fleet.look_at_pod("demo", lonely.uid, None)
    await bench.turn()
    assert bench.deciding._told == {}


async def test_a_refusal_of_a_pod_that_is_not_known_is_counted_and_not_told(bench: Bench) -> None:
    bench.leaking(evicting(), pod())
    bench.pods.drop(pod().uid)
    await bench.turn()
    assert bench.statuses.last["decisions"][0]["reason"] == "TargetNotSeen"
    assert await bench.said() == []


async def test_what_holds_a_policy_back_is_told_once_and_again_when_it_comes_back(bench: Bench) -> None:
    (watch,) = bench.leaking(evicting(), pod())
    bench.journal.refuse_load = FORBIDDEN
    for _ in range(3):
        await bench.turn()
    (first,) = await bench.said()
    assert (first.regarding.kind, first.note.split(":")[0]) == ("LeakPolicy", "JournalUnavailable")
    report, watch.report = watch.report, None
    bench.deciding.changed(evicting().key)
    await bench.turn()
    watch.report = report
    bench.deciding.changed(evicting().key)
    await bench.turn()
    assert {note.key for note in await bench.said()} == {first.key}
    assert len(await bench.said()) == 2


async def test_a_refusal_that_could_not_be_stored_is_told_when_it_can(bench: Bench) -> None:
    bench.store.failing["enqueue"] = StoreError("disk full")
    bench.leaking(evicting(), pod(owner=None))
    with pytest.raises(StoreError):
        await bench.turn()
    bench.store.failing.clear()
    await bench.deciding.once()
    assert await bench.reasons() == ["ActionRefused"]
    assert len(bench.statuses.written) == 1


async def test_a_verdict_that_a_gap_has_followed_is_not_acted_on(bench: Bench) -> None:
    bench.leaking(evicting(), pod())
    bench.clock.at += 41.0
    await bench.deciding.once()
    assert (bench.live.asked, bench.decisions()) == ([], {"ws-1": Refusal.TARGET_NOT_SEEN})


async def test_of_two_policies_on_a_pod_the_older_acts_and_the_other_is_refused(bench: Bench) -> None:
    bench.leaking(evicting("young", created_at=NOW - 60), pod())
    bench.leaking(evicting("old", created_at=NOW - 3600), pod())
    await bench.turn(0)
    made = {item.policy.name: item.decision.refusal for item in bench.deciding.plan.decisions}
    assert made == {"old": None, "young": Refusal.ANOTHER_POLICY_ACTS}
    assert bench.live.evicted == ["ws-1"]


# -- outcomes ---------------------------------------------------------------------------------------------------------


def replacement(bench: Bench) -> PodFacts:
    at = bench.clock.at + 5
    fresh = replace(pod("ws-1b"), created_at=at, ready_since=at)
    return replace(fresh, containers=(replace(fresh.containers[0], started_at=at),))


async def replaced(bench: Bench, **more: Any) -> Watch:
    """After an eviction: the pod has gone, another stands in for it."""
    by = evicting(verifyFor="30m", **more)
    first = pod(containers=(replace(pod().containers[0], started_at=NOW - 900),))
    bench.leaking(by, first)
    await bench.turn()
    bench.fleet.look_at_pod("demo", first.uid, None)
    bench.pods.drop(first.uid)
    (watch,) = bench.put(by, replacement(bench))
    watch.report = report_of(watch, at=bench.clock.at)
    return watch


async def test_a_leak_that_comes_back_in_the_replacement_is_told_as_soon_as_it_is_found(bench: Bench) -> None:
    watch = await replaced(bench)
    await bench.turn(600.0)
    assert bench.entry().outcome is Outcome.PENDING
    watch.report = report_of(watch, leak(first_seen=bench.clock.at), at=bench.clock.at)
    await bench.turn()
    assert bench.entry().outcome is Outcome.CAME_BACK
    assert (await bench.reasons())[:2] == ["ActionTaken", "ActionOutcome"]
    await bench.turn()
    assert bench.statuses.last["actions"][0]["outcome"] == "CameBack"


@pytest.mark.parametrize(
    ("verdict", "outcome"), [(Verdict.HEALTHY, Outcome.HELPED), (Verdict.LEARNING, Outcome.UNKNOWN)]
)
async def test_at_the_end_of_verify_for_the_replacement_s_verdict_tells(
    bench: Bench, verdict: Verdict, outcome: Outcome
) -> None:
    watch = await replaced(bench)
    assert watch.report is not None
    watch.report = replace(watch.report, verdict=verdict)
    while bench.entry().outcome is Outcome.PENDING and bench.clock.at < NOW + 2 * 3600:
        await bench.turn(60.0)
    assert bench.entry().outcome is outcome
    assert bench.clock.at - bench.entry().at == pytest.approx(1800.0, abs=120.0)


async def test_an_outcome_that_the_journal_will_not_take_holds_up_nothing_else(bench: Bench) -> None:
    watch = await replaced(bench)
    watch.report = report_of(watch, leak(first_seen=bench.clock.at), at=bench.clock.at)
    bench.journal.refuse_put = LOST
    written = len(bench.statuses.written)
    await bench.turn()
    assert (bench.entry().outcome, len(bench.statuses.written)) == (Outcome.PENDING, written + 1)
    bench.journal.refuse_put = None
    await bench.turn()
    assert bench.entry().outcome is Outcome.CAME_BACK


# -- annotations ------------------------------------------------------------------------------------------------------


def carrying(which: PodFacts, text: str = "Critical leak") -> PodFacts:
    return replace(which, annotations={SUMMARY_ANNOTATION: text})


async def test_a_leak_is_written_onto_its_pod_once_and_taken_away_when_it_is_over(bench: Bench) -> None:
    (watch,) = bench.leaking(annotating(), pod())
    await bench.turn()
    assert bench.live.done == [("annotate", "ws-1")]
    assert "main.keep" in bench.live.texts[0]
    seen = carrying(pod(), bench.live.texts[0])
    bench.pods.put(seen)
    bench.fleet.look_at_pod("demo", seen.uid, seen)
    await bench.turn(300.0)
    watch.report = report_of(watch, at=bench.clock.at)
    await bench.turn()
    assert bench.live.done == [("annotate", "ws-1"), ("unannotate", "ws-1")]
    assert bench.journal.flushed > 0


async def test_our_annotation_goes_with_the_policy_that_wanted_it(bench: Bench) -> None:
    bench.leaking(annotating(), carrying(pod()))
    bench.fleet.remove_policy(annotating().key)
    await bench.turn()
    assert bench.live.done == [("unannotate", "ws-1")]


async def test_an_annotation_written_again_is_taken_away_again_at_once(bench: Bench) -> None:
    bench.leaking(annotating(), carrying(pod()))
    bench.fleet.remove_policy(annotating().key)
    await bench.turn()
    bench.leaking(annotating(), pod())
    await bench.turn()
    bench.put(annotating(), carrying(pod()))
    bench.fleet.remove_policy(annotating().key)
    await bench.turn()
    assert [what for what, _ in bench.live.done] == ["unannotate", "annotate", "unannotate"]


async def test_an_annotation_that_may_not_be_taken_away_is_not_asked_for_in_every_turn(bench: Bench) -> None:
    bench.put(policy(), carrying(pod()))
    bench.live.refuse = FORBIDDEN
    for _ in range(60):
        await bench.turn(2.0)
    assert 2 <= len(bench.live.asked) <= 1 + 120 / UNANNOTATE_AGAIN


# -- the rest of a turn -----------------------------------------------------------------------------------------------


async def test_an_open_finding_s_events_go_on_being_counted(bench: Bench) -> None:
    (watch,) = bench.leaking(policy(), pod())
    notes = finding_notes(watch)
    await bench.recording.enqueue(policy().uid, notes)
    await bench.recording.pump()
    for _ in range(4):
        await bench.turn(901.0)
    assert bench.events.reasons("Pod") == ["LeakDetected"] * 3
    assert bench.events.reasons("LeakPolicy") == ["LeakDetected"] * 3
    watch.report = report_of(watch, at=bench.clock.at)
    for _ in range(4):
        await bench.turn(901.0)
    assert len(bench.events.posted) == 6


def finding_notes(watch: Watch) -> Iterable[EventNote]:
    assert watch.report is not None
    reference = policy_ref("demo", "gopls", watch.policy.uid)
    return finding_events(reference, transitions((), watch.report))


async def test_a_policy_that_is_gone_is_no_reason_to_write_a_status(bench: Bench) -> None:
    bench.put(policy(), pod())
    bench.fleet.remove_policy(policy().key)
    await bench.turn()
    await bench.turn()
    assert bench.statuses.written == []


async def test_what_changes_while_a_status_is_being_written_is_written_in_the_next_turn(bench: Bench) -> None:
    (watch,) = bench.put(policy(), pod())

    def change(key: PolicyKey) -> None:
        if watch.report is None:
            watch.report = report_of(watch, leak(), at=bench.clock.at)
            bench.deciding.changed(key)

    bench.statuses.on_write = change
    await bench.deciding.once()
    await bench.deciding.once()
    assert [status["targets"]["leaking"] for _, _, status in bench.statuses.written] == [0, 1]


async def test_metrics_see_every_policy_with_its_reports_and_the_journal_as_last_known(bench: Bench) -> None:
    bench.leaking(evicting(), pod())
    await bench.turn()
    bench.journal.refuse_load = LOST
    bench.live.refusals = [OutcomeUnknown("no answer")]
    bench.leaking(evicting("more", labels={"p": "b"}), owned("ws-3", "three", labels={"p": "b"}))
    await bench.turn()
    assert {key.name: len(reports) for key, reports in bench.deciding.reports_by_policy()} == {"gopls": 1, "more": 1}
    assert {entry.pod for entry in bench.deciding.journal} == {"ws-1", "ws-3"}
