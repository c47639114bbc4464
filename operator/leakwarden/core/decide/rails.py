"""The rails, in the order in which they are asked. The first that answers is the reason that status shows.

Order matters twice. A rail may rely on those before it (the pod is known, it has a controller); and people read the
first reason: what the policy says comes before what the pod is, that before what time will heal, and the budget last,
so that "BudgetSpent" means "everything else would have allowed it".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from leakwarden.api.words import Mode
from leakwarden.core.actions import Refusal
from leakwarden.core.decide import pace_rails as pace
from leakwarden.core.decide import pod_rails as pod
from leakwarden.core.decide.gather import Case

EVICT = frozenset({Mode.OBSERVE, Mode.EVICT})
BOTH = frozenset({Mode.OBSERVE, Mode.EVICT, Mode.ANNOTATE})


@dataclass(frozen=True, slots=True)
class Rail:
    refusal: Refusal
    asked_for: frozenset[Mode]
    """Annotating disturbs nobody: only the rails about the finding, the pod's wish and the person's pause hold it."""
    check: Callable[[Case], str | None]


RAILS: tuple[Rail, ...] = (
    # What the policy wants.
    Rail(Refusal.OBSERVE_ONLY, BOTH, pod.observe_only),
    Rail(Refusal.NOT_A_LEAK, BOTH, pod.not_a_leak),
    Rail(Refusal.BELOW_MIN_SEVERITY, BOTH, pod.below_min_severity),
    Rail(Refusal.MUTED, BOTH, pod.muted),
    # Is there still something to act on?
    Rail(Refusal.ALREADY_DONE, EVICT, pod.already_done),
    Rail(Refusal.POD_TERMINATING, BOTH, pod.pod_terminating),
    Rail(Refusal.TARGET_NOT_SEEN, BOTH, pod.target_not_seen),
    Rail(Refusal.SUBSIDING, EVICT, pod.subsiding),
    # Pods that are never evicted.
    Rail(Refusal.MIRROR_POD, BOTH, pod.mirror_pod),
    Rail(Refusal.DAEMON_SET, EVICT, pod.daemon_set),
    Rail(Refusal.NO_CONTROLLER, EVICT, pod.no_controller),
    Rail(Refusal.NEVER_RESTARTED, EVICT, pod.never_restarted),
    Rail(Refusal.SYSTEM_CRITICAL, EVICT, pod.system_critical),
    Rail(Refusal.HOST_NETWORK, EVICT, pod.host_network),
    Rail(Refusal.OPTED_OUT, BOTH, pod.opted_out),
    Rail(Refusal.NOT_SAFE_TO_EVICT, EVICT, pod.not_safe_to_evict),
    Rail(Refusal.LOCAL_STORAGE, EVICT, pod.local_storage),
    Rail(Refusal.OPEN_DOCUMENTS, EVICT, pod.open_documents),
    # Who acts, and may this policy act at all now?
    Rail(Refusal.ANOTHER_POLICY_ACTS, BOTH, pod.another_policy_acts),
    Rail(Refusal.JOURNAL_UNAVAILABLE, EVICT, pace.journal_unavailable),
    Rail(Refusal.PAUSED, BOTH, pace.paused),
    Rail(Refusal.CIRCUIT_BREAKER, EVICT, pace.circuit_breaker),
    Rail(Refusal.STORM_BRAKE, EVICT, pace.storm_brake),
    # Is it this owner's turn?
    Rail(Refusal.IN_FLIGHT, EVICT, pace.in_flight),
    Rail(Refusal.COOLDOWN, EVICT, pace.cooldown),
    Rail(Refusal.MIN_READY_PEERS, EVICT, pace.min_ready_peers),
    # What the API server said last time.
    Rail(Refusal.DISRUPTION_BUDGET, EVICT, pace.disruption_budget),
    Rail(Refusal.FORBIDDEN, BOTH, pace.forbidden),
    Rail(Refusal.API_REFUSED, BOTH, pace.api_refused),
    # Asking costs the process, so everything that time or people must settle comes first; only the budget may wait.
    Rail(Refusal.NOT_CONFIRMED, EVICT, pod.not_confirmed),
    Rail(Refusal.BUDGET, EVICT, pace.budget),
)

ABOUT_THE_FINDING = frozenset(
    {Refusal.NOT_A_LEAK, Refusal.BELOW_MIN_SEVERITY, Refusal.MUTED, Refusal.SUBSIDING, Refusal.NOT_CONFIRMED}
)
"""What a second finding on a pod must pass for the action on that pod to be its action too."""

HOLDS_THE_POD = frozenset({Refusal.ALREADY_DONE})
"""Refusals of a policy that has acted on the pod, if only in a dry run: a younger policy keeps off still."""


@dataclass(frozen=True, slots=True)
class Refused:
    refusal: Refusal
    message: str


def first_refusal(case: Case, only: frozenset[Refusal] | None = None) -> Refused | None:
    """The first rail that holds the case back, among all or just `only`; None: nothing does."""
    return next(_refusals(case, only), None)


def refusals(case: Case) -> tuple[Refused, ...]:
    """Every rail that holds the case back, in their order. Of a pod that is not known, those that need none."""
    found = []
    for refused in _refusals(case, None):
        found.append(refused)
        if refused.refusal is Refusal.TARGET_NOT_SEEN and case.pod is None:
            break
    return tuple(found)


def _refusals(case: Case, only: frozenset[Refusal] | None) -> Iterator[Refused]:
    """Asked one by one, and no further than the caller looks: a rail may rely on those before it."""
    for rail in RAILS:
        if case.policy.mode not in rail.asked_for or (only is not None and rail.refusal not in only):
            continue
        if message := rail.check(case):
            yield Refused(rail.refusal, message)
