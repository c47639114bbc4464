"""What comes when, and what can be done now: the first half of a message."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakwarden.api.words import Resolution, Signal
from leakwarden.core.actions import Refusal
from leakwarden.core.findings import Finding
from leakwarden.core.gopls_info import GoplsContext
from leakwarden.core.gopls_pages import GoplsState
from leakwarden.core.report.message import finding_message
from leakwarden.core.report.refused import REASONS
from leakwarden.core.report.scene import Scene, workload_of
from leakwarden.core.targets import Owner
from tests.core.decide.fleets import pod
from tests.core.report.samples import HERE, KEEP, MIB, NOW, RESTART, goroutine_leak, heap_leak, pressure


@pytest.mark.parametrize("pace", [-5.0, 0.0, 0.3])
def test_a_finding_that_is_flat_says_so_and_names_neither_pace_nor_limit(pace: float) -> None:
    message = finding_message(heap_leak(growth_per_hour=pace), HERE)
    assert re.search(r"grew 512 MiB since \S+Z, and no more now \(growth", message)
    assert message.startswith(
        "Growth has stopped: memory does not run out unless it resumes, no restart is needed now: pod demo/ws-1 "
    )
    assert "/h" not in message and "then restart" not in message


@pytest.mark.parametrize(("hours", "told"), [(1, True), (24, True), (24.1, False), (300, False)])
def test_a_limit_more_than_a_day_ahead_is_not_told(hours: float, told: bool) -> None:
    message = finding_message(heap_leak(limit_at=NOW + hours * 3600), HERE)
    assert message.startswith(
        "Out of memory about 2026-11-2" if told else "Not urgent, more than a day to the memory limit at this pace"
    )
    assert ("At the limit the container is killed" in message) is told


@pytest.mark.parametrize(
    ("changes", "scene", "says"),
    [
        (
            {},
            replace(HERE, affected=400),
            "Out of memory about 2026-11-23T16:40Z at this pace: 400 pods, the worst pod demo/ws-1 (Deployment/ws, "
            "container dev), uses 1 GiB of its 1.5 GiB limit as of 14:00Z and grows 190 MiB/h.",
        ),
        (
            {},
            replace(HERE, workload="", container="", memory=None),
            "Out of memory about 2026-11-23T16:40Z at this pace: pod demo/ws-1, live heap alone 612 MiB, limit 1.5 GiB "
            "as of 14:00Z and grows 350 MiB/h.",
        ),
        (
            {"limit_at": NOW + 11 * 3600},
            HERE,
            "Out of memory about 2026-11-24T01:00Z at this pace: pod demo/ws-1 (Deployment/ws, container dev), uses "
            "1 GiB of its 1.5 GiB limit as of 2026-11-23T14:00Z and grows 47 MiB/h.",
        ),
        (
            {"limit_at": NOW},
            HERE,
            "Out of memory about 2026-11-23T14:00Z at this pace: pod demo/ws-1 (Deployment/ws, container dev), uses "
            "1 GiB of its 1.5 GiB limit as of 14:00Z.",
        ),
        (
            {"limit_at": None},
            replace(HERE, memory_limit=0),
            "The container has no memory limit and can exhaust the node: pod demo/ws-1 (Deployment/ws, container dev), "
            "uses 1 GiB as of 2026-11-23T14:00Z.",
        ),
        (
            {"limit_at": None},
            replace(HERE, memory_limit=0, container="", memory=None, live_heap=None),
            "No memory limit is known, so nobody knows when memory runs out: pod demo/ws-1 (Deployment/ws).",
        ),
        (
            {"limit_at": None},
            HERE,
            "The live heap as a whole does not grow measurably now: memory does not run out unless it resumes, no "
            "restart is needed now: pod demo/ws-1 (Deployment/ws, container dev), uses 1 GiB of its 1.5 GiB limit as "
            "of 2026-11-23T14:00Z.",
        ),
    ],
    ids=["many pods", "the heap alone", "tomorrow", "now", "no limit", "limit unknown", "as a whole it does not grow"],
)
def test_the_first_sentence_says_what_comes_when_to_which_pod_and_how_full_it_is(
    changes: dict[str, Any], scene: Scene, says: str
) -> None:
    assert finding_message(heap_leak(**changes), scene).startswith(f"{says} Now: ")


@given(st.floats(1, 1535), st.floats(120, 86400))
def test_the_time_of_the_limit_follows_from_what_is_used_and_its_pace(used: float, left: float) -> None:
    """Whoever is called at night can check it: limit less use, divided by the pace, is the time that is left."""
    leak = goroutine_leak(limit_at=NOW + left)
    message = finding_message(leak, replace(HERE, memory=used * MIB))
    pace = re.search(r" and grows ([\d.]+) ([KMGT])iB/h\.", message)
    assert pace is not None
    per_hour = float(pace[1]) * 1024 ** ("KMGT".index(pace[2]) - 1)
    assert (1536 - used) / per_hour * 3600 == pytest.approx(left, rel=0.06)


def test_since_when_the_process_runs_tells_a_leak_from_a_start() -> None:
    message = finding_message(heap_leak(), replace(HERE, started_at=NOW - 5 * 3600))
    assert "grew 512 MiB since 10:00Z (process up since 09:00Z), 96 MiB/h" in message


@pytest.mark.parametrize(
    ("changes", "above", "says"),
    [
        (
            {},
            {"level": 85.0},
            "Heap in use as a share of the memory taken from the system is 93.4 % as of 2026-11-23T14:00Z, over its "
            "threshold of 85 %, but not proven to grow: pod ",
        ),
        ({"signal": Signal.LIVE_HEAP, "value": 612 * MIB}, {"level": 512 * MIB}, "Live heap is 612 MiB as of "),
        ({"signal": Signal.GOROUTINES, "value": 612.0}, {"level": 500.0}, "Goroutines are 612 as of "),
        ({}, {"another": 85.0}, "Heap in use as a share of the memory taken from the system is 93.4 % as of "),
    ],
)
def test_pressure_says_which_level_is_over_which_threshold_and_that_nothing_is_done(
    changes: dict[str, Any], above: dict[str, float], says: str
) -> None:
    message = finding_message(pressure(**changes), replace(HERE, above=above))
    assert message.startswith(says)
    assert ", uses 1 GiB of its 1.5 GiB limit. Now: nothing is urgent while it does not grow; save a profile" in message
    assert "Leakwarden takes no action on what is not proven to grow. Evidence: " in message
    assert " been over its threshold since 11:00Z; growth is not proven (rule level). Fix: none needed" in message
    assert "restart" not in message


@pytest.mark.parametrize(
    ("decision", "says"),
    [
        ("", "not urgent yet. Evidence: "),
        ("ObserveOnly", "This policy only watches, it touches no pod. Evidence: "),
        ("Evict", "may be lost: have the user save. Leakwarden evicts the pod itself. Evidence: "),
        (
            "Evict (dry run)",
            "would evict the pod, but only a dry run is allowed: it does nothing. Evidence: ",
        ),
        ("Annotate", "Leakwarden annotates the pod, and does no more. Evidence: "),
        (
            "Cooldown",
            "Leakwarden does not act: it acted on this owner's pods not long ago (Cooldown; kubectl leakwarden explain "
            "ws-1 -n demo). Evidence: ",
        ),
    ],
)
def test_what_was_decided_is_said_in_words(decision: str, says: str) -> None:
    assert says in finding_message(heap_leak(), replace(HERE, decision=decision), room=4096)


def test_where_room_is_short_a_refusal_keeps_its_reason_and_loses_its_command() -> None:
    there = replace(HERE, decision="Cooldown")
    whole = finding_message(heap_leak(), there, room=4096)
    less = finding_message(heap_leak(), there, room=len(whole) - 20)
    assert "does not act: it acted on this owner's pods not long ago (Cooldown). Evidence: " in less


@pytest.mark.parametrize(
    ("leak", "says"),
    [
        (heap_leak(site=None), "compare two heap profiles (go tool pprof -diff_base)"),
        (goroutine_leak(site=None), "compare two goroutine profiles (go tool pprof -diff_base)"),
    ],
)
def test_what_no_one_place_explains_is_to_be_compared(leak: Finding, says: str) -> None:
    assert f"Cause not recognised. Next, for the code's owner: {says}" in finding_message(leak, HERE)


@pytest.mark.parametrize("refusal", Refusal)
def test_each_refusal_has_its_reason_in_words(refusal: Refusal) -> None:
    assert REASONS[refusal] and not REASONS[refusal].endswith(".")


def test_of_goroutines_it_is_their_profile_that_is_to_be_saved() -> None:
    said = "Now: save a profile (kubectl leakwarden profile ws-1 -n demo --type goroutine). "
    assert said in finding_message(goroutine_leak(), HERE)


@pytest.mark.parametrize(("hours", "urgent"), [(0.5, True), (1.9, True), (2.1, False), (20, False)])
def test_where_hours_remain_a_restart_is_not_urgent(hours: float, urgent: bool) -> None:
    message = finding_message(heap_leak(limit_at=NOW + hours * 3600), HERE)
    assert RESTART in message and ("not urgent yet" not in message) is urgent


@pytest.mark.parametrize(
    ("documents", "says"),
    [(None, ""), (0, ""), (1, " (1 document open, saved or not)"),
     (4, " (4 documents open, saved or not)")],
)  # fmt: skip
def test_the_price_of_the_limit_is_named_and_never_that_nothing_is_open(documents: int | None, says: str) -> None:
    gopls = GoplsContext("v0.22.0", state=GoplsState(sessions=1, views=1, documents=documents))
    assert f"unsaved work may be lost{says}: have the user save, then restart" in finding_message(
        heap_leak(gopls=gopls), HERE
    )


def test_of_gopls_its_editor_restarts_the_language_server_alone() -> None:
    site = replace(KEEP, function="golang.org/x/tools/gopls/internal/cache.readFile")
    message = finding_message(heap_leak(site=site, gopls=GoplsContext("v0.22.0")), HERE)
    assert "restart the language server in the editor (not the pod) before 16:40Z" in message


def test_of_what_ended_and_of_a_recording_nothing_can_be_done_now() -> None:
    ended = finding_message(heap_leak(resolution=Resolution.SUBSIDED), HERE)
    assert ended.startswith("Evidence: live heap of main.")
    recorded = finding_message(heap_leak(), Scene(memory_limit=int(1536 * MIB)))
    assert recorded.startswith("Out of memory about 2026-11-23T16:40Z at this pace. Evidence: live heap of main.")


@pytest.mark.parametrize(
    ("owner", "labels", "says"),
    [
        (None, {}, ""),
        (Owner("StatefulSet", "ws", "u"), {}, "StatefulSet/ws"),
        (Owner("ReplicaSet", "ws-5d79c98694", "u"), {"pod-template-hash": "5d79c98694"}, "Deployment/ws"),
        (Owner("ReplicaSet", "ws-5d79c98694", "u"), {}, "ReplicaSet/ws-5d79c98694"),
        (Owner("ReplicaSet", "ws-of-mine", "u"), {"pod-template-hash": "5d79c98694"}, "ReplicaSet/ws-of-mine"),
    ],
)
def test_a_pod_is_known_by_its_deployment(owner: Owner | None, labels: dict[str, str], says: str) -> None:
    assert workload_of(pod(owner=owner, labels=labels)) == says
