"""`mute` and `unmute`: a leak that is known stays in status, and neither acts nor alarms."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from leakwarden.cli.kubectl import complete
from leakwarden.cli.kubectl.scope import Scope, answered, connected, scoped
from leakwarden.errors import InvalidSpec

MUTE = """\b
Examples: a signature, or as much of it as only one leak has.
  kubectl leakwarden mute cache.readFile -n workspaces \\
      --until 7d --reason "fixed in v0.23, which rolls out on Monday"
  kubectl leakwarden mute -A --for-good --reason "bounded by the module cache" \\
      memory/example.org/lsp/internal/cache.intern
"""
UNMUTE = """\b
Example: kubectl leakwarden unmute cache.readFile -n workspaces
"""

_policy = click.option(
    "-p", "--policy", "policies", multiple=True, metavar="NAME", shell_complete=complete.policies,
    help="Only there; may be given again.  [default: every policy that has it]",
)  # fmt: skip
_dry_run = click.option("--dry-run", is_flag=True, help="Let the API server check it, and change nothing.")
_breaker = click.option("--close-breaker", is_flag=True, help="Do it although that closes an open circuit breaker.")


@click.command(short_help="Take a known leak off the alarms, with a reason.", epilog=MUTE)
@click.argument("signature", shell_complete=complete.signatures)
@_policy
@click.option("--reason", required=True, metavar="TEXT", help="Why, for whoever reads the policy next.")
@click.option("--until", metavar="WHEN", help="2h, 7d, or a time such as 2026-12-03T08:00:00Z.")
@click.option("--for-good", is_flag=True, help="Until somebody unmutes it; instead of --until.")
@_dry_run
@_breaker
@scoped
def mute(
    scope: Scope, signature: str, policies: tuple[str, ...], reason: str, until: str | None, for_good: bool,
    dry_run: bool, close_breaker: bool,
) -> None:  # fmt: skip
    """Mute SIGNATURE: the leak stays in status, marked, and neither leads to an action nor makes Events.

    SIGNATURE is that of "findings -o wide", or a part of it that only one leak has. A leak that no policy shows at
    present needs its whole signature and --policy.

    Sets spec.mutes, so whoever may patch leakpolicies may do it. An earlier mute of the same leak is replaced.
    """
    answered(_mute(scope, signature, policies, reason, until, for_good, dry_run, close_breaker))


@click.command(short_help="End a mute.", epilog=UNMUTE)
@click.argument("signature", shell_complete=complete.signatures)
@_policy
@_dry_run
@_breaker
@scoped
def unmute(
    scope: Scope, signature: str, policies: tuple[str, ...], dry_run: bool, close_breaker: bool
) -> None:
    """End the mute of SIGNATURE, or of the one whose signature has that part. A leak that is still open is told."""
    answered(_unmute(scope, signature, policies, dry_run, close_breaker))


async def _mute(
    scope: Scope, text: str, names: tuple[str, ...], reason: str, until: str | None, for_good: bool,
    dry_run: bool, close_breaker: bool,
) -> None:  # fmt: skip
    from leakwarden.cli.kubectl.moments import later, stamp
    from leakwarden.cli.kubectl.policies import chosen, each, edit, name_of, needs_no_consent
    from leakwarden.cli.kubectl.signatures import shown_by, the_one

    _of_one_namespace(scope, names)
    if for_good == (until is not None):
        raise InvalidSpec("--until", "say until when, such as --until 7d, or --for-good")
    ends = {} if until is None else {"until": stamp(later("--until", until, datetime.now(UTC)))}
    async with connected(scope) as session:
        policies = await chosen(session, names, every=not names)
        signature = the_one(text, [one for policy in policies for one in shown_by(policy)], whole_will_do=bool(names))
        entry = {"signature": signature, "reason": reason, **ends}

        def change(policy: Mapping[str, Any]) -> Mapping[str, Any]:
            needs_no_consent(policy, consent=close_breaker)
            others = [one for one in policy["spec"].get("mutes", ()) if one["signature"] != signature]
            return {"mutes": [*others, entry]}

        async def muted(policy: Mapping[str, Any]) -> str:
            await edit(session, policy, change, dry_run=dry_run)
            how_long = f"until {ends['until']}" if ends else "for good"
            return f"{name_of(policy)} mutes {signature} {how_long}{_tail(dry_run)}"

        await each([one for one in policies if names or signature in shown_by(one)], muted)


async def _unmute(
    scope: Scope, text: str, names: tuple[str, ...], dry_run: bool, close_breaker: bool
) -> None:
    from leakwarden.cli.kubectl.policies import chosen, each, edit, name_of, needs_no_consent
    from leakwarden.cli.kubectl.signatures import muted_by, the_one

    _of_one_namespace(scope, names)
    async with connected(scope) as session:
        policies = await chosen(session, names, every=not names)
        signature = the_one(text, [one for policy in policies for one in muted_by(policy)], what="muted leak")

        def change(policy: Mapping[str, Any]) -> Mapping[str, Any] | None:
            mutes = policy["spec"].get("mutes", ())
            left = [one for one in mutes if one["signature"] != signature]
            if len(left) == len(mutes):
                return None
            needs_no_consent(policy, consent=close_breaker)
            return {"mutes": left or None}

        async def unmuted(policy: Mapping[str, Any]) -> str:
            changed = await edit(session, policy, change, dry_run=dry_run)
            said = "no longer mutes" if changed else "did not mute"
            return f"{name_of(policy)} {said} {signature}{_tail(dry_run)}"

        await each([one for one in policies if names or signature in muted_by(one)], unmuted)


def _of_one_namespace(scope: Scope, names: tuple[str, ...]) -> None:
    """As `pause` has it. Raises InvalidSpec."""
    if scope.everywhere and names:
        raise InvalidSpec("-A", "a name means one policy of one namespace: give -n NAME, or leave --policy out")


def _tail(dry_run: bool) -> str:
    return " (dry run: nothing was changed)" if dry_run else ""
