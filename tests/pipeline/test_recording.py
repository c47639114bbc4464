"""Recording: status when it changes, Events in their order, and nothing lost that the API will take later."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from leakwarden.adapters.store import SqliteStore
from leakwarden.api.words import FailureReason
from leakwarden.core.decide import Plan
from leakwarden.core.policy import Policy
from leakwarden.core.report.events import EventNote, EventReason, EventType, ObjectRef
from leakwarden.errors import ApiConflict, ApiError, ApiForbidden, ApiNotFound, ApiUnavailable, StoreError
from leakwarden.pipeline.fleet import Fleet
from leakwarden.pipeline.recording import FORBIDDEN_AGAIN, SERIES_EVERY, Recording
from tests.core.decide.fleets import leak
from tests.pipeline.build import INTERVAL, pod, policy, report_of
from tests.pipeline.fakes import Events, FailingStore, HandClock, Statuses

GOPLS = policy("gopls")
LOST = ApiUnavailable("no answer in time")


class Bench:
    def __init__(self, store: SqliteStore) -> None:
        self.store = FailingStore(store)
        self.clock, self.fleet = HandClock(), Fleet()
        self.statuses, self.events = Statuses(), Events()
        self.recording = Recording(self.fleet, self.store, self.statuses, self.events, self.clock)

    async def status(self, by: Policy = GOPLS) -> bool:
        return await self.recording.status(by, Plan(), ())

    def judge(self, *findings: Any, by: Policy = GOPLS, **changes: Any) -> None:
        for watch in self.fleet.watches(by.key):
            watch.report = replace(report_of(watch, *findings, at=self.clock.at), **changes)

    async def waiting(self) -> list[str]:
        return [row.body for row in await self.store.outbox()]


@pytest.fixture
def bench(store: SqliteStore) -> Bench:
    return Bench(store)


def note(text: str, namespace: str = "demo", key: str = "") -> EventNote:
    return EventNote(
        regarding=ObjectRef("Pod", namespace, "ws-1", "uid-ws-1"),
        type=EventType.WARNING,
        reason=EventReason.LEAK_DETECTED,
        action="Judge",
        note=text,
        key=key or f"policy-gopls/{text}/x",
    )


def texts(bench: Bench) -> list[str]:
    return [posted.note for posted in bench.events.posted]


# -- status -----------------------------------------------------------------------------------------------------------


async def test_an_unchanged_status_is_not_written_again(bench: Bench) -> None:
    bench.fleet.put_policy(GOPLS, [pod()])
    bench.judge()
    for _ in range(20):
        bench.clock.at += INTERVAL
        bench.judge()
        assert await bench.status()
    assert len(bench.statuses.written) == 1


async def test_a_changed_status_is_written_at_once(bench: Bench) -> None:
    bench.fleet.put_policy(GOPLS, [pod()])
    bench.judge()
    await bench.status()
    bench.judge(leak())
    await bench.status()
    assert [status["targets"]["leaking"] for _, _, status in bench.statuses.written] == [0, 1]


@pytest.mark.parametrize("error", [LOST, ApiConflict("uid", 409), ApiNotFound("gone", 404)])
async def test_a_refused_status_says_so_and_is_tried_again(bench: Bench, error: ApiError) -> None:
    bench.fleet.put_policy(GOPLS, [pod()])
    bench.statuses.refuse = error
    assert not await bench.status()
    bench.statuses.refuse = None
    assert await bench.status()
    assert len(bench.statuses.written) == 1


async def test_a_restarted_operator_starts_from_the_status_that_it_reads(bench: Bench, store: SqliteStore) -> None:
    bench.fleet.put_policy(GOPLS, [pod()])
    bench.judge(leak())
    await bench.status()
    again = Bench(store)
    reread = policy("gopls", status=dict(bench.statuses.last))
    again.fleet.put_policy(reread, [pod()])
    again.judge(leak(), by=reread)
    assert await again.status(reread)
    assert again.statuses.written == []


async def test_a_policy_made_anew_does_not_inherit_the_status_of_its_namesake(bench: Bench) -> None:
    bench.fleet.put_policy(GOPLS, [pod()])
    await bench.status()
    anew = policy("gopls", uid="another")
    bench.fleet.put_policy(anew, [pod()])
    await bench.status(anew)
    assert [uid for _, uid, _ in bench.statuses.written] == ["policy-gopls", "another"]


async def test_targets_never_asked_are_learning_and_refused_ones_unreachable_with_their_reason(bench: Bench) -> None:
    bench.fleet.put_policy(GOPLS, [pod(), pod("on-host", host_network=True)])
    await bench.status()
    targets = bench.statuses.last["targets"]
    assert (targets["matched"], targets["learning"], targets["unreachable"]) == (2, 1, 1)
    reasons = {report.pod: report.reason for report in bench.recording.reports(GOPLS)}
    assert reasons == {"ws-1": "", "on-host": FailureReason.HOST_NETWORK.value}


async def test_an_invalid_spec_is_a_condition_that_names_the_field(bench: Bench) -> None:
    broken = policy("gopls", rules=[{"name": "r", "signal": "LiveHeap"}])
    bench.fleet.put_policy(broken, [pod()])
    await bench.status(broken)
    (ready,) = [c for c in bench.statuses.last["conditions"] if c["type"] == "Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "InvalidSpec")
    assert "spec.rules[0]" in ready["message"]


async def test_a_missing_right_is_a_condition_as_long_as_it_is_missing(bench: Bench) -> None:
    bench.fleet.put_policy(GOPLS, [])
    for message, reason in (("cannot list pods in namespace demo", "Forbidden"), (None, "NoMatchingPods")):
        bench.recording.set_forbidden(GOPLS.key, message)
        await bench.status()
        (ready,) = [c for c in bench.statuses.last["conditions"] if c["type"] == "Ready"]
        assert ready["reason"] == reason


# -- the outbox -------------------------------------------------------------------------------------------------------


async def test_the_outbox_goes_out_in_order_and_once(bench: Bench) -> None:
    await bench.recording.enqueue("policy-gopls", [note("one"), note("two")])
    await bench.recording.enqueue("policy-gopls", [note("three")])
    await bench.recording.pump()
    await bench.recording.pump()
    assert texts(bench) == ["one", "two", "three"]
    assert await bench.waiting() == []


async def test_it_stops_at_the_first_that_the_api_will_not_take_and_goes_on_there(bench: Bench) -> None:
    await bench.recording.enqueue("policy-gopls", [note("one"), note("two"), note("three")])
    bench.events.refuse_where = lambda each: LOST if each.note == "two" else None
    for _ in range(3):
        await bench.recording.pump()
    assert texts(bench) == ["one"]
    assert len(await bench.waiting()) == 2
    bench.events.refuse_where = lambda _: None
    await bench.recording.pump()
    assert texts(bench) == ["one", "two", "three"]


async def test_a_row_that_cannot_be_read_is_dropped(bench: Bench) -> None:
    await bench.store.enqueue("policy-gopls", ["", "{}", '{"note": "of another version"}'])
    await bench.recording.enqueue("policy-gopls", [note("one")])
    await bench.recording.pump()
    assert (texts(bench), await bench.waiting()) == (["one"], [])


@pytest.mark.parametrize(
    "error", [ApiNotFound("namespace gone", 404), ApiError("note is too long", 422), ApiError("bad", 400)]
)
async def test_an_event_that_will_never_be_taken_does_not_block_the_others(bench: Bench, error: ApiError) -> None:
    await bench.recording.enqueue("policy-gopls", [note("bad"), note("good")])
    bench.events.refuse_where = lambda each: error if each.note == "bad" else None
    await bench.recording.pump()
    assert (texts(bench), await bench.waiting()) == (["good"], [])


@pytest.mark.parametrize("error", [ApiError("the credential cannot be read"), ApiConflict("try again", 409), LOST])
async def test_an_event_that_may_be_taken_later_is_kept(bench: Bench, error: ApiError) -> None:
    await bench.recording.enqueue("policy-gopls", [note("one")])
    bench.events.refuse = error
    await bench.recording.pump()
    assert len(await bench.waiting()) == 1


async def test_a_namespace_that_takes_no_events_holds_up_only_its_own_and_is_asked_again_after_a_while(
    bench: Bench,
) -> None:
    mine = [note(f"closed-{number}", "terminating") for number in range(600)]
    await bench.recording.enqueue("policy-gopls", [*mine, note("open", "demo")])
    asked: list[str] = []

    def refuse(each: EventNote) -> ApiError | None:
        asked.append(each.note)
        return ApiForbidden("namespace is being terminated", 403) if each.regarding.namespace == "terminating" else None

    bench.events.refuse_where = refuse
    for _ in range(5):
        await bench.recording.pump()
        bench.clock.at += 1
    assert (texts(bench), asked) == (["open"], ["closed-0", "open"])
    bench.events.refuse_where = lambda _: None
    bench.clock.at += FORBIDDEN_AGAIN
    await bench.recording.pump()
    assert texts(bench)[1:] == [each.note for each in mine]


async def test_what_was_posted_is_not_posted_again_after_a_failure_further_on(bench: Bench) -> None:
    await bench.recording.enqueue("policy-gopls", [note("one"), note("two")])
    bench.events.refuse_where = lambda each: LOST if each.note == "two" else None
    await bench.recording.pump()
    bench.events.refuse_where = lambda _: None
    await bench.recording.pump()
    assert texts(bench) == ["one", "two"]


async def test_a_store_that_cannot_forget_a_row_posts_it_again_under_the_same_name(bench: Bench) -> None:
    await bench.recording.enqueue("policy-gopls", [note("one")])
    bench.store.failing["sent"] = StoreError("disk full")
    with pytest.raises(StoreError):
        await bench.recording.pump()
    bench.store.failing.clear()
    await bench.recording.pump()
    assert len({posted.key for posted in bench.events.posted}) == 1


# -- what lasts -------------------------------------------------------------------------------------------------------

STILL = frozenset({"policy-gopls/memory/main.keep/"})
LASTING = note("leak", key="policy-gopls/memory/main.keep/LeakDetected")


async def test_what_lasts_is_counted_every_half_hour_until_it_is_over(bench: Bench) -> None:
    await bench.recording.enqueue("policy-gopls", [LASTING, note("other", key="policy-gopls/memory/main.keeper/X")])
    await bench.recording.pump()
    for _ in range(int(3 * SERIES_EVERY / 60)):
        bench.clock.at += 60
        await bench.recording.count_lasting(STILL)
    assert texts(bench) == ["leak", "other", "leak", "leak", "leak"]
    await bench.recording.count_lasting(frozenset())
    bench.clock.at += SERIES_EVERY
    await bench.recording.count_lasting(STILL)
    assert len(bench.events.posted) == 5


async def test_a_count_that_is_refused_waits_for_the_next_half_hour(bench: Bench) -> None:
    await bench.recording.enqueue("policy-gopls", [LASTING])
    await bench.recording.pump()
    bench.events.refuse = LOST
    bench.clock.at += SERIES_EVERY
    await bench.recording.count_lasting(STILL)
    bench.events.refuse = None
    bench.clock.at += 60
    await bench.recording.count_lasting(STILL)
    assert len(bench.events.posted) == 1
    bench.clock.at += SERIES_EVERY
    await bench.recording.count_lasting(STILL)
    assert len(bench.events.posted) == 2


async def test_what_an_earlier_process_said_is_counted_before_it_expires(bench: Bench) -> None:
    """Events live for an hour after they were last counted; the last count may be half an hour old."""
    bench.recording.resume([LASTING])
    bench.recording.resume([LASTING])
    for _ in range(29):
        bench.clock.at += 60
        await bench.recording.count_lasting(STILL)
    assert texts(bench) == ["leak"]


async def test_a_deleted_policy_s_events_are_counted_no_more(bench: Bench) -> None:
    await bench.recording.enqueue("policy-gopls", [LASTING])
    await bench.recording.pump()
    bench.recording.forget(GOPLS.key, GOPLS.uid)
    bench.clock.at += SERIES_EVERY
    await bench.recording.count_lasting(STILL)
    assert len(bench.events.posted) == 1
