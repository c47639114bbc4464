"""`pause` and `resume`: actions rest until a time; sampling and findings go on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from leakwarden.cli.kubectl import complete
from leakwarden.cli.kubectl.scope import Scope, answered, connected, scoped

PAUSE = """\b
Examples: for two hours, until a time, and everything that there is.
  kubectl leakwarden pause gopls -n workspaces --until 2h
  kubectl leakwarden pause gopls -n workspaces --until 2026-12-03T08:00:00Z
  kubectl leakwarden pause --all -A --until 1h
"""
RESUME = """\b
Example: kubectl leakwarden resume gopls -n workspaces
"""

_names = click.argument("policies", nargs=-1, metavar="[POLICY]...", shell_complete=complete.policies)
_all = click.option("--all", "every", is_flag=True, help="All of the namespace, with -A of every one.")
_dry_run = click.option("--dry-run", is_flag=True, help="Let the API server check it, and change nothing.")
_breaker = click.option("--close-breaker", is_flag=True, help="Do it although that closes an open circuit breaker.")


@click.command(short_help="Let no policy act before a time; findings go on.", epilog=PAUSE)
@_names
@_all
@click.option("--until", required=True, metavar="WHEN", help="2h, 7d, or a time such as 2026-12-03T08:00:00Z.")
@_dry_run
@_breaker
@scoped
def pause(
    scope: Scope, policies: tuple[str, ...], every: bool, until: str, dry_run: bool, close_breaker: bool
) -> None:
    """Let POLICYs take no action before a time. Sampling, findings, status and Events go on.

    Sets spec.remediation.pausedUntil, so whoever may patch leakpolicies may do it. An earlier pause is replaced.
    """
    answered(_pause(scope, policies, every, until, dry_run, close_breaker))


@click.command(short_help="End a pause.", epilog=RESUME)
@_names
@_all
@_dry_run
@scoped
def resume(scope: Scope, policies: tuple[str, ...], every: bool, dry_run: bool) -> None:
    """End the pause of POLICYs at once: takes spec.remediation.pausedUntil away."""
    answered(_resume(scope, policies, every, dry_run))


async def _pause(
    scope: Scope, names: tuple[str, ...], every: bool, until: str, dry_run: bool, close_breaker: bool
) -> None:
    from leakwarden.cli.kubectl.moments import age, later, stamp
    from leakwarden.cli.kubectl.policies import chosen, each, edit, name_of, needs_no_consent, selected

    selected(names, every=every, everywhere=scope.everywhere)
    now = datetime.now(UTC).replace(microsecond=0)
    moment = later("--until", until, now)

    def change(policy: Mapping[str, Any]) -> Mapping[str, Any]:
        needs_no_consent(policy, consent=close_breaker)
        return {"remediation": {"pausedUntil": stamp(moment)}}

    async with connected(scope) as session:

        async def paused(policy: Mapping[str, Any]) -> str:
            await edit(session, policy, change, dry_run=dry_run)
            aside = "" if _mode(policy) != "Observe" else "; it only observes, so there was nothing to pause"
            left = age((moment - now).total_seconds())
            return f"{name_of(policy)} is paused until {stamp(moment)}, for {left}{aside}{_tail(dry_run)}"

        await each(await chosen(session, names, every=every), paused)


async def _resume(scope: Scope, names: tuple[str, ...], every: bool, dry_run: bool) -> None:
    from leakwarden.cli.kubectl.policies import chosen, each, edit, name_of, selected

    selected(names, every=every, everywhere=scope.everywhere)

    def change(policy: Mapping[str, Any]) -> Mapping[str, Any] | None:
        paused = policy["spec"].get("remediation", {}).get("pausedUntil")
        return {"remediation": {"pausedUntil": None}} if paused else None

    async with connected(scope) as session:

        async def resumed(policy: Mapping[str, Any]) -> str:
            changed = await edit(session, policy, change, dry_run=dry_run)
            said = f"goes on, in mode {_mode(policy)}" if changed else "was not paused"
            return f"{name_of(policy)} {said}{_tail(dry_run)}"

        await each(await chosen(session, names, every=every), resumed)


def _tail(dry_run: bool) -> str:
    return " (dry run: nothing was changed)" if dry_run else ""


def _mode(policy: Mapping[str, Any]) -> str:
    return str(policy["spec"].get("remediation", {}).get("mode", "Observe"))
