"""`kubectl leakwarden profile POD`: the file is the profile to the byte; how it is reached is what the policy says."""

from __future__ import annotations

import asyncio
import os
import pty
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.servers import answer, http_server
from tests.cli.people import Cluster, cluster, pod, policy
from tests.core.recorded import goroutines, heap

OCTETS = "application/octet-stream"
HEAP, FORCED, STACKS = heap({"main.keep": 1 << 20}, 5), heap({"main.keep": 1 << 19}, 6), goroutines(7)
SERVED = {"/debug/pprof/heap": HEAP, "/debug/pprof/heap?gc=1": FORCED, "/debug/pprof/goroutine": STACKS,
          "/lsp/pprof/heap": FORCED}  # fmt: skip


def answers(path: str) -> bytes:
    return answer(SERVED[path], OCTETS) if path in SERVED else answer(b"", "text/plain", "404 Not Found")


@asynccontextmanager
async def serving(directory: Path, *policies: dict[str, object]) -> AsyncIterator[Cluster]:
    """A cluster whose pod ws-1 serves pprof on port 6060, which every other port of it refuses."""
    async with http_server(answers) as (port, _), cluster(directory, *policies) as here:
        here.pods = [pod("ws-1")]
        here.ports = {("ws-1", 6060): port, ("ws-1", 7070): port, ("ws-1", 6061): 1}
        yield here


@pytest.mark.parametrize(
    ("arguments", "data", "index"),
    [
        ([], HEAP, " -sample_index=inuse_space"),
        (["--gc"], FORCED, " -sample_index=inuse_space"),
        (["--type", "allocs"], HEAP, " -sample_index=alloc_space"),
        (["--type", "goroutine"], STACKS, ""),
    ],
)
async def test_a_profile_is_written_as_it_came_and_what_reads_it_is_said(
    tmp_path: Path, arguments: list[str], data: bytes, index: str
) -> None:
    file = tmp_path / "made.pb.gz"
    async with serving(tmp_path, policy()) as here:
        said = await here.good("profile", "ws-1", *arguments, "-f", str(file))
    assert file.read_bytes() == data
    assert f"go tool pprof{index} {file}\n" in said


async def test_without_a_file_it_is_named_after_pod_and_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with serving(tmp_path, policy()) as here:
        await here.good("profile", "ws-1")
    (made,) = (name for name in os.listdir(tmp_path) if name.startswith("ws-1-heap-"))  # noqa: PTH208
    assert (tmp_path / made).read_bytes() == HEAP


async def test_a_terminal_gets_no_bytes_of_a_profile(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    async with serving(tmp_path, policy()) as here:
        await here.good("findings")  # writes the kubeconfig
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "leakwarden", "profile", "ws-1", "-f", "-",
            env={"PATH": os.environ["PATH"], "KUBECONFIG": str(tmp_path / "kubeconfig")},
            stdout=theirs, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, stderr = await process.communicate()
    os.close(ours)
    os.close(theirs)
    assert (process.returncode, stderr.decode().split(":")[:2]) == (2, ["leakwarden", " -f"])


async def test_a_reader_that_leaves_before_the_profile_comes_is_no_error(tmp_path: Path) -> None:
    async with serving(tmp_path, policy()) as here:
        await here.good("findings")
        shell = await asyncio.create_subprocess_exec(
            "bash", "-c", f"set -o pipefail; {sys.executable} -m leakwarden profile ws-1 -f - | true",
            env={"PATH": os.environ["PATH"], "KUBECONFIG": str(tmp_path / "kubeconfig")},
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, stderr = await shell.communicate()
    assert (shell.returncode, stderr) == (0, b"")


async def test_half_a_profile_on_a_full_disk_does_not_stay(tmp_path: Path) -> None:
    async with serving(tmp_path, policy()) as here:
        await here.good("findings")
        shell = await asyncio.create_subprocess_exec(
            "bash", "-c", f"ulimit -f 0; {sys.executable} -B -m leakwarden profile ws-1 -f made.pb.gz",
            env={"PATH": os.environ["PATH"], "KUBECONFIG": str(tmp_path / "kubeconfig")}, cwd=tmp_path,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, stderr = await shell.communicate()
    assert (shell.returncode, stderr) == (2, b"leakwarden: made.pb.gz: cannot be written: File too large\n")
    assert not (tmp_path / "made.pb.gz").exists()


async def test_a_dash_is_stdout_and_nothing_else_is_there(tmp_path: Path) -> None:
    async with serving(tmp_path, policy()) as here:
        result = await here.run("profile", "ws-1", "-f", "-")
    assert (result.exit_code, result.stdout_bytes) == (0, HEAP)


async def test_the_policy_says_port_and_path_and_the_pod_may_have_another_port(tmp_path: Path) -> None:
    target = {"selector": {"matchLabels": {"app": "gopls"}}, "transport": "PodIP"}
    endpoints = [{"name": "app", "port": 6061}, {"name": "lsp", "port": 6062, "path": "/lsp/pprof"}]
    async with serving(tmp_path, policy(spec={"target": {**target, "endpoints": endpoints}})) as here:
        here.pods = [pod("ws-1", annotations={"port.leakwarden.io/lsp": "7070"})]
        file = tmp_path / "made"
        await here.good("profile", "ws-1", "--endpoint", "lsp", "-f", str(file))
        assert file.read_bytes() == FORCED
        lines = await here.bad("profile", "ws-1", "-f", str(tmp_path / "other"))
        assert "nothing listens on port 6061 in the pod" in lines[0]
        assert "-debug=localhost:6060" in lines[1]
        (line,) = await here.bad("profile", "ws-1", "--endpoint", "web")
        assert line.endswith("--endpoint: there is no web; there is app, lsp")


async def test_a_pod_that_no_policy_means_needs_a_port(tmp_path: Path) -> None:
    async with serving(tmp_path) as here:
        (line,) = await here.bad("profile", "ws-1")
        assert line.endswith("no LeakPolicy of namespace demo means pod ws-1: say where pprof is by --port")
        await here.good("profile", "ws-1", "--port", "6060", "-f", str(tmp_path / "made"))
    assert (tmp_path / "made").read_bytes() == HEAP


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["ws-2"], "there is no pod ws-2 in namespace demo; did you mean ws-1?"),
        (["ws-1", "--gc", "--type", "goroutine"], "a collection says nothing new about a goroutine profile"),
        (["ws-1", "--type", "goroutineleak"], "this process has no goroutineleak profile"),
        (["ws-1", "-p", "gopsl"], "there is no LeakPolicy gopsl in namespace demo; did you mean gopls?"),
    ],
)
async def test_what_cannot_be_had_is_said_and_no_file_is_left(tmp_path: Path, arguments: list[str], why: str) -> None:
    async with serving(tmp_path, policy()) as here:
        lines = await here.bad("profile", *arguments, "-f", str(tmp_path / "made"))
    assert why in lines[0]
    assert not (tmp_path / "made").exists()


async def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "made").write_text("evidence")
    async with serving(tmp_path, policy()) as here:
        (line,) = await here.bad("profile", "ws-1", "-f", str(tmp_path / "made"))
        assert line.endswith("is there already: give another name")
        (line,) = await here.bad("profile", "ws-1", "-f", str(tmp_path / "no" / "such"))
        assert "cannot be written" in line
    assert (tmp_path / "made").read_text() == "evidence"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"hostNetwork": True}, "port 6060 there belongs to the node, not to the pod"),
        ({"annotations": {"leakwarden.io/opt-out": "true"}}, "ws-1 is not sampled: OptedOut"),
    ],
)
async def test_what_the_operator_would_not_touch_is_not_touched_here(
    tmp_path: Path, more: dict[str, Any], why: str
) -> None:
    async with serving(tmp_path, policy()) as here:
        here.pods = [pod("ws-1", **more)]
        (line,) = await here.bad("profile", "ws-1")
    assert why in line


async def test_who_may_not_forward_is_told_which_right_to_ask_for(tmp_path: Path) -> None:
    async with serving(tmp_path, policy()) as here:
        here.forbid = {"get pods/portforward"}
        lines = await here.bad("profile", "ws-1")
    assert "cannot get pods/portforward in namespace demo" in lines[0]
    assert "kubectl auth can-i create pods --subresource=portforward" in lines[1]
