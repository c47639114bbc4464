"""`findings`: what leaks, from the status of the policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import click
from rich.text import Text

from leakwarden.cli.kubectl import complete
from leakwarden.cli.kubectl.scope import Scope, answered, connected, scoped
from leakwarden.cli.kubectl.tables import Cell, Column, output_option, print_table, printed
from leakwarden.cli.output import noted, printable

EXAMPLES = """\b
Examples: of the context's namespace, of all, and one line a leak for a script.
  kubectl leakwarden findings
  kubectl leakwarden findings -A -o wide
  kubectl leakwarden findings -A -o json | jq -r '.[] | .signature'
"""


@click.command(short_help="What leaks: function, pods, pace, limit.", epilog=EXAMPLES)
@click.argument("policies", nargs=-1, metavar="[POLICY]...", shell_complete=complete.policies)
@output_option
@scoped
def findings(scope: Scope, policies: tuple[str, ...], form: str | None) -> None:
    """What leaks or presses now, one line for each bug, the worst first; of all POLICYs where none is named.

    It is read from the status of the LeakPolicies, which has the 20 worst of each policy. DECISION is what was decided
    for the worst pod: an action, or the rail that held it back; "explain POD" has the rest.

    Exits 0 also when something leaks.
    """
    answered(_findings(scope, policies, form or ""))


async def _findings(scope: Scope, names: tuple[str, ...], form: str) -> None:
    from leakwarden.cli.kubectl.policies import all_policies, chosen

    async with connected(scope) as session:
        policies = await chosen(session, names, every=False) if names else await all_policies(session)
    rows = [row for policy in policies for row in rows_of(policy)]
    for line in _asides(policies, session.where):
        noted(line)
    if not printed(rows, form) and rows:
        print_table(_columns(datetime.now(UTC), several=scope.everywhere), _worst_first(rows), wide=form == "wide")


def rows_of(policy: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each finding of its status, with where it is from."""
    meta = policy["metadata"]
    where = {"namespace": meta["namespace"], "policy": meta["name"]}
    return [{**where, **finding} for finding in (policy.get("status") or {}).get("findings", ())]


def _worst_first(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Policy by policy they are sorted already; together: muted last, leaks before pressure, critical first."""
    return sorted(rows, key=lambda row: ("muted" in row, row["type"] != "Leak", row["severity"] != "Critical"))


def _asides(policies: Iterable[Mapping[str, Any]], where: str) -> Iterable[str]:
    """What the table cannot say: that there is nothing, why, and what of a policy is not shown."""
    statuses = [(policy["metadata"]["name"], policy.get("status") or {}) for policy in policies]
    if not statuses:
        yield f"There is no LeakPolicy in {where}."
    for name, status in statuses:
        shown, total = len(status.get("findings", ())), status.get("findingsTotal", 0)
        conditions = {one["type"]: one for one in status.get("conditions", ())}
        if not conditions:
            yield f"{name}: no operator has looked at it yet."
        elif (ready := conditions.get("Ready", {})).get("status") == "False":
            yield f"{name}: {ready['reason']}: {ready['message']}"
        elif not shown:
            yield f"{name}: {conditions.get('Leaking', {}).get('message', 'nothing is open')}"
        if any(row.get("decision") == "ObserveOnly" for row in status.get("findings", ())):
            yield f"{name}: this policy only watches (ObserveOnly), it touches no pod."
        if total > shown:
            yield f"{name}: {shown} of about {total} findings; status has the worst only."


def _columns(now: datetime, *, several: bool) -> list[Column]:
    from leakwarden.cli.kubectl.moments import age

    def since(row: Mapping[str, Any]) -> str:
        return age((now - datetime.fromisoformat(row["since"])).total_seconds())

    def limit(row: Mapping[str, Any]) -> str:
        if "limitAt" not in row:
            return ""
        left = (datetime.fromisoformat(row["limitAt"]) - now).total_seconds()
        return f"in {age(left)}" if left > 0 else "now"

    return [
        *([Column("NAMESPACE", lambda row: str(row["namespace"]))] if several else []),
        Column("POLICY", lambda row: str(row["policy"])),
        Column("SEVERITY", _severity),
        Column("PODS", lambda row: str(row["affected"]), right=True),
        Column("FUNCTION", lambda row: function_of(row["signature"]), folds=True),
        Column("GROWTH", lambda row: str(row.get("growth", "")), right=True),
        Column("PER HOUR", lambda row: str(row.get("growthPerHour", "")), right=True),
        Column("SINCE", since, right=True),
        Column("LIMIT", limit, right=True),
        Column("DECISION", _decision),
        Column("TYPE", lambda row: str(row["type"]), wide=True),
        Column("WORST POD", lambda row: str(next(iter(row.get("pods", ())), "")), wide=True),
        Column("MUTED", lambda row: str(row.get("muted", "")), wide=True, folds=True),
        Column("SIGNATURE", lambda row: str(row["signature"]), wide=True, folds=True),
    ]


def _severity(row: Mapping[str, Any]) -> Cell:
    if "muted" in row:
        return Text("Muted", style="dim")
    return printable(row["severity"], "bold red" if row["severity"] == "Critical" else "yellow")


def _decision(row: Mapping[str, Any]) -> str:
    return "Muted" if "muted" in row else str(row.get("decision", ""))


def function_of(signature: str) -> str:
    """`memory/golang.org/x/tools/gopls/internal/cache.readFile` is `cache.readFile`; a wait is shown behind it."""
    from leakwarden.api.words import WaitKind
    from leakwarden.core.report.names import short_function

    waits = {wait.value.replace(" ", "-"): wait.value for wait in WaitKind}
    function, _, last = signature.partition("/")[2].rpartition("/")
    if function and last in waits:
        return f"{short_function(function)} ({waits[last]})"
    return short_function(signature.partition("/")[2])
