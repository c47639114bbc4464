"""Between a decision and its request lie writes that can take long: is it still about what it was about?"""

from __future__ import annotations

import logging
from dataclasses import replace

from leakwarden.core.decide import Intent, Verb
from leakwarden.core.policy import Policy
from leakwarden.core.targets import PodFacts, PolicyKey
from leakwarden.errors import ApiError
from leakwarden.pipeline.fleet import Fleet
from leakwarden.pipeline.ports import LastLook, PodWatch

log = logging.getLogger(__name__)


class LastMoment:
    """`planned` right after each plan; then the questions are about what it was made from."""

    def __init__(self, fleet: Fleet, pods: PodWatch, look: LastLook) -> None:
        self._fleet = fleet
        self._pods = pods
        self._look = look
        self._planned: dict[PolicyKey, Policy] = {}

    def planned(self) -> None:
        self._planned = dict(self._fleet.policies)

    def still_meant(self, intent: Intent) -> bool:
        """Whether the policy and the pod are what they were when this was planned. Every write takes time."""
        if intent.action is None:
            return True
        key = intent.action.policy
        same = self._fleet.policies.get(key) is self._planned.get(key)
        return same and _same_pod(self._pods.get(intent.pod.uid), intent.pod)

    async def still_so(self, intent: Intent) -> bool:
        """The same, asked of the API before an eviction: a watch can be late, or dead without a word."""
        if intent.verb is not Verb.EVICT or intent.action is None:
            return True
        meant = self._planned[intent.action.policy]
        try:
            policy = await self._look.policy(meant.key)
            pod = await self._look.pod(intent.pod.namespace, intent.pod.name)
        except ApiError as error:
            log.warning("not done, since it cannot be looked at once more: evict %s: %s", intent.pod.name, error)
            return False
        if policy is None or (policy.uid, policy.generation) != (meant.uid, meant.generation):
            return False
        return _same_pod(pod, intent.pod)


def _same_pod(found: PodFacts | None, planned: PodFacts) -> bool:
    return found is not None and replace(found, resource_version=planned.resource_version) == planned
