"""`leakwarden diff`: the JSON that programs read, the tables for people, and what is said about unusable files."""

from __future__ import annotations

import gzip
import json
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from leakwarden.cli import main
from leakwarden.cli.diff import print_tables
from leakwarden.core.diff.difference import Difference, Entry
from leakwarden.core.pprof.profile import ValueType
from tests.core.diff_judge import Printed, printed_by_pprof

RECORDINGS = Path(__file__).resolve().parents[1] / "recordings/profiles"
BASE, NEW = RECORDINGS / "go1.25.5/heap.pb.gz", RECORDINGS / "go1.26.8/heap.pb.gz"
GOROUTINES = RECORDINGS / "leakserver/goroutine.pb.gz"


def diff(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["diff", *map(str, arguments)])


def refused(*arguments: str | Path) -> str:
    """The one line on stderr of a command that went wrong."""
    result = diff(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    return line


def test_json_has_every_function_and_line_with_what_pprof_says() -> None:
    result = diff(BASE, NEW, "-o", "json", "--top", "1")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert list(document) == ["functions", "lines"]
    functions, lines = document["functions"], document["lines"]
    assert all(list(entry) == ["function", "flat", "cum"] for entry in functions)
    assert all(list(entry) == ["function", "file", "line", "flat", "cum"] for entry in lines)
    assert Printed((e["function"], e["flat"], e["cum"]) for e in functions) == printed_by_pprof(BASE, NEW)
    assert Printed(
        (f"{e['function']} {e['file']}:{e['line']}", e["flat"], e["cum"]) for e in lines
    ) == printed_by_pprof(BASE, NEW, "-lines")


@pytest.mark.parametrize("by", ["flat", "cum"])
def test_json_is_sorted_by_the_size_of_the_change(by: str) -> None:
    entries = json.loads(diff(BASE, NEW, "-o", "json", "--by", by).stdout)["lines"]
    sizes = [abs(entry[by]) for entry in entries]
    assert sizes == sorted(sizes, reverse=True)
    assert any(entry["flat"] < 0 for entry in entries)


def test_the_sample_type_can_be_chosen() -> None:
    entries = json.loads(diff(BASE, NEW, "-o", "json", "--sample-index", "alloc_objects").stdout)["functions"]
    theirs = printed_by_pprof(BASE, NEW, "-sample_index=alloc_objects")
    assert Printed((e["function"], e["flat"], e["cum"]) for e in entries) == theirs


def test_tables_show_the_first_entries_and_say_how_many_more_there_are() -> None:
    result = diff(BASE, NEW, "--top", "3")
    assert result.exit_code == 0
    document = json.loads(diff(BASE, NEW, "-o", "json").stdout)
    shown = result.stdout
    assert "By function: inuse_space" in shown
    assert "By line: inuse_space" in shown
    assert len([row for row in shown.partition("By line")[0].splitlines() if "iB " in row or " B " in row]) == 3
    for entry in document["functions"][:3]:
        assert f" {entry['function']} " in shown
    first = document["lines"][0]
    assert f"{first['file']}:{first['line']}" in shown.replace("\n", "")
    assert f"{len(document['functions']) - 3} more functions: --top {len(document['functions'])} shows all." in shown
    assert f"{len(document['lines']) - 3} more lines: --top {len(document['lines'])} shows all." in shown


def test_goroutines_are_whole_numbers_with_a_sign() -> None:
    """Of the gopls with a silent client, thousands more stand parked than of the idle one."""
    idle, unanswered = (RECORDINGS / folder / "goroutine.pb.gz" for folder in ("gopls-idle", "gopls-unanswered"))
    first = json.loads(diff(idle, unanswered, "-o", "json").stdout)["functions"][0]
    assert (first["function"], first["flat"] > 5000) == ("runtime.gopark", True)
    assert f"+{first['flat']:,}" in diff(idle, unanswered).stdout
    assert f"-{first['flat']:,}" in diff(unanswered, idle).stdout


@pytest.mark.parametrize(
    ("unit", "title", "cell"),
    [
        ("bytes", "By function: amount", "+1.46 KiB"),
        ("nanoseconds", "By function: amount", "+1.5e-06 s"),
        ("count", "By function: amount", "+1,500"),
        ("sheep", "By function: amount in sheep", "+1,500"),
    ],
)
def test_amounts_are_shown_in_their_unit(capsys: pytest.CaptureFixture[str], unit: str, title: str, cell: str) -> None:
    entry = Entry("main.keep", "", 0, 1500, 1500)
    print_tables(Difference(ValueType("amount", unit), (entry,), (entry,)), top=1)
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].strip() == title
    assert f" {cell}   {cell}   main.keep" in " ".join(shown)


def test_names_neither_steer_the_terminal_nor_are_taken_for_markup(capsys: pytest.CaptureFixture[str]) -> None:
    entry = Entry("main.[bold]keep\x1b[2J\n", "", 0, 1, 1)
    print_tables(Difference(ValueType("[red]space", "bytes"), (entry,), (entry,)), top=1)
    shown = capsys.readouterr().out
    assert "main.[bold]keep\ufffd[2J\ufffd" in shown
    assert "[red]space" in shown


def test_two_files_that_are_the_same_do_not_differ() -> None:
    result = diff(BASE, BASE)
    assert (result.exit_code, result.stdout) == (0, "No difference in inuse_space.\n")
    assert json.loads(diff(BASE, BASE, "-o", "json").stdout) == {"functions": [], "lines": []}


def test_a_profile_need_not_be_gzipped(tmp_path: Path) -> None:
    plain = tmp_path / "heap.pb"
    plain.write_bytes(gzip.decompress(NEW.read_bytes()))
    assert diff(BASE, plain, "-o", "json").stdout == diff(BASE, NEW, "-o", "json").stdout


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file or directory"),
        (b"", "the profile is empty"),
        (b"heap profile: 1: 2 [3: 4] @ heap/1048576\n", "form: it is a profile as text: fetch it without debug="),
        (b"goroutine 1 [running]:\nmain.main()\n", "form: it is a profile as text: fetch it without debug="),
        (b"\n<!DOCTYPE html>", "form: it is a web page: is pprof served at the URL that it comes from"),
        (b"nonsense", "not a pprof profile in protobuf form: "),
        (b"\x1f\x8bcut", "not a pprof profile in protobuf form"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None, why: str, first: bool) -> None:
    path = tmp_path / "bad.pb.gz"
    if content is not None:
        path.write_bytes(content)
    line = refused(*((path, NEW) if first else (NEW, path)))
    assert line.startswith(f"leakwarden: {path}: ")
    assert why in line


def test_a_folder_is_no_profile(tmp_path: Path) -> None:
    assert refused(tmp_path, NEW) == f"leakwarden: {tmp_path}: Is a directory"


def test_profiles_of_different_things_are_refused_with_both_names_and_what_they_count() -> None:
    line = refused(BASE, GOROUTINES)
    assert f"{BASE} and {GOROUTINES} cannot be compared" in line
    assert "inuse_space/bytes against goroutine/count" in line


def test_a_sample_type_that_is_not_there_is_refused_with_those_that_are() -> None:
    assert refused(BASE, NEW, "--sample-index", "bytes") == (
        "leakwarden: --sample-index: must be one of alloc_objects, alloc_space, inuse_objects, inuse_space, not 'bytes'"
    )


def test_the_example_in_the_help_has_the_right_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is taken from the help and run."""
    help_text = " ".join(diff("--help").stdout.split())
    example = help_text.partition("Example: ")[2].partition(". docs")[0]
    command = shlex.split(example)
    assert command[:2] == ["leakwarden", "diff"]
    monkeypatch.chdir(tmp_path)
    for name, path in zip(command[-2:], (BASE, NEW), strict=True):
        Path(name).write_bytes(path.read_bytes())
    assert diff(*command[2:]).exit_code == 0
