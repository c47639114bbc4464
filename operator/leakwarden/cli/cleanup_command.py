"""`leakwarden cleanup` on the command line."""

from __future__ import annotations

import asyncio
import os
import sys

import click

from leakwarden.errors import LeakwardenError


@click.command(
    short_help="Take away what the operator wrote into a cluster.",
    epilog="Example: LEAKWARDEN_NAMESPACE=leakwarden leakwarden cleanup. The chart runs it after `helm uninstall`.",
)
@click.option(
    "--after", default="", metavar="LABELS",
    help="Wait until no pod of the operator's namespace has these labels, such as app.kubernetes.io/name=leakwarden.",
)  # fmt: skip
@click.option(
    "--patience", type=click.FloatRange(min=0), default=60.0, show_default=True, metavar="SECONDS",
    help="How long to wait for that.",
)  # fmt: skip
@click.option(
    "--unless", default="", metavar="LABELS",
    help="Leave journal and Lease where they are while pods of the operator's namespace have these labels: they are of "
    "another operator, which shares them.",
)  # fmt: skip
def cleanup(after: str, patience: float, unless: str) -> None:
    """Take away what the operator wrote into a cluster, for uninstalling.

    That is the annotation leakwarden.io/leak of pods, the journal of actions and the Lease. LeakPolicies stay as they
    are, with their last status. Run it when no operator runs any more. Settings come from the environment, as for
    `leakwarden run`.

    Exits 0 when nothing is left, 2 when something is.
    """
    from leakwarden.settings import from_environment

    async def tell() -> None:
        from leakwarden.cli.cleanup import cleanup as sentences

        async for sentence in sentences(from_environment(os.environ), after, patience, unless):
            click.echo(sentence)

    try:
        asyncio.run(tell())
    except LeakwardenError as error:
        click.echo(f"leakwarden: {error}", err=True)
        sys.exit(2)
