"""Whatever comes in whatever order: what is sampled is exactly what `targets_for` says, for all policies together."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from leakwarden.api import OPT_OUT_ANNOTATION, PORT_ANNOTATION_PREFIX
from leakwarden.core.policy import Policy
from leakwarden.core.rules_from_spec import endpoint_specs
from leakwarden.core.targets import PodFacts, PolicyKey, Target, TargetKey
from leakwarden.core.targets_of_policy import PodTargets, SamplingSpec, targets_for
from leakwarden.pipeline.fleet import Changes, Fleet, Watch, point_key
from tests.pipeline.build import pod, policy

NAMESPACES = ("demo", "other")
ENDPOINTS = (
    None,
    [{"name": "debug", "port": 6060}],
    [{"name": "pprof", "port": 6060}, {"name": "second", "port": 6061}],
)
POLICIES: list[Policy] = [
    policy(name, namespace=namespace, uid=f"{namespace}-{name}-{life}", labels=labels, endpoints=endpoints)
    for namespace in NAMESPACES
    for name in ("a", "b")
    for life in (1, 2)
    for labels in ({"app": "gopls"}, {"tier": "gold"})
    for endpoints in ENDPOINTS
] + [policy("a", rules=[{"name": "r", "signal": "LiveHeap"}])]

PODS = st.builds(
    pod,
    st.sampled_from(("w", "x", "y")),
    namespace=st.sampled_from(NAMESPACES),
    labels=st.sampled_from(({"app": "gopls"}, {"app": "gopls", "tier": "gold"}, {"app": "none"})),
    annotations=st.sampled_from(
        (
            {},
            {},
            {OPT_OUT_ANNOTATION: "true"},
            {f"{PORT_ANNOTATION_PREFIX}pprof": "6061"},
            {f"{PORT_ANNOTATION_PREFIX}second": "6060"},
            {f"{PORT_ANNOTATION_PREFIX}debug": "nonsense"},
        )
    ),
    phase=st.sampled_from(("Running", "Running", "Running", "Pending")),
    deleting=st.sampled_from((False, False, True)),
    host_network=st.sampled_from((False, False, True)),
).map(lambda made: replace(made, uid=f"{made.namespace}-{made.name}"))


def meant(by: Policy, there: PodFacts) -> PodTargets:
    """What the policy's words say about one pod, without any memory."""
    spec = by.usable
    if spec is None or by.key.namespace != there.namespace or not spec.target.selector.matches(there.labels):
        return PodTargets()
    timeout, most = spec.sampling.timeout.seconds, int(spec.sampling.max_profile_size.value)
    return targets_for(SamplingSpec(endpoint_specs(spec), spec.target.transport, timeout, most), there)


class Interleaved(RuleBasedStateMachine):
    """Policies and pods come, change and go. The model is nothing but what is there now."""

    @initialize()
    def start(self) -> None:
        self.fleet = Fleet()
        self.policies: dict[PolicyKey, Policy] = {}
        self.pods: dict[str, PodFacts] = {}
        self.alive: dict[int, Watch] = {}
        self.scheduled: set[TargetKey] = set()

    def take(self, changes: Changes) -> None:
        """A caller that does only what the changes say, as the operator does."""
        for watch in changes.started:
            assert id(watch) not in self.alive
            self.alive[id(watch)] = watch
        for watch in changes.ended:
            del self.alive[id(watch)]
        for key in changes.touched:
            if key in self.fleet.points:
                self.scheduled.add(key)
            else:
                self.scheduled.discard(key)

    def pods_of(self, namespace: str) -> list[PodFacts]:
        return [there for there in self.pods.values() if there.namespace == namespace]

    @rule(chosen=st.sampled_from(POLICIES))
    def policy_put(self, chosen: Policy) -> None:
        known = self.policies.get(chosen.key)
        if known is not None and known.uid != chosen.uid:
            self.take(self.fleet.remove_policy(chosen.key))
        self.policies[chosen.key] = chosen
        self.take(self.fleet.put_policy(chosen, self.pods_of(chosen.key.namespace)))

    @rule(chosen=st.sampled_from(POLICIES))
    def policy_removed(self, chosen: Policy) -> None:
        self.policies.pop(chosen.key, None)
        self.take(self.fleet.remove_policy(chosen.key))

    @rule(seen=PODS)
    def pod_seen(self, seen: PodFacts) -> None:
        self.pods[seen.uid] = seen
        self.take(self.fleet.look_at_pod(seen.namespace, seen.uid, seen))

    @rule(gone=PODS)
    def pod_gone(self, gone: PodFacts) -> None:
        self.pods.pop(gone.uid, None)
        self.take(self.fleet.look_at_pod(gone.namespace, gone.uid, None))

    @rule()
    def everything_said_again(self) -> None:
        for each in self.policies.values():
            assert self.fleet.put_policy(each, self.pods_of(each.key.namespace)) == Changes()
        for there in self.pods.values():
            assert self.fleet.look_at_pod(there.namespace, there.uid, there) == Changes()

    @invariant()
    def points_are_what_the_policies_mean(self) -> None:
        targets: dict[TargetKey, list[Target]] = {}
        for by in self.policies.values():
            for there in self.pods.values():
                for target in meant(by, there).targets:
                    targets.setdefault(point_key(target), []).append(target)
        points = {key: [watch.target for watch in point.watches] for key, point in self.fleet.points.items()}
        assert points.keys() == targets.keys() == self.scheduled
        for key, expected in targets.items():
            assert sorted(points[key], key=repr) == sorted(expected, key=repr)

    @invariant()
    def watches_are_those_that_started_and_did_not_end(self) -> None:
        standing = list(self.fleet.all_watches())
        assert {id(watch) for watch in standing} == self.alive.keys()
        for watch in standing:
            assert watch.policy is self.policies[watch.policy.key]
            assert watch.pod is self.pods[watch.pod.uid]
            assert watch in self.fleet.points[point_key(watch.target)].watches

    @invariant()
    def refusals_are_those_of_what_is_there(self) -> None:
        expected = {
            (key, refusal.key)
            for key, by in self.policies.items()
            for there in self.pods.values()
            for refusal in meant(by, there).refusals
        }
        assert {(key, one) for key, refused in self.fleet.refusals.items() for one in refused} == expected


TestInterleaved = Interleaved.TestCase
TestInterleaved.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
