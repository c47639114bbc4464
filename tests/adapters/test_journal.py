"""The journal: written ahead, guarded against a second writer, settled after a crash by looking at the pods."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakwarden.adapters import journal_codec as codec
from leakwarden.adapters.journal import KEY, MAX_BYTES, UNDER_WAY, ConfigMapJournal, JournalFull
from leakwarden.adapters.journal_codec import UnreadableJournal
from leakwarden.api.words import Mode, Outcome
from leakwarden.core.actions import Action, ActionState, Refusal
from leakwarden.core.targets import Owner, PolicyKey
from leakwarden.errors import ApiConflict, ApiError, ApiUnavailable, NotLeader, Retry
from tests.adapters.fake_kube import FakeKube, Request
from tests.core.decide.fleets import NOW, evicted, pod

ROOT = "/api/v1/namespaces/leakwarden/configmaps"
PATH = f"{ROOT}/leakwarden-journal"


def intent(name: str = "ws-1", **changes: Any) -> Action:
    return evicted(pod(name), at=NOW, state=ActionState.INTENDED, settled_at=None, **changes)


def settled(action: Action, state: ActionState = ActionState.DONE) -> Action:
    return replace(action, state=state, settled_at=NOW + 1, message="accepted")


def stored(api: FakeKube) -> tuple[Action, ...]:
    return codec.load(api.objects[PATH]["data"][KEY])


def journal(api: FakeKube, seconds: float = 1e9) -> ConfigMapJournal:
    """`seconds`: how much time passes between two looks at the clock; annotations are written at once if it is much."""
    ticks = iter(range(10**9))
    return ConfigMapJournal(api, "leakwarden", monotonic=lambda: next(ticks) * seconds)


async def test_a_journal_that_is_not_there_yet_is_empty() -> None:
    assert await journal(FakeKube()).load() == ()


async def test_an_intent_is_in_the_api_before_intend_returns() -> None:
    api = FakeKube()
    mine = journal(api)
    await mine.load()
    await mine.intend(intent())
    assert stored(api) == (intent(),)
    await mine.intend(intent("ws-2"))
    assert stored(api) == (intent(), intent("ws-2"))


async def test_what_became_of_it_replaces_the_intent() -> None:
    api = FakeKube()
    mine = journal(api)
    await mine.load()
    await mine.intend(intent())
    await mine.put(settled(intent()))
    assert stored(api) == mine.entries == (settled(intent()),)
    helped = replace(settled(intent()), outcome=Outcome.HELPED, outcome_at=NOW + 1800)
    await mine.put(helped)
    assert await journal(api).load() == (helped,)


async def test_an_intent_decided_on_an_older_journal_is_refused_and_the_newer_one_is_read() -> None:
    api = FakeKube()
    mine, other = journal(api), journal(api)
    await mine.load()
    await other.load()
    await other.intend(intent("theirs"))
    with pytest.raises(ApiConflict):
        await mine.intend(intent())
    assert stored(api) == mine.entries == (intent("theirs"),)
    await mine.intend(intent())
    assert {action.pod for action in stored(api)} == {"theirs", "ws-1"}


async def test_what_happened_is_written_whatever_else_the_journal_says_by_now() -> None:
    api = FakeKube()
    mine, other = journal(api), journal(api)
    await mine.load()
    await mine.intend(intent())
    await other.load()
    await other.intend(intent("theirs"))
    await mine.put(settled(intent()))
    assert set(stored(api)) == {intent("theirs"), settled(intent())}


async def test_a_journal_that_somebody_deleted_comes_back_with_all_that_is_known() -> None:
    api = FakeKube()
    mine = journal(api)
    await mine.load()
    await mine.intend(intent())
    del api.objects[PATH]
    await mine.put(settled(intent()))
    await mine.intend(intent("ws-2"))
    assert stored(api) == (settled(intent()), intent("ws-2"))


async def test_when_the_api_is_away_nothing_is_intended() -> None:
    api = FakeKube()
    mine = journal(api)
    await mine.load()
    api.fault = lambda _: ApiUnavailable("connection refused")
    with pytest.raises(ApiUnavailable):
        await mine.intend(intent())
    assert mine.entries == ()


async def test_an_intent_whose_answer_is_lost_is_found_by_the_next_look() -> None:
    api = FakeKube()
    api.pod("demo", "ws-1", "uid-ws-1")
    mine = journal(api)
    await mine.load()
    api.fault_after = lambda asked: ApiUnavailable("connection reset") if asked.method == "POST" else None
    with pytest.raises(ApiUnavailable):
        await mine.intend(intent())
    await mine.load()
    (entry,) = await mine.reconcile()
    assert (entry.state, entry.message) == (ActionState.FAILED, "it has not happened: the pod is still there")


PODS: list[tuple[str, dict[str, Any] | None, ActionState]] = [
    ("gone", None, ActionState.DONE),
    ("terminating", {"uid": "uid-ws-1", "deletionTimestamp": "2026-11-23T13:13:20Z"}, ActionState.DONE),
    ("another of that name", {"uid": "another"}, ActionState.DONE),
    ("still there", {"uid": "uid-ws-1"}, ActionState.FAILED),
]


@pytest.mark.parametrize(("what", "there", "state"), PODS, ids=[what for what, _, _ in PODS])
async def test_after_a_crash_the_pod_tells_whether_the_eviction_was_sent(
    what: str, there: dict[str, Any] | None, state: ActionState
) -> None:
    api = FakeKube()
    before = journal(api)
    await before.load()
    await before.intend(intent())
    if there is not None:
        api.pod("demo", "ws-1", **there)
    after = journal(api)
    await after.load()
    (entry,) = await after.reconcile()
    assert (entry.state, entry.at, entry.settled_at) == (state, NOW, NOW), what
    assert stored(api) == (entry,)


async def test_a_rehearsal_that_was_cut_off_counts_as_not_happened() -> None:
    api = FakeKube()
    mine = journal(api)
    await mine.load()
    await mine.intend(intent(dry_run=True))
    (entry,) = await mine.reconcile()
    assert entry.state is ActionState.FAILED


async def test_an_eviction_that_may_still_be_under_way_stays_intended_for_a_while() -> None:
    """The process is dead, but its last request may be waiting for an admission webhook."""
    api = FakeKube()
    api.pod("demo", "ws-1", "uid-ws-1")
    before = journal(api)
    await before.load()
    await before.intend(intent())
    now = 1000.0
    after = ConfigMapJournal(api, "leakwarden", monotonic=lambda: now)
    await after.load()
    assert await after.reconcile() == (intent(),)
    now += UNDER_WAY - 0.1
    assert await after.reconcile() == (intent(),)
    now += 0.2
    (entry,) = await after.reconcile()
    assert entry.state is ActionState.FAILED


async def test_one_that_arrives_in_that_while_is_done() -> None:
    api = FakeKube()
    path = api.pod("demo", "ws-1", "uid-ws-1")
    mine = ConfigMapJournal(api, "leakwarden", monotonic=lambda: 1000.0)
    await mine.load()
    await mine.intend(intent())
    assert await mine.reconcile() == (intent(),)
    del api.objects[path]
    (entry,) = await mine.reconcile()
    assert entry.state is ActionState.DONE


async def test_what_cannot_be_looked_at_stays_intended() -> None:
    api = FakeKube()
    mine = journal(api)
    await mine.load()
    await mine.intend(intent())
    api.fault = lambda asked: ApiUnavailable("away") if "/pods/" in asked.path else None
    with pytest.raises(ApiUnavailable):
        await mine.reconcile()
    assert stored(api) == mine.entries == (intent(),)


async def test_settled_entries_are_left_alone_by_reconcile() -> None:
    api = FakeKube()
    mine = journal(api)
    await mine.load()
    await mine.intend(intent())
    await mine.put(settled(intent()))
    asked = len(api.requests)
    await mine.reconcile()
    assert len(api.requests) == asked


async def test_notes_are_written_along_with_the_next_eviction_or_after_a_while() -> None:
    api = FakeKube()
    mine = journal(api, seconds=0.001)
    await mine.load()
    note = intent("noted", kind=Mode.ANNOTATE)
    await mine.intend(intent())
    await mine.intend(note)
    await mine.put(settled(note))
    assert stored(api) == (intent(),)
    assert mine.entries == (intent(), settled(note))
    await mine.put(settled(intent()))
    assert set(stored(api)) == {settled(intent()), settled(note)}
    slow = journal(api)
    await slow.load()
    more = settled(intent("more", kind=Mode.ANNOTATE))
    await slow.put(more)
    assert more in stored(api)


async def test_flush_writes_what_waits_and_nothing_when_nothing_does() -> None:
    api = FakeKube()
    mine = journal(api, seconds=0.001)
    await mine.load()
    await mine.flush(NOW)
    assert PATH not in api.objects
    await mine.intend(intent("noted", kind=Mode.ANNOTATE))
    await mine.flush(NOW)
    assert len(stored(api)) == 1
    asked = len(api.requests)
    await mine.flush(NOW)
    assert len(api.requests) == asked


def broken_in(text: str) -> FakeKube:
    api = FakeKube()
    api.objects[PATH] = {"metadata": {"name": "leakwarden-journal", "resourceVersion": "1"}, "data": {KEY: text}}
    return api


BROKEN = [
    "{",
    "[]",
    '{"version": 2, "actions": []}',
    '{"version": 1}',
    '{"version": 1, "actions": [{}]}',
    codec.dump([intent()]).replace("Intended", "Dreamt"),
    codec.dump([intent()]).replace(str(NOW), '"noon"'),
]


@pytest.mark.parametrize("text", BROKEN)
async def test_a_journal_that_cannot_be_read_is_an_error_for_a_person(text: str) -> None:
    with pytest.raises(UnreadableJournal) as raised:
        await journal(broken_in(text)).load()
    assert raised.value.retry is Retry.AFTER_A_PERSON


async def test_an_empty_config_map_is_an_empty_journal() -> None:
    assert await journal(broken_in("")).load() == ()


async def test_the_journal_stays_under_what_the_api_takes() -> None:
    api = FakeKube()
    mine = journal(api)
    await mine.load()
    notes = [
        replace(settled(intent(f"n{i}", kind=Mode.ANNOTATE)), message="x" * 290, at=NOW + i / 1000) for i in range(3000)
    ]
    mine._entries = {note.id: note for note in notes}
    await mine.intend(intent())
    text = api.objects[PATH]["data"][KEY]
    assert MAX_BYTES - 2000 < len(text.encode()) <= MAX_BYTES + 100
    assert intent() in stored(api)
    assert notes[-1] in stored(api)
    assert notes[0] not in stored(api)


async def test_a_journal_full_of_what_limits_actions_takes_no_more() -> None:
    api = FakeKube()
    mine = journal(api)
    await mine.load()
    needed = [replace(settled(intent(f"n{i}")), message="x" * 290) for i in range(3000)]
    mine._entries = {action.id: action for action in needed}
    with pytest.raises(JournalFull):
        await mine.intend(intent())
    assert PATH not in api.objects


async def test_after_five_conflicts_in_a_row_the_caller_is_told() -> None:
    api = FakeKube()
    mine = journal(api)
    await mine.load()
    await mine.intend(intent())

    def moved(asked: Request) -> ApiError | None:
        return ApiConflict("moved", 409) if asked.method == "PUT" else None

    api.fault = moved
    with pytest.raises(ApiConflict):
        await mine.put(settled(intent()))
    assert [asked.method for asked in api.requests].count("PUT") == 5


TEXTS = st.text(max_size=20)
TIMES = st.floats(0, 4e9).map(lambda at: round(at, 3))
ACTIONS = st.builds(
    Action,
    id=TEXTS, policy=st.builds(PolicyKey, st.just("demo"), st.from_regex(r"[a-z]{1,9}", fullmatch=True)),
    kind=st.sampled_from([Mode.ANNOTATE, Mode.EVICT]), dry_run=st.booleans(), namespace=TEXTS, pod=TEXTS, pod_uid=TEXTS,
    owner=st.none() | st.builds(Owner, TEXTS, TEXTS, TEXTS), signature=TEXTS, at=TIMES,
    state=st.sampled_from(ActionState), message=TEXTS, outcome=st.sampled_from(Outcome), outcome_at=st.none() | TIMES,
    generation=st.integers(0, 99), pod_created_at=TIMES, found_at_age=TIMES, attempts=st.integers(1, 99),
    settled_at=st.none() | TIMES, refusal=st.none() | st.sampled_from(Refusal),
)  # fmt: skip


@given(st.lists(ACTIONS, max_size=5))
def test_what_is_written_is_read_back_the_same(actions: list[Action]) -> None:
    assert codec.load(codec.dump(actions)) == tuple(actions)


def test_entries_are_compact_and_one_a_line() -> None:
    text = codec.dump([settled(intent()), settled(intent("ws-2"))])
    assert len(text.splitlines()) == 4
    assert all(len(line) < 420 for line in text.splitlines())
    assert json.loads(text)["version"] == 1


# -- operators that take turns ----------------------------------------------------------------------------------------


def led_by(api: FakeKube, name: str, lost: list[str] | None = None) -> ConfigMapJournal:
    """The journal of one candidate; `lost` gets its name when it finds that another leads."""
    return ConfigMapJournal(
        api, "leakwarden", leader=name, lost=lambda: (lost or []).append(name), monotonic=lambda: 1e9
    )


async def test_a_new_leader_signs_the_journal_and_keeps_what_is_in_it() -> None:
    api = FakeKube()
    first = led_by(api, "a")
    assert await first.load() == ()
    await first.intend(intent())
    assert await led_by(api, "b").load() == (intent(),)
    assert stored(api) == (intent(),)
    assert api.objects[PATH]["metadata"]["annotations"] == {"leakwarden.io/leader": "b"}


async def test_who_led_before_can_write_nothing_any_more_whatever_it_believes() -> None:
    api, lost = FakeKube(), [""]
    old, new = led_by(api, "a", lost), led_by(api, "b", lost)
    await old.load()
    await old.intend(intent())
    await new.load()
    written = stored(api)
    for attempt in (old.intend(intent("ws-2")), old.put(settled(intent())), old.load()):
        with pytest.raises(NotLeader, match="led by b"):
            await attempt
    await old.put(settled(intent("noted", kind=Mode.ANNOTATE)))
    with pytest.raises(NotLeader, match="led by b"):
        await old.flush(NOW)
    assert stored(api) == written
    assert set(lost) == {"", "a"}
    await new.intend(intent("ws-3"))


async def test_an_operator_that_takes_no_turns_takes_no_signature_from_another() -> None:
    """One was configured without election: budgets hold all the same, since versions do."""
    api = FakeKube()
    signed, plain = led_by(api, "a"), journal(api)
    await signed.load()
    await plain.load()
    await plain.intend(intent())
    with pytest.raises(ApiConflict):
        await signed.intend(intent("ws-2"))
    assert signed.entries == (intent(),)
    await signed.intend(intent("ws-2"))
    assert api.objects[PATH]["metadata"]["annotations"] == {"leakwarden.io/leader": "a"}


async def test_two_that_sign_at_once_know_in_the_end_who_leads() -> None:
    api, lost = FakeKube(), [""]
    one, two = led_by(api, "a", lost), led_by(api, "b", lost)
    meanwhile = [two]

    class Interrupted:
        """The other signs between the first read and the write that follows from it."""

        async def request(self, method: str, path: str, **more: Any) -> Any:
            try:
                return await api.request(method, path, **more)
            finally:
                if method == "GET" and meanwhile:
                    await meanwhile.pop().load()

    one._api = Interrupted()
    await one.load()
    assert api.objects[PATH]["metadata"]["annotations"] == {"leakwarden.io/leader": "a"}
    with pytest.raises(NotLeader):
        await two.intend(intent())
    assert lost == ["", "b"]


# -- edited, deleted, slow --------------------------------------------------------------------------------------------


async def test_a_journal_deleted_while_it_is_read_anew_is_not_forgotten() -> None:
    """Only who stops the operator first may make it forget (docs/rails.md)."""
    api = FakeKube()
    mine = journal(api)
    await mine.load()
    await mine.intend(intent())
    del api.objects[PATH]
    assert await mine.load() == (intent(),)
    await mine.intend(intent("ws-2"))
    assert stored(api) == (intent(), intent("ws-2"))


async def test_the_time_that_the_journal_took_is_not_taken_off_what_may_be_under_way() -> None:
    """The API server is slow: the eviction leaves, and its answer is lost, long after the intent was begun to write."""
    api = FakeKube()
    api.pod("demo", "ws-1", "uid-ws-1")
    now = 1000.0
    mine = ConfigMapJournal(api, "leakwarden", monotonic=lambda: now)
    await mine.load()

    def slow(asked: Request) -> ApiError | None:
        nonlocal now
        now += 25.0 if asked.method == "POST" else 0.0
        return None

    api.fault = slow
    await mine.intend(intent())
    now += 25.0  # for the connection; it is sent now, and then the connection breaks
    await mine.load()
    assert await mine.reconcile() == (intent(),)
    now += UNDER_WAY + 0.1
    (entry,) = await mine.reconcile()
    assert entry.state is ActionState.FAILED


async def test_notes_that_meet_a_newer_journal_are_written_with_the_next_look() -> None:
    api = FakeKube()
    mine, other = journal(api, seconds=0.001), journal(api)
    await mine.load()
    await mine.intend(intent("noted", kind=Mode.ANNOTATE))
    await other.load()
    await other.intend(intent("theirs"))
    with pytest.raises(ApiConflict):
        await mine.flush(NOW)
    await mine.flush(NOW)
    assert {action.pod for action in stored(api)} == {"theirs", "noted"}


NO_NUMBERS = ["NaN", "Infinity", "1e999", "-1e999"]


@pytest.mark.parametrize("number", NO_NUMBERS)
@pytest.mark.parametrize("field", ["at", "settledAt", "attempts", "generation", "podCreatedAt"])
async def test_what_is_no_number_in_a_journal_is_an_error_for_a_person(field: str, number: str) -> None:
    """Compared with it nothing would ever be over, or everything would."""
    entry = json.loads(codec.dump_one(settled(intent()))) | {field: 0.125}
    text = json.dumps({"version": 1, "actions": [entry]}).replace("0.125", number)
    with pytest.raises(UnreadableJournal):
        await journal(broken_in(text)).load()


async def test_a_second_attempt_is_under_way_as_long_as_the_first_was() -> None:
    api = FakeKube()
    api.pod("demo", "ws-1", "uid-ws-1")
    now = 1000.0
    mine = ConfigMapJournal(api, "leakwarden", monotonic=lambda: now)
    await mine.load()
    for attempt in (1, 2):
        await mine.intend(replace(intent(), attempts=attempt))
        (entry,) = await mine.reconcile()
        assert entry.state is ActionState.INTENDED
        now += UNDER_WAY + 0.1
        (entry,) = await mine.reconcile()
        assert (entry.state, entry.attempts) == (ActionState.FAILED, attempt)
