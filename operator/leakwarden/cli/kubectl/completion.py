"""`completion` for the shells, and what kubectl asks when a Tab is pressed behind `kubectl leakwarden`."""

from __future__ import annotations

from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem, ShellComplete, get_completion_class

from leakwarden.cli.output import written

EXAMPLES = """\b
Examples: for this shell, and for every one to come.
  source <(leakwarden completion bash)
  leakwarden completion fish > ~/.config/fish/completions/leakwarden.fish
"""
SHELLS = ("bash", "zsh", "fish")
_FILES, _NO_FILES = 0, 4
"""What kubectl is to do besides (cobra's ShellCompDirective): offer files, or nothing."""


@click.command(short_help="Print what a shell needs to complete names.", epilog=EXAMPLES)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that has SHELL complete commands, options, and the names of policies, pods, leaks, namespaces
    and contexts: those come from the cluster, within two seconds or not at all.

    kubectl completes "kubectl leakwarden" by itself (1.26 and later), once its own completion is on and
    kubectl_complete-leakwarden, which comes with this package, is on the PATH.
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise AssertionError(f"click knows no {shell}")
    written(kind(context.find_root().command, {}, "leakwarden", "_LEAKWARDEN_COMPLETE").source() + "\n")


def offered(command: click.Command, words: Sequence[str]) -> str:
    """The answer to kubectl: a name a line, its help behind a tab, and at last what to do besides. The last of `words`
    is the one that is being typed."""
    *before, incomplete = words or [""]
    items = ShellComplete(command, {}, "leakwarden", "_LEAKWARDEN_COMPLETE").get_completions(list(before), incomplete)
    names = [item for item in items if item.type == "plain"]
    directive = _FILES if len(names) < len(items) else _NO_FILES
    return "".join(f"{_line(item)}\n" for item in names) + f":{directive}\n"


def _line(item: CompletionItem) -> str:
    return f"{item.value}\t{item.help}" if item.help else str(item.value)
