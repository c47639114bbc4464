"""How commands end: 1 is kept for what they look for."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner, Result

from leakwarden.cli import main
from leakwarden.cli.commands import Commands


def ended(error: BaseException) -> Result:
    """A command that raises."""

    @click.group(cls=Commands)
    def group() -> None:
        pass

    @group.command()
    def work() -> None:
        raise error

    return CliRunner().invoke(group, ["work"])


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (KeyboardInterrupt(), "leakwarden: interrupted\n"),
        (click.Abort(), "leakwarden: interrupted\n"),
        (ZeroDivisionError("by none"), "ZeroDivisionError: by none\nleakwarden: a bug of leakwarden ended it"),
        (BrokenPipeError(), ""),
        (click.UsageError("which?"), "Error: which?"),
    ],
    ids=["Ctrl-C", "Ctrl-C at a question", "a bug", "nobody reads", "asked wrongly"],
)
def test_nothing_but_a_finding_exits_with_1(error: BaseException, says: str) -> None:
    result = ended(error)
    assert result.exit_code == 2
    assert says in result.stderr


@pytest.mark.parametrize("code", [0, 1])
def test_what_a_command_says_itself_stays(code: int) -> None:
    assert ended(SystemExit(code)).exit_code == code
    assert ended(click.exceptions.Exit(code)).exit_code == code


def test_the_command_line_is_made_of_such_commands() -> None:
    assert isinstance(main, Commands)
