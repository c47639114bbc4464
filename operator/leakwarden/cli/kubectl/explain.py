"""`explain POD`: its verdict, the evidence, what was decided, what holds that back and what would change it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

import click
from rich.padding import Padding
from rich.text import Text

from leakwarden.cli.kubectl import complete
from leakwarden.cli.kubectl.operator_api import Where, asks_operator, reach
from leakwarden.cli.kubectl.scope import Scope, answered, scoped
from leakwarden.cli.kubectl.tables import Cell, Column, least, output_option, printed, table
from leakwarden.cli.output import drawn, printable

if TYPE_CHECKING:
    from rich.console import Console

    from leakwarden.api.inspection import Details, FindingDetail, RuleStanding, TargetDetail
    from leakwarden.api.words import Unit

EXAMPLES = """\b
Examples: a pod of the context's namespace, and all that is known as JSON.
  kubectl leakwarden explain gopls-file-cache-574dd9bc8-hfc6s
  kubectl leakwarden explain gopls-0 -n workspaces -o json
"""
_STATES = {"Firing": "bold red", "Holding": "yellow", "Met": "yellow", "NotMet": "green"}
_VERDICTS = {"Leaking": "bold red", "Unreachable": "yellow", "Inconclusive": "yellow", "Healthy": "green"}


@click.command(short_help="Why a pod is judged so, what would happen next, why not yet.", epilog=EXAMPLES)
@click.argument("pod", shell_complete=complete.pods)
@output_option
@asks_operator
@scoped
def explain(scope: Scope, where: Where, pod: str, form: str | None) -> None:
    """Of POD: the verdict, how each rule stands, the findings with their evidence, what was decided, which rail holds
    an action back and what would change that, and what comes next.

    It asks the operator by port-forward, which needs get and create on pods/portforward in its namespace.
    """
    answered(_explain(scope, where, pod, form or ""))


async def _explain(scope: Scope, where: Where, name: str, form: str) -> None:
    from leakwarden.cli.kubectl.pods import why_not_watched

    async with reach(scope, where) as there:
        async with there.operator() as asked:
            found = await asked.pod(there.namespace, name)
        if not found.targets:
            raise await why_not_watched(there, name)
    if printed([one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in found.targets], form):
        return
    wide = form == "wide"
    widest = max(least(_rule_columns(), target.rules, wide=wide) for target in found.targets)
    drawn(lambda console: explained(console, found, wide=wide), 100, widest)


def explained(console: Console, found: Details, *, wide: bool = False) -> None:
    """Every target of the pod, one below the other."""
    for number, target in enumerate(found.targets):
        if number:
            console.print()
        _head(console, target, found.at)
        if target.rules:
            console.print()
            console.print(table(_rule_columns(), target.rules, wide=wide))
        for finding in target.findings:
            console.print()
            _finding(console, finding)
        console.print()
        console.print(Text("Next: ", "bold") + printable(f"{target.next}."))


def _head(console: Console, target: TargetDetail, now: datetime) -> None:
    from leakwarden.cli.kubectl.moments import age

    def ago(moment: datetime) -> str:
        return age((now - moment).total_seconds())

    row = target.row
    owner = f" of {target.owner}" if target.owner else ""
    console.print(printable(f"Pod {row.namespace}/{row.pod}{owner}, endpoint {row.endpoint}", "bold"))
    mode = f"{target.mode}{', dry run' if target.execution == 'DryRun' else ''}"
    lines: list[tuple[str, Text]] = [
        ("Policy", printable(f"{row.policy}, mode {mode}")),
        ("Verdict", printable(row.verdict, _VERDICTS.get(row.verdict, "")) + f" for {ago(target.verdict_since)}"),
        ("Why", printable(row.message or "-")),
        ("Sampled", Text(f"{ago(row.last_attempt)} ago" if row.last_attempt else "not yet")),
        ("Levels", Text(_levels(target))),
    ]
    if row.last_attempt:
        lines[3][1].append(f", every {age(target.interval)}")
    if target.process_since:
        lines[3][1].append(f"; {target.readings} readings of this process, known for {ago(target.process_since)}")
    if target.suspended:
        lines.append(("Suspended", printable(target.suspended, "yellow")))
    for title, text in lines:
        _hanging(console, f"{title}:", text)


def _hanging(console: Console, title: str, text: Text) -> None:
    """The title at the left, the text wrapped beside it."""
    from rich.table import Table

    line = Table.grid(padding=(0, 1, 0, 0))
    line.add_column(width=10, no_wrap=True)
    line.add_column(overflow="fold")
    line.add_row(Text(title), text)
    console.print(line)


def _levels(target: TargetDetail) -> str:
    from leakwarden.api.words import Unit
    from leakwarden.core.report.amounts import amount

    row = target.row
    parts = []
    if row.live_heap is not None:
        pace = "" if row.heap_per_hour is None else f" ({_signed(row.heap_per_hour, Unit.BYTES)}/h)"
        parts.append(f"live heap {amount(row.live_heap, Unit.BYTES)}{pace}")
    if row.goroutines is not None:
        pace = "" if row.goroutines_per_hour is None else f" ({_signed(row.goroutines_per_hour, Unit.COUNT)}/h)"
        parts.append(f"{amount(row.goroutines, Unit.COUNT)} goroutines{pace}")
    if row.memory_limit:
        parts.append(f"memory limit {amount(row.memory_limit, Unit.BYTES)}")
    return ", ".join(parts) or "not known"


def _signed(value: float, unit: str) -> str:
    from leakwarden.core.report.amounts import amount

    return f"{'-' if value < 0 else '+'}{amount(abs(value), _unit(unit), digits=2)}"


def _unit(word: str) -> Unit:
    """One that this version does not know, of a newer operator, is a plain number here."""
    from leakwarden.api.words import Unit

    return Unit(word) if word in {unit.value for unit in Unit} else Unit.COUNT


def _rule_columns() -> list[Column]:
    from leakwarden.cli.kubectl.moments import age
    from leakwarden.core.report.amounts import amount
    from leakwarden.core.report.names import short_function

    def state(rule: RuleStanding) -> Cell:
        return printable(rule.state, _STATES.get(rule.state, "dim"))

    def value(rule: RuleStanding) -> str:
        return "-" if rule.value is None else amount(rule.value, _unit(rule.unit))

    def bound(rule: RuleStanding) -> str:
        return "-" if rule.growth is None else _signed(rule.growth, rule.unit)

    def held(rule: RuleStanding) -> str:
        return f"{age(rule.held)} of {age(rule.hold)}" if rule.held else "-"

    def why(rule: RuleStanding) -> str:
        place = f" ({short_function(rule.function)})" if rule.function else ""
        return f"{rule.why}{place}"

    return [
        Column("RULE", lambda rule: str(rule.name)),
        Column("STATE", state),
        Column("VALUE", value, right=True),
        Column("AT LEAST", bound, right=True),
        Column("HELD", held, right=True),
        Column("WHY", why, folds=True),
        Column("MET WHEN", lambda rule: str(rule.when), wide=True, folds=True),
    ]


def _finding(console: Console, finding: FindingDetail) -> None:
    style = "dim" if finding.muted else "bold red" if finding.type == "Leak" else "yellow"
    console.print(printable(f"{finding.type} {finding.severity}: {finding.signature}", style))
    for text in _about(finding):
        console.print(Padding(text, (0, 0, 0, 2)))


def _about(finding: FindingDetail) -> Iterable[Text]:
    yield printable(finding.message)
    if finding.muted:
        yield printable(f"Muted {finding.muted}")
    if finding.decision is None:
        yield Text("Decision: not yet")
    elif finding.action is not None:
        yield Text("Decision: ") + printable(f"{finding.action}: {finding.decision}", "bold")
    for number, one in enumerate(finding.obstacles):
        title = "Decision: " if number == 0 else "Behind it: "
        yield Text(title) + printable(one.reason, "bold") + printable(f": {one.message}.")
        yield printable(f"  To change that: {one.remedy}")
