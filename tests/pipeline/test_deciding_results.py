"""What became of a decision: refusals, outcomes, annotations, and that each is told once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from leakwarden.adapters.store import SqliteStore
from leakwarden.api import SUMMARY_ANNOTATION
from leakwarden.api.words import Outcome, Verdict
from leakwarden.core.actions import ActionState, Refusal
from leakwarden.core.report.events import EventNote, finding_events, policy_ref, transitions
from leakwarden.core.targets import PodFacts, PolicyKey
from leakwarden.errors import (
    ApiConflict,
    ApiError,
    ApiUnavailable,
    OutcomeUnknown,
    StoreError,
)
from leakwarden.pipeline.deciding import UNANNOTATE_AGAIN
from leakwarden.pipeline.fleet import Watch
from leakwarden.pipeline.picture import Picture
from tests.core.decide.fleets import NOW, evicted, leak
from tests.pipeline.build import owned, pod, policy, report_of
from tests.pipeline.deciding_bench import (
    FORBIDDEN,
    LOST,
    PDB,
    Bench,
    annotating,
    evicting,
)
from tests.pipeline.fakes import FailingStore, HandClock, MemoryJournal, Pods


@pytest.fixture
def bench(store: SqliteStore) -> Bench:
    return Bench(FailingStore(store), MemoryJournal(), Pods(), HandClock())


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


async def test_a_verdict_from_before_the_operator_was_away_proves_no_help(bench: Bench) -> None:
    """Its pod was Healthy when it was too young to tell; nobody has looked since."""
    by, first, second = evicting(), owned("ws-1", "one"), owned("ws-2", "one", created_at=NOW + 1)
    young = replace(second.containers[0], started_at=NOW + 1)
    bench.journal.stored["x"] = evicted(first, id="x", policy=by.key, at=NOW, found_at_age=600.0)
    (watch,) = bench.put(by, replace(second, containers=(young,)))
    watch.report = report_of(watch, at=NOW + 60)
    bench.clock.at = NOW + 3 * 3600
    await bench.deciding.once()
    assert bench.journal.stored["x"].outcome is Outcome.UNKNOWN


async def test_what_became_of_it_is_not_said_while_its_policy_is_away(bench: Bench) -> None:
    """Deleted and made again, a policy has the same circuit breaker: no return may be lost on the way."""
    by, first, second = evicting(), owned("ws-1", "one"), owned("ws-2", "one", created_at=NOW)
    bench.journal.stored["x"] = evicted(first, id="x", policy=by.key, at=NOW - 1.0)
    await bench.turn()
    before = bench.journal.stored["x"].outcome
    bench.leaking(by, second)
    await bench.turn()
    assert (before, bench.journal.stored["x"].outcome) == (Outcome.PENDING, Outcome.CAME_BACK)


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


async def test_the_picture_has_every_policy_with_its_reports_and_the_journal_as_last_known(bench: Bench) -> None:
    bench.leaking(evicting(), pod())
    await bench.turn()
    bench.journal.refuse_load = LOST
    bench.live.refusals = [OutcomeUnknown("no answer")]
    bench.leaking(evicting("more", labels={"p": "b"}), owned("ws-3", "three", labels={"p": "b"}))
    await bench.turn()
    picture = Picture(bench.fleet, bench.recording, bench.deciding, bench.clock)
    assert {key.name: len(reports) for key, reports in picture.reports_by_policy()} == {"gopls": 1, "more": 1}
    assert {entry.pod for entry in picture.journal} == {"ws-1", "ws-3"}
    leaking = [one["reason"] for of in picture.conditions().values() for one in of if one["type"] == "Leaking"]
    assert leaking == ["LeakFound", "LeakFound"]
