"""Pods as a person names them: found with the user's own rights, with what policy means them, or why none does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leakwarden.cli.kubectl.failures import near
from leakwarden.cli.kubectl.policies import all_policies
from leakwarden.cli.kubectl.scope import Session
from leakwarden.core.pod_facts import pod_facts
from leakwarden.core.policy import Policy, parse_policy
from leakwarden.core.targets import PodFacts
from leakwarden.errors import ApiError, ApiNotFound, InvalidSpec, LeakwardenError

if TYPE_CHECKING:
    from leakwarden.cli.kubectl.operator_api import Reach

MOST = "500"
"""Pods asked for where one is not there, to say which is near."""


async def find(session: Session, name: str) -> PodFacts:
    """The one pod of this name. Raises ApiNotFound, with near names; InvalidSpec where several namespaces have it."""
    path = session.path("/api/v1", "pods")
    found = await session.api.request("GET", path, params={"fieldSelector": f"metadata.name={name}"})
    pods = [pod_facts(item) for item in found.get("items") or ()]
    if len(pods) == 1:
        return pods[0]
    if pods:
        there = ", ".join(sorted(pod.namespace for pod in pods))
        raise InvalidSpec("POD", f"{name} is there in {len(pods)} namespaces: {there}; give -n")
    others = await session.api.request("GET", path, params={"limit": MOST})
    names = [item["metadata"]["name"] for item in others.get("items") or ()]
    raise ApiNotFound(f"there is no pod {name} in {session.where}{near(name, names)}")


@dataclass(frozen=True, slots=True)
class Meant:
    """The policies of the pod's namespace, and those of them that mean it."""

    there: Sequence[Policy]
    by: Sequence[Policy]


async def meant_by(session: Session, pod: PodFacts) -> Meant:
    """Raises ApiError."""
    here = Session(session.api, pod.namespace)
    policies = [parse_policy(body) for body in await all_policies(here)]
    return Meant(policies, [one for one in policies if one.usable and one.usable.target.selector.matches(pod.labels)])


async def why_not_watched(there: Reach, name: str) -> LeakwardenError:
    """Why the operator knows of no target of this pod, as far as this user may see."""
    if there.session is None:
        return ApiNotFound(f"the operator watches no pod {name} in {there.named}")
    try:
        pod = await find(there.session, name)
        meant = await meant_by(there.session, pod)
    except (ApiNotFound, InvalidSpec) as error:
        return error
    except ApiError:
        return ApiNotFound(f"the operator watches no pod {name} in {there.named}")
    what = f"pod {pod.namespace}/{name} is there and not watched"
    if not meant.there:
        return ApiNotFound(f"{what}: namespace {pod.namespace} has no LeakPolicy")
    if not meant.by:
        labels = ", ".join(f"{key}={value}" for key, value in sorted(pod.labels.items())) or "none"
        names = ", ".join(policy.key.name for policy in meant.there)
        return ApiNotFound(f"{what}: no selector of {names} means it; its labels: {labels}")
    by = ", ".join(policy.key.name for policy in meant.by)
    return ApiNotFound(f"{what}, although {by} means it: it is {_state(pod)}, or the operator watches other namespaces")


def _state(pod: PodFacts) -> str:
    if pod.deleting:
        return "terminating"
    return pod.phase if pod.phase != "Running" else "Running (opted out, or new)"
