"""Decide, record, act, settle: what is not recorded is not done, and what may have been done is never done twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leakwarden.adapters.store import SqliteStore
from leakwarden.core.actions import ActionState, Refusal
from leakwarden.core.targets import PodFacts, PolicyKey
from leakwarden.errors import (
    ApiConflict,
    ApiError,
    ApiNotFound,
    OutcomeUnknown,
    StoreError,
)
from leakwarden.pipeline.deciding import JOURNAL_AGAIN
from tests.core.decide.fleets import CONFIRMED, evicted, leak
from tests.pipeline.build import owned, pod, policy
from tests.pipeline.deciding_bench import (
    FORBIDDEN,
    LOST,
    Bench,
    after_a_crash,
    annotating,
    evicting,
    pair,
)
from tests.pipeline.fakes import FailingStore, HandClock, MemoryJournal, Pods


@pytest.fixture
def bench(store: SqliteStore) -> Bench:
    return Bench(FailingStore(store), MemoryJournal(), Pods(), HandClock())


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


async def test_a_bug_in_the_status_of_one_policy_does_not_hold_up_another(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """As once a function was called so that its finding did not fit into a status."""
    one, two = pair()
    bench.leaking(evicting("a", labels={"app": "gopls", "p": "a"}), replace(one, labels={"app": "gopls", "p": "a"}))
    bench.leaking(evicting("b", labels={"app": "gopls", "p": "b"}), replace(two, labels={"app": "gopls", "p": "b"}))

    def broken(key: PolicyKey) -> None:
        if key.name == "a":
            raise ValueError("it does not fit")

    bench.statuses.on_write = broken
    await bench.turn()
    assert bench.live.evicted == ["ws-2"]
    assert "the status of demo/a cannot be made, and nothing is done for it" in caplog.text


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


async def test_only_where_a_confirmation_is_all_that_is_missing_is_it_asked_for(bench: Bench) -> None:
    unconfirmed = leak(first_seen=bench.clock.at - 600, confirmation=None)
    (waits,) = bench.leaking(evicting(labels={"p": "a"}), pod("ws-1", labels={"p": "a"}), finding=unconfirmed)
    (bare,) = bench.leaking(
        evicting("other", labels={"p": "b"}), pod("ws-2", labels={"p": "b"}, owner=None), finding=unconfirmed
    )
    await bench.turn()
    assert bench.decisions() == {"ws-1": Refusal.NOT_CONFIRMED, "ws-2": Refusal.NO_CONTROLLER}
    assert (waits.unconfirmed, bare.unconfirmed) == (True, False)
    assert (bench.live.asked, await bench.reasons()) == ([], ["ActionRefused"])
    assert waits.report is not None
    waits.report = replace(waits.report, findings=(replace(unconfirmed, confirmation=CONFIRMED),))
    await bench.turn()
    assert (bench.live.evicted, waits.unconfirmed) == (["ws-1"], False)


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


@pytest.mark.parametrize("happened", [True, False])
async def test_what_may_still_be_under_way_holds_its_owner_and_is_looked_up_until_it_is_known(
    bench: Bench, happened: bool
) -> None:
    bench.live.refusals = [OutcomeUnknown("no answer in time")]
    bench.journal.under_way = True
    bench.leaking(evicting(), pod())
    for _ in range(4):
        await bench.turn()
    assert len(bench.live.asked) == 1
    assert bench.decisions() == {"ws-1": Refusal.IN_FLIGHT}
    bench.journal.under_way = False
    bench.journal.gone = lambda uid: happened
    await bench.turn()
    assert len(bench.live.asked) == (1 if happened else 2)
    assert bench.journal.loads == 2


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
