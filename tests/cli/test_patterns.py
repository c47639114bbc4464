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
