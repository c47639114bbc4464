"""Replay is the operator's own fold: the same attempts, the same words, and nothing assumed that is not known."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leakwarden.api.words import Execution, FailureReason, FindingType, Mode, Resolution, Severity, Verdict
from leakwarden.core import judge
from leakwarden.core.actions import Refusal
from leakwarden.core.decide.view import Mute, RemediationPolicy
from leakwarden.core.gopls_info import GoplsInfo
from leakwarden.core.gopls_pages import GoplsState
from leakwarden.core.readings import Attempt, Failure, PartFailure, ProcessIdentity, Reading
from leakwarden.core.recording import Errors, errors_json
from leakwarden.core.recording_attempt import decoded
from leakwarden.core.recording_plan import Planned, planned
from leakwarden.core.recording_replay import Replay, attempts, replay
from leakwarden.core.recording_target import of_pod, target_json
from leakwarden.core.reduce import goroutines_from_bytes, heap_from_bytes
from leakwarden.core.targets import EndpointSpec, PolicyKey
from leakwarden.errors import MalformedRecording
from tests.core.decide.fleets import pod
from tests.core.judge.builders import rule, rules
from tests.core.recorded import MI, T0, InMemory, files, goroutines, heap, leaking, quiet

ENDPOINT = EndpointSpec("pprof", 6060, "/debug/pprof", "HTTP", None)  # type: ignore[arg-type]
RULES = rules(rule(at_least=16 * MI, window=300.0, hold=60.0, severity=Severity.CRITICAL))
LEAK = [leaking(n) for n in range(24)]
EVICT = RemediationPolicy(PolicyKey("demo", "gopls"), "uid", 0.0, mode=Mode.EVICT)
CAP = 32 * MI


def replayed(samples: list[dict[str, bytes]]) -> Replay:
    return replay(InMemory.of(files(samples)), RULES, 30.0)


def test_a_leak_is_found_with_its_place_and_stays_listed_when_its_process_ends() -> None:
    after = [{"error.json": errors_json(Errors(Failure(FailureReason.CONNECTION_REFUSED, "nobody")))}] * 3
    found = replayed([*LEAK, *after])
    (finding,) = found.findings
    assert finding.site is not None
    assert (finding.site.function, finding.type) == ("main.keep", FindingType.LEAK)
    assert finding.resolution is Resolution.PROCESS_ENDED
    assert found.verdict is Verdict.NOT_RUNNING
    assert found.leaks == (finding,)


def test_a_leak_that_comes_again_is_listed_twice() -> None:
    down = [{"error.json": errors_json(Errors(Failure(FailureReason.CONNECTION_REFUSED, "nobody")))}] * 3
    found = replayed([*LEAK, *down, *LEAK])
    assert [finding.open for finding in found.findings] == [False, True]


def test_each_step_tells_what_was_open_at_that_moment() -> None:
    found = replayed(LEAK)
    (finding,) = found.findings
    assert [step.at for step in found.steps] == [T0 + 30.0 * n for n in range(len(LEAK))]
    assert [bool(step.open_leaks) for step in found.steps] == [step.at >= finding.first_seen for step in found.steps]


kinds = st.sampled_from(["leak", "leak", "leak", "leak", "refused", "broken", "no heap", "restart", "oom"])


@settings(max_examples=40, deadline=None)
@given(st.lists(kinds, min_size=1, max_size=40))
def test_replay_says_what_the_judge_says_of_the_same_attempts(course: list[str]) -> None:
    """The attempts are made here by hand, as the operator makes them of a sample and a pod."""
    samples: list[dict[str, bytes]] = []
    given_by_hand: list[Attempt] = []
    expected = []
    state = judge.start(RULES)
    facts, read_at, pid, grown = pod("ws-1"), float("inf"), 7, 0
    for number, kind in enumerate(course):
        at, grown = T0 + number * 30.0, grown + 1
        if kind in {"restart", "oom"}:
            pid, grown = pid + 1, 0
        if kind == "oom":
            box = replace(facts.containers[0], container_id=f"box-{number}", started_at=at - 5, last_oom_at=at - 6)
            facts = replace(facts, containers=(box,))
        made, outcome = leaking(grown), reading(leaking(grown))
        if kind == "refused":
            outcome = Failure(FailureReason.CONNECTION_REFUSED, "nobody")
            made = {"error.json": errors_json(Errors(outcome))}
        elif kind == "broken":
            part = PartFailure(FailureReason.MALFORMED, "it broke")
            made |= {"heap.pb.gz": b"\x1f\x8bbroken", "error.json": errors_json(Errors(parts={"heap": part}))}
            outcome = Reading(goroutines=outcome.goroutines, failures={"heap": part})
        elif kind == "no heap":
            del made["heap.pb.gz"]
            outcome = replace(outcome, heap=None)
        info = GoplsInfo(pid, T0 - 3600.0 + pid) if number % 3 == 0 and kind != "refused" else GoplsInfo()
        if info.pid:
            told = replace(
                info, state=GoplsState(sessions=1, documents=number, fingerprint="f") if number % 2 else None
            )
            made["gopls.json"] = json.dumps(asdict(told)).encode()
            info = told
        if kind == "oom" or number == 0:
            made["target.json"] = target_json(of_pod(ENDPOINT, facts))
        samples.append(made)
        container = facts.containers[0]
        process = ProcessIdentity(
            facts.uid, container.container_id, info.pid, info.started_at or container.started_at
        )  # fmt: skip
        killed = container.last_oom_at >= read_at - 1.0
        attempt = Attempt(at, outcome, process, 30.0, container.memory_limit, killed, info)
        given_by_hand.append(attempt)
        judgement = judge.step(state, attempt, RULES)
        state = judgement.state
        read_at = read_at if isinstance(outcome, Failure) else at
        expected.append((at, judgement.verdict, judgement.transitions))
    assert [attempt for attempt, _ in attempts(InMemory.of(files(samples)), 30.0, CAP, [])] == given_by_hand
    found = replayed(samples)
    assert [(step.at, step.verdict, step.transitions) for step in found.steps] == expected


def reading(made: dict[str, bytes]) -> Any:
    heaps, counts = heap_from_bytes(made["heap.pb.gz"], CAP), goroutines_from_bytes(made["goroutine.pb.gz"], CAP)
    return Reading(heaps, counts)


def test_a_recording_from_before_the_pages_were_read_tells_who_the_process_is_and_no_more() -> None:
    before = b'{"pid": 7, "started_at": 1.5, "version": "golang.org/x/tools/gopls v0.22.0", "go_version": "go1.26.8"}'
    found = decoded(leaking(1) | {"gopls.json": before}, CAP)
    assert found is not None
    assert found.info == GoplsInfo(7, 1.5, "golang.org/x/tools/gopls v0.22.0", "go1.26.8", None)


@pytest.mark.parametrize("state", ["[]", '{"documents": -1}', '{"sessions": 1.5}', '{"views": true}', '"x"'])
def test_a_gopls_file_whose_state_is_no_counts_is_refused(state: str) -> None:
    with pytest.raises(MalformedRecording, match=r"gopls\.json: state"):
        decoded(leaking(1) | {"gopls.json": f'{{"pid": 7, "state": {state}}}'.encode()}, CAP)


# -- what is damaged --------------------------------------------------------------------------------------------------


def test_a_damaged_part_is_a_failed_part_and_is_noted() -> None:
    samples = [dict(sample) for sample in LEAK]
    samples[3]["heap.pb.gz"] = samples[3]["heap.pb.gz"][:50]
    found = replayed(samples)
    assert found.leaks
    (note,) = found.notes
    assert note.startswith(f"{round(T0 + 90) * 1000}-heap.pb.gz: unpack: ")


def test_a_policy_whose_cap_no_profile_passes_is_told_so() -> None:
    with pytest.raises(MalformedRecording, match=r"no sample can be read: .*more than the 50 allowed"):
        replay(InMemory.of(files(LEAK)), RULES, 30.0, max_bytes=50)


@pytest.mark.parametrize(
    ("held", "says"),
    [
        ({}, "no samples"),
        (files([{"target.json": b"{}"}]), "no samples: 1790000000000: skipped, it has no profile and no error.json"),
        (files([{"heap.pb.gz": b"no profile", "goroutine.pb.gz": b""}]), "no sample can be read: 1790000000000-heap"),
        (files([{**quiet(0), "target.json": b"["}]), "no samples: 1790000000000: skipped, target.json: "),
    ],
)
def test_a_recording_of_which_nothing_can_be_judged_is_refused(held: dict[str, bytes], says: str) -> None:
    with pytest.raises(MalformedRecording, match=says.replace(".", r"\.")):
        replay(InMemory.of(held), RULES, 30.0)


def test_a_recording_of_failed_attempts_only_is_judged() -> None:
    refused = {"error.json": errors_json(Errors(Failure(FailureReason.TIMEOUT, "slow")))}
    found = replay(InMemory.of({**files([refused] * 3), "README": b""}), RULES, 30.0)
    assert (found.verdict, found.notes) == (Verdict.UNREACHABLE, ("README",))


# -- what would have been done ----------------------------------------------------------------------------------------


def plan(samples: list[dict[str, bytes]], policy: RemediationPolicy = EVICT) -> Planned:
    (one,) = planned(replayed(samples), policy)
    return one


def with_pod(**changes: Any) -> list[dict[str, bytes]]:
    target = target_json(of_pod(ENDPOINT, pod("ws-1", **changes)))
    return [{**LEAK[0], "target.json": target}, *LEAK[1:]]


def test_of_a_url_the_rails_about_pod_and_fleet_are_named_and_never_taken_as_passed() -> None:
    found = plan(LEAK)
    assert found.action is Mode.EVICT
    assert found.message.startswith("Evict, rails not evaluated: ")
    pods_and_fleet = {Refusal.NO_CONTROLLER, Refusal.LOCAL_STORAGE, Refusal.MIN_READY_PEERS, Refusal.BUDGET,
                      Refusal.STORM_BRAKE, Refusal.COOLDOWN, Refusal.NOT_CONFIRMED}  # fmt: skip
    assert pods_and_fleet <= set(found.not_evaluated)


def test_of_a_known_pod_the_rails_about_it_are_evaluated() -> None:
    found = plan(with_pod())
    assert Refusal.NO_CONTROLLER not in found.not_evaluated
    assert Refusal.MIN_READY_PEERS in found.not_evaluated
    assert plan(with_pod(owner=None)).refusal is Refusal.NO_CONTROLLER
    assert plan(with_pod(local_volumes=("scratch",))).refusal is Refusal.LOCAL_STORAGE


@pytest.mark.parametrize(
    ("state", "refusal", "named"),
    [
        ({"documents": 4}, Refusal.OPEN_DOCUMENTS, False),
        ({"documents": 0}, None, False),
        ({"sessions": 1}, None, True),
        (None, None, True),
    ],
)
def test_what_was_open_in_a_recorded_gopls_holds_its_pod_or_is_named(
    state: dict[str, int] | None, refusal: Refusal | None, named: bool
) -> None:
    page = json.dumps({"pid": 7, "version": "golang.org/x/tools/gopls v0.22.0", "state": state}).encode()
    found = plan([sample | {"gopls.json": page} for sample in with_pod()])
    assert found.refusal is refusal
    assert (Refusal.OPEN_DOCUMENTS in found.not_evaluated) is named


def test_every_rail_is_evaluated_or_named() -> None:
    """With facts that pass all rails that a recording can know, what is left is what it cannot know, and nothing
    else."""
    named = set(plan(with_pod()).not_evaluated)
    assert named == {
        Refusal.ALREADY_DONE, Refusal.ANOTHER_POLICY_ACTS, Refusal.JOURNAL_UNAVAILABLE, Refusal.CIRCUIT_BREAKER,
        Refusal.STORM_BRAKE, Refusal.IN_FLIGHT, Refusal.COOLDOWN, Refusal.MIN_READY_PEERS, Refusal.DISRUPTION_BUDGET,
        Refusal.FORBIDDEN, Refusal.API_REFUSED, Refusal.BUDGET, Refusal.NOT_CONFIRMED,
    }  # fmt: skip


def test_what_the_policy_mutes_is_not_acted_on_while_the_mute_lasts() -> None:
    samples = with_pod()
    until = T0 + 660.0
    (one,) = planned(replayed(samples), EVICT, [Mute(EVICT.key, "memory/main.keep", "known", None)])
    assert (one.action, one.refusal) == (None, Refusal.MUTED)
    (one,) = planned(replayed(samples), EVICT, [Mute(EVICT.key, "memory/main.keep", "known", until)])
    assert (one.action, one.at) == (Mode.EVICT, until)


def test_a_policy_that_observes_does_nothing_and_says_why() -> None:
    found = plan(LEAK, replace(EVICT, mode=Mode.OBSERVE, execution=Execution.LIVE))
    assert (found.action, found.refusal) == (None, Refusal.OBSERVE_ONLY)


def test_an_eviction_waits_for_the_forced_collection_that_was_recorded() -> None:
    """Garbage is not acted on; what stayed is, from that sample on."""
    forced = heap({"main.keep": 10 * MI + 20 * 4 * MI, "main.rest": 90 * MI}, 64 * MI * 21)
    samples = with_pod()
    samples[20] = {**samples[20], "heap-gc.pb.gz": forced}
    found = plan(samples)
    assert Refusal.NOT_CONFIRMED not in found.not_evaluated
    assert (found.action, found.at) == (Mode.EVICT, T0 + 600.0)


def test_goroutines_in_a_recording_are_those_of_the_profile() -> None:
    samples = [{"goroutine.pb.gz": goroutines(10 + n)} for n in range(3)]
    assert [step.readable for step in replayed(samples).steps] == [True] * 3
