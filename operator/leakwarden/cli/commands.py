"""How commands end: 1 says that something was found, so nothing else may exit with it."""

from __future__ import annotations

import sys
import traceback
from typing import Any

import click


class Commands(click.Group):
    """A group of commands that end with 2 where they are interrupted, and where they hold a bug.

    Else click and Python would exit with 1 for both: a leak, to whoever waits for `gate` or `replay`.
    """

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit):
            raise
        except (KeyboardInterrupt, click.Abort):
            _end("interrupted")
        except BrokenPipeError:
            sys.exit(2)  # nobody reads stderr any more
        except Exception:
            traceback.print_exc()
            _end("a bug of leakwarden ended it: please report what stands above")


def _end(why: str) -> None:
    click.echo(f"leakwarden: {why}", err=True)
    sys.exit(2)
