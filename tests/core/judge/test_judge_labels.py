"""Growth by label: which value has most of what came since the onset, with how much certainty, and hidden when told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakwarden.api.words import Signal, WaitKind
from leakwarden.core.findings import Finding, LabelShare
from leakwarden.core.judge import labels
from leakwarden.core.judge.codec import to_json
from leakwarden.core.judge.values import LabelHistory, LabelSnapshot, Sightings
from leakwarden.core.readings import Kept, LabelledRun, LabelUse, Reading
from leakwarden.core.rules import RuleSet
from tests.core.judge.builders import MI, T0, Target, goroutines, heap, rule, rules

SEND = ("example.com/x.send", WaitKind.CHAN_SEND)
BLOCKED = rule("blocked", Signal.BLOCKED_GOROUTINES, above=50, at_least=20, window=360.0, hold=30.0)
ALL = rule("all", Signal.GOROUTINES, above=50, at_least=20, window=360.0, hold=30.0)


def counts(at: float, count: int, values: dict[str, int], others: int = 0) -> LabelSnapshot:
    return LabelSnapshot(at, count, (LabelUse("doc_id", values, others),))


def share(history: LabelHistory, since: float, level: float = 0.0) -> tuple[str, float, bool] | None:
    found = labels.shares(history, since, level)
    return (found[0].value, round(found[0].share, 3), found[0].exact) if found else None


THEN = counts(100, 100, {"a": 40, "b": 30, "c": 20, "d": 8}, 2)


@pytest.mark.parametrize(
    ("history", "since", "level", "said"),
    [
        ((THEN, counts(200, 200, {"a": 131, "b": 30, "c": 20, "d": 10}, 9)), 150, 0, ("a", 0.91, True)),
        ((THEN, counts(200, 200, {"e": 80, "a": 40, "b": 30, "c": 25}, 25)), 150, 0, ("e", 0.78, False)),
        ((counts(100, 9, {"a": 9}), counts(200, 109, {"e": 80, "a": 29})), 150, 0, ("e", 0.8, True)),
        ((counts(200, 100, {"a": 90, "b": 10}),), 150, 0, ("a", 0.9, True)),
        ((counts(200, 100, {"a": 90, "b": 10}),), 150, 20, ("a", 0.875, False)),
        ((THEN, counts(200, 200, {"a": 80, "b": 70, "c": 35, "d": 15})), 150, 0, None),
        ((THEN, counts(200, 107, {"a": 47, "b": 30, "c": 20, "d": 8}, 2)), 150, 0, None),
        ((THEN, counts(200, 90, {"a": 30, "b": 30, "c": 20, "d": 8}, 2)), 150, 0, None),
        ((), 150, 0, None),
    ],
    ids=[
        "most of the growth is one value's", "a value that was among the others then has at least so much",
        "a value that nobody had then is new", "a place that was empty then", "a place of unknown labels then",
        "spread over several values", "too few to tell", "fewer than then", "no labels",
    ],
)  # fmt: skip
def test_the_value_with_most_of_the_growth_is_named(
    history: LabelHistory, since: float, level: float, said: tuple[str, float, bool] | None
) -> None:
    assert share(history, since, level) == said


def test_a_label_that_was_not_counted_then_is_not_taken_for_new() -> None:
    then = LabelSnapshot(100, 60, (LabelUse("x", {"1": 60}), LabelUse("y", {"1": 60}), LabelUse("z", {"1": 60})))
    now = LabelSnapshot(200, 100, (LabelUse("doc_id", {"a": 90}),))
    assert labels.shares((then, now), 150, 0) == (LabelShare("doc_id", "a", 0.75, exact=False),)


VALUE = st.sampled_from("abcdef")


@given(
    then=st.dictionaries(VALUE, st.integers(1, 50)),
    more=st.dictionaries(VALUE, st.integers(-20, 200)),
    bare=st.tuples(st.integers(0, 20), st.integers(0, 20)),
)
def test_no_share_is_more_than_the_value_really_has(
    then: dict[str, int], more: dict[str, int], bare: tuple[int, int]
) -> None:
    """Whatever the bounds left out: exact where it says so, and never too much."""
    now = {value: max(0, then.get(value, 0) + more.get(value, 0)) for value in {*then, *more}}

    def bounded(at: float, counted: dict[str, int], unlabelled: int) -> LabelSnapshot:
        kept = dict(sorted(((v, n) for v, n in counted.items() if n), key=lambda item: (-item[1], item[0]))[:4])
        rest = sum(counted.values()) - sum(kept.values())
        return counts(at, sum(counted.values()) + unlabelled, kept, rest)

    history = (bounded(100, then, bare[0]), bounded(200, now, bare[1]))
    for found in labels.shares(history, 150, 0):
        truth = (now[found.value] - then.get(found.value, 0)) / (history[1].count - history[0].count)
        assert found.share == pytest.approx(min(1.0, truth)) if found.exact else found.share <= truth + 1e-9


@given(st.integers(1, 300), st.floats(0.0, 1.0))
def test_few_counts_are_kept_and_one_lies_before_every_onset_not_ten_times_as_far_back(
    readings: int, where: float
) -> None:
    history: LabelHistory = ()
    now = first = T0
    for number in range(readings):
        now += 30.0
        first = first if history else now
        history = labels.noted(history, now, number, (LabelUse("doc_id", {"a": number}),), hide=False)
    assert len(history) <= labels.SNAPSHOTS
    assert (history[0].at, history[-1].at) == (first, now)
    since = first + where * (now - first)
    base = max(snapshot.at for snapshot in history if snapshot.at <= since)
    assert now - base <= 10 * max(now - since, 30.0)


def test_a_reading_with_the_same_counts_adds_nothing_and_one_without_labels_forgets() -> None:
    uses = (LabelUse("doc_id", {"a": 5}),)
    history = labels.noted((), T0, 5, uses, hide=False)
    assert labels.noted(history, T0 + 30, 5, uses, hide=False) == history
    assert labels.noted(history, T0 + 30, 5, (), hide=False) == ()


# -- in a finding -----------------------------------------------------------------------------------------------------


def leaking(rule_set: RuleSet, steps: int = 25, target: Target | None = None) -> Target:
    """Ten goroutines a step, nine of them of `doc_id=secret.go`, after a quiet start with other documents."""
    target = target or Target(rule_set)
    first = len(target.said)
    for index in range(first, first + steps):
        leaked = 10 * max(0, index - 5)
        documents = {"secret.go": leaked * 9 // 10, "other.go": 30 + leaked // 10}
        by_label = {"doc_id": documents, "doc_mode": {"edit": 30 + leaked}}
        reading = goroutines(100 + leaked, {SEND: 30 + leaked}, by_label)
        target.allocated += 64 * MI
        target.give(Reading(heap(100 * MI, alloc=target.allocated), reading))
    return target


def only(target: Target) -> Finding:
    (found,) = target.last.findings
    return found


@pytest.mark.parametrize("rule_set", [rules(BLOCKED), rules(ALL)], ids=["at a place", "in the process"])
def test_a_finding_says_which_value_the_new_goroutines_belong_to(rule_set: RuleSet) -> None:
    assert only(leaking(rule_set)).labels == (
        LabelShare("doc_mode", "edit", 1.0, exact=True),
        LabelShare("doc_id", "secret.go", 0.9, exact=True),
    )


def test_without_labels_nothing_is_said_of_any() -> None:
    target = Target(rules(BLOCKED))
    for index in range(25):
        leaked = 10.0 * max(0, index - 5)
        target.count(100 + leaked, {SEND: 30 + leaked})
    assert only(target).labels == ()


def test_hidden_values_are_in_no_finding_and_in_no_stored_state_but_their_share_is_told() -> None:
    target = leaking(replace(rules(BLOCKED), hide_labels=True))
    assert only(target).labels == (
        LabelShare("doc_mode", "", 1.0, exact=False),
        LabelShare("doc_id", "", pytest.approx((171 - 30) / 190), exact=False),  # type: ignore[arg-type]
    )
    assert target.state is not None
    stored = to_json(target.state)
    assert "doc_id" in stored
    assert not {word for word in ("secret", "other.go", "edit") if word in stored}


def test_values_of_before_are_forgotten_once_the_policy_hides_them() -> None:
    target = leaking(rules(BLOCKED))
    assert target.state is not None and "secret" in to_json(target.state)
    target.rules = replace(target.rules, hide_labels=True)
    target.fails()
    assert "secret" not in to_json(target.state)
    assert only(target).labels == ()
    leaking(target.rules, 20, target)
    assert {one.value for one in only(target).labels} == {""}
    assert "secret" not in to_json(target.state)


# -- memory: an estimate ----------------------------------------------------------------------------------------------

PARSE, CALLER, DISPATCH = "example.com/x.parse", "example.com/x.analyse", "example.com/x.dispatch"
RUN = LabelledRun(20, (LabelUse("doc_id", {"a": 18, "b": 1}),))
OTHER = LabelledRun(20, (LabelUse("doc_id", {"b": 20}),))


def memory(through: dict[str, LabelledRun], outer: tuple[str, ...] = (CALLER, DISPATCH)) -> Reading:
    way = Kept(("go/parser.ParseFile", PARSE, "net/http.serve", *outer), 2, 1, 1, 0)
    return Reading(
        heap=replace(heap(100 * MI), kept={PARSE: (way,)}), goroutines=replace(goroutines(50), through=through)
    )


def memory_leak() -> Finding:
    target = Target(rules(rule("site", Signal.SITE_BYTES, at_least=48 * MI)))
    for index in range(40):
        target.live(300 * MI + 4 * MI * index, {PARSE: 4 * MI * index})
    return only(target)


@pytest.mark.parametrize(
    ("through", "said"),
    [
        ({PARSE: RUN, CALLER: OTHER}, (PARSE, "a", 0.9)),
        ({CALLER: RUN, DISPATCH: OTHER}, (CALLER, "a", 0.9)),
        ({"example.com/x.elsewhere": RUN}, None),
        ({CALLER: replace(RUN, count=7)}, None),
        ({CALLER: replace(RUN, count=40)}, None),
    ],
    ids=["where it allocates", "at the nearest caller", "none that shares its stack", "too few", "most carry no label"],
)
def test_of_memory_the_goroutines_count_that_run_where_it_is_allocated(
    through: dict[str, LabelledRun], said: tuple[str, str, float] | None
) -> None:
    found = labels.sighted_shares(labels.sighted(None, memory_leak(), memory(through)))
    assert [(one.function, one.value, one.share, one.exact) for one in found] == ([(*said, False)] if said else [])


def test_a_dispatcher_far_out_tells_nothing() -> None:
    outer = (*(f"example.com/x.f{n}" for n in range(labels.NEAR)), DISPATCH)
    assert labels.sighted(None, memory_leak(), memory({DISPATCH: RUN}, outer)) is None


def test_sightings_add_up_and_stay_with_the_function_where_they_began() -> None:
    seen = labels.sighted(None, memory_leak(), memory({CALLER: RUN}))
    seen = labels.sighted(seen, memory_leak(), memory({PARSE: OTHER, CALLER: RUN}))
    seen = labels.sighted(seen, memory_leak(), memory({}))
    seen = labels.sighted(seen, memory_leak(), Reading())
    assert seen == Sightings(CALLER, 40, (LabelUse("doc_id", {"a": 36, "b": 2}),))
