"""The words of `leakwarden record` on the command line."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from pydantic import ValidationError

from leakwarden.api.duration import Duration
from leakwarden.errors import InvalidSpec, LeakwardenError

if TYPE_CHECKING:
    from leakwarden.cli.record import Plan, Recorded


EXAMPLES = """\b
Examples: an hour of a local process as one file, and a pod until Ctrl-C.
  leakwarden record --url http://127.0.0.1:6060/debug/pprof \\
      --interval 10s --for 1h --output monday.tar.xz
  leakwarden record --pod workspaces/gopls-0 --port 6060
docs/recordings.md describes what is written, and how long is long enough.
"""


@click.command(short_help="Write down the samples of a process, to replay them later.", epilog=EXAMPLES)
@click.option("--url", metavar="URL", help="A process that serves pprof, such as http://127.0.0.1:6060/debug/pprof")
@click.option("--pod", metavar="NAMESPACE/NAME", help="A pod, reached by port-forward.")
@click.option("--policy", metavar="NAMESPACE/NAME", help="Every pod that this LeakPolicy matches, a recording each.")
@click.option("--port", type=click.IntRange(1, 65535), help="Of pprof, with --pod.  [default: 6060]")
@click.option(
    "--interval", metavar="DURATION",
    help="Between two samples, such as 10s.  [default: 30s; with --policy, its own]",
)  # fmt: skip
@click.option("--samples", type=click.IntRange(min=1), help="How many.  [default: until --for or Ctrl-C]")
@click.option("--for", "duration", metavar="DURATION", help="How long, such as 10m; instead of --samples.")
@click.option(
    "--output", type=click.Path(path_type=Path),
    help="Where to: a folder, or a file X.tar.gz or X.tar.xz. A file that is there and a folder that is not empty are "
    "refused.  [default: a new folder here, leakwarden-NAME-DATE-TIME]",
)  # fmt: skip
@click.option(
    "-o", "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True,
    help="Of what is said at the end; not of the recording.",
)  # fmt: skip
def record(
    url: str | None, pod: str | None, policy: str | None, port: int | None, interval: str | None, samples: int | None,
    duration: str | None, output: Path | None, form: str,
) -> None:  # fmt: skip
    """Write down the samples of a process, to replay them under any policy later.

    Exactly one of --url, --pod and --policy is needed.

    Every round takes the heap and goroutine profiles; the first and then every 4th good one also the memory
    statistics, gopls's /info page, and the goroutineleak profile where the process serves it.

    Ctrl-C ends it and keeps what there is. Exits 0, or 2 when not one sample could be had.
    """
    from leakwarden.cli.record_progress import progress

    try:
        plan = _plan(interval, samples, duration, output)
        if sum(1 for source in (url, pod, policy) if source) != 1:
            raise InvalidSpec("record", "wants exactly one of --url, --pod and --policy")
        if port is not None and not pod:
            raise InvalidSpec("--port", "goes with --pod: a URL has its port in it, a policy names its own")
        with progress(quiet=form == "json") as show:
            done = asyncio.run(_recorded(url, pod, policy, port or 6060, plan, show))
    except LeakwardenError as error:
        click.echo(f"leakwarden: {error}", err=True)
        sys.exit(2)
    _tell(done, form)
    sys.exit(0 if any(one.good for one in done) else 2)


async def _recorded(
    url: str | None, pod: str | None, policy: str | None, port: int, plan: Plan, show: Callable[[Recorded], None]
) -> list[Recorded]:  # fmt: skip
    from leakwarden.cli.record import record_pod, record_policy, record_url
    from leakwarden.settings import from_environment

    if url:
        return await record_url(url, plan, show)
    kubeconfig = from_environment(os.environ).kubeconfig
    where = str(kubeconfig) if kubeconfig else None
    if pod:
        return await record_pod(*_named("--pod", pod), port, where, plan, show)
    return await record_policy(*_named("--policy", policy or ""), where, plan, show)


def _tell(done: Sequence[Recorded], form: str) -> None:
    from leakwarden.cli.output import written
    from leakwarden.core.report.amounts import plural

    if form == "json":
        written(json.dumps([_as_json(one) for one in done], indent=2) + "\n")
    for one in done:
        if form == "text":
            written(f"{one.path}: {plural(one.good, 'sample')}, {plural(one.failed, 'failed attempt')}\n")
        if not one.good:
            click.echo(f"leakwarden: not one sample of {one.name}: {one.last_error or 'stopped before'}", err=True)


def _plan(interval: str | None, samples: int | None, duration: str | None, output: Path | None) -> Plan:
    from leakwarden.cli.record import Plan

    every = _seconds("--interval", interval) if interval is not None else None
    if every is not None and every < 0.01:
        raise InvalidSpec("--interval", f"{interval} is shorter than 10ms")
    if duration is not None and samples is not None:
        raise InvalidSpec("--for", "give either --samples or --for")
    return Plan(every, samples or 0, _seconds("--for", duration) if duration is not None else 0.0, output)


def _seconds(option: str, text: str) -> float:
    try:
        return Duration(text).seconds
    except (ValueError, ValidationError) as error:
        raise InvalidSpec(option, str(error)) from error


def _named(option: str, text: str) -> tuple[str, str]:
    namespace, _, name = text.partition("/")
    if not namespace or not name or "/" in name:
        raise InvalidSpec(option, f"{text!r} is not NAMESPACE/NAME")
    return namespace, name


def _as_json(one: Recorded) -> dict[str, Any]:
    return {
        "recording": str(one.path), "samples": one.good, "failed": one.failed, "bytes": one.bytes,
        "error": one.last_error or None,
    }  # fmt: skip
