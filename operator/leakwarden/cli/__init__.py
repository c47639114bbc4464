"""The command line. Each command parses, calls, and prints; exit 0 clean, 1 something was found, 2 an error."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path

import click

from leakwarden.cli.cleanup_command import cleanup
from leakwarden.cli.commands import Commands
from leakwarden.cli.gate_command import gate
from leakwarden.cli.kubectl.completion import completion, offered
from leakwarden.cli.kubectl.explain import explain
from leakwarden.cli.kubectl.findings import findings
from leakwarden.cli.kubectl.muting import mute, unmute
from leakwarden.cli.kubectl.pausing import pause, resume
from leakwarden.cli.kubectl.profile import profile
from leakwarden.cli.kubectl.top import top
from leakwarden.cli.record_command import record
from leakwarden.cli.replay_command import replay
from leakwarden.errors import LeakwardenError


def _print_version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        from leakwarden.version import version

        click.echo(f"leakwarden, version {version()}")
        context.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version,
    help="Show the version, in images the commit too, and exit.",
)  # fmt: skip
def main() -> None:
    """Leakwarden finds Go language servers that leak memory, says where, and can repair them."""


@main.command(short_help="Run the operator until SIGTERM or SIGINT.")
def run() -> None:
    """Run the operator until SIGTERM or SIGINT.

    Settings come from the environment, LEAKWARDEN_STATE_DIR and the rest: see docs/settings.md.
    """
    from leakwarden.adapters.logs import configure_logging
    from leakwarden.cli.run import run_operator
    from leakwarden.pipeline.logcontext import current_fields
    from leakwarden.settings import from_environment

    try:
        settings = from_environment(os.environ)
        configure_logging(settings.log_level, current_fields)
        asyncio.run(run_operator(settings))
    except LeakwardenError as error:
        click.echo(f"leakwarden: {error}", err=True)
        sys.exit(2)
    except Exception:
        logging.getLogger(__name__).critical("the operator ends, which is a bug", exc_info=True)
        sys.exit(2)


@main.command(
    short_help="Print the built-in rules as YAML, to copy into a policy.",
    epilog="Example, for a policy that samples every 10 seconds: leakwarden rules --interval 10s",
)
@click.option(
    "--interval", default="30s", show_default=True, metavar="DURATION",
    help="The policy's sampling.interval, which the windows are counted in, such as 10s or 1m.",
)  # fmt: skip
def rules(interval: str) -> None:
    """Print the built-in rules as YAML, to copy into a policy's spec and change.

    A policy without spec.rules uses these, scaled by its interval; one with spec.rules uses exactly its own.
    """
    from leakwarden.cli.output import written
    from leakwarden.cli.rules import builtin_rules_yaml

    try:
        text = builtin_rules_yaml(interval)
    except LeakwardenError as error:
        click.echo(f"leakwarden: {error}", err=True)
        sys.exit(2)
    written(text)


@main.command(
    short_help="Print the kinds of leaks that are named, and the fix of each.",
    epilog="Examples: leakwarden patterns blocked-senders, which a finding names; and to check patterns of your own "
    "before they go into a ConfigMap: leakwarden patterns -f mine.yaml",
)
@click.argument("name", default="", required=False)
@click.option(
    "-f", "--file", type=click.Path(path_type=Path), default=None,
    help="Patterns of your own, which come before the built-in ones. docs/patterns.md tells the form.",
)  # fmt: skip
@click.option(
    "-o", "--format", "form", type=click.Choice(["text", "json", "yaml"]), default="text", show_default=True,
    help="For people, or everything, conditions included.",
)  # fmt: skip
def patterns(name: str, file: Path | None, form: str) -> None:
    """Print the patterns that findings are named by, in the order in which they are tried; of one NAME all that is
    known: why it is a leak, the fix, and an example.

    Exits 2 where there is no such pattern, or the file cannot be read or holds something that is no pattern; the
    message names the field.
    """
    from leakwarden.cli.output import written
    from leakwarden.cli.patterns import as_json, as_yaml, only, print_table, print_whole, table_in_force

    try:
        table = only(table_in_force(file), name) if name else table_in_force(file)
    except LeakwardenError as error:
        click.echo(f"leakwarden: {error}", err=True)
        sys.exit(2)
    if form == "text":
        (print_whole if name else print_table)(table)
    else:
        written(as_json(table) if form == "json" else as_yaml(table))


@main.command(
    short_help="Compare two profile files: what grew, by function and line.",
    epilog="Example: leakwarden diff --by cum heap-monday.pb.gz heap-friday.pb.gz. docs/diff.md has the details.",
)
@click.argument("base", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option(
    "-o", "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True,
    help="Tables, or JSON with every entry.",
)  # fmt: skip
@click.option("--by", type=click.Choice(["flat", "cum"]), default="flat", show_default=True, help="What to sort by.")
@click.option("--top", type=click.IntRange(min=1), default=20, show_default=True, help="Rows a table; JSON has all.")
@click.option(
    "--sample-index",
    default="",
    metavar="NAME",
    help="What to compare, in pprof's words: inuse_space, alloc_objects, ...  [default: as pprof]",
)
def diff(base: Path, new: Path, form: str, by: str, top: int, sample_index: str) -> None:
    """What NEW has more, or less, than BASE: by function and by line.

    Both are pprof profiles as files, gzipped or not: heap, goroutine or any other. "flat" is what a function holds by
    itself, "cum" counts what it calls, too. The amounts are those of "go tool pprof -top -diff_base BASE NEW".

    Exits 0 whatever the difference, 2 when a file cannot be used.
    """
    from leakwarden.cli.diff import as_json, compare, print_tables
    from leakwarden.cli.output import written
    from leakwarden.core.diff.difference import By

    try:
        found = compare(base, new, sample_index, By(by))
    except LeakwardenError as error:
        click.echo(f"leakwarden: {error}", err=True)
        sys.exit(2)
    if form == "json":
        written(as_json(found) + "\n")
    else:
        print_tables(found, top)


for command in (
    record, replay, gate, cleanup, findings, top, explain, profile, pause, resume, mute, unmute, completion,
):  # fmt: skip
    main.add_command(command)


def plugin() -> None:
    """`kubectl-leakwarden` on the PATH is `kubectl leakwarden` to a person, and help calls it so."""
    main(prog_name="kubectl leakwarden")


def kubectl_complete() -> None:
    """`kubectl_complete-leakwarden` on the PATH: kubectl asks it for what may follow."""
    click.echo(offered(main, sys.argv[1:]), nl=False)
