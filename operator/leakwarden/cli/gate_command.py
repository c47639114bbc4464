"""The words of `leakwarden gate` on the command line."""

from __future__ import annotations

import asyncio
import shlex
import sys
from pathlib import Path

import click
from pydantic import ValidationError

from leakwarden.api.duration import Duration
from leakwarden.errors import InvalidSpec, LeakwardenError

EXAMPLES = """\b
Examples: a server that a script drives, and the tests of a package whose
TestMain is leakgate.Main(m).
  leakwarden gate --url http://127.0.0.1:6060/debug/pprof -- ./drive.sh
  leakwarden gate --junit gate.xml -- go test -count 1 ./store
docs/gate.md says how growth is told from noise, and has a workflow.
"""


@click.command(short_help="Check in CI whether a command leaves memory or goroutines behind.", epilog=EXAMPLES)
@click.argument("command", nargs=-1, required=True, metavar="-- COMMAND...")
@click.option(
    "--url", metavar="URL",
    help="The server that COMMAND drives, such as http://127.0.0.1:6060/debug/pprof.  [default: COMMAND is a Go test]",
)  # fmt: skip
@click.option("--warmup", type=click.IntRange(0, 1000), default=2, show_default=True, help="Runs before measuring.")
@click.option(
    "--repeats", type=click.IntRange(3, 100), default=5, show_default=True,
    help="Measured runs; up to four times as many where something grew.",
)  # fmt: skip
@click.option(
    "--tolerance-kb", type=click.IntRange(min=0), default=1024, show_default=True, envvar="MEM_LEAK_TOLERANCE_KB",
    show_envvar=True, help="KiB of live heap that may stay after that many runs.",
)  # fmt: skip
@click.option(
    "--goroutine-tolerance", type=click.IntRange(min=0), default=4, show_default=True,
    help="Goroutines that may stay after that many runs.",
)  # fmt: skip
@click.option(
    "--ready-timeout", metavar="DURATION",
    help="How long to wait for the first answer.  [default: 1m; 10m without --url, as the test compiles first]",
)  # fmt: skip
@click.option("--junit", type=click.Path(path_type=Path), help="Write JUnit XML there.")
@click.option("--sarif", type=click.Path(path_type=Path), help="Write the places that grew there, as SARIF 2.1.0.")
@click.option(
    "--summary", type=click.Path(path_type=Path), envvar="GITHUB_STEP_SUMMARY", show_envvar=True,
    help="Append Markdown to it.",
)  # fmt: skip
@click.option(
    "--patterns", type=click.Path(path_type=Path),
    help="Patterns of your own, tried before the built-in ones; docs/patterns.md tells the form.",
)  # fmt: skip
@click.option(
    "--source-root", type=click.Path(path_type=Path), default=Path(), show_default=True,
    help="The repository: files in SARIF are relative to it.",
)  # fmt: skip
@click.option(
    "-o", "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True,
    help="Sentences, or JSON with all figures; then what COMMAND says on stdout goes to stderr.",
)  # fmt: skip
def gate(
    command: tuple[str, ...], url: str | None, warmup: int, repeats: int, tolerance_kb: int, goroutine_tolerance: int,
    ready_timeout: str | None, junit: Path | None, sarif: Path | None, summary: Path | None, patterns: Path | None,
    source_root: Path, form: str,
) -> None:  # fmt: skip
    """Run COMMAND over and over, and fail where a Go process keeps more memory or goroutines after each run.

    With --url the process is a server that COMMAND drives; it must be COMMAND's alone. Without it, COMMAND is a
    "go test" whose TestMain calls leakgate.Main. The command's work must be the same each time.

    Exits 0 when nothing leaks, 1 when a leak was found, 2 when it could not be measured or COMMAND failed.
    """
    from leakwarden.cli.gate import Job
    from leakwarden.cli.gate import gate as measured
    from leakwarden.cli.gate_reports import Reports, told
    from leakwarden.cli.output import written
    from leakwarden.cli.patterns import table_in_force
    from leakwarden.core.gate.values import Plan

    try:
        plan = Plan(warmup, repeats, tolerance_kb << 10, goroutine_tolerance)
        patience = _seconds("--ready-timeout", ready_timeout or ("10m" if url is None else "1m"))
        reports = Reports(junit, sarif, summary, source_root)
        reports.check()
        job = Job(command, url, patience, plan, form == "json", table_in_force(patterns))
        try:
            report = asyncio.run(measured(job, _say))
        except LeakwardenError as error:
            reports.write_error(shlex.join(command), str(error))
            raise
        # The verdict comes first: it must not be lost with a file that cannot be written.
        written(told(report, form))
        reports.write(report)
    except LeakwardenError as error:
        click.echo(f"leakwarden: {error}", err=True)
        sys.exit(2)
    sys.exit(1 if report.leaks else 0)


def _say(text: str) -> None:
    click.echo(f"leakwarden: {text}", err=True)


def _seconds(option: str, text: str) -> float:
    try:
        return Duration(text).seconds
    except (ValueError, ValidationError) as error:
        raise InvalidSpec(option, str(error)) from error
