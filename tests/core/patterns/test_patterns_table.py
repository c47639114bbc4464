"""Patterns as somebody writes them: what is wrong is said with its source, its place and its reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakwarden.core.patterns import builtin_patterns, joined, table_from_yaml
from leakwarden.errors import InvalidSpec

GOOD = "{name: mine, title: t, why: w, fix: f, when: [{family: goroutine, calls: [example.org/pool.*]}]}"


def row(**changed: str) -> str:
    fields = {"name": "mine", "title": "t", "why": "w", "fix": "f", "when": "[{family: goroutine, wait: [select]}]"}
    text = ", ".join(f"{key}: {value}" for key, value in {**fields, **changed}.items())
    return f"patterns: [{{{text}}}]"


BAD = {
    "patterns: [": "cm/x: is not YAML: ",
    "- just a list": "cm/x: must be a mapping with the key patterns",
    "": "cm/x: must be a mapping with the key patterns",
    "pattern: []": "cm/x: patterns: Field required",
    "patterns: 7": "cm/x: patterns: Input should be a valid ",
    row(name="My_Pattern"): "cm/x: patterns[0] (My_Pattern).name: String should match pattern",
    row(colour="red"): "cm/x: patterns[0] (mine).colour: Extra inputs are not permitted",
    row(fix="''"): "cm/x: patterns[0] (mine).fix: String should have at least 1 character",
    row(when="[]"): "cm/x: patterns[0] (mine).when: Tuple should have at least 1 item",
    row(when="[{family: goroutine}]"): "cm/x: patterns[0] (mine).when[0]: would fit every finding",
    row(when="[{family: heap, wait: [select]}]"): "cm/x: patterns[0] (mine).when[0].family: Input should be 'memory'",
    row(when="[{family: memory, wait: [select]}]"): "cm/x: patterns[0] (mine).when[0]: wait and calls are of",
    row(when="[{family: goroutine, wait: [napping]}]"): "cm/x: patterns[0] (mine).when[0].wait[0]: Input should be",
    row(when="[{family: memory, keeps: {calls: [x.y], share: 2}}]"): (
        "cm/x: patterns[0] (mine).when[0].keeps.share: Input should be less than or equal to 1"
    ),
    row(when="[{family: memory, beside: {}}]"): "cm/x: patterns[0] (mine).when[0].beside: says nothing",
    f"patterns: [{GOOD}, {GOOD}]": "cm/x: two patterns are named mine",
    "patterns: []\n" + "#" * 300_000: "cm/x: has 300013 characters, more than the 262144 allowed",
    "a: " + "[" * 200_000: "cm/x: line 1: nests deeper than 32 levels",
    "\n".join(" " * n + "a:" for n in range(400)): "cm/x: line 33: nests deeper than 32 levels",
    "patterns: [" + "a," * 120_000 + "]": "cm/x: has more than the 20000 values allowed",
    "patterns: [" + "a," * 15_000 + "]": "cm/x: patterns[0]: Input should be a valid dictionary",
    "patterns: &a [*a]": "cm/x: is not YAML: found unconstructable recursive node",
    "patterns: []\npatterns: []": "cm/x: is not YAML: line 2 has patterns a second time",
    row(when="[{family: memory, shape: Boxed, shape: Listed}]"): "cm/x: is not YAML: line 1 has shape a second time",
    "patterns: [{<<: {name: x}}]": "cm/x: patterns[0].name: Field required",
    "patterns: !!int abc": "cm/x: patterns: Input should be a valid tuple",
    "patterns: []\nmore: 2026-99-99": "cm/x: more: Extra inputs are not permitted",
    "patterns: []\nmore: " + "1" * 5000: "cm/x: more: Extra inputs are not permitted",
    "patterns: []\n? [a]\n: b": "cm/x: is not YAML: while constructing a mapping",
    "patterns: []\n? " + "k" * 900 + "\n: b": "cm/x: " + "k" * 20 + "…" + "k" * 43 + ": Extra inputs",
    "patterns: *" + "k" * 900: "cm/x: is not YAML: found undefined alias",
    row(title='"red: \\e[31m"'): r"cm/x: patterns[0] (mine).title: has '\x1b', which cannot be printed",
    row(why='"txt.\\u202Eog"'): r"cm/x: patterns[0] (mine).why: has '\u202e', which cannot be printed",
    row(example='"\\a"'): r"cm/x: patterns[0] (mine).example: has '\x07', which cannot be printed",
    row(when='[{family: goroutine, calls: ["a\\e*"]}]'): (
        r"cm/x: patterns[0] (mine).when[0].calls[0]: has '\x1b', which cannot be printed"
    ),
    row(name='"\\e]0;x"'): r"cm/x: patterns[0] (\x1b]0;x).name: String should match pattern",
}


@pytest.mark.parametrize(("text", "says"), BAD.items(), ids=[says[6:60] for says in BAD.values()])
def test_what_is_wrong_is_named(text: str, says: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        table_from_yaml(text, "cm/x")
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize("text", BAD)
def test_what_is_said_is_a_short_line_that_any_terminal_can_show(text: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        table_from_yaml(text, "cm/x")
    assert str(caught.value).isprintable() and len(str(caught.value)) < 400


@pytest.mark.parametrize("doubled", ["{<<: [*aN, *aN]}", "[*aN, *aN]"], ids=["merged", "referred to"])
def test_what_doubles_with_every_line_costs_no_more_than_its_text(doubled: str) -> None:
    lines = ["- &a0 {x: 1}", *(f"- &a{n + 1} {doubled.replace('N', str(n))}" for n in range(60))]
    with pytest.raises(InvalidSpec, match=r"cm/x: patterns\[0\]\.name: Field required"):
        table_from_yaml("patterns:\n" + "\n".join(lines), "cm/x")


def test_words_are_texts_whatever_they_look_like_to_yaml() -> None:
    text = row(title="no", why="2026-11-28", fix="1.0", estimate="x").replace(", estimate: x", "")
    (pattern,) = table_from_yaml(text, "cm/x").patterns
    assert (pattern.title, pattern.why, pattern.fix) == ("no", "2026-11-28", "1.0")


def test_what_is_written_over_several_lines_is_one_sentence() -> None:
    text = row().replace("why: w", 'why: "it waits\n\n  and\twaits "')
    assert table_from_yaml(text, "cm/x").patterns[0].why == "it waits and waits"


@given(st.text(max_size=200) | st.text(alphabet="[]{}&*!<:-? \n'\"|>ab0%@", max_size=60))
def test_whatever_is_written_is_a_table_or_an_error_with_its_source(text: str) -> None:
    try:
        table_from_yaml(text, "cm/x")
    except InvalidSpec as error:
        assert error.path.startswith("cm/x")


def test_a_table_that_is_right_is_read_as_written() -> None:
    (pattern,) = table_from_yaml(f"patterns: [{GOOD}]", "cm/x").patterns
    assert (pattern.name, pattern.docs, pattern.when[0].calls) == ("mine", "", ("example.org/pool.*",))


def test_an_earlier_table_comes_first_and_its_names_win() -> None:
    mine = table_from_yaml(row(title="of mine"), "a")
    theirs = table_from_yaml(f"patterns: [{GOOD}, {GOOD.replace('mine', 'other')}]", "b")
    assert [(p.name, p.title) for p in joined([mine, theirs]).patterns] == [("mine", "of mine"), ("other", "t")]


def test_a_link_is_given_where_a_pattern_brings_none() -> None:
    rows = f"patterns: [{GOOD}, {GOOD.replace('mine, ', 'other, docs: https://example.org/other, ')}]"
    linked = table_from_yaml(rows, "a").explained_by("docs/patterns.md").patterns
    assert [pattern.docs for pattern in linked] == ["docs/patterns.md#mine", "https://example.org/other"]


def test_every_pattern_that_is_shipped_leads_to_its_part_of_the_page() -> None:
    page = (Path(__file__).parents[3] / "docs/patterns.md").read_text()
    headings = {line.removeprefix("### ") for line in page.split("## What was seen")[0].splitlines() if "### " in line}
    shipped = builtin_patterns().patterns
    assert {pattern.docs for pattern in shipped} == {f"docs/patterns.md#{pattern.name}" for pattern in shipped}
    assert {pattern.name for pattern in shipped} <= headings
