"""`leakwarden replay`: findings for people and programs, an exit code for scripts, and no recording stops another."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from leakwarden.adapters.recording_folder import pack
from leakwarden.api.words import FailureReason
from leakwarden.cli import main
from leakwarden.cli.replay import builtin_policy, print_tables, replay_all, timestamp
from leakwarden.core.readings import Failure
from leakwarden.core.recording import Errors, errors_json
from leakwarden.core.recording_target import of_pod, target_json
from leakwarden.core.targets import EndpointSpec
from tests.core.decide.fleets import pod
from tests.core.recorded import files, leaking, quiet

POLICY = """
apiVersion: leakwarden.io/v1alpha1
kind: LeakPolicy
metadata: {name: gopls}
spec:
  target:
    selector: {matchLabels: {app: gopls}}
  sampling: {interval: 30s, startupGrace: 0s}
  rules:
  - {name: live-heap, signal: LiveHeap, growth: {atLeast: 16Mi, window: 5m}, for: 1m, severity: Critical}
  remediation: {mode: Evict}
"""
DOWN = {"error.json": errors_json(Errors(Failure(FailureReason.CONNECTION_REFUSED, "nothing listens")))}
FINDING_KEYS = {
    "type", "family", "rules", "signal", "severity", "confidence", "signature", "site", "wait", "since", "firstSeen",
    "lastSeen", "resolvedAt", "resolution", "baseline", "value", "growthPerHour", "limitAt", "labels", "gopls",
    "pattern", "message",
}  # fmt: skip


def replay(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["replay", *map(str, arguments)])


def as_json(*arguments: str | Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(replay(*arguments, "-o", "json").stdout)
    return found


def write(folder: Path, samples: list[dict[str, bytes]]) -> Path:
    folder.mkdir()
    for name, data in files(samples).items():
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return path


@pytest.fixture
def leak(tmp_path: Path) -> Path:
    return write(tmp_path / "leak", [leaking(n) for n in range(24)])


@pytest.fixture
def healthy(tmp_path: Path) -> Path:
    return write(tmp_path / "healthy", [quiet(n) for n in range(24)])


# -- what is said -----------------------------------------------------------------------------------------------------


def test_a_finding_in_a_gopls_tells_its_version_and_the_issue_that_it_is(tmp_path: Path, policy: Path) -> None:
    function = "golang.org/x/tools/gopls/internal/lsp/cache.parseGoImpl"
    told = {"pid": 7, "version": "golang.org/x/tools/gopls v0.10.1", "state": {"sessions": 1, "documents": 0}}
    page = {"gopls.json": json.dumps(told).encode()}
    known = write(tmp_path / "known", [leaking(n, function=function) | page for n in range(24)])
    [finding] = as_json("-f", policy, known)[0]["findings"]
    assert finding["gopls"] == {
        "version": "v0.10.1", "goVersion": None, "sessions": 1, "documents": 0, "cachedFiles": None,
        "knownIssue": "golang/go#57222", "upgradeTo": "v0.11.0",
    }  # fmt: skip
    assert "upgrade gopls to v0.11.0" in finding["message"]


def test_a_leak_is_told_whole(policy: Path, leak: Path) -> None:
    (entry,) = as_json("-f", policy, leak)
    (finding,) = entry["findings"]
    assert set(finding) == FINDING_KEYS
    assert (entry["recording"], entry["verdict"], entry["error"]) == (str(leak), "Leaking", None)
    assert finding["site"] == {"function": "main.keep", "file": "/src/main.go", "line": 7, "leaf": "main.keep"}
    assert (finding["type"], finding["rules"], finding["signal"]) == ("Leak", ["live-heap"], "LiveHeap")
    assert (finding["signature"], finding["severity"]) == ("memory/main.keep", "Critical")
    assert (finding["resolvedAt"], finding["resolution"], finding["limitAt"]) == (None, None, None)
    for key in ("since", "firstSeen", "lastSeen"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", finding[key]), key
    assert "main.keep (main.go:7)" in finding["message"]
    (planned,) = entry["plan"]
    assert planned["message"].startswith("Evict, rails not evaluated: ")


def test_a_leak_that_has_ended_is_still_listed_and_still_counts(policy: Path, tmp_path: Path) -> None:
    ended = write(tmp_path / "ended", [*(leaking(n) for n in range(24)), DOWN, DOWN, DOWN])
    (entry,) = as_json("-f", policy, ended)
    assert entry["verdict"] == "NotRunning"
    assert [finding["resolution"] for finding in entry["findings"]] == ["ProcessEnded"]
    assert replay("-f", policy, ended).exit_code == 1


def test_the_limit_that_was_recorded_tells_when_it_is_reached(policy: Path, tmp_path: Path) -> None:
    known = target_json(of_pod(EndpointSpec("pprof", 6060, "/debug/pprof", "HTTP", None), pod("ws-1")))  # type: ignore[arg-type]
    samples = [leaking(n) for n in range(24)]
    (entry,) = as_json("-f", policy, write(tmp_path / "pod", [{**samples[0], "target.json": known}, *samples[1:]]))
    assert entry["findings"][0]["limitAt"] is not None


def test_people_read_the_findings_as_sentences(policy: Path, leak: Path, healthy: Path) -> None:
    said = replay("-f", policy, leak, healthy).stdout
    assert "Leaking" in said
    assert "live heap of main.keep (main.go:7) grew" in said
    assert "Next, for the code's owner: " in said
    assert "Plan at " in said


def test_without_a_policy_the_built_in_rules_count_in_the_interval(tmp_path: Path) -> None:
    long = write(tmp_path / "long", [leaking(n) for n in range(112)])
    (entry,) = as_json(long)
    assert [finding["rules"] for finding in entry["findings"]] == [["live-heap", "site-bytes"]]
    (entry,) = as_json(long, "--interval", "5m")
    assert entry["verdict"] == "Learning"


def test_on_a_narrow_terminal_reasons_stand_below_the_table(
    leak: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leakwarden.cli.output.WIDE", 60)
    outcomes = list(replay_all([str(leak), str(tmp_path / "nothing")], builtin_policy("30s"), 1))
    print_tables(outcomes)
    table, _, rest = capsys.readouterr().out.partition("\n\n")
    assert table.split()[:4] == ["recording", "attempts", "failed", "verdict"]
    assert "why" not in table
    assert f"{tmp_path}/nothing: there is no such file or folder" in rest.replace("\n", "")


def piped(arguments: list[str | Path], shell: str) -> tuple[int, bytes]:
    """Exit code and stderr of a replay of its own, with stdout as the shell is told."""
    command = [sys.executable, "-m", "leakwarden", "replay", *map(str, arguments)]
    line = ["bash", "-c", f'"$@" {shell}', "bash", *command]
    done = subprocess.run(line, check=False, capture_output=True, timeout=60)
    return done.returncode, done.stderr


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_reader_that_leaves_early_changes_no_exit_code(policy: Path, leak: Path, healthy: Path, form: str) -> None:
    early = "| true; exit ${PIPESTATUS[0]}"
    assert piped(["-f", policy, "-o", form, healthy], early) == (0, b"")
    assert piped(["-f", policy, "-o", form, leak], early) == (1, b"")


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_disk_that_is_full_is_an_error_and_no_leak(policy: Path, healthy: Path, form: str) -> None:
    code, said = piped(["-f", policy, "-o", form, healthy], "> /dev/full")
    assert (code, said) == (2, b"leakwarden: stdout cannot be written: No space left on device\n")


def test_samples_farther_apart_than_the_interval_are_told(leak: Path, healthy: Path) -> None:
    (apart, as_taken) = (as_json("--interval", interval, leak)[0]["notes"] for interval in ("2s", "30s"))
    assert apart == ["samples are 30 s apart, judged as if every 2 s: replay at the interval at which they were taken"]
    assert as_taken == []


# -- many -------------------------------------------------------------------------------------------------------------


def test_each_kind_of_end_has_its_exit_code(policy: Path, leak: Path, healthy: Path, tmp_path: Path) -> None:
    assert replay("-f", policy, healthy).exit_code == 0
    assert replay("-f", policy, healthy, leak).exit_code == 1
    assert replay("-f", policy, healthy, leak, tmp_path / "nothing").exit_code == 2
    never_answered = write(tmp_path / "down", [DOWN, DOWN])
    assert replay("-f", policy, healthy, never_answered).exit_code == 2


def test_one_that_cannot_be_read_is_an_entry_and_the_others_go_on(policy: Path, leak: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.tar.xz"
    broken.write_bytes(b"no archive")
    empty = tmp_path / "empty"
    empty.mkdir()
    found = as_json("-f", policy, broken, leak, empty, tmp_path / "nothing", leak)
    assert [entry["recording"] for entry in found] == [
        str(broken), str(leak), str(empty), str(tmp_path / "nothing"), str(leak),
    ]  # fmt: skip
    assert [entry["verdict"] for entry in found] == [None, "Leaking", None, None, "Leaking"]
    assert [bool(entry["error"]) for entry in found] == [True, False, True, True, False]
    assert str(broken) in found[0]["error"]


@pytest.mark.parametrize(
    ("file", "data"),
    [
        ("target.json", b'{"container": {"startedAt": NaN}}'),
        ("target.json", b'{"container": {"lastOOMAt": 1e999}}'),
        ("gopls.json", b'{"pid": 1e999}'),
        ("gopls.json", b'{"started_at": NaN}'),
        ("gopls.json", b'{"started_at": [1]}'),
    ],
)
def test_small_files_with_numbers_from_nowhere_cost_their_sample_only(
    policy: Path, tmp_path: Path, file: str, data: bytes
) -> None:
    samples = [leaking(n) for n in range(24)]
    samples[2] = {**samples[2], file: data}
    (entry,) = as_json("-f", policy, write(tmp_path / "made", samples))
    assert (entry["verdict"], entry["attempts"], entry["error"]) == ("Leaking", 23, None)
    assert file in entry["notes"][0]


@pytest.mark.parametrize("file", ["error.json", "gopls.json", "target.json"])
def test_a_small_file_that_is_large_costs_its_sample_and_is_not_parsed(
    policy: Path, tmp_path: Path, file: str
) -> None:  # fmt: skip
    """A JSON text takes up to twenty times its size as objects."""
    samples = [leaking(n) for n in range(24)]
    samples[2] = {**samples[2], file: b'{"parts": [' + b"{}," * (1 << 20) + b"{}]}"}
    (entry,) = as_json("-f", policy, write(tmp_path / "made", samples))
    assert (entry["verdict"], entry["attempts"], entry["error"]) == ("Leaking", 23, None)
    assert entry["notes"][0].endswith(f"skipped, {file} has 3145743 bytes, more than the 1048576 allowed")


@pytest.mark.parametrize("form", ["json", "text"])
def test_letters_that_no_encoding_has_stop_nobody(policy: Path, leak: Path, tmp_path: Path, form: str) -> None:
    """A JSON file may name half of a surrogate pair, and so may a file name that is no UTF-8."""
    said = {"error.json": b'{"reason": "Timeout", "message": "no answer \\ud800"}'}
    strange = write(tmp_path / "strange", [said] * 5)
    found = replay("-f", policy, strange, tmp_path / "\udcff", leak, "-o", form)
    assert found.exit_code == 2
    assert "\\ud800" in found.stdout
    assert "Leaking" in found.stdout
    if form == "json":
        assert json.loads(found.stdout)[0]["message"].endswith("no answer \ud800")


@pytest.mark.parametrize("since", [0.0, 253_402_300_000.0, 9e11])
def test_times_at_the_ends_of_the_calendar_stop_nobody(
    policy: Path, leak: Path, tmp_path: Path, since: float
) -> None:  # fmt: skip
    far = tmp_path / "far"
    far.mkdir()
    for name, data in files([leaking(n) for n in range(24)], since=since).items():
        (far / name).write_bytes(data)
    found = as_json("-f", policy, far, leak)
    assert bool(found[0]["error"]) is (since > 3e11)
    assert found[1]["verdict"] == "Leaking"
    assert replay("-f", policy, far, leak).exit_code in {1, 2}


@pytest.mark.parametrize("packing", [".tar.gz", ".tar.xz"])
def test_a_packed_one_says_what_its_folder_says(policy: Path, leak: Path, tmp_path: Path, packing: str) -> None:
    packed = tmp_path / f"leak{packing}"
    pack(leak, packed)
    one, other = as_json("-f", policy, leak, packed)
    assert {**one, "recording": ""} == {**other, "recording": ""}


def test_jobs_change_nothing(policy: Path, leak: Path, healthy: Path) -> None:
    several = [leak, healthy] * 3
    assert as_json("-f", policy, *several, "--jobs", "1") == as_json("-f", policy, *several, "--jobs", "3")


class Breaking(ProcessPoolExecutor):
    """Its processes have been ended by the time that a second recording is handed in."""

    handed_in = 0

    def submit(self, *arguments: Any, **more: Any) -> Future[Any]:
        type(self).handed_in += 1
        if self.handed_in == 2:
            raise BrokenProcessPool("a process ended")
        return super().submit(*arguments, **more)


def test_processes_that_end_while_recordings_are_handed_in_stop_nobody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, leak: Path
) -> None:  # fmt: skip
    monkeypatch.setattr(sys.modules[replay_all.__module__], "ProcessPoolExecutor", Breaking)
    paths = [str(tmp_path / "nothing"), str(leak), str(leak)]
    found = list(replay_all(paths, builtin_policy("30s"), 2))
    assert [one.recording for one in found] == paths
    assert [bool(one.error) for one in found] == [True, False, False]


# -- what is asked wrongly --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("window: 5m", "window: 1m", r"spec\.rules\[0\]\.growth\.window: 1m is shorter than 8 sampling intervals"),
        ("signal: LiveHeap", "signal: Heap", r"spec\.rules\[0\]\.signal: "),
        ("mode: Evict", "mode: Reboot", r"spec\.remediation\.mode: "),
        ("kind: LeakPolicy", "kind: Pod", "wants exactly one object of kind LeakPolicy, has 0"),
        ("v1alpha1", "v9", "apiVersion: is 'leakwarden.io/v9'"),
        ("spec:", "spec: []\nx:", "spec: required"),
        ("kind: LeakPolicy", "kind: [", "is not YAML"),
    ],
)
def test_an_invalid_policy_is_refused_with_its_file_and_field(
    policy: Path, leak: Path, before: str, after: str, says: str
) -> None:
    policy.write_text(POLICY.replace(before, after))
    result = replay("-f", policy, leak)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert re.search(f"^leakwarden: {re.escape(str(policy))}.*{says}", result.stderr), result.stderr


def test_a_policy_that_is_not_there_and_an_interval_that_cannot_be_are_refused(tmp_path: Path, leak: Path) -> None:
    assert "No such file" in replay("-f", tmp_path / "none.yaml", leak).stderr
    assert "--interval: " in replay("--interval", "1ms", leak).stderr
    assert "--interval: " in replay("--interval", "soon", leak).stderr


def test_an_interval_beside_a_policy_is_refused(policy: Path, leak: Path) -> None:
    assert "--interval: goes without -f" in replay("-f", policy, "--interval", "5s", leak).stderr


def test_a_time_that_no_calendar_has_is_null() -> None:
    assert timestamp(1e18) is None
    assert timestamp(1_790_000_000.1234) == "2026-09-21T14:13:20.123Z"
