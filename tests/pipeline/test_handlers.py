"""The handlers only parse and tell: what kopf says of a policy reaches the operator, and nothing is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import kopf
import pytest

from leakwarden import handlers
from leakwarden.core.policy import Policy
from leakwarden.core.targets import PolicyKey
from tests.pipeline.build import body

SPEC = {"target": {"selector": {"matchLabels": {"app": "gopls"}}}}


@dataclass
class Told:
    """Who is told about policies."""

    seen: list[Policy] = field(default_factory=list)
    gone: list[tuple[PolicyKey, str]] = field(default_factory=list)

    def policy_seen(self, policy: Policy) -> None:
        self.seen.append(policy)

    def policy_gone(self, key: PolicyKey, uid: str) -> None:
        self.gone.append((key, uid))


async def login() -> kopf.ConnectionInfo:
    return kopf.ConnectionInfo(server="http://127.0.0.1:1")


async def say(told: Told, kind: str | None, policy: dict[str, Any]) -> None:
    """As kopf calls the one handler of policies."""
    (handler,) = handlers.registry(told, login)._watching.get_all_handlers()
    call: Any = handler.fn
    await call(type=kind, body=policy, name="ignored", logger=None)


@pytest.mark.parametrize("kind", [None, "ADDED", "MODIFIED"])
async def test_a_policy_that_is_there_is_told_as_parsed(kind: str | None) -> None:
    told = Told()
    await say(told, kind, body("gopls", SPEC, uid="u1", generation=7))
    ((policy,), gone) = told.seen, told.gone
    assert (policy.key, policy.uid, policy.generation, gone) == (PolicyKey("demo", "gopls"), "u1", 7, [])
    assert policy.usable is not None


async def test_a_deleted_policy_is_told_by_its_name_and_uid_whatever_its_spec() -> None:
    told = Told()
    await say(told, "DELETED", body("gopls", {"nonsense": 1}, uid="u1"))
    assert (told.seen, told.gone) == ([], [(PolicyKey("demo", "gopls"), "u1")])


@pytest.mark.parametrize("spec", [{}, {"target": 5}, {**SPEC, "unknown": 1}, {**SPEC, "rules": []}])
async def test_an_invalid_spec_is_a_policy_with_problems_and_no_exception(spec: dict[str, Any]) -> None:
    told = Told()
    await say(told, "ADDED", body("gopls", spec))
    (policy,) = told.seen
    assert policy.usable is None
    assert all(problem.path.startswith("spec") for problem in policy.problems)
    assert policy.problems


def test_kopf_stores_nothing_on_policies_and_posts_no_events() -> None:
    registry, settings = handlers.registry(Told(), login), handlers.settings()
    assert registry._changing.get_all_handlers() == []
    assert registry._spawning.get_all_handlers() == []
    assert (settings.posting.enabled, settings.scanning.disabled) == (False, True)


def test_a_kopf_that_gave_up_does_not_kill_the_process_later() -> None:
    assert handlers.settings().process.ultimate_exiting_timeout is None


def test_two_operators_share_no_handlers() -> None:
    first, second = handlers.registry(Told(), login), handlers.registry(Told(), login)
    assert first._watching.get_all_handlers() != second._watching.get_all_handlers()
