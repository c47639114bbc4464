"""kopf decorators only: parse, and tell the operator. Nothing is written onto any object from here.

Only raw watch events are used (`on.event`): no finalizer, no annotation, no state of kopf's own on a policy.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import kopf

from leakwarden.api import GROUP, PLURAL, VERSION
from leakwarden.core.policy import Policy, parse_policy
from leakwarden.core.targets import PolicyKey

log = logging.getLogger(__name__)


class Policies(Protocol):
    """Who is told about policies. Both calls return at once."""

    def policy_seen(self, policy: Policy) -> None: ...

    def policy_gone(self, key: PolicyKey, uid: str) -> None: ...


def registry(policies: Policies, login: Callable[[], Awaitable[kopf.ConnectionInfo]]) -> kopf.OperatorRegistry:
    """The handlers of one operator; a registry of its own, so that nothing is global."""
    handlers = kopf.OperatorRegistry()

    async def log_in(**_: Any) -> kopf.ConnectionInfo:
        return await login()

    async def policy_event(type: str | None, body: Mapping[str, Any], **_: Any) -> None:  # noqa: A002 (kopf's name)
        if type == "DELETED":
            meta = body["metadata"]
            policies.policy_gone(PolicyKey(meta["namespace"], meta["name"]), meta["uid"])
        else:
            policies.policy_seen(parse_policy(body))

    kopf.on.login(registry=handlers)(log_in)
    kopf.on.event(GROUP, VERSION, PLURAL, registry=handlers)(policy_event)
    return handlers


def settings() -> kopf.OperatorSettings:
    """kopf kept quiet: no Events of its own, no scan for CRDs or namespaces, short watches that notice a dead line."""
    configured = kopf.OperatorSettings()
    configured.posting.enabled = False
    configured.scanning.disabled = True
    configured.watching.server_timeout = 60
    configured.watching.client_timeout = 75
    configured.networking.request_timeout = 30
    # kopf would kill the process 10 minutes after it has given up, or was told to stop, whatever else runs in it.
    configured.process.ultimate_exiting_timeout = None
    return configured
