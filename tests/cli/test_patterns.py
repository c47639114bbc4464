"""`leakwarden patterns`: what it prints can be read, copied and fed back; what is wrong with a file is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from leakwarden.cli import main
from leakwarden.core.patterns import builtin_patterns, table_from_yaml

MINE = "patterns: [{name: mine, title: t, why: w, fix: f, when: [{family: goroutine, wait: [select]}]}]"


def patterns(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["patterns", *map(str, arguments)])


def test_every_pattern_is_in_the_table_with_its_fix() -> None:
    text = " ".join(patterns().stdout.split())
    for pattern in builtin_patterns().patterns:
        assert pattern.name in text
    assert "HTTP response body not closed" in text and "defer cancel()" in text


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_what_is_printed_whole_is_a_table_again(form: str) -> None:
    text = patterns("-o", form).stdout
    assert table_from_yaml(text, "printed") == builtin_patterns()


def test_one_pattern_is_told_whole_with_its_example_and_where_more_is() -> None:
    lines = patterns("blocked-senders").stdout.splitlines()
    assert lines[0] == "blocked-senders: senders blocked on a channel"
    assert {"Why: no", "Fix: let", "In a"} <= {" ".join(line.split()[:2]) for line in lines}
    assert "    go func() { results <- analyse(document) }()" in lines
    assert lines[-1] == "More: docs/patterns.md#blocked-senders of the Leakwarden repository"
    assert max(map(len, lines)) <= 80


def test_an_estimate_is_told_as_one() -> None:
    assert "do not prove it" in patterns("map-grows").stdout
    assert "do not prove it" not in patterns("blocked-senders").stdout


def test_one_pattern_of_a_file_is_told_with_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(MINE)
    assert patterns("mine", "-f", tmp_path / "mine.yaml").stdout == (
        "mine: t\n\nWhy: w.\n\nFix: f.\n\n"
        "In a goroutine profile (go tool pprof -traces FILE): more and more wait in\nselect.\n"
    )


def test_a_name_that_no_pattern_has_is_told_what_there_is() -> None:
    result = patterns("blocked-sender")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(
        "leakwarden: NAME: there is no pattern blocked-sender; did you mean blocked-senders"
    )


def test_patterns_of_a_file_come_first(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(MINE)
    printed = json.loads(patterns("-f", tmp_path / "mine.yaml", "-o", "json").stdout)["patterns"]
    assert [one["name"] for one in printed[:2]] == ["mine", builtin_patterns().patterns[0].name]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, ": No such file or directory"),
        (b"patterns: [", " is not YAML: while parsing"),
        (b"\xff", " is not UTF-8"),
        (MINE.replace("select", "nap").encode(), ": patterns[0] (mine).when[0].wait[0]: Input should be 'chan send',"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_sentence(tmp_path: Path, content: bytes | None, says: str) -> None:
    file = tmp_path / "mine.yaml"
    if content is not None:
        file.write_bytes(content)
    result = patterns("-f", file)
    assert result.exit_code == 2 and result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"leakwarden: {file}") and says in line
