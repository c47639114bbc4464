"""The words of `leakwarden replay` on the command line."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from leakwarden.errors import InvalidSpec, LeakwardenError

EXAMPLES = """\b
Examples: a recording taken every 10 seconds under the built-in rules, and
two under a policy (whose sampling.interval must be the recordings').
  leakwarden replay --interval 10s monday.tar.xz
  leakwarden replay -f policy.yaml monday.tar.xz friday/
docs/recordings.md has more.
"""


@click.command(short_help="Judge recordings as the operator would: what leaks, where.", epilog=EXAMPLES)
@click.argument("recordings", nargs=-1, required=True, metavar="RECORDING...")
@click.option(
    "-f", "policy_file", type=click.Path(path_type=Path), help="A LeakPolicy as YAML.  [default: the built-in rules]"
)
@click.option(
    "--interval", metavar="DURATION",
    help="Without -f: how far apart the samples were taken, such as 10s.  [default: 30s]",
)  # fmt: skip
@click.option(
    "-o", "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True,
    help="Sentences, or JSON with all that is known.",
)  # fmt: skip
@click.option("--jobs", type=click.IntRange(1, 256), help="Recordings judged at once.  [default: one a core]")
def replay(
    recordings: tuple[str, ...], policy_file: Path | None, interval: str | None, form: str, jobs: int | None
) -> None:
    """What the operator would have found in RECORDINGs, and done about it, under a policy.

    A recording is a folder that "leakwarden record" or the operator wrote, or the same packed as .tar.gz or .tar.xz.
    They are judged one by one, each as one process, exactly as the operator judges.

    Exits 0 when nothing leaks, 1 when a leak was found in any (also one that has ended since), 2 when any recording or
    the policy cannot be used; a recording without one good sample is such.
    """
    from leakwarden.cli.output import written
    from leakwarden.cli.replay import as_json, builtin_policy, exit_code, load_policy, print_tables, replay_all

    try:
        if policy_file is not None and interval is not None:
            raise InvalidSpec("--interval", "goes without -f: the policy's sampling.interval counts")
        policy = load_policy(policy_file) if policy_file else builtin_policy(interval or "30s")
    except LeakwardenError as error:
        click.echo(f"leakwarden: {error}", err=True)
        sys.exit(2)
    outcomes = list(replay_all(recordings, policy, jobs or os.cpu_count() or 1))
    if form == "json":
        written(as_json(outcomes) + "\n")
    else:
        print_tables(outcomes)
    sys.exit(exit_code(outcomes))
