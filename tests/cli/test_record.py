"""`leakwarden record` against a real Go process: what it writes can be replayed, however it is ended."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from leakwarden.adapters.recordings import open_recording
from leakwarden.cli import main
from leakwarden.cli.url import parse_url
from leakwarden.errors import InvalidSpec
from tests.adapters.servers import FIXTURES, forwarded, go_process

PATIENCE = 60


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    binary = tmp_path_factory.mktemp("bin") / "pprofserver"
    subprocess.run(["go", "build", "-o", str(binary), "."], cwd=FIXTURES / "pprofserver", check=True)
    return binary


def record(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["record", *map(str, arguments)])


async def leakwarden(*arguments: str | Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "leakwarden", *map(str, arguments),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": "operator"}, cwd=FIXTURES.parents[1],
    )  # fmt: skip


async def ended(process: asyncio.subprocess.Process) -> tuple[int, str, str]:
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def names(recording: Path) -> list[list[str]]:
    return [sorted(sample.names) for sample in open_recording(recording).samples]


@pytest.mark.parametrize("output", ["made", "made.tar.gz", "made.tar.xz"])
async def test_a_process_is_recorded_and_replayed_by_real_commands(program: Path, tmp_path: Path, output: str) -> None:
    async with go_process(program) as port:
        url = f"http://127.0.0.1:{port}/debug/pprof"
        arguments = ("--url", url, "--interval", "50ms", "--samples", "6", "--output", tmp_path / output, "-o", "json")
        code, out, err = await ended(await leakwarden("record", *arguments))
    assert (code, err) == (0, "")
    (report,) = json.loads(out)
    assert report["recording"] == str(tmp_path / output)
    assert (report["samples"], report["failed"], report["error"]) == (6, 0, None)
    assert os.listdir(tmp_path) == [output]  # noqa: PTH208
    found = names(tmp_path / output)
    assert all({"heap.pb.gz", "goroutine.pb.gz"} <= set(sample) for sample in found)
    assert ["memstats.txt" in sample for sample in found] == [True, False, False, False, True, False]
    assert ["target.json" in sample for sample in found] == [True] + [False] * 5
    code, out, err = await ended(await leakwarden("replay", "-o", "json", "--interval", "1s", tmp_path / output))
    assert (code, err) == (0, "")
    (entry,) = json.loads(out)
    assert (entry["verdict"], entry["attempts"], entry["failedAttempts"]) == ("Learning", 6, 0)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_and_keeps_what_there_is(program: Path, tmp_path: Path, sign: signal.Signals) -> None:
    output = tmp_path / "made.tar.gz"
    async with go_process(program) as port:
        process = await leakwarden("record", "--url", f"127.0.0.1:{port}", "--interval", "20ms", "--output", output)
        assert process.stdout is not None
        for _ in range(3):
            assert b"sample" in await asyncio.wait_for(process.stdout.readline(), PATIENCE)
        process.send_signal(sign)
        code, out, err = await ended(process)
    assert (code, err) == (0, "")
    assert f"{output}: " in out.splitlines()[-1]
    assert len(names(output)) >= 3


async def test_nobody_reading_its_progress_ends_no_recording(program: Path, tmp_path: Path) -> None:
    output = tmp_path / "made.tar.gz"
    async with go_process(program) as port:
        process = await asyncio.create_subprocess_exec(
            "bash", "-c", '"$@" | true; exit ${PIPESTATUS[0]}', "bash", sys.executable, "-m", "leakwarden", "record",
            "--url", f"127.0.0.1:{port}", "--interval", "20ms", "--samples", "4", "--output", output,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": "operator"}, cwd=FIXTURES.parents[1],
        )  # fmt: skip
        assert await ended(process) == (0, "", "")
    assert len(names(output)) == 4


async def test_a_server_that_is_not_up_yet_is_a_failed_attempt_and_no_end(program: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    process = await leakwarden(
        "record", "--url", f"127.0.0.1:{free}", "--interval", "20ms", "--output", tmp_path / "made"
    )
    assert process.stdout is not None
    refused = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
    assert f"failed: ConnectionRefused: nothing listens on 127.0.0.1:{free}" in refused.decode()
    async with go_process(program) as port, forwarded(free, port):
        while b"KiB so far" not in await asyncio.wait_for(process.stdout.readline(), PATIENCE):
            assert process.returncode is None
        process.send_signal(signal.SIGINT)
        code, _, err = await ended(process)
    assert (code, err) == (0, "")
    found = names(tmp_path / "made")
    assert found[0] == ["error.json", "target.json"]
    assert any("heap.pb.gz" in sample for sample in found)


async def test_not_one_sample_is_an_error_and_the_attempts_stay(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    arguments = ("--interval", "20ms", "--samples", "2", "--output", tmp_path / "made", "-o", "json")
    code, out, err = await ended(await leakwarden("record", "--url", f"127.0.0.1:{free}", *arguments))
    assert code == 2
    assert f"nothing listens on 127.0.0.1:{free}" in err
    assert json.loads(out)[0]["failed"] == 2
    assert names(tmp_path / "made") == [["error.json", "target.json"], ["error.json"]]


def test_what_is_there_already_is_never_mixed_or_replaced(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "1000-heap.pb.gz").write_bytes(b"mine")
    (tmp_path / "other.tar.xz").write_bytes(b"mine")
    for name, says in (("made", "is not empty"), ("made.tar.gz", "is not empty"), ("other.tar.xz", "is there already")):
        result = record("--url", "x:1", "--output", tmp_path / name)
        assert result.exit_code == 2
        assert says in result.stderr
    assert (tmp_path / "other.tar.xz").read_bytes() == b"mine"


# -- what is asked wrongly --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "wants exactly one of --url, --pod and --policy"),
        (("--url", "x:1", "--pod", "a/b"), "wants exactly one of --url, --pod and --policy"),
        (("--url", "ftp://x"), "--url: 'ftp://x' is no http or https URL"),
        (("--url", "http://x:99999"), "--url: 'http://x:99999' is no http or https URL"),
        (("--pod", "only-a-name"), "--pod: 'only-a-name' is not NAMESPACE/NAME"),
        (("--policy", "a/b/c"), "--policy: 'a/b/c' is not NAMESPACE/NAME"),
        (("--url", "x:1", "--interval", "soon"), "--interval: 'soon' is not a duration"),
        (("--url", "x:1", "--interval", "0s"), "--interval: 0s is shorter than 10ms"),
        (("--url", "x:1", "--for", "1m", "--samples", "3"), "--for: give either --samples or --for"),
        (("--url", "x:1", "--samples", "1", "--port", "6060"), "--port: goes with --pod: a URL has its port in it"),
        (("--url", "x:1", "--samples", "1", "--output", "a.tgz"), "--output: a.tgz: files are packed as X.tar.gz or"),
        (("--url", "x:1", "--samples", "1", "--output", "a.zip"), "--output: a.zip: files are packed as X.tar.gz or"),
        (("--url", "x:1", "--output", "/proc/nothing/here"), "cannot make /proc/nothing/here"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_option(arguments: tuple[str, ...], says: str) -> None:
    result = record(*arguments)
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("http://127.0.0.1:6060/debug/pprof", "127.0.0.1", 6060, "/debug/pprof"),
        ("localhost:6060", "localhost", 6060, "/debug/pprof"),
        ("https://a.example/x/pprof/", "a.example", 443, "/x/pprof"),
        ("http://[::1]:7", "::1", 7, "/debug/pprof"),
    ],
)
def test_a_url_as_people_write_it(url: str, host: str, port: int, path: str) -> None:
    target = parse_url(url, 10, 1 << 20)
    assert (target.pod_ip, target.endpoint.port, target.endpoint.path) == (host, port, path)


def test_a_url_with_more_than_a_place_in_it_is_refused() -> None:
    for url in ("http://user@x:1", "http://x:1/debug/pprof?gc=1", "http://"):
        with pytest.raises(InvalidSpec, match="--url"):
            parse_url(url, 10, 1 << 20)
