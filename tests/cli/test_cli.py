"""The command line: what it prints can be used, and what goes wrong is said in one sentence with exit code 2."""

from __future__ import annotations

import logging
import os
import re
import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from leakwarden.api.builtins import builtin_rules
from leakwarden.api.checks import check
from leakwarden.api.spec import LeakPolicySpec
from leakwarden.cli import kubectl_complete, main, plugin
from tests.cli.api_server import kubeconfig

REPO = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def leakwarden(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, arguments, env={"KUBERNETES_SERVICE_HOST": None, **environment})


def said(result: Result) -> str:
    """The one line on stderr of a command that went wrong."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("leakwarden: ")
    return line


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], *([name, "--help"] for name in main.commands)])
def test_help_is_there_for_every_command(arguments: list[str]) -> None:
    result = leakwarden(*arguments)
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")


def test_help_lists_every_command_with_what_it_does() -> None:
    text = leakwarden("--help").stdout
    for name, command in main.commands.items():
        assert f"{name} " in text
        assert command.get_short_help_str()[:30] in text


def test_every_command_has_its_row_on_the_page_of_commands() -> None:
    page = (REPO / "docs" / "commands.md").read_text()
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    listed = {word for row in rows for word in re.findall(r"`([a-z]+)[^`]*`", row)}
    assert listed == set(main.commands)


@pytest.mark.parametrize(
    ("script", "function"),
    [("leakwarden", main), ("kubectl-leakwarden", plugin), ("kubectl_complete-leakwarden", kubectl_complete)],
)
def test_kubectl_finds_the_plugin_by_the_names_that_it_looks_for(script: str, function: Callable[[], None]) -> None:
    scripts = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]["scripts"]
    module, _, name = scripts[script].partition(":")
    assert getattr(import_module(module), name) is function


def test_help_cuts_no_sentence_on_a_terminal_of_80_columns() -> None:
    listed = leakwarden("--help", COLUMNS="80").stdout.partition("Commands:\n")[2].splitlines()
    assert len(listed) == len(main.commands)
    assert all(line.endswith(".") and not line.endswith("..") for line in listed)


@pytest.mark.parametrize("name", ["record", "replay", "diff"])
def test_the_form_of_what_is_printed_is_asked_for_in_the_same_words(name: str) -> None:
    (form,) = (one for one in main.commands[name].params if one.name == "form")
    assert form.opts == ["-o", "--format"]


def test_version_is_that_of_the_package() -> None:
    assert leakwarden("--version").stdout.split()[-1:] == [version("leakwarden")]


@pytest.mark.parametrize(
    ("arguments", "interval"), [([], "30s"), (["--interval", "1m"], "1m"), (["--interval", "5s"], "5s")]
)
def test_printed_rules_are_a_valid_policy_s_rules_and_those_that_apply_without_any(
    arguments: list[str], interval: str
) -> None:
    printed = yaml.safe_load(leakwarden("rules", *arguments).stdout)
    assert list(printed) == ["rules"]
    target = {"selector": {"matchLabels": {"app": "gopls"}}}
    spec = LeakPolicySpec.parse({"target": target, "sampling": {"interval": interval}, **printed})
    assert check(spec) == []
    assert spec.rules == builtin_rules(spec.sampling.interval.seconds)


@pytest.mark.parametrize("interval", ["x", "", "0s", "500ms", "2h", "-30s"])
def test_an_interval_that_no_policy_could_have_is_refused(interval: str) -> None:
    assert "--interval" in said(leakwarden("rules", "--interval", interval))


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("LEAKWARDEN_LISTEN", "nowhere", "must be host:port"),
        ("LEAKWARDEN_LOG_LEVEL", "loud", "must be DEBUG"),
        ("LEAKWARDEN_MAX_IN_FLIGHT", "many", "valid integer"),
        ("LEAKWARDEN_STATUS_INTERVAL", "0", "greater than 0"),
    ],
)
def test_run_with_an_unusable_setting_names_the_variable(variable: str, value: str, why: str) -> None:
    line = said(leakwarden("run", **{variable: value}))
    assert line.startswith(f"leakwarden: {variable}: ")
    assert why in line
    assert "Value error" not in line


def test_run_without_a_kubeconfig_names_the_file(tmp_path: Path) -> None:
    line = said(leakwarden("run", LEAKWARDEN_KUBECONFIG=str(tmp_path / "absent")))
    assert line == f"leakwarden: cannot load {tmp_path / 'absent'}: there is no such file"


def test_run_with_an_api_server_that_is_not_there_says_so_at_once(tmp_path: Path) -> None:
    """Starting is no time to be patient: a person, or the kubelet with its growing delay, tries again."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        config = kubeconfig(tmp_path, port)
        line = said(leakwarden("run", LEAKWARDEN_KUBECONFIG=str(config), LEAKWARDEN_STATE_DIR=str(tmp_path / "state")))
    assert "cannot list leakpolicies" in line
    assert f"127.0.0.1:{port}" in line
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_terminal_that_lacks_a_letter_gets_it_escaped(encoding: str) -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "leakwarden", "patterns"]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert ("\u2500" if encoding == "utf-8" else r"\u2500") in done.stdout.decode(encoding)


def test_without_any_stdout_it_says_so() -> None:
    done = subprocess.run(["bash", "-c", f"{sys.executable} -m leakwarden rules >&-"], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (2, b"leakwarden: stdout cannot be written: it is closed\n")
