"""What the shell offers after a Tab: names from the cluster, within two seconds or not at all, and never an error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import click

from leakwarden.errors import LeakwardenError

if TYPE_CHECKING:
    from leakwarden.cli.kubectl.scope import Scope, Session

PATIENCE = 2.0
"""Seconds that a person waits for a list after a Tab."""
MOST = 500
"""Pods asked for: longer lists help nobody who looks for one."""


def policies(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    async def names(session: Session) -> list[str]:
        return [item["metadata"]["name"] for item in await _items(session, session.policies)]

    return _asked(context, names, incomplete)


def signatures(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Those that the policies show, and those that they mute."""

    async def names(session: Session) -> list[str]:
        from leakwarden.cli.kubectl.signatures import muted_by, shown_by

        return [one for item in await _items(session, session.policies) for one in (*shown_by(item), *muted_by(item))]

    return _asked(context, names, incomplete)


def pods(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    async def names(session: Session) -> list[str]:
        return [item["metadata"]["name"] for item in await _items(session, session.path("/api/v1", "pods"))]

    return _asked(context, names, incomplete)


def namespaces(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    async def names(session: Session) -> list[str]:
        return [item["metadata"]["name"] for item in await _items(session, "/api/v1/namespaces")]

    return _asked(context, names, incomplete)


def contexts(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    from leakwarden.adapters.kube_config import context_names

    try:
        return [name for name in context_names(context.params.get("kubeconfig")) if name.startswith(incomplete)]
    except LeakwardenError:
        return []


async def _items(session: Session, path: str) -> list[dict[str, Any]]:
    found = await session.api.request("GET", path, params={"limit": str(MOST)})
    return list(found.get("items") or ())


def _asked(
    context: click.Context, names: Callable[[Session], Awaitable[list[str]]], incomplete: str
) -> list[str]:
    """A list that cannot be had is an empty one: an error in the midst of a line that is being typed helps nobody."""
    try:
        found = asyncio.run(asyncio.wait_for(_names(_scope(context), names), PATIENCE))
    except (LeakwardenError, TimeoutError):
        return []
    return sorted({name for name in found if name.startswith(incomplete) and name.isprintable()})


def _scope(context: click.Context) -> Scope:
    from leakwarden.cli.kubectl.scope import Scope

    given = context.params
    return Scope(given.get("namespace"), bool(given.get("everywhere")), given.get("context"), given.get("kubeconfig"))


async def _names(scope: Scope, names: Callable[[Session], Awaitable[list[str]]]) -> list[str]:
    from leakwarden.cli.kubectl.scope import connected

    async with connected(scope, deadline=PATIENCE) as session:
        return await names(session)
