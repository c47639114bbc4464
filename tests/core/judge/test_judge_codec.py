"""The stored form of a state: exact, versioned, and refused when it does not fit."""

from __future__ import annotations

import json
from typing import Any

import pytest

from leakwarden.core.judge import codec, start
from leakwarden.core.judge.codec import UnknownState, from_json, to_json
from leakwarden.core.readings import Reading
from tests.core.judge.builders import MI, Target, builtin, goroutines, heap, memstats


def state_in_the_middle() -> Target:
    target = Target(builtin(), limit=900 * MI)
    for index in range(130):
        live = (200 + 5.1 * index) * MI
        profile = heap(live, {"example.com/x.Keep": 5 * index * MI}, alloc=index * 64 * MI)
        target.give(Reading(profile, goroutines(9), memstats(live, 2 * live)))
    return target


def test_a_state_comes_back_as_it_was() -> None:
    state = state_in_the_middle().state
    assert state is not None
    assert state.findings
    assert from_json(to_json(state)) == state


def test_a_state_of_nothing_comes_back_too() -> None:
    assert from_json(to_json(start(builtin()))) == start(builtin())


def test_the_same_state_is_always_the_same_text() -> None:
    state = state_in_the_middle().state
    assert state is not None
    assert to_json(from_json(to_json(state))) == to_json(state)


def broken(change: Any) -> str:
    document = json.loads(to_json(state_in_the_middle().last.state))
    change(document)
    return json.dumps(document)


BROKEN = {
    "another version": lambda d: d.update(version=codec.VERSION + 1),
    "no version": lambda d: d.pop("version"),
    "a field missing": lambda d: d["state"].pop("holds"),
    "a field of another type": lambda d: d["state"].update(failures="many"),
    "a word that is none": lambda d: d["state"]["findings"][0]["finding"].update(severity="Terrible"),
    "a truncated series": lambda d: d["state"]["segment"]["live"].__setitem__(0, d["state"]["segment"]["live"][0][:-4]),
    "times without values": lambda d: d["state"]["segment"]["live"].__setitem__(1, ""),
    "a series that is no base64": lambda d: d["state"]["segment"]["live"].__setitem__(1, "§§"),
    "a list for a mapping": lambda d: d["state"].update(holds=[1]),
    "a truth for a number": lambda d: d["state"].update(failures=True),
    "nothing at all": lambda d: d.clear(),
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
def test_a_text_that_does_not_fit_is_refused(change: Any) -> None:
    with pytest.raises(UnknownState):
        from_json(broken(change))


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '"state"'])
def test_a_text_that_is_no_state_is_refused(text: str) -> None:
    with pytest.raises(UnknownState):
        from_json(text)
