"""pause, resume, mute, unmute: what they write into a policy, and what they say when they cannot."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.people import cluster, finding, policy

KEEP = "memory/example.org/lsp/internal/cache.(*Cache).keep"
SEND = "goroutine/example.org/lsp/internal/server.(*Server).onChange/chan-send"
LEAKS = {"findings": [finding(KEEP), finding(SEND)]}
WHY = ("--reason", "fixed in v2")


def spec_of(document: dict[str, Any]) -> dict[str, Any]:
    return dict(document["spec"])


def ahead(text: str) -> timedelta:
    return datetime.fromisoformat(text) - datetime.now(UTC)


async def test_pause_sets_a_time_and_resume_takes_it_away(tmp_path: Path) -> None:
    async with cluster(tmp_path, policy(spec={"remediation": {"mode": "Evict", "cooldown": "2h"}})) as here:
        said = await here.good("pause", "gopls", "--until", "2h")
        (changed,) = here.policies
        until = changed["spec"]["remediation"]["pausedUntil"]
        assert said == f"demo/gopls is paused until {until}, for 2h\n"
        assert timedelta(minutes=119) < ahead(until) <= timedelta(hours=2)
        assert await here.good("resume", "gopls") == "demo/gopls goes on, in mode Evict\n"
        assert spec_of(changed)["remediation"] == {"mode": "Evict", "cooldown": "2h"}
        assert await here.good("resume", "gopls") == "demo/gopls was not paused\n"


@pytest.mark.parametrize(
    ("until", "as_written"),
    [("2099-12-03T08:00:00Z", "2099-12-03T08:00:00Z"), ("2099-12-03T08:00:00+02:00", "2099-12-03T06:00:00Z")],
)
async def test_a_time_is_written_in_utc(tmp_path: Path, until: str, as_written: str) -> None:
    async with cluster(tmp_path, policy()) as here:
        assert "only observes" in await here.good("pause", "gopls", "--until", until)
        assert here.policies[0]["spec"]["remediation"]["pausedUntil"] == as_written


@pytest.mark.parametrize(
    ("until", "why"),
    [
        ("tomorrow", "wants how long, such as 2h or 7d, or a time with its zone"),
        ("2099-12-03T08:00:00", "2099-12-03T08:00:00Z is that time in UTC"),
        ("2020-01-01T00:00:00Z", "is over already"),
        ("0s", "is over already"),
        ("1ms", "is over already"),
        ("2099-12-03", "2099-12-03T00:00:00Z is that time in UTC"),
        ("9999-12-31T23:59:59-12:00", "wants how long"),
        ("\u0662d", "wants how long"),
        ("-2h", "wants how long"),
    ],
)
async def test_a_time_that_cannot_be_meant_is_refused_before_anything_is_asked(
    tmp_path: Path, until: str, why: str
) -> None:
    async with cluster(tmp_path, policy()) as here:
        (line,) = await here.bad("pause", "gopls", "--until", until)
        assert line.startswith("leakwarden: --until: ")
        assert why in line
        assert here.asked == []


async def test_everything_is_paused_although_one_policy_may_not_be(tmp_path: Path) -> None:
    stuck = policy("broken", status={"conditions": [{"type": "Suspended", "reason": "CircuitBreaker"}]})
    async with cluster(tmp_path, policy("a"), stuck, policy("z", "other")) as here:
        result = await here.run("pause", "--all", "-A", "--until", "1h")
        assert result.exit_code == 2
        assert [line.split(" is ")[0] for line in result.stdout.splitlines()] == ["demo/a", "other/z"]
        assert "demo/broken is suspended by its circuit breaker" in result.stderr
        assert "--close-breaker" in result.stderr
        assert ["remediation" in one["spec"] for one in here.policies] == [True, False, True]
        assert "is paused" in await here.good("pause", "broken", "--until", "1h", "--close-breaker")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "give the names of policies, or --all"),
        (["gopls", "--all"], "give the names of policies, or --all"),
        (["gopls", "-A"], "a name means one policy of one namespace"),
    ],
)
async def test_it_must_be_said_which_policies_are_meant(tmp_path: Path, arguments: list[str], why: str) -> None:
    async with cluster(tmp_path, policy()) as here:
        (line,) = await here.bad("pause", *arguments, "--until", "1h")
        assert why in line


async def test_mute_takes_a_part_of_a_signature_that_only_one_leak_has(tmp_path: Path) -> None:
    async with cluster(tmp_path, policy(status=LEAKS), policy("quiet")) as here:
        said = await here.good("mute", "cache", "--until", "7d", *WHY)
        (mute,) = here.policies[0]["spec"]["mutes"]
        assert (mute["signature"], mute["reason"]) == (KEEP, "fixed in v2")
        assert timedelta(days=6) < ahead(mute["until"]) <= timedelta(days=7)
        assert said == f"demo/gopls mutes {KEEP} until {mute['until']}\n"
        assert "mutes" not in here.policies[1]["spec"]


async def test_a_mute_replaces_that_of_the_same_leak_and_leaves_the_others(tmp_path: Path) -> None:
    mutes = [{"signature": KEEP, "reason": "old"}, {"signature": "memory/main.x", "reason": "other"}]
    async with cluster(tmp_path, policy(spec={"mutes": mutes}, status=LEAKS)) as here:
        await here.good("mute", KEEP, "--for-good", "--reason", "new")
        assert here.policies[0]["spec"]["mutes"] == [mutes[1], {"signature": KEEP, "reason": "new"}]
        assert await here.good("unmute", "cache") == f"demo/gopls no longer mutes {KEEP}\n"
        await here.good("unmute", "main.x")
        assert "mutes" not in here.policies[0]["spec"]


async def test_a_leak_that_nothing_shows_yet_is_muted_by_its_whole_signature_and_policy(tmp_path: Path) -> None:
    async with cluster(tmp_path, policy(status=LEAKS)) as here:
        (line,) = await here.bad("mute", "memory/main.soon", "--for-good", *WHY)
        assert "no open leak has 'memory/main.soon'" in line
        assert line.endswith("; to mute one that is yet to come give it whole, and --policy")
        await here.good("mute", "memory/main.soon", "--policy", "gopls", "--for-good", *WHY)
        assert here.policies[0]["spec"]["mutes"] == [{"signature": "memory/main.soon", "reason": "fixed in v2"}]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["example.org", "--for-good"], "is a part of 2: "),
        (["cache.keepp", "--for-good"], "no open leak has 'cache.keepp'; there is "),
        ([KEEP], "say until when, such as --until 7d, or --for-good"),
        ([KEEP, "--for-good", "--until", "2h"], "say until when"),
        ([KEEP, "--for-good", "-p", "gopsl"], "there is no LeakPolicy gopsl in namespace demo; did you mean gopls?"),
    ],
)
async def test_a_mute_that_is_not_clear_is_refused_with_what_there_is(
    tmp_path: Path, arguments: list[str], why: str
) -> None:
    async with cluster(tmp_path, policy(status=LEAKS)) as here:
        (line,) = await here.bad("mute", *arguments, *WHY)
        assert why in line
        assert "mutes" not in here.policies[0]["spec"]


async def test_an_edit_that_another_was_faster_than_keeps_both(tmp_path: Path) -> None:
    theirs = {"signature": "memory/main.theirs", "reason": "theirs"}
    async with cluster(tmp_path, policy(status=LEAKS)) as here:
        here.faster = [{"status": {"topLeak": "x"}}, {"spec": {"mutes": [theirs]}}]
        await here.good("mute", KEEP, "--for-good", *WHY)
        assert [one["signature"] for one in here.policies[0]["spec"]["mutes"]] == ["memory/main.theirs", KEEP]


async def test_an_edit_that_is_always_late_gives_up(tmp_path: Path) -> None:
    async with cluster(tmp_path, policy(status=LEAKS)) as here:
        here.faster = [{"status": {"topLeak": str(n)}} for n in range(20)]
        (line,) = await here.bad("mute", KEEP, "--for-good", *WHY)
        assert "the object has been modified" in line


async def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    async with cluster(tmp_path, policy(status=LEAKS)) as here:
        assert "(dry run" in await here.good("mute", KEEP, "--for-good", *WHY, "--dry-run")
        assert "(dry run" in await here.good("pause", "gopls", "--until", "1h", "--dry-run")
        assert set(here.policies[0]["spec"]) == {"target"}
        assert all("dryRun=All" in one for one in here.asked if one.startswith("PATCH"))


async def test_a_missing_right_is_named_with_how_to_ask_for_it(tmp_path: Path) -> None:
    async with cluster(tmp_path, policy(status=LEAKS)) as here:
        here.forbid = {"patch leakpolicies"}
        lines = await here.bad("mute", KEEP, "--for-good", *WHY)
    assert lines[0].startswith("leakwarden: cannot patch leakpolicies.leakwarden.io in namespace demo: ")
    assert lines[1] == "  Check it: kubectl auth can-i patch leakpolicies.leakwarden.io -n demo"
    assert re.search(r"create role NAME --verb=patch --resource=leakpolicies\.leakwarden\.io -n demo", lines[2])


@pytest.mark.parametrize("command", [["mute", "keep", "--for-good", *WHY], ["unmute", "keep"]])
async def test_with_every_namespace_a_policy_is_not_named(tmp_path: Path, command: list[str]) -> None:
    async with cluster(tmp_path, policy(status=LEAKS), policy("gopls", "other", status=LEAKS)) as here:
        (line,) = await here.bad(*command, "-A", "-p", "gopls")
        assert line.startswith("leakwarden: -A: a name means one policy of one namespace")
        assert here.asked == []


@pytest.mark.parametrize("reader", ["| true", "> /dev/full"])
async def test_all_policies_are_paused_whoever_reads_what_is_said(tmp_path: Path, reader: str) -> None:
    async with cluster(tmp_path, *(policy(f"p{number}") for number in range(5))) as here:
        await here.good("findings")  # writes the kubeconfig
        command = f"set -o pipefail; {sys.executable} -m leakwarden pause --all --until 1h {reader}"
        environment = {"PATH": os.environ["PATH"], "KUBECONFIG": str(tmp_path / "kubeconfig")}
        shell = await asyncio.create_subprocess_exec(
            "bash", "-c", command, env=environment, stderr=asyncio.subprocess.PIPE
        )
        _, stderr = await shell.communicate()
        assert all("pausedUntil" in one["spec"]["remediation"] for one in here.policies)
    full = reader == "> /dev/full"
    assert shell.returncode == (2 if full else 0)
    assert stderr.decode() == ("leakwarden: stdout cannot be written: No space left on device\n" if full else "")
