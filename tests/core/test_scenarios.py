"""Each scenario of tests/scenarios ends as it says: these findings, then, and no others."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from leakwarden.core.findings import Finding
from leakwarden.core.judge import Judgement, TransitionKind, codec
from tests.core.judge.builders import T0
from tests.core.scenario import Scenario, all_scenarios, run, seconds

SCENARIOS = all_scenarios(Path(__file__).parent.parent / "scenarios")
EXPECTED = {"verdict", "verdicts", "never", "opened", "resolved", "worsened", "confirmations", "wanted", "labels"}
OF_AN_OPENING = {"signature", "at", "rules", "type", "severity", "confidence", "since", "wait", "limit"}
OF_AN_END = {"signature", "at", "why"}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.id)
def test_a_scenario_ends_as_it_says(scenario: Scenario) -> None:
    expect = scenario.body["expect"]
    assert set(expect) <= EXPECTED
    said = run(scenario)
    _opened(scenario, said, expect["opened"])
    _resolved(said, expect.get("resolved", []))
    worsened = [index for index, _, finding in _transitions(said, TransitionKind.WORSENED) if finding]
    assert worsened == expect.get("worsened", worsened)
    for index, verdict in expect.get("verdicts", {}).items():
        assert said[index].verdict == verdict, f"at {index}: {said[index].reason}"
    seen = {judgement.verdict.value for judgement in said}
    assert not seen & set(expect.get("never", [])), seen
    if "confirmations" in expect:
        assert _confirmations(said) == expect["confirmations"]
    if "labels" in expect:
        told = {f"{one.key}={one.value}": round(one.share, 2) for f in said[-1].findings for one in f.labels}
        assert told == expect["labels"]
    if "wanted" in expect:
        assert [index for index, judgement in enumerate(said) if judgement.wants] == expect["wanted"]
    if "verdict" in expect:
        assert said[-1].verdict == expect["verdict"], said[-1].reason


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.id)
def test_a_scenario_goes_on_from_its_stored_state_as_if_never_stored(scenario: Scenario) -> None:
    def stored(judgement: Judgement) -> Judgement:
        if len(counted) % 23 == 0:
            judgement = replace(judgement, state=codec.from_json(codec.to_json(judgement.state)))
        counted.append(judgement)
        return judgement

    counted: list[Judgement] = []
    assert run(scenario, stored) == run(scenario)


def _transitions(said: list[Judgement], kind: TransitionKind) -> list[tuple[int, Judgement, Finding]]:
    return [
        (index, judgement, transition.finding)
        for index, judgement in enumerate(said)
        for transition in judgement.transitions
        if transition.kind is kind
    ]


def _opened(scenario: Scenario, said: list[Judgement], expected: list[dict[str, Any]]) -> None:
    opened = _transitions(said, TransitionKind.OPENED)
    told = [(index, finding.signature, finding.rules) for index, _, finding in opened]
    assert [finding.signature for _, _, finding in opened] == [one["signature"] for one in expected], told
    interval = seconds(scenario.body.get("interval", "30s")) * scenario.body.get("every", 1)
    for (index, _, first), one in zip(opened, expected, strict=True):
        assert set(one) <= OF_AN_OPENING
        assert one["at"][0] <= index <= one["at"][1], f"opened at {index}"
        last = _last_of(said[index:], first.signature)
        assert sorted(last.rules) == sorted(one.get("rules", last.rules))
        for field in ("type", "severity", "confidence", "wait"):
            assert getattr(last, field) == one.get(field, getattr(last, field))
        if "since" in one:
            since = (first.since - T0) / interval
            assert one["since"][0] <= since <= one["since"][1], f"since {since:.1f}"
        if "limit" in one:
            assert first.limit_at is not None
            reached = (first.limit_at - T0) / interval
            assert one["limit"][0] <= reached <= one["limit"][1], f"limit at {reached:.1f}"


def _confirmations(said: list[Judgement]) -> dict[int, str]:
    """At which step the confirmation of the worst open finding became what."""
    results = [next((f.confirmation.result.value if f.confirmation else "" for f in j.findings), "") for j in said]
    return {index: now for index, (before, now) in enumerate(pairwise(["", *results])) if now != before}


def _last_of(said: list[Judgement], signature: str) -> Finding:
    """The finding as it was told last before it ended, so that rules which joined later are seen."""
    found = [f for j in said for f in j.findings if f.signature == signature]
    until = next((i for i, f in enumerate(found) if f.resolution is not None), len(found) - 1)
    return found[until]


def _resolved(said: list[Judgement], expected: list[dict[str, Any]]) -> None:
    ended = _transitions(said, TransitionKind.RESOLVED)
    told = [(index, finding.signature, finding.resolution) for index, _, finding in ended]
    assert [(f.signature, f.resolution) for _, _, f in ended] == [(e["signature"], e["why"]) for e in expected], told
    for (index, _, _), one in zip(ended, expected, strict=True):
        assert set(one) <= OF_AN_END
        assert one["at"][0] <= index <= one["at"][1], f"ended at {index}"
