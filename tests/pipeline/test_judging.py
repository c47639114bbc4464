"""Judging: state and news are one commit, each sample is judged once, and what ends is said to end exactly once."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest

from leakwarden.adapters.store import SqliteStore
from leakwarden.api import PORT_ANNOTATION_PREFIX
from leakwarden.api.words import FailureReason, Resolution, Verdict
from leakwarden.core.policy import Policy
from leakwarden.core.readings import Failure, Reading
from leakwarden.core.records import Step, StoredTarget
from leakwarden.core.report.events import EventNote
from leakwarden.core.samples import SampleResult
from leakwarden.core.schedule import Tempo
from leakwarden.core.targets import Owner, PodFacts, PolicyKey, TargetKey
from leakwarden.errors import StoreError
from leakwarden.pipeline.fleet import Fleet, Watch
from leakwarden.pipeline.judging import NOTE, Judging, attempt_of
from tests.core.decide.fleets import NOW, OWNER
from tests.core.judge.builders import MI, memstats
from tests.pipeline.build import (
    BLOCKED,
    INTERVAL,
    LIVE_HEAP,
    growing,
    labelled,
    oom_killed,
    owned,
    pod,
    policy,
    quiet,
    refused,
)
from tests.pipeline.fakes import FailingStore, HandClock

GOPLS = policy("gopls")
FULL = StoreError("disk full")


class Bench:
    """One process of the operator: a second one over the same store goes on where this one stood."""

    def __init__(self, store: SqliteStore | FailingStore, at: float = NOW) -> None:
        self.store = store if isinstance(store, FailingStore) else FailingStore(store)
        self.clock = HandClock(at)
        self.fleet = Fleet()
        self.changed: list[PolicyKey] = []
        self.judging = Judging(self.fleet, self.store, self.clock, self.changed.append)

    async def put(self, *pods: PodFacts, by: Policy = GOPLS) -> Watch:
        """As the operator does it; the watch of the first pod."""
        if by.key not in self.fleet.policies:
            self.fleet.remembered[by.key] = await self.judging.restore(by)
        self.fleet.put_policy(by, pods)
        return self.watch(pods[0], by)

    def watch(self, of: PodFacts, by: Policy = GOPLS) -> Watch:
        return next(w for w in self.fleet.watches(by.key) if w.pod.uid == of.uid)

    async def give(self, watch: Watch, outcome: Reading | Failure, later: float = 0.0) -> Tempo:
        """One sample at this very moment, or so many seconds later."""
        (point,) = [point for point in self.fleet.points.values() if watch in point.watches]
        return await self.judging.on_sample(point, SampleResult(self.clock.at + later, 0.1, outcome))

    async def grow(self, watch: Watch, samples: int = 14, since: int = 0) -> None:
        for number in range(since, since + samples):
            await self.give(watch, growing(number))
            self.clock.at += INTERVAL

    async def end(self, which: PodFacts) -> None:
        for watch in self.fleet.look_at_pod(which.namespace, which.uid, None).ended:
            await self.judging.end(watch)

    async def news(self) -> list[EventNote]:
        return [NOTE.validate_json(row.body) for row in await self.store.outbox()]

    async def said(self, kind: str = "Pod") -> list[str]:
        return [note.reason.value for note in await self.news() if note.regarding.kind == kind]

    async def stored(self, by: Policy = GOPLS) -> list[StoredTarget]:
        return await self.store.targets(by.uid)


async def test_a_leak_is_said_once_on_its_pod_and_once_on_its_policy(store: SqliteStore) -> None:
    bench = Bench(store)
    watch = await bench.put(pod())
    await bench.grow(watch, 25)
    assert watch.report is not None
    assert watch.report.verdict is Verdict.LEAKING
    assert [f.site.function for f in watch.report.open_findings if f.site] == ["main.keep"]
    assert (await bench.said("Pod"), await bench.said("LeakPolicy")) == (["LeakDetected"], ["LeakDetected"])
    assert set(bench.changed) == {GOPLS.key}


async def test_what_is_said_of_a_leak_names_its_deployment_its_container_and_how_full_it_is(store: SqliteStore) -> None:
    bench = Bench(store)
    labels = {**pod().labels, "pod-template-hash": "7d9"}
    watch = await bench.put(pod(owner=Owner("ReplicaSet", "ws-7d9", "rs-uid"), labels=labels))
    await bench.grow(watch)
    (note,) = [note.note for note in await bench.news() if note.regarding.kind == "Pod"]
    assert re.search(
        r": pod demo/ws-1 \(Deployment/ws, container \S+\), live heap alone [\d.]+ MiB, limit [\d.]+ [MG]iB as of", note
    )


async def test_what_is_said_to_be_used_and_its_pace_are_those_of_all_that_the_process_holds(store: SqliteStore) -> None:
    """Twice the live heap, which grows by 4 MiB in ten seconds: the time of the limit follows from these two."""
    bench = Bench(store)
    watch = await bench.put(pod())
    for number in range(14):
        read = growing(number)
        live = 100 * MI + number * 4 * MI
        await bench.give(watch, replace(read, memstats=memstats(live, 2 * live + 64 * MI, released=64 * MI)))
        bench.clock.at += INTERVAL
    assert watch.report is not None and watch.report.memory == 2 * (100 + 13 * 4) * MI
    (note,) = [note.note for note in await bench.news() if note.regarding.kind == "Pod"]
    assert re.search(r", uses [\d.]+ MiB of its 1 GiB limit as of \S+Z and grows 2\.8 GiB/h\. Now: ", note), note


async def test_one_bug_in_two_pods_is_one_event_on_the_policy_and_another_when_it_opens_again(
    store: SqliteStore,
) -> None:
    """The two judge at the same time, the first to open ends first, and a new process comes to the same keys."""
    bench = Bench(store)
    one, two, three = (pod(f"ws-{n}") for n in (1, 2, 3))
    watches = [await bench.put(one, two, three), bench.watch(two)]
    for number in range(14):
        await asyncio.gather(*(bench.give(watch, growing(number), n) for n, watch in enumerate(watches)))
        bench.clock.at += INTERVAL
    assert len(await policy_keys(bench, "LeakDetected")) == 1
    await bench.end(one)
    second = Bench(store, bench.clock.at)
    watch = await second.put(two, three)
    assert watch.report is not None
    standing = await second.judging.standing(GOPLS, watch.report)
    assert {note.key for note in standing} <= {note.key for note in await second.news()}
    await second.grow(second.watch(three))
    assert len(await policy_keys(second, "LeakDetected")) == 1
    assert await policy_keys(second, "LeakResolved") == set()
    await second.end(two)
    await second.end(three)
    assert len(await policy_keys(second, "LeakResolved")) == 1
    again = pod("ws-4", owner=None)
    second.fleet.look_at_pod("demo", again.uid, again)
    await second.grow(second.watch(again))
    assert len(await policy_keys(second, "LeakDetected")) == 2


async def policy_keys(bench: Bench, reason: str) -> set[str]:
    return {note.key for note in await bench.news() if (note.regarding.kind, note.reason) == ("LeakPolicy", reason)}


async def test_a_second_process_over_the_same_store_goes_on_as_if_it_were_the_first(store: SqliteStore) -> None:
    first = Bench(store)
    watch = await first.put(pod())
    await first.grow(watch, 8)
    second = Bench(store, first.clock.at)
    taken_up = await second.put(pod())
    assert (taken_up.state, taken_up.report) == (watch.state, watch.report)
    await second.grow(taken_up, 8, since=8)
    assert await second.said() == ["LeakDetected"]
    assert taken_up.report is not None
    assert taken_up.report.verdict_since > NOW


async def test_a_store_that_fails_loses_the_sample_and_not_the_news(store: SqliteStore) -> None:
    """The finding opens while nothing can be written; once it can, it is said, and no state ran ahead of it."""
    opening = await opens_at(store)
    bench = Bench(store)
    watch = await bench.put(pod())
    await bench.grow(watch, opening)
    state, report = watch.state, watch.report
    bench.store.failing["save"] = FULL
    for number in (opening, opening + 1):
        with pytest.raises(StoreError):
            await bench.give(watch, growing(number))
        bench.clock.at += INTERVAL
    assert (watch.state, watch.report) == (state, report)
    assert await bench.said() == []
    bench.store.failing.clear()
    await bench.grow(watch, 2, since=opening + 2)
    assert await bench.said() == ["LeakDetected"]
    (row,) = await bench.stored()
    assert row.updated_at == bench.clock.at - INTERVAL


async def test_two_policies_judge_one_sample_each_by_its_own_rules(store: SqliteStore) -> None:
    lenient = policy("lenient", rules=[{**LIVE_HEAP, "growth": {"atLeast": "8Gi", "window": "90s"}}])
    bench = Bench(store)
    strict = await bench.put(pod())
    other = await bench.put(pod(), by=lenient)
    await bench.grow(strict)
    assert strict.report is not None
    assert other.report is not None
    assert (strict.report.verdict, other.report.verdict) == (Verdict.LEAKING, Verdict.HEALTHY)
    assert {note.regarding.name for note in await bench.news()} == {"ws-1", "gopls"}


async def test_one_hurried_policy_keeps_a_shared_point_steady(store: SqliteStore) -> None:
    bench = Bench(store)
    watch = await bench.put(pod())
    tempos = []
    for number in range(14):
        tempos.append(await bench.give(watch, quiet(number)))
        bench.clock.at += INTERVAL
    assert tempos[0] is Tempo.STEADY
    assert tempos[-1] is Tempo.QUIET
    await bench.put(pod(), by=policy("newcomer"))
    assert await bench.give(watch, quiet(14)) is Tempo.STEADY
    for _ in range(3):
        tempo = await bench.give(watch, refused())
    assert tempo is Tempo.QUIET


async def test_an_attempt_that_comes_back_after_its_watch_ended_changes_nothing(store: SqliteStore) -> None:
    bench = Bench(store)
    watch = await bench.put(pod())
    await bench.grow(watch, 3)
    (point,) = bench.fleet.points.values()
    await bench.end(pod())
    before = await bench.stored(), await bench.news(), watch.state
    assert await bench.judging.on_sample(point, SampleResult(bench.clock.at, 0.1, growing(3))) is Tempo.QUIET
    assert (await bench.stored(), await bench.news(), watch.state) == before
    assert before[0] == []


async def test_a_policy_that_goes_while_another_judges_their_sample_does_not_judge_it(store: SqliteStore) -> None:
    bench, other = Bench(store), policy("other")
    first = await bench.put(pod())
    second = await bench.put(pod(), by=other)
    waiting, gate = bench.store.hold("save")
    step = asyncio.create_task(bench.give(first, growing(0)))
    await waiting.wait()
    bench.fleet.remove_policy(other.key)
    gate.set()
    await step
    assert (first.report is None, second.report) == (False, None)
    assert await bench.stored(other) == []


async def test_an_attempt_at_the_port_before_the_override_is_not_judged(store: SqliteStore) -> None:
    bench = Bench(store)
    watch = await bench.put(pod())
    (old,) = bench.fleet.points.values()
    moved = replace(pod(), annotations={f"{PORT_ANNOTATION_PREFIX}pprof": "7070"})
    bench.fleet.look_at_pod("demo", moved.uid, moved)
    assert old.key not in bench.fleet.points
    await bench.judging.on_sample(old, SampleResult(bench.clock.at, 0.1, growing(0)))
    assert watch.report is None


async def test_a_pod_that_goes_while_its_sample_is_being_stored_ends_after_that_sample(store: SqliteStore) -> None:
    """The finding of that very sample is said, and then its end; no row of a pod that is gone stays behind."""
    opening = await opens_at(store)
    bench = Bench(store)
    watch = await bench.put(pod())
    await bench.grow(watch, opening)
    waiting, gate = bench.store.hold("save")
    step = asyncio.create_task(bench.give(watch, growing(opening)))
    await waiting.wait()
    end = asyncio.create_task(bench.end(pod()))
    await asyncio.sleep(1)
    gate.set()
    await asyncio.gather(step, end)
    assert await bench.said() == ["LeakDetected", "LeakResolved"]
    assert await bench.stored() == []


async def opens_at(store: SqliteStore) -> int:
    """The number of the sample that opens the finding; leaves the store as empty as it was."""
    bench, number = Bench(store), 0
    watch = await bench.put(pod())
    while True:
        await bench.grow(watch, 1, since=number)
        if watch.report and watch.report.open_findings:
            break
        number += 1
    await store.forget_policy(GOPLS.uid)
    return number


async def test_settled_waits_for_the_step_that_is_under_way(store: SqliteStore) -> None:
    bench = Bench(store)
    watch = await bench.put(pod())
    waiting, gate = bench.store.hold("save")
    step = asyncio.create_task(bench.give(watch, growing(0)))
    await waiting.wait()
    settled = asyncio.create_task(bench.judging.settled(bench.fleet.remove_policy(GOPLS.key).ended))
    await asyncio.sleep(1)
    assert not settled.done()
    gate.set()
    await asyncio.gather(step, settled)


async def test_the_end_of_a_target_resolves_its_findings_and_forgets_it(store: SqliteStore) -> None:
    bench = Bench(store)
    watch = await bench.put(pod())
    await bench.grow(watch)
    await bench.end(pod())
    assert await bench.said("Pod") == ["LeakDetected", "LeakResolved"]
    assert await bench.said("LeakPolicy") == ["LeakDetected", "LeakResolved"]
    assert "TargetGone" in (await bench.news())[-1].note
    assert await bench.stored() == []


async def test_a_leak_that_goes_on_in_another_pod_does_not_end_for_the_policy(store: SqliteStore) -> None:
    bench = Bench(store)
    first = await bench.put(pod("ws-1"), pod("ws-2"))
    second = bench.watch(pod("ws-2"))
    for number in range(14):
        await bench.give(first, growing(number))
        await bench.give(second, growing(number))
        bench.clock.at += INTERVAL
    await bench.end(pod("ws-1"))
    assert (await bench.said("Pod")).count("LeakResolved") == 1
    assert (await bench.said("LeakPolicy")).count("LeakResolved") == 0
    await bench.end(pod("ws-2"))
    assert (await bench.said("LeakPolicy")).count("LeakResolved") == 1


async def test_what_went_while_no_operator_was_there_ends_exactly_once(store: SqliteStore) -> None:
    first = Bench(store)
    await first.grow(await first.put(pod("ws-1"), pod("ws-2")))
    second = Bench(store, first.clock.at)
    await second.put(pod("ws-2"))
    left = second.fleet.remembered.pop(GOPLS.key)
    assert [key.pod_uid for key in left] == ["uid-ws-1"]
    for key, known in left.items():
        await second.judging.end_remembered(GOPLS, key, known)
    assert await second.said() == ["LeakDetected", "LeakResolved"]
    third = Bench(store, second.clock.at)
    await third.put(pod("ws-2"))
    assert third.fleet.remembered[GOPLS.key] == {}
    assert await third.said() == ["LeakDetected", "LeakResolved"]


@pytest.mark.parametrize("days_later", [6.9, 7.1])
async def test_the_same_leak_of_the_same_owner_has_returned_only_within_seven_days(
    store: SqliteStore, days_later: float
) -> None:
    bench = Bench(store)
    await bench.grow(await bench.put(pod("ws-1")))
    await bench.end(pod("ws-1"))
    bench.clock.at += days_later * 86400.0
    await bench.grow(await bench.put(pod("ws-2")))
    expected = "LeakReturned" if days_later < 7 else "LeakDetected"
    assert await bench.said() == ["LeakDetected", "LeakResolved", expected]


async def test_a_leak_of_another_owner_has_not_returned(store: SqliteStore) -> None:
    bench = Bench(store)
    await bench.grow(await bench.put(pod("ws-1")))
    await bench.end(pod("ws-1"))
    stranger = owned("ws-2", "another")
    await bench.grow(await bench.put(stranger))
    assert await bench.said() == ["LeakDetected", "LeakResolved", "LeakDetected"]


@pytest.mark.parametrize("hold", ["0s", "30s"], ids=["found again at once", "found again later"])
async def test_a_leak_that_an_edited_rule_ended_has_not_returned(store: SqliteStore, hold: str) -> None:
    bench = Bench(store)
    watch = await bench.put(pod())
    await bench.grow(watch)
    stricter = {**LIVE_HEAP, "growth": {"atLeast": "9Mi", "window": "90s"}, "for": hold}
    await bench.put(pod(), by=policy("gopls", generation=2, rules=[stricter]))
    await bench.give(watch, growing(14))
    assert watch.report is not None
    assert Resolution.RULE_CHANGED in {finding.resolution for finding in watch.report.findings}
    bench.clock.at += INTERVAL
    await bench.grow(watch, 6, since=15)
    assert await bench.said() == ["LeakDetected", "LeakResolved", "LeakDetected"]


def restarted(at: float) -> PodFacts:
    return oom_killed(pod(), at)


async def test_an_oom_kill_since_the_last_reading_is_what_ended_the_process(store: SqliteStore) -> None:
    bench = Bench(store)
    watch = await bench.put(pod())
    await bench.grow(watch)
    bench.fleet.look_at_pod("demo", pod().uid, restarted(bench.clock.at - 5))
    await bench.give(watch, quiet(1))
    assert watch.report is not None
    assert [f.resolution for f in watch.report.findings] == [Resolution.OOM_KILLED]


async def test_an_oom_kill_before_the_first_reading_is_old_news(store: SqliteStore) -> None:
    bench = Bench(store)
    watch = await bench.put(restarted(NOW - 3600))
    assert not attempt_of(watch, SampleResult(NOW, 0.1, quiet())).oom_killed
    await bench.give(watch, quiet())
    assert not attempt_of(watch, SampleResult(NOW + 10, 0.1, quiet())).oom_killed


async def test_an_oom_kill_is_known_to_a_restarted_operator_though_attempts_failed_in_between(
    store: SqliteStore,
) -> None:
    first = Bench(store)
    watch = await first.put(pod())
    await first.grow(watch)
    killed_at = first.clock.at - 5
    first.clock.at += 20
    await first.give(watch, Failure(FailureReason.TIMEOUT, "no answer"))
    second = Bench(store, first.clock.at + 30)
    taken_up = await second.put(restarted(killed_at))
    await second.give(taken_up, quiet(1))
    assert taken_up.report is not None
    assert [f.resolution for f in taken_up.report.findings] == [Resolution.OOM_KILLED]


@pytest.mark.parametrize(
    "state", ["", "null", "[]", "{}", '{"version": 999, "state": {}}', '{"version": 1, "state": {"rules": 5}}']
)
async def test_a_stored_row_that_cannot_be_read_starts_over_and_disturbs_no_other(
    store: SqliteStore, state: str
) -> None:
    first = Bench(store)
    await first.grow(await first.put(pod("ws-1"), pod("ws-2")), 2)
    await first.grow(first.watch(pod("ws-2")), 2)
    (row, _) = await first.stored()
    await store.save(step_of(replace(row, state=state)))
    second = Bench(store, first.clock.at)
    await second.put(pod("ws-1"), pod("ws-2"))
    assert second.watch(pod("ws-1")).report is None
    assert second.watch(pod("ws-2")).report is not None


async def test_a_report_of_another_version_starts_over(store: SqliteStore) -> None:
    first = Bench(store)
    await first.grow(await first.put(pod()), 2)
    (row,) = await first.stored()
    await store.save(step_of(replace(row, report='{"pod": "ws-1"}')))
    assert (await Bench(store).put(pod())).report is None


def step_of(row: StoredTarget) -> Step:
    return Step(row.policy_uid, TargetKey(row.key.pod_uid, row.key.endpoint), row)


async def test_a_target_that_fails_keeps_the_reason_in_words_and_the_time_since_when(store: SqliteStore) -> None:
    bench = Bench(store)
    watch = await bench.put(pod())
    for _ in range(3):
        await bench.give(watch, Failure(FailureReason.NOT_PPROF, "text/html"))
        bench.clock.at += INTERVAL
    assert watch.report is not None
    assert (watch.report.verdict, watch.report.reason) == (Verdict.UNREACHABLE, "NotPprof")
    since = watch.report.verdict_since
    await bench.give(watch, Failure(FailureReason.NOT_PPROF, "text/html"))
    assert watch.report.verdict_since == since


async def test_the_interval_reached_is_told_and_not_the_one_wished_for(store: SqliteStore) -> None:
    bench = Bench(store)
    watch = await bench.put(pod())
    for number in range(40):
        await bench.give(watch, quiet(number))
        bench.clock.at += 25.0
    assert watch.report is not None
    assert watch.report.interval == pytest.approx(25.0, rel=0.05)


# -- labels -----------------------------------------------------------------------------------------------------------


async def everything(bench: Bench, of: Policy) -> str:
    """What is stored of the policy's targets, and what is told of them."""
    rows = await bench.store.targets(of.uid)
    return "".join([row.state + row.report for row in rows] + [note.note for note in await bench.news()])


async def test_label_values_are_told_and_stored_unless_the_policy_hides_them(store: SqliteStore) -> None:
    found = {}
    for values in ("Show", "Hide"):
        asked = policy(values.lower(), label_values=values, rules=[BLOCKED])
        bench = Bench(store)
        watch = await bench.put(pod(f"ws-{values}"), by=asked)
        for number in range(14):
            await bench.give(watch, labelled(number))
            bench.clock.at += INTERVAL
        notes = [note.note for note in await bench.news() if f"ws-{values}" in note.note or values.lower() in note.note]
        assert any("new goroutines belong to" in note for note in notes)
        rows = await bench.store.targets(asked.uid)
        found[values] = any("secret" in text for text in [*notes, *(row.state + row.report for row in rows)])
    assert found == {"Show": True, "Hide": False}


async def test_values_go_from_what_is_stored_when_a_policy_comes_to_hide_them(store: SqliteStore) -> None:
    bench = Bench(store)
    watch = await bench.put(pod(), by=policy(rules=[BLOCKED]))
    for number in range(14):
        await bench.give(watch, labelled(number))
        bench.clock.at += INTERVAL
    edited = policy(rules=[BLOCKED], label_values="Hide", generation=2)
    await bench.put(pod(), by=edited)
    await bench.give(watch, labelled(14))
    await bench.end(pod())
    assert [row for row in await bench.store.targets(edited.uid) if "secret" in row.state + row.report] == []
    ended = await bench.store.ended(edited.uid, OWNER.uid, "goroutine/main.send/chan-send", 0.0)
    assert ended is not None and "secret" not in ended.body
