"""`kubectl leakwarden top`: through a port-forward to the operator that leads; and what is said where there is none."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from leakwarden.cli.kubectl.tables import fitting
from leakwarden.cli.kubectl.top import columns
from tests.cli.people import Cluster, cluster, pod, policy
from tests.cli.reading import KEEP, NOW, OPERATOR, Operator, install, reading_port, row


def lines(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("   ") if cell.strip()] for line in text.splitlines()]


async def test_a_target_is_a_line_and_what_is_not_known_is_a_dash(tmp_path: Path) -> None:
    quiet = row("ws-2", verdict="Learning", heap_per_hour=None, goroutines_per_hour=-12.0, limit_at=None, worst=None)
    made = Operator([row(), quiet])
    async with cluster(tmp_path) as here, reading_port(made):
        install(here, made)
        head, *rest = lines(await here.good("top"))
    assert head == ["POD", "POLICY", "VERDICT", "HEAP", "HEAP/H", "GOROUTINES", "GOR/H", "LIMIT", "WORST LEAK"]
    assert rest == [
        ["ws-1", "gopls", "Leaking", "610 MiB", "+96 MiB", "1,250", "0", "in 2h40m", "cache.(*Cache).keep"],
        ["ws-2", "gopls", "Learning", "610 MiB", "-", "1,250", "-12"],
    ]
    assert made.asked == [("demo", "", "20")]


async def test_rows_policy_and_namespace_are_passed_on_and_what_is_left_out_is_said(tmp_path: Path) -> None:
    made = Operator([row(), row("ws-2"), row("ws-3")])
    async with cluster(tmp_path) as here, reading_port(made):
        install(here, made)
        result = await here.run("top", "-A", "--rows", "2", "-p", "gopls")
    assert result.exit_code == 0
    assert [cells[:2] for cells in lines(result.stdout)[1:]] == [["demo", "ws-1"], ["demo", "ws-2"]]
    assert result.stderr == "2 of 3 targets in any namespace, 12:00:00 UTC\n"
    assert made.asked == [("", "gopls", "2")]


async def test_programs_get_all_that_is_known(tmp_path: Path) -> None:
    made = Operator([row(limit_at=None, worst=None)])
    async with cluster(tmp_path) as here, reading_port(made):
        install(here, made)
        (found,) = json.loads(await here.good("top", "-o", "json"))
    assert (found["pod"], found["liveHeap"], found["lastAttempt"]) == ("ws-1", 612 * 2**20, "2026-11-24T11:59:57Z")
    assert "limitAt" not in found


async def test_what_a_list_for_programs_leaves_out_is_said_beside_it(tmp_path: Path) -> None:
    made = Operator([row(), row("ws-2")])
    async with cluster(tmp_path) as here, reading_port(made):
        install(here, made)
        result = await here.run("top", "-o", "json", "--rows", "1")
    assert (result.exit_code, len(json.loads(result.stdout))) == (0, 1)
    assert result.stderr == "1 of 2 targets in namespace demo, 12:00:00 UTC\n"


async def test_wide_says_why(tmp_path: Path) -> None:
    made = Operator([row(muted=True)])
    async with cluster(tmp_path) as here, reading_port(made):
        install(here, made)
        head, line = lines(await here.good("top", "-o", "wide"))
    assert head[-3:] == ["ENDPOINT", "SAMPLED", "WHY"]
    assert line[-4:] == ["cache.(*Cache).keep (muted)", "pprof", "3s ago", f"{KEEP} by rule live-heap"]


async def test_of_several_operators_the_one_that_leads_is_asked(tmp_path: Path) -> None:
    by, leads = Operator(standing_by="standing by: leakwarden-1 leads"), Operator([row()])
    async with cluster(tmp_path) as here, reading_port(by), reading_port(leads):
        install(here, by, "leakwarden-0")
        install(here, leads, "leakwarden-1")
        assert "ws-1" in await here.good("top")
        leads.standing_by = "standing by: nobody leads"
        said = await here.bad("top")
    assert said[0] == (
        "leakwarden: no operator leads: leakwarden-0: standing by: leakwarden-1 leads; "
        "leakwarden-1: standing by: nobody leads"
    )


async def test_an_operator_beside_the_cluster_is_asked_by_its_url_and_no_kubeconfig_is_read(tmp_path: Path) -> None:
    made = Operator([row()])
    async with reading_port(made):
        nowhere = Cluster(directory=tmp_path)
        url = f"http://127.0.0.1:{made.port}"
        assert "ws-1" in await nowhere.good("top", "--operator-url", url, "--kubeconfig", str(tmp_path / "absent"))
        assert made.asked == [("", "", "20")]
    lines_ = await nowhere.bad("top", "--operator-url", url)
    assert f"the operator at {url} gives no answer: nothing listens on 127.0.0.1:{made.port}" in lines_[0]
    assert (await nowhere.bad("top", "--operator-url", "ftp://x"))[0].startswith("leakwarden: --operator-url: ")


@pytest.mark.parametrize("arguments", [[], ["--operator", "elsewhere"], ["--operator", "leakwarden/mine"]])
async def test_an_operator_that_is_not_there_is_said_with_how_to_say_where_it_is(
    tmp_path: Path, arguments: list[str]
) -> None:
    async with cluster(tmp_path, policy()) as here:
        said = await here.bad("top", *arguments)
    assert said[0].startswith("leakwarden: no running pod ")
    assert "--operator NAMESPACE, or NAMESPACE/POD" in said[1]
    assert "--operator-url http://HOST:PORT" in said[2]


async def test_an_operator_of_another_name_is_found_by_it(tmp_path: Path) -> None:
    made = Operator([row()])
    async with cluster(tmp_path) as here, reading_port(made):
        here.pods = [pod("mine", "ops", labels={})]
        here.ports["mine", 8086] = made.port
        assert "ws-1" in await here.good("top", "--operator", "ops/mine")


async def test_an_operator_that_serves_no_reading_port_is_told_from_none_at_all(tmp_path: Path) -> None:
    async with cluster(tmp_path) as here:
        here.pods = [pod("leakwarden-0", "leakwarden", labels=OPERATOR)]
        here.ports["leakwarden-0", 8086] = 1
        said = await here.bad("top")
    assert "operator pod leakwarden/leakwarden-0 gives no answer: nothing listens on port 8086" in said[0]
    assert "LEAKWARDEN_INSPECT" in said[1]


async def test_who_may_not_forward_is_told_which_right_to_ask_for(tmp_path: Path) -> None:
    made = Operator([row()])
    async with cluster(tmp_path) as here, reading_port(made):
        install(here, made)
        here.forbid = {"get pods/portforward"}
        said = await here.bad("top")
    assert "a forward needs get and create on pods/portforward" in said[0]
    assert "get and create on pods/portforward in the operator's namespace" in said[1]
    assert "kubectl leakwarden findings" in said[2]


@pytest.mark.parametrize("width", ["10", "60", "200"])
async def test_on_the_narrowest_terminal_no_number_is_cut(tmp_path: Path, width: str) -> None:
    made = Operator([row("gopls-file-cache-574dd9bc8-hfc6s"), row("ws-2")])
    ours, theirs = pty.openpty()
    async with reading_port(made):
        url = f"http://127.0.0.1:{made.port}"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "leakwarden", "top", "--once", "--operator-url", url,
            env={"PATH": os.environ["PATH"], "TERM": "dumb", "COLUMNS": width}, stdout=theirs,
        )  # fmt: skip
        os.close(theirs)
        shown = bytearray()
        with suppress(OSError):  # EIO: the other end is closed
            while part := await asyncio.to_thread(os.read, ours, 1 << 16):
                shown += part
        assert await process.wait() == 0
    os.close(ours)
    (_, first, *_), last = lines(shown.decode())[:3], lines(shown.decode())[-1]
    assert first[1].startswith("gopls-file-cache")
    assert last == ["demo", "ws-2", "gopls", "Leaking", "610 MiB", "+96 MiB", "1,250", "0", "in 2h40m", last[-1]]


def test_while_it_is_live_what_has_no_room_is_left_out_whole() -> None:
    shown = columns(NOW, several=True)
    titles = {room: [one.title for one in fitting(shown, [row("ws-1")], room)] for room in (1, 40, 60, 200)}
    assert titles[1] == ["NAMESPACE", "POD"]
    assert titles[40] == ["NAMESPACE", "POD", "POLICY", "VERDICT"]
    assert titles[60] == [*titles[40], "HEAP", "HEAP/H"]
    assert titles[200][-1] == "WORST LEAK"


async def test_on_a_terminal_it_is_live_survives_its_operator_and_ends_cleanly_by_ctrl_c(tmp_path: Path) -> None:
    """A real process on a real terminal: what it draws is looked at as it comes."""
    made = Operator([row()])
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    seen = bytearray()

    async def shows(text: str) -> None:
        async with asyncio.timeout(60):
            while text.encode() not in seen:
                with suppress(BlockingIOError):
                    seen.extend(os.read(ours, 1 << 16))
                await asyncio.sleep(0.02)
        seen.clear()

    environment = {"PATH": os.environ["PATH"], "TERM": "xterm", "COLUMNS": "140", "LINES": "12"}
    command = [sys.executable, "-m", "leakwarden", "top", "--every", "0.5"]
    async with reading_port(made):
        command += ["--operator-url", f"http://127.0.0.1:{made.port}"]
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
        )
        try:
            await shows("ws-1")
            made.rows = [row("ws-2"), row("ws-3", verdict="Healthy", worst=None)]
            await shows("ws-3")
        except BaseException:
            process.kill()
            raise
    try:
        await shows("gives no answer")
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(60):
            while process.returncode is None:  # a terminal reads to the end: one that does not holds up what is drawn
                with suppress(BlockingIOError):
                    os.read(ours, 1 << 16)
                await asyncio.sleep(0.02)
        assert process.returncode == 0
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        os.close(ours)
        os.close(theirs)
    assert made.asked[0] == ("", "", "10")


async def test_no_target_at_all_is_said(tmp_path: Path) -> None:
    made = Operator()
    async with cluster(tmp_path) as here, reading_port(made):
        install(here, made)
        result = await here.run("top")
    assert (result.exit_code, result.stderr) == (0, "No policy watches a pod in namespace demo.\n")
