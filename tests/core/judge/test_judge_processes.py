"""Which attempts belong to one process, and how the one before ended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leakwarden.api.words import FailureReason, Resolution, Verdict
from leakwarden.core.judge import RuleState, TransitionKind, end
from leakwarden.core.judge.segments import begun, how_it_ended, is_new_process, known_identity
from leakwarden.core.readings import Attempt, ProcessIdentity, Reading
from tests.core.judge.builders import INTERVAL, MI, T0, Target, goroutines, heap, memstats, rule, rules

OLD = ProcessIdentity("pod", "c0", 100, T0 - 60)


def attempt(process: ProcessIdentity = OLD, *, oom: bool = False, alloc: float = 100.0) -> Attempt:
    return Attempt(T0, Reading(heap(10 * MI, alloc=alloc)), process, INTERVAL, 0, oom)


@pytest.mark.parametrize(
    ("now", "new"),
    [
        (OLD, False),
        (replace(OLD, pod_uid="other"), True),
        (replace(OLD, container_id="c1"), True),
        (replace(OLD, pid=101), True),
        (replace(OLD, started_at=T0 - 50), True),
        (replace(OLD, started_at=T0 - 60.4), False),
        (replace(OLD, container_id=""), False),
        (replace(OLD, started_at=0.0), False),
        (replace(OLD, pid=0, started_at=T0 - 900), False),  # the container's start, where /info did not answer
        (ProcessIdentity("pod"), False),
    ],
)  # fmt: skip
def test_what_is_unknown_does_not_tell_processes_apart(now: ProcessIdentity, new: bool) -> None:
    assert is_new_process(begun(attempt()), attempt(now)) is new


def test_cumulative_allocations_that_fall_are_a_new_process() -> None:
    segment = replace(begun(attempt()), alloc_bytes=200, total_alloc=900)
    assert is_new_process(segment, attempt(alloc=199))
    assert not is_new_process(segment, attempt(alloc=200))
    fell = replace(attempt(alloc=200), outcome=Reading(memstats=memstats(1, 1, total_alloc=899)))
    assert is_new_process(segment, fell)


def test_what_both_sides_know_is_kept_and_the_own_start_goes_before_the_containers() -> None:
    container_only = ProcessIdentity("pod", "c0", 0, T0 - 900)
    assert known_identity(OLD, container_only) == OLD
    assert known_identity(container_only, OLD) == OLD
    assert known_identity(OLD, ProcessIdentity("pod")) == OLD


@pytest.mark.parametrize(
    ("flag_before", "container", "flag", "why"),
    [
        (False, "c1", True, Resolution.OOM_KILLED),
        (False, "c1", False, Resolution.PROCESS_ENDED),
        (True, "c0", True, Resolution.PROCESS_ENDED),  # an older kill; gopls was restarted by its editor
        (True, "c1", True, Resolution.OOM_KILLED),
        (False, "c0", True, Resolution.OOM_KILLED),
        (True, "", True, Resolution.PROCESS_ENDED),
    ],
)  # fmt: skip
def test_only_a_kill_of_this_process_confirms(flag_before: bool, container: str, flag: bool, why: Resolution) -> None:
    segment = begun(attempt(oom=flag_before))
    assert how_it_ended(segment, attempt(replace(OLD, container_id=container, pid=7), oom=flag)) is why


def leaking() -> Target:
    target = Target(rules(rule()))
    for index in range(35):
        target.live((200 + 5 * index) * MI, {"example.com/x.Keep": 5 * index * MI})
    assert target.last.verdict is Verdict.LEAKING
    return target


def test_a_failed_attempt_at_a_new_container_already_ends_what_the_old_one_did() -> None:
    target = leaking()
    target.process = replace(target.process, container_id="next")
    judgement = target.fails(FailureReason.TIMEOUT)
    assert [(t.kind, t.finding.resolution) for t in judgement.transitions] == [
        (TransitionKind.RESOLVED, Resolution.PROCESS_ENDED)
    ]
    assert judgement.verdict is Verdict.LEARNING


def test_an_oom_kill_that_shows_while_the_connection_is_refused_is_told_as_one() -> None:
    target = leaking()
    for _ in range(3):
        target.oom_killed = True
        judgement = target.fails(FailureReason.CONNECTION_REFUSED)
    assert [t.finding.resolution for t in judgement.transitions] == [Resolution.OOM_KILLED]


def test_two_refusals_end_nothing_and_the_process_goes_on() -> None:
    target = leaking()
    for _ in range(2):
        assert target.fails(FailureReason.CONNECTION_REFUSED).verdict is Verdict.NOT_RUNNING
    judgement = target.live(375 * MI, {"example.com/x.Keep": 175 * MI})
    assert judgement.verdict is Verdict.LEAKING
    assert not judgement.transitions


def test_a_new_process_holds_nothing_of_the_old_ones_time() -> None:
    target = Target(rules(rule(hold=300.0)))
    for container in ("one", "two"):
        target.process = replace(target.process, container_id=container)
        target.allocated = 0.0
        for index in range(30):
            target.live((200 + 5 * index) * MI)
    first_met = next(j for j in target.said[30:] if j.rules[0].state is not RuleState.UNKNOWN)
    assert (first_met.rules[0].state, first_met.rules[0].held) == (RuleState.MET, 0.0)


def test_after_three_refusals_whatever_answers_is_another_process() -> None:
    target = leaking()
    for _ in range(3):
        target.fails(FailureReason.CONNECTION_REFUSED)
    judgement = target.live(375 * MI, {"example.com/x.Keep": 175 * MI})
    assert judgement.verdict is Verdict.LEARNING
    assert judgement.state.segment is not None
    assert len(judgement.state.segment.live) == 1


def test_a_target_that_is_gone_ends_its_findings_and_forgets() -> None:
    target = leaking()
    assert target.state is not None
    judgement = end(target.state, target.at + 5, Resolution.TARGET_GONE)
    assert [(f.resolution, f.resolved_at) for f in judgement.findings] == [(Resolution.TARGET_GONE, target.at + 5)]
    assert [t.kind for t in judgement.transitions] == [TransitionKind.RESOLVED]
    assert judgement.state.segment is None
    assert judgement.state.findings == ()


def test_grace_counts_from_the_process_start_where_it_is_known_and_else_from_the_first_attempt() -> None:
    for started, judged_from in ((T0 - 100, 1), (0.0, 5), (T0 + 9999, 5)):
        target = Target(rules(rule(), grace=130.0))
        target.process = ProcessIdentity("pod", "c0", 1, started)
        for _ in range(8):
            target.live(100 * MI)
        counts = [j.state.segment.readings for j in target.said if j.state.segment is not None]
        assert counts.index(1) == judged_from, started


def test_a_clock_that_is_set_back_never_makes_negative_time() -> None:
    target = Target(rules(rule()))
    target.lives([100 * MI] * 20)
    target.give(Reading(heap(100 * MI, alloc=1e12), goroutines(50)), after=-7200.0)
    segment = target.last.state.segment
    assert segment is not None
    assert list(segment.live.times) == sorted(segment.live.times)
    assert segment.live.last_time == target.at
    assert segment.heap_read is not None
    assert segment.heap_read.since < segment.heap_read.last == target.at


def test_the_same_moment_twice_covers_no_time() -> None:
    target = leaking()
    before = target.last
    again = target.give(Reading(heap(400 * MI, alloc=1e12), goroutines(50)), after=0.0)
    assert again.rules[0].held == before.rules[0].held
    assert not again.transitions
