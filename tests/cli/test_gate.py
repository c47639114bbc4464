"""`leakwarden gate` as people run it: real commands, a real Go server, real Go tests."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from leakwarden.cli import main
from tests.adapters.servers import FIXTURES, answer, eventually, fetched, go_process, http_server, running

REPO = FIXTURES.parents[1]
EXAMPLE = REPO / "examples" / "gate"
PATIENCE = 300


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    binary = tmp_path_factory.mktemp("bin") / "pprofserver"
    subprocess.run(["go", "build", "-o", str(binary), "."], cwd=FIXTURES / "pprofserver", check=True)
    return binary


async def gate(
    *arguments: str | Path, cwd: Path = REPO, environment: Mapping[str, str] | None = None
) -> asyncio.subprocess.Process:
    inherited = {name: value for name, value in os.environ.items() if name != "GITHUB_STEP_SUMMARY"}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "leakwarden", "gate", *map(str, arguments), cwd=cwd,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**inherited, "PYTHONPATH": str(REPO / "operator"), **(environment or {})},
    )  # fmt: skip


async def ended(process: asyncio.subprocess.Process) -> tuple[int, str, str]:
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def asking(port: int, path: str) -> list[str]:
    """A command that asks the server for a page and prints what it did."""
    url = f"http://127.0.0.1:{port}{path}"
    return [sys.executable, "-c", f"import urllib.request as r; r.urlopen({url!r}).read(); print('asked')"]


def places(found: Any, check: int) -> list[str]:
    return [place["function"] for place in found["checks"][check]["places"]]


# -- a server that the command drives ---------------------------------------------------------------------------------


async def test_a_command_after_which_nothing_stays_passes(program: Path, tmp_path: Path) -> None:
    async with go_process(program) as port:
        process = await gate(
            "--url", f"127.0.0.1:{port}", "--repeats", "3", "--", *asking(port, "/debug/pprof/cmdline")
        )
        code, out, err = await ended(process)
    assert (code, out.splitlines()[:5]) == (0, ["asked"] * 5)
    assert "Leak gate: passed" in out
    assert "leakwarden: measured run 3 of 3" in err


async def test_a_command_that_leaves_memory_behind_fails_and_the_place_is_in_every_report(
    program: Path, tmp_path: Path
) -> None:
    (tmp_path / "summary.md").write_text("before\n")
    files = [word for kind in ("junit", "sarif", "summary") for word in (f"--{kind}", tmp_path / f"{kind}.md")]
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "patterns: [{name: mine, title: t, why: w, fix: f, when: [{family: memory, keeps: {calls: [main.hold]}}]}]\n"
    )
    async with go_process(program) as port:
        url = f"http://127.0.0.1:{port}/debug/pprof"
        arguments = ("--url", url, "--repeats", "3", "-o", "json", "--source-root", REPO, "--patterns", mine, *files)
        code, out, err = await ended(await gate(*arguments, "--", *asking(port, "/grow")))
    assert code == 1, err
    found = json.loads(out)
    assert "asked" in err
    assert found["checks"][0]["outcome"] == "leak"
    assert found["checks"][0]["growth"] == pytest.approx(12 << 20, rel=0.1)
    assert (found["checks"][1]["outcome"], found["runs"], found["url"]) == ("passed", 6, url)
    assert places(found, 0) == ["main.hold"]
    assert (found["checks"][0]["places"][0]["pattern"], found["checks"][0]["fix"]) == ("mine", "f")
    failure = ET.parse(tmp_path / "junit.md").find("testsuite/testcase/failure")  # noqa: S314 (our own)
    assert failure is not None
    assert "main.hold (main.go:" in (failure.text or "")
    (result,) = json.loads((tmp_path / "sarif.md").read_text())["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "tests/fixtures/pprofserver/main.go"
    line = (FIXTURES / "pprofserver" / "main.go").read_text().splitlines()[place["region"]["startLine"] - 1]
    assert "make([]byte, 1<<20)" in line
    summary = (tmp_path / "summary.md").read_text()
    assert summary.startswith("before\n### Leak gate: leak: live heap\n")
    assert "`main.hold (main.go:" in summary


async def test_the_tolerance_is_taken_from_the_environment_and_the_summary_where_github_wants_it(
    program: Path, tmp_path: Path
) -> None:
    environment = {"MEM_LEAK_TOLERANCE_KB": str(13 << 10), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    async with go_process(program) as port:
        arguments = ("--url", f"127.0.0.1:{port}", "--repeats", "3", "--", *asking(port, "/grow"))
        code, out, err = await ended(await gate(*arguments, environment=environment))
    assert code == 0, err
    assert "(tolerance 13 MiB)" in out
    assert "### Leak gate: passed" in (tmp_path / "summary.md").read_text()


async def test_a_server_that_is_restarted_meanwhile_is_no_verdict(program: Path) -> None:
    """What a real process served, its collections counted anew each time that the command asks for /work."""
    async with go_process(program) as real:
        served = {
            path: await asyncio.to_thread(fetched, real, path) for path in ("heap?gc=1&debug=1", "heap", "goroutine")
        }
    collections = 0

    def answers(path: str) -> bytes:
        nonlocal collections
        if path == "/work":
            collections = 0
            return answer(b"done", "text/plain")
        body = served[path.removeprefix("/debug/pprof/")]
        if "debug=1" not in path:
            return answer(body)
        collections += 1
        return answer(re.sub(rb"NumGC = \d+", b"NumGC = %d" % collections, body), "text/plain")

    async with http_server(answers) as (port, _):
        code, out, err = await ended(await gate("--url", f"127.0.0.1:{port}", "--", *asking(port, "/work")))
    assert (code, "Leak gate" in out) == (2, False)
    assert "was restarted during measured run 1: did it crash" in err


async def test_a_command_that_fails_is_an_error_and_no_leak(program: Path, tmp_path: Path) -> None:
    junit, sarif, summary = tmp_path / "junit.xml", tmp_path / "gate.sarif", tmp_path / "summary.md"
    async with go_process(program) as port:
        arguments = ("--url", f"127.0.0.1:{port}", "--junit", junit, "--sarif", sarif, "--summary", summary)
        code, out, err = await ended(await gate(*arguments, "--", "sh", "-c", "exit 3"))
    assert (code, out) == (2, "")
    assert "sh -c 'exit 3' failed: exit code 3; nothing is said about leaks before it passes" in err
    error = ET.parse(junit).find("testsuite/testcase/error")  # noqa: S314 (our own)
    assert error is not None
    assert "exit code 3" in (error.get("message") or "")
    assert "not measured" in summary.read_text()
    assert not sarif.exists()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_ctrl_c_leaves_nothing_behind(program: Path, tmp_path: Path, sign: signal.Signals) -> None:
    word = f"{tmp_path}/child"
    child = f"import time; open({word!r}, 'w'); time.sleep(600)"
    async with go_process(program) as port:
        process = await gate(
            "--url", f"127.0.0.1:{port}", "--", "sh", "-c", f'"{sys.executable}" -c "{child}" & wait'
        )  # fmt: skip
        await eventually(Path(word).exists, PATIENCE)
        process.send_signal(sign)
        code, out, err = await ended(process)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == "leakwarden: interrupted: nothing was decided"
    await eventually(lambda: not running(word), 30)


# -- Go tests with the helper -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("t.Fatal(1)", "go test -count 1 .: the tests failed (exit code 1)"),
        ("os.Exit(9)", "go test -count 1 . ended in the middle of the tests: exit code 1\n"),
        ("if runs++; runs > 1 { t.Fatal(1) }", "(exit code 1) in run 2 in one process, after they had passed (try"),
        ("if runs++; runs > 1 { panic(1) }", "exit code 1 in run 2 in one process, after they had passed (try -count"),
    ],
)
async def test_go_tests_that_fail_are_an_error_and_no_leak(tmp_path: Path, change: str, says: str) -> None:
    go_test(tmp_path, change)
    code, out, err = await ended(await gate("--", "go", "test", "-count", "1", ".", cwd=tmp_path))
    assert (code, "Leak gate" in out) == (2, False)
    assert says in err


async def test_ctrl_c_ends_the_test_binary_too(tmp_path: Path) -> None:
    word = tmp_path / "binary"
    go_test(tmp_path, f'os.WriteFile("{word}", nil, 0o600); time.Sleep(10 * time.Minute)')
    process = await gate("--", "go", "test", "-count", "1", ".", "-args", f"of-{tmp_path.name}", cwd=tmp_path)
    await eventually(word.exists, PATIENCE)
    assert running(f"of-{tmp_path.name}")
    process.send_signal(signal.SIGINT)
    code, _, err = await ended(process)
    assert (code, err.splitlines()[-1]) == (2, "leakwarden: interrupted: nothing was decided")
    await eventually(lambda: not running(f"of-{tmp_path.name}"), 30)


def go_test(folder: Path, body: str) -> None:
    """A package with one test, held by the helper."""
    (folder / "go.mod").write_text(
        "module example.com/one\n\ngo 1.24\n\nrequire leakwarden.io/leakgate v0.0.0\n\n"
        f"replace leakwarden.io/leakgate => {REPO / 'leakgate'}\n"
    )
    (folder / "one_test.go").write_text(
        'package one\n\nimport (\n\t"os"\n\t"testing"\n\t"time"\n\n\t"leakwarden.io/leakgate"\n)\n\n'
        "var _, _, runs = os.Exit, time.Sleep, 0\n\n"
        "func TestMain(m *testing.M) { leakgate.Main(m) }\n\nfunc TestOne(t *testing.T) { " + body + " }\n"
    )


def test_the_helper_works_in_a_module_of_an_old_go_version() -> None:
    """What a `go` line of 1.21 in go.mod turns on: it holds for the helper, too, where that is copied in."""
    done = subprocess.run(
        ["go", "test", "-count", "1", "."], cwd=REPO / "leakgate", capture_output=True, text=True, check=False,
        env={**os.environ, "GODEBUG": "httpmuxgo121=1,asynctimerchan=1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_a_gate_the_helper_only_runs_the_tests(tmp_path: Path) -> None:
    go_test(tmp_path, 't.Log("ran")')
    done = subprocess.run(
        ["go", "test", "-v", "-count", "1", "."], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.count("--- PASS: TestOne") == 1


@pytest.mark.parametrize("module", [REPO / "leakgate", EXAMPLE], ids=["leakgate", "example"])
def test_the_go_modules_pass_vet_and_their_own_tests(module: Path) -> None:
    for command in (["go", "vet", "./..."], ["go", "test", "./..."]):
        done = subprocess.run(command, cwd=module, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


# -- what is asked wrongly --------------------------------------------------------------------------------------------


def run(*arguments: str | Path, env: Mapping[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, ["gate", *map(str, arguments)], env=env)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "Missing argument '-- COMMAND...'"),
        (("--repeats", "2", "--", "true"), "Invalid value for '--repeats'"),
        (("--url", "", "--", "true"), "--url: '': wants host, port and path"),
        (("--url", "ftp://x", "--", "true"), "--url: 'ftp://x' is no http or https URL"),
        (("--ready-timeout", "soon", "--", "true"), "--ready-timeout: 'soon' is not a duration"),
        (("--junit", "/nowhere/gate.xml", "--", "true"), "gate.xml cannot be written: make the folder /nowhere first"),
        (("--sarif", "/", "--", "true"), "--sarif: / cannot be written: it is a folder"),
        (("--patterns", "/nowhere.yaml", "--", "true"), "/nowhere.yaml: No such file"),
        (("--source-root", "/nowhere", "--", "true"), "--source-root: there is no folder /nowhere"),
        (("--url", "127.0.0.1:1", "--ready-timeout", "100ms", "--", "true"), "did not answer within 0.1 s"),
        (("--", "true"), "true ended without serving pprof: its TestMain must call leakgate.Main"),
    ],
)
def test_what_is_asked_wrongly_is_told_before_anything_runs(arguments: tuple[str, ...], says: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert says in result.stderr


def test_a_tolerance_that_is_no_number_names_its_variable() -> None:
    result = run("--", "true", env={"MEM_LEAK_TOLERANCE_KB": "1Mi"})
    assert result.exit_code == 2
    assert "MEM_LEAK_TOLERANCE_KB" in result.stderr
    assert "1Mi" in result.stderr
