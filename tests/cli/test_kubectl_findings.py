"""`kubectl leakwarden findings`: the table, its forms, and what is said where there is nothing to show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from leakwarden.cli.kubectl.findings import function_of
from tests.cli.people import cluster, finding, policy

READY = {"type": "Ready", "status": "True", "reason": "Sampling", "message": "sampling 3 targets"}
CALM = {"type": "Leaking", "status": "False", "reason": "NoLeakFound", "message": "no open leak: 3 healthy"}
SEND = "goroutine/example.org/lsp/internal/server.(*Server).onChange/chan-send"


def found(*findings: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"conditions": [READY, CALM], "findings": list(findings), "findingsTotal": len(findings), **more}


def columns(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("   ") if cell.strip()]


async def test_a_bug_is_a_line_with_the_worst_first_and_the_muted_last(tmp_path: Path) -> None:
    gopls = policy(
        status=found(
            finding(decision="Cooldown"),
            finding("memory/main.known", muted="for good: known", severity="Critical"),
            finding(SEND, severity="Warning", growth="1230", growthPerHour="310", decision="BelowMinSeverity"),
        )
    )
    async with cluster(tmp_path, gopls) as here:
        head, *lines = (await here.good("findings")).splitlines()
    assert columns(head) == [
        "POLICY", "SEVERITY", "PODS", "FUNCTION", "GROWTH", "PER HOUR", "SINCE", "LIMIT", "DECISION"
    ]  # fmt: skip
    cells = [columns(line) for line in lines]
    assert cells[0][:6] == ["gopls", "Critical", "3", "cache.(*Cache).keep", "512Mi", "96Mi"]
    assert cells[0][-1] == "Cooldown"
    assert cells[1][3] == "server.(*Server).onChange (chan send)"
    assert (cells[2][1], cells[2][-1]) == ("Muted", "Muted")


async def test_of_every_namespace_each_line_says_where(tmp_path: Path) -> None:
    both = policy(status=found(finding())), policy("o", "other", status=found(finding()))
    async with cluster(tmp_path, *both) as here:
        assert len((await here.good("findings")).splitlines()) == 2
        assert len((await here.good("findings", "--context", "elsewhere")).splitlines()) == 2
        head, *lines = (await here.good("findings", "-A")).splitlines()
    assert columns(head)[0] == "NAMESPACE"
    assert [columns(line)[:2] for line in lines] == [["demo", "gopls"], ["other", "o"]]


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
async def test_programs_get_all_that_status_has(tmp_path: Path, form: str, read: Any) -> None:
    async with cluster(tmp_path, policy(status=found(finding(decision="Cooldown")))) as here:
        printed = read(await here.good("findings", "-o", form))
        assert printed == [{"namespace": "demo", "policy": "gopls", **finding(decision="Cooldown")}]
        here.policies[0]["status"] = found()
        assert read(await here.good("findings", "-o", form)) == []


async def test_what_a_list_for_programs_cannot_say_is_said_beside_it(tmp_path: Path) -> None:
    async with cluster(tmp_path, policy(status=found(finding(), findingsTotal=35)), policy("new")) as here:
        result = await here.run("findings", "-o", "json")
    assert (result.exit_code, len(json.loads(result.stdout))) == (0, 1)
    assert result.stderr.splitlines() == [
        "gopls: 1 of about 35 findings; status has the worst only.", "new: no operator has looked at it yet."
    ]  # fmt: skip


async def test_wide_adds_what_people_copy(tmp_path: Path) -> None:
    async with cluster(tmp_path, policy(status=found(finding(muted="for good: known")))) as here:
        head, line = (await here.good("findings", "-o", "wide")).splitlines()
    assert columns(head)[-4:] == ["TYPE", "WORST POD", "MUTED", "SIGNATURE"]
    assert columns(line)[-4:] == ["Leak", "ws-1", "for good: known", finding()["signature"]]


async def test_a_name_is_shown_once_however_often_it_is_given_and_in_each_namespace_that_has_it(tmp_path: Path) -> None:
    both = policy(status=found(finding())), policy("gopls", "other", status=found(finding()))
    async with cluster(tmp_path, *both) as here:
        assert len((await here.good("findings", "gopls", "gopls")).splitlines()) == 2
        _, *lines = (await here.good("findings", "-A", "gopls")).splitlines()
    assert [columns(line)[:2] for line in lines] == [["demo", "gopls"], ["other", "gopls"]]


@pytest.mark.parametrize("namespace", ["..", "a/b", "demo?limit=1", "demo%2f", "-x", "\x1b[2J", "n" * 64])
async def test_a_namespace_that_cannot_be_is_refused_before_anything_is_asked(tmp_path: Path, namespace: str) -> None:
    async with cluster(tmp_path, policy()) as here:
        for command in (["findings"], ["pause", "--all", "--until", "1h"], ["explain", "ws-1"]):
            (line,) = await here.bad(*command, f"--namespace={namespace}")
            assert line == f"leakwarden: -n: {namespace!r} is no name of a namespace"
        (line,) = await here.bad("top", f"--operator={namespace.replace('/', '_')}")
        assert line.startswith("leakwarden: --operator: ")
        assert here.asked == []


@pytest.mark.parametrize("text", ["a: [", "\x00", "", "- a", "words", "contexts: 5", "current-context: nowhere"])
async def test_a_kubeconfig_that_is_none_is_said_with_its_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "broken"
    file.write_text(text)
    async with cluster(tmp_path, policy()) as here:
        said = await here.bad("findings", "--kubeconfig", str(file))
    assert said[0].startswith(f"leakwarden: cannot load {file}: ")
    assert said[1] == "  --kubeconfig names the file and --context one of `kubectl config get-contexts`."


async def test_what_a_condition_says_cannot_steer_the_terminal(tmp_path: Path) -> None:
    evil = {**READY, "status": "False", "reason": "Forbidden", "message": "cannot list \x1b[2J\x9b31m\n"}
    async with cluster(tmp_path, policy(status=found(finding(severity="\x1b[31m"), conditions=[evil]))) as here:
        result = await here.run("findings")
    assert result.exit_code == 0
    for text in (result.stdout, result.stderr):
        assert "".join(text.splitlines()).isprintable(), text


async def test_a_name_that_would_steer_the_terminal_is_made_harmless(tmp_path: Path) -> None:
    evil = "memory/main.\x1b[2Jx[bold]"
    async with cluster(tmp_path, policy(status=found(finding(evil)))) as here:
        text = await here.good("findings", "-o", "wide")
    assert "\x1b" not in text
    assert "main.\N{REPLACEMENT CHARACTER}[2Jx[bold]" in text


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({}, "gopls: no operator has looked at it yet."),
        (found(), "gopls: no open leak: 3 healthy"),
        (
            {"conditions": [{**READY, "status": "False", "reason": "Forbidden", "message": "cannot list pods"}]},
            "gopls: Forbidden: cannot list pods",
        ),
        (
            found(finding(decision="ObserveOnly"), finding(SEND, decision="ObserveOnly")),
            "gopls: this policy only watches (ObserveOnly), it touches no pod.",
        ),
        (found(finding(), findingsTotal=35), "gopls: 1 of about 35 findings; status has the worst only."),
    ],
)
async def test_what_the_table_cannot_say_is_said_beside_it(tmp_path: Path, status: dict[str, Any], said: str) -> None:
    async with cluster(tmp_path, policy(status=status)) as here:
        result = await here.run("findings")
    assert (result.exit_code, result.stderr) == (0, f"{said}\n")


async def test_no_policy_at_all_and_no_leakwarden_at_all_are_told_apart(tmp_path: Path) -> None:
    async with cluster(tmp_path) as here:
        assert (await here.run("findings")).stderr == "There is no LeakPolicy in namespace demo.\n"
        here.installed = False
        lines = await here.bad("findings")
    assert lines[1].startswith("  This cluster knows no LeakPolicies")


async def test_a_context_that_is_not_there_says_which_command_lists_them(tmp_path: Path) -> None:
    async with cluster(tmp_path) as here:
        lines = await here.bad("findings", "--context", "nowhere")
    assert "nowhere" in lines[0]
    assert "kubectl config get-contexts" in lines[1]


async def test_a_server_that_is_not_there_is_said_with_what_to_try(tmp_path: Path) -> None:
    async with cluster(tmp_path) as here:
        pass
    lines = await here.bad("findings")
    assert "cannot list leakpolicies.leakwarden.io in namespace demo" in lines[0]
    assert "kubectl cluster-info" in lines[1]


async def test_who_may_look_into_one_namespace_only_is_told_to_name_it(tmp_path: Path) -> None:
    async with cluster(tmp_path, policy()) as here:
        here.forbid = {"list leakpolicies"}
        lines = await here.bad("findings", "-A")
    assert "kubectl auth can-i list leakpolicies.leakwarden.io -A" in lines[1]
    assert "try -n NAME instead of -A" in lines[3]


@pytest.mark.parametrize(
    ("signature", "shown"),
    [
        ("memory/golang.org/x/tools/gopls/internal/cache.readFile", "cache.readFile"),
        ("goroutine/main.run/sync.Mutex", "main.run (sync.Mutex)"),
        ("goroutine/main.run", "main.run"),
        ("memory/unattributed", "unattributed"),
        ("memory/example.org/x.(*Y[go.shape.int]).Z", "x.(*Y[go.shape.int]).Z"),
    ],
)
def test_a_signature_is_shown_as_its_function(signature: str, shown: str) -> None:
    assert function_of(signature) == shown
