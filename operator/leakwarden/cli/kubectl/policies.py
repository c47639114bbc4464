"""LeakPolicies as a person reads and edits them: raw objects, named NAMESPACE/NAME, changed only as they were read."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from leakwarden.api import GROUP, PLURAL, VERSION
from leakwarden.api.status import ConditionReason, ConditionType
from leakwarden.cli.kubectl.failures import near, told
from leakwarden.cli.kubectl.scope import Session
from leakwarden.cli.output import noted, plain, tried
from leakwarden.errors import ApiConflict, ApiNotFound, InvalidSpec, LeakwardenError, NeedsConsent

Document = Mapping[str, Any]
Change = Callable[[Document], Mapping[str, Any] | None]
"""From the policy as it is to a merge patch of its `spec`; None where nothing is to be changed."""

TRIES = 8
"""Of an edit that meets another one; the operator's own writes of the status count as such."""


async def all_policies(session: Session) -> list[Document]:
    """Of the session's namespaces, by name. Raises ApiError."""
    found = [item async for items, _ in session.api.list_pages(session.policies) for item in items]
    return sorted(found, key=name_of)


async def chosen(session: Session, names: Sequence[str], *, every: bool) -> list[Document]:
    """Those named, each once, or with `every` all there are. Raises ApiNotFound, which says what there is.

    Where every namespace is asked for, a name means each policy that has it.
    """
    there = await all_policies(session)
    if every:
        if not there:
            raise ApiNotFound(f"there is no LeakPolicy in {session.where}")
        return there
    return [policy for name in dict.fromkeys(names) for policy in _named(name, there, session.where)]


def _named(name: str, there: Sequence[Document], where: str) -> list[Document]:
    found = [policy for policy in there if policy["metadata"]["name"] == name]
    if not found:
        known = (policy["metadata"]["name"] for policy in there)
        raise ApiNotFound(f"there is no LeakPolicy {name} in {where}{near(name, known)}")
    return found


def selected(names: Sequence[str], *, every: bool, everywhere: bool) -> None:
    """What policies a command is meant for must be said, once. Raises InvalidSpec."""
    if every == bool(names):
        raise InvalidSpec("POLICY", "give the names of policies, or --all")
    if everywhere and not every:
        raise InvalidSpec("-A", "a name means one policy of one namespace: give -n NAME, or --all")


def name_of(policy: Document) -> str:
    return f"{policy['metadata']['namespace']}/{policy['metadata']['name']}"


async def edit(session: Session, policy: Document, change: Change, *, dry_run: bool = False) -> bool:
    """Apply `change` to the policy as it is now; whether there was anything to change. Raises ApiError.

    The patch carries the resourceVersion that `change` was shown, so that no edit of another person is overwritten;
    when somebody was faster, the policy is read and `change` asked again.
    """
    meta = policy["metadata"]
    path = f"/apis/{GROUP}/{VERSION}/namespaces/{meta['namespace']}/{PLURAL}/{meta['name']}"
    params = {"fieldManager": "kubectl-leakwarden"} | ({"dryRun": "All"} if dry_run else {})
    for last in (False,) * (TRIES - 1) + (True,):
        spec = change(policy)
        if spec is None:
            return False
        body = {"metadata": {"resourceVersion": policy["metadata"]["resourceVersion"]}, "spec": spec}
        try:
            await session.api.request(
                "PATCH", path, body=body, params=params, content_type="application/merge-patch+json"
            )
        except ApiConflict:
            if last:
                raise
            policy = await session.api.request("GET", path)
        else:
            return True
    return False


async def each(policies: Iterable[Document], work: Callable[[Document], Awaitable[str]]) -> None:
    """Do it to every policy and print what `work` says; one that fails is told, holds up no other, and makes exit 2.

    Nor does a reader that leaves early (`| head -1`): what was asked for is done to all.
    """
    failed = False
    lost: OSError | None = None
    for policy in policies:
        try:
            lost = tried(f"{plain(await work(policy))}\n") or lost
        except LeakwardenError as error:
            failed = True
            told(error)
    if lost is not None and not isinstance(lost, BrokenPipeError):
        failed = True
        noted(f"leakwarden: stdout cannot be written: {lost.strerror}")
    if failed:
        sys.exit(2)


def needs_no_consent(policy: Document, *, consent: bool) -> None:
    """Any edit of the spec closes the circuit breaker: whoever does not mean that is told. Raises NeedsConsent."""
    conditions = (policy.get("status") or {}).get("conditions", ())
    reasons = {one["type"]: one["reason"] for one in conditions}
    if consent or reasons.get(ConditionType.SUSPENDED) != ConditionReason.CIRCUIT_BREAKER:
        return
    raise NeedsConsent(
        f"{name_of(policy)} is suspended by its circuit breaker, which any edit closes, this one too: evictions may "
        "begin again. Where that is meant, add --close-breaker"
    )
