"""What a Tab offers: names from the cluster, and nothing rather than an error."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from leakwarden.cli import main
from leakwarden.cli.kubectl.completion import SHELLS, offered
from tests.cli.people import Cluster, cluster, finding, pod, policy


async def tab(here: Cluster, monkeypatch: pytest.MonkeyPatch, *words: str) -> list[str]:
    """The lines that kubectl is given."""
    await here.run("rules")  # writes the kubeconfig
    monkeypatch.setenv("KUBECONFIG", str(here.directory / "kubeconfig"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    return (await asyncio.to_thread(offered, main, words)).splitlines()


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["pause", ""], ["gopls", "web"]),
        (["pause", "g"], ["gopls"]),
        (["pause", "-n", "other", ""], ["theirs"]),
        (["findings", "-n", ""], ["demo", "other"]),
        (["findings", "--context", ""], ["here", "elsewhere"]),
        (["explain", "ws"], ["ws-1", "ws-2"]),
        (["mute", "memory/"], ["memory/main.known", "memory/main.seen"]),
        (["findings", "-o", ""], ["wide", "json", "yaml"]),
    ],
)
async def test_names_come_from_the_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], names: list[str]
) -> None:
    mutes = {"mutes": [{"signature": "memory/main.known", "reason": "r"}]}
    seen = {"findings": [finding("memory/main.seen")]}
    there: list[dict[str, Any]] = [policy(spec=mutes, status=seen), policy("web"), policy("theirs", "other")]
    async with cluster(tmp_path, *there, pods=[pod("ws-1"), pod("ws-2"), pod("db", "other")]) as here:
        assert await tab(here, monkeypatch, *words) == [*names, ":4"]


async def test_a_cluster_that_refuses_or_is_not_there_offers_nothing_and_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with cluster(tmp_path, policy()) as here:
        here.forbid = {"list leakpolicies"}
        assert await tab(here, monkeypatch, "pause", "") == [":4"]
    assert await tab(here, monkeypatch, "pause", "") == [":4"]


def test_commands_come_with_what_they_do_and_files_are_left_to_the_shell() -> None:
    assert "findings\tWhat leaks: function, pods, pace, limit." in offered(main, [""]).splitlines()
    assert offered(main, ["replay", "-f", ""]) == ":0\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_there_is_a_script_for_each_shell(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell])
    assert result.exit_code == 0
    assert "_LEAKWARDEN_COMPLETE" in result.stdout


def test_the_script_is_one_that_bash_can_read() -> None:
    script = CliRunner().invoke(main, ["completion", "bash"]).stdout
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
