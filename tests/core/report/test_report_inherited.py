"""What an earlier operator found stays in the status, marked, until the one that runs now can tell."""

from __future__ import annotations

from typing import Any

import pytest

from leakwarden.api.words import Verdict
from leakwarden.core.report.inherited import Heir, Known, patience
from leakwarden.core.report.status import build_status, parsed
from leakwarden.core.report.values import TargetReport, row_of
from tests.core.api.policies import SMALLEST
from tests.core.report.samples import HOUR, NOW, goroutine_leak, heap_leak, policy, pressure, report

POLICY = policy(SMALLEST)
FOREVER = float("-inf")
NOTHING_KNOWN = {name: Known(made_at=NOW - 24 * HOUR, until=FOREVER) for name in ("ws-1", "ws-2", "ws-3")}
TAKEN_OVER = NOW + 60
WAITING = "; 1 of them as an earlier operator found them, not judged anew yet"


def status(*reports: TargetReport, previous: Any = None, now: float = TAKEN_OVER, **more: Any) -> dict[str, Any]:
    return build_status(POLICY, reports, [], [], previous=previous, now=now, **more)


BEFORE = status(report("ws-1", heap_leak()), report("ws-2", heap_leak()), report("ws-3"), now=NOW)


def learning(name: str = "ws-1", verdict: Verdict = Verdict.LEARNING, **changes: Any) -> TargetReport:
    return report(name, verdict=verdict, **changes)


def taken_over(*reports: TargetReport, known: dict[str, Known] | None = None, **more: Any) -> dict[str, Any]:
    return status(*reports, previous=BEFORE, known=NOTHING_KNOWN if known is None else known, **more)


def leaking(found: dict[str, Any]) -> tuple[str, str]:
    (one,) = [c for c in found["conditions"] if c["type"] == "Leaking"]
    return one["status"], one["message"]


def test_a_takeover_keeps_what_was_found_and_says_as_of_when_it_is() -> None:
    found = taken_over(learning("ws-1"), learning("ws-2"), learning("ws-3"))
    (was,), (row,) = BEFORE["findings"], found["findings"]
    assert row == {**was, "asOf": "2026-11-23T14:01:00Z"}
    assert found["topLeak"] == BEFORE["topLeak"]
    assert leaking(found) == ("True", leaking(BEFORE)[1] + WAITING)
    assert found["conditions"][1]["lastTransitionTime"] == BEFORE["conditions"][1]["lastTransitionTime"]
    assert (found["findingsTotal"], found["targets"]["leaking"]) == (1, 0)


def test_it_stays_as_it_is_while_nothing_more_is_known() -> None:
    first = taken_over(learning("ws-1"), learning("ws-2"))
    again = status(learning("ws-1"), learning("ws-2"), previous=first, now=TAKEN_OVER + 600)
    assert again == first


def test_found_again_it_is_known_and_open_since_it_was_first_said() -> None:
    first = taken_over(learning("ws-1"), learning("ws-2"))
    opening = {row_of(heap_leak()): heap_leak().first_seen}
    relearned = report("ws-1", heap_leak(first_seen=TAKEN_OVER + 900), openings=opening)
    (row,) = status(relearned, learning("ws-2"), previous=first, now=TAKEN_OVER + 900)["findings"]
    assert "asOf" not in row
    assert row["firstSeen"] == BEFORE["findings"][0]["firstSeen"]
    assert row["affected"] == 1


@pytest.mark.parametrize("verdict", [Verdict.HEALTHY, Verdict.NOT_RUNNING])
def test_what_its_pods_speak_against_goes(verdict: Verdict) -> None:
    first = taken_over(learning("ws-1"), learning("ws-2"))
    one_left = status(learning("ws-1", verdict), learning("ws-2"), previous=first)
    assert (one_left["findings"][0]["pods"], one_left["findings"][0]["affected"]) == (["ws-2"], 1)
    none_left = status(learning("ws-1", verdict), learning("ws-2", verdict), previous=one_left)
    assert none_left["findings"] == []
    assert leaking(none_left)[0] != "True"


@pytest.mark.parametrize("verdict", [Verdict.LEARNING, Verdict.INCONCLUSIVE, Verdict.UNREACHABLE, Verdict.LEAKING])
def test_what_its_pods_say_nothing_about_stays(verdict: Verdict) -> None:
    other = (goroutine_leak(),) if verdict is Verdict.LEAKING else ()
    found = taken_over(report("ws-1", *other, verdict=verdict))
    assert [row["signature"] for row in found["findings"] if "asOf" in row] == [heap_leak().signature]
    assert len(found["findings"]) == 1 + len(other)


def test_with_its_pods_gone_it_is_gone() -> None:
    assert taken_over(learning("ws-3"))["findings"] == []


def test_the_number_of_a_row_that_names_not_all_of_its_pods_stays() -> None:
    many = status(*(report(f"ws-{i}", heap_leak()) for i in range(9)), now=NOW)
    known = {f"ws-{i}": Known(NOW - 24 * HOUR, FOREVER) for i in range(9)}
    (row,) = status(*(learning(f"ws-{i}") for i in range(9)), previous=many, known=known)["findings"]
    assert (row["affected"], len(row["pods"])) == (9, 5)


def test_a_pod_of_the_same_name_that_was_made_later_is_another_pod() -> None:
    """A StatefulSet gave the name anew while nobody looked."""
    anew = {**NOTHING_KNOWN, "ws-1": Known(made_at=NOW - 60, until=FOREVER)}
    (row,) = taken_over(learning("ws-1"), learning("ws-2"), known=anew)["findings"]
    assert row["pods"] == ["ws-2"]


def test_who_has_a_memory_of_the_pods_knows_better() -> None:
    """A restart with its store: the leak had been resolved, and only the status did not say so yet."""
    known = {name: Known(NOW - 24 * HOUR, until=NOW - 30) for name in ("ws-1", "ws-2")}
    assert taken_over(learning("ws-1"), learning("ws-2"), known=known)["findings"] == []


def test_a_memory_that_ends_before_the_leak_was_found_knows_nothing() -> None:
    """Who leads again after another has led in between."""
    known = {name: Known(NOW - 24 * HOUR, until=NOW - 5 * HOUR) for name in ("ws-1", "ws-2")}
    assert len(taken_over(learning("ws-1"), learning("ws-2"), known=known)["findings"]) == 1


def test_what_is_resolved_while_one_runs_goes_at_once() -> None:
    assert taken_over(learning("ws-1"), known={})["findings"] == []


def test_what_is_not_found_again_in_time_is_believed_to_be_over() -> None:
    first = taken_over(learning("ws-1"))
    for later, there in ((patience(POLICY), True), (patience(POLICY) + 1, False)):
        again = status(learning("ws-1"), previous=first, now=TAKEN_OVER + later)
        assert bool(again["findings"]) is there
    assert patience(POLICY) > 240 * 30


def test_openings_are_taken_over_of_what_stays_and_of_nothing_else() -> None:
    rows = parsed(BEFORE).findings
    assert Heir(POLICY, NOW, NOTHING_KNOWN).openings(rows) == {row_of(heap_leak()): heap_leak().first_seen}
    assert Heir(POLICY, NOW).openings(rows) == {}
    kept = parsed(taken_over(learning("ws-1"))).findings
    assert Heir(POLICY, NOW).openings(kept) == {row_of(heap_leak()): heap_leak().first_seen}


def test_pressure_is_kept_too_and_makes_nobody_leaking() -> None:
    before = status(report("ws-1", pressure(), verdict=Verdict.INCONCLUSIVE), now=NOW)
    found = status(learning("ws-1"), previous=before, known=NOTHING_KNOWN)
    assert [row["type"] for row in found["findings"]] == ["Pressure"]
    assert leaking(found)[0] != "True"
    assert "topLeak" not in found
