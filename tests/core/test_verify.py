"""What became of an eviction."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leakwarden.api.words import FindingType, Mode, Outcome, Verdict
from leakwarden.core.actions import Action, ActionState
from leakwarden.core.findings import Finding
from leakwarden.core.targets import ContainerFacts, Owner, PodFacts
from leakwarden.core.verify import Judged, verify
from tests.core.decide.fleets import NOW, OWNER, evicted, leak, pod

FIRST = pod("ws-0", created_at=NOW - 9000)
AT = NOW - 1800
ACTION = evicted(FIRST, at=AT, found_at_age=1000.0)
FOR = 1800.0


def newer(name: str = "ws-9", age: float = 1790.0, owner: Owner = OWNER) -> PodFacts:
    started = (ContainerFacts("dev", "c", 0, 0, True, NOW - age, 0.0),)
    return pod(name, owner=owner, created_at=NOW - age, containers=started)


def judged(pod: PodFacts, verdict: Verdict, findings: tuple[Finding, ...]) -> Judged:
    return Judged(pod, verdict, findings, at=NOW)


HEALTHY = judged(newer(), Verdict.HEALTHY, ())
SAME = leak(first_seen=NOW - 100)

ENDED: list[tuple[str, list[Judged], Outcome]] = [
    ("healthy at the age at which the first was found", [HEALTHY], Outcome.HELPED),
    ("healthy, but younger than that", [judged(newer(age=900), Verdict.HEALTHY, ())], Outcome.UNKNOWN),
    ("healthy when it was younger than that", [replace(HEALTHY, at=NOW - 900)], Outcome.UNKNOWN),
    ("still learning", [replace(HEALTHY, verdict=Verdict.LEARNING)], Outcome.UNKNOWN),
    ("out of reach", [replace(HEALTHY, verdict=Verdict.UNREACHABLE)], Outcome.UNKNOWN),
    ("no replacement at all", [], Outcome.UNKNOWN),
    ("only an older peer", [judged(pod("ws-1", created_at=NOW - 8000), Verdict.HEALTHY, ())], Outcome.UNKNOWN),
    (
        "only another owner's pod",
        [judged(newer(owner=Owner("ReplicaSet", "x", "x")), Verdict.HEALTHY, ())],
        Outcome.UNKNOWN,
    ),
    ("the same leak again", [replace(HEALTHY, findings=(SAME,))], Outcome.CAME_BACK),
    (
        "the same leak again, ended since",
        [replace(HEALTHY, findings=(replace(SAME, resolved_at=NOW),))],
        Outcome.CAME_BACK,
    ),
    (
        "the same leak beside a healthy pod",
        [HEALTHY, judged(newer("ws-8"), Verdict.LEAKING, (SAME,))],
        Outcome.CAME_BACK,
    ),
    ("the same leak, found after the time", [replace(HEALTHY, findings=(leak(first_seen=NOW + 1),))], Outcome.HELPED),
    (
        "the same place under pressure",
        [replace(HEALTHY, findings=(leak(type=FindingType.PRESSURE, first_seen=NOW - 9),))],
        Outcome.HELPED,
    ),
    ("another leak", [judged(newer(), Verdict.LEAKING, (leak("main.other", first_seen=NOW - 9),))], Outcome.UNKNOWN),
    (
        "healthy beside another replacement with another leak",
        [HEALTHY, judged(newer("ws-8"), Verdict.LEAKING, (leak("main.other", first_seen=NOW - 9),))],
        Outcome.UNKNOWN,
    ),
    (
        "the same leak in an older peer",
        [judged(pod("ws-1", created_at=NOW - 8000), Verdict.LEAKING, (SAME,))],
        Outcome.UNKNOWN,
    ),
]


@pytest.mark.parametrize(("what", "targets", "outcome"), ENDED, ids=[what for what, _, _ in ENDED])
def test_the_outcome_when_the_time_is_over(what: str, targets: list[Judged], outcome: Outcome) -> None:
    after = verify(ACTION, targets, FOR, NOW + 2)
    assert (after.outcome, after.outcome_at) == (outcome, NOW + 2), what


def test_a_stateful_set_gives_the_replacement_the_same_name() -> None:
    twin = replace(newer("ws-0"), uid="another-uid")
    assert verify(ACTION, [replace(HEALTHY, pod=twin)], FOR, NOW).outcome is Outcome.HELPED
    ghost = replace(newer("ws-0"), uid=FIRST.uid)
    assert verify(ACTION, [replace(HEALTHY, pod=ghost)], FOR, NOW).outcome is Outcome.UNKNOWN


def test_before_the_time_is_over_only_a_return_is_told() -> None:
    assert verify(ACTION, [HEALTHY], FOR, NOW - 1) == ACTION
    assert verify(ACTION, [replace(HEALTHY, findings=(SAME,))], FOR, NOW - 1).outcome is Outcome.CAME_BACK


def test_an_outcome_is_told_once() -> None:
    told = replace(ACTION, outcome=Outcome.HELPED, outcome_at=NOW - 5)
    assert verify(told, [replace(HEALTHY, findings=(SAME,))], FOR, NOW) == told


@pytest.mark.parametrize(
    "action",
    [
        replace(ACTION, dry_run=True),
        replace(ACTION, kind=Mode.ANNOTATE),
        replace(ACTION, state=ActionState.FAILED),
        replace(ACTION, state=ActionState.INTENDED),
    ],
    ids=["a dry run", "an annotation", "a failure", "an intent"],
)
def test_what_moved_no_pod_has_no_outcome(action: Action) -> None:
    assert verify(action, [HEALTHY, replace(HEALTHY, findings=(SAME,))], FOR, NOW + 9) == action
