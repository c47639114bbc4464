"""`top`: the pods that grow fastest, live on a terminal."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from leakwarden.cli.kubectl import complete
from leakwarden.cli.kubectl.operator_api import Reach, Where, asks_operator, reach
from leakwarden.cli.kubectl.scope import Scope, answered, scoped
from leakwarden.cli.kubectl.tables import Cell, Column, fitting, output_option, print_table, printed, table
from leakwarden.cli.output import noted, plain, printable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from leakwarden.api.inspection import TargetRow, Targets

EXAMPLES = """\b
Examples: live, until Ctrl-C; once, for a script; of an operator on this
machine.
  kubectl leakwarden top -A
  kubectl leakwarden top -n workspaces -p gopls --once --rows 5
  leakwarden top --operator-url http://127.0.0.1:8086 -o json
"""
_STYLES = {"Leaking": "bold red", "Unreachable": "yellow", "Inconclusive": "yellow", "Healthy": "green"}
_HEAD = 2
"""Lines beside the rows: the titles, and the line below."""


@click.command(short_help="The pods that grow fastest, live.", epilog=EXAMPLES)
@click.option("-p", "--policy", default="", metavar="NAME", shell_complete=complete.policies, help="Only of this one.")
@click.option("--rows", type=click.IntRange(1, 1000), help="At most.  [default: what the terminal holds, else 20]")
@click.option(
    "--every", type=click.FloatRange(0.5, 3600), default=2.0, show_default=True, help="Seconds between two looks."
)  # fmt: skip
@click.option("--once", is_flag=True, help="Print and end, as it does anyway where there is no terminal.")
@output_option
@asks_operator
@scoped
def top(
    scope: Scope, where: Where, policy: str, rows: int | None, every: float, once: bool, form: str | None
) -> None:
    """The targets that grow fastest, by bytes of live heap an hour (a goroutine counts 2 KiB).

    HEAP/H and GOR/H are those of the open leak; without one, what the rule with the shortest window estimates, which
    proves nothing yet: VERDICT says what is proven. A dash is what is not known.

    It asks the operator by port-forward, which needs get and create on pods/portforward in its namespace.
    """
    with suppress(KeyboardInterrupt):
        answered(_top(scope, where, policy, rows, every, once or form is not None, form or ""))


async def _top(
    scope: Scope, where: Where, policy: str, rows: int | None, every: float, once: bool, form: str
) -> None:  # fmt: skip
    from rich.console import Console

    async with reach(scope, where) as there:
        if not once and sys.stdout.isatty():
            await _live(there, policy, rows, every, Console())
            return
        async with there.operator() as asked:
            found = await asked.targets(there.namespace, policy, rows or 20)
    documents = [row.model_dump(mode="json", by_alias=True, exclude_none=True) for row in found.targets]
    if not printed(documents, form) and found.targets:
        print_table(columns(found.at, several=not there.namespace), found.targets, wide=form == "wide")
    if len(found.targets) < found.total or not found.total:
        noted(below(found, there))


async def _live(there: Reach, policy: str, rows: int | None, every: float, console: Console) -> None:
    """Until Ctrl-C. An operator that goes away in between is said below, and asked again in the next turn."""
    from rich.live import Live

    from leakwarden.errors import LeakwardenError

    found: Targets | None = None
    with Live(console=console, screen=True, auto_refresh=False) as screen:
        while True:
            try:
                async with there.operator() as asked:
                    while True:
                        most = rows or max(1, console.height - _HEAD)
                        found = await asked.targets(there.namespace, policy, most)
                        screen.update(_screen(found, there, below(found, there), console.width), refresh=True)
                        await asyncio.sleep(every)
            except LeakwardenError as error:
                if found is None:
                    raise
                line = f"as of {found.at:%H:%M:%S} UTC: {error}"
                screen.update(_screen(found, there, line, console.width), refresh=True)
                await asyncio.sleep(every)


def _screen(found: Targets, there: Reach, line: str, room: int) -> RenderableType:
    from rich.console import Group

    fit = fitting(columns(found.at, several=not there.namespace), found.targets, room)
    shown = table(fit, found.targets, wide=False)
    return Group(shown, Text(plain(line), style="dim", no_wrap=True, overflow="ellipsis"))


def below(found: Targets, there: Reach) -> str:
    """What the rows are of."""
    if not found.total:
        return f"No policy watches a pod in {there.named}."
    return f"{len(found.targets)} of {found.total} targets in {there.named}, {found.at:%H:%M:%S} UTC"


def columns(now: datetime, *, several: bool) -> Sequence[Column]:
    """`several`: of more than one namespace."""
    from leakwarden.api.words import Unit
    from leakwarden.cli.kubectl.findings import function_of
    from leakwarden.cli.kubectl.moments import age
    from leakwarden.core.report.amounts import amount

    def bytes_of(value: float | None) -> str:
        return "-" if value is None else amount(value, Unit.BYTES, digits=2)

    def count_of(value: float | None) -> str:
        return "-" if value is None else amount(value, Unit.COUNT)

    def growing(value: float | None, unit: Unit) -> Cell:
        if value is None:
            return "-"
        shown = amount(abs(value), unit, digits=2)
        sign = "" if shown in ("0", "0 B") else "+" if value > 0 else "-"
        return Text(f"{sign}{shown}", style="red" if sign == "+" else "")

    def limit(row: TargetRow) -> str:
        if row.limit_at is None:
            return ""
        left = (row.limit_at - now).total_seconds()
        return f"in {age(left)}" if left > 0 else "now"

    def worst(row: TargetRow) -> Cell:
        shown = function_of(row.worst) if row.worst else ""
        return f"{shown} (muted)" if row.muted else shown

    def sampled(row: TargetRow) -> str:
        return f"{age((now - row.last_attempt).total_seconds())} ago" if row.last_attempt else "not yet"

    def verdict(row: TargetRow) -> Cell:
        return printable(row.verdict, _STYLES.get(row.verdict, "dim"))

    made: list[Any] = [
        Column("POD", lambda row: row.pod, folds=True),
        Column("POLICY", lambda row: row.policy),
        Column("VERDICT", verdict),
        Column("HEAP", lambda row: bytes_of(row.live_heap), right=True),
        Column("HEAP/H", lambda row: growing(row.heap_per_hour, Unit.BYTES), right=True),
        Column("GOROUTINES", lambda row: count_of(row.goroutines), right=True),
        Column("GOR/H", lambda row: growing(row.goroutines_per_hour, Unit.COUNT), right=True),
        Column("LIMIT", limit, right=True),
        Column("WORST LEAK", worst, folds=True),
        Column("ENDPOINT", lambda row: row.endpoint, wide=True),
        Column("SAMPLED", sampled, wide=True),
        Column("WHY", lambda row: row.message, wide=True, folds=True),
    ]
    return [*([Column("NAMESPACE", lambda row: row.namespace)] if several else []), *made]
