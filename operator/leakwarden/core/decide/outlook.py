"""What holds an action on one finding back now, and what stands behind that: for people who ask why not yet."""

from __future__ import annotations

from leakwarden.core.decide.gather import Case, gather
from leakwarden.core.decide.ledger import Ledger
from leakwarden.core.decide.rails import Refused, refusals
from leakwarden.core.decide.view import FleetView, OpenFinding


def outlook(view: FleetView, found: OpenFinding, now: float) -> tuple[Refused, ...]:
    """Every rail that says no at this moment, in the order of the rails; empty: none does.

    The finding is looked at by itself: what the same plan would spend on others first is not counted, and whether an
    older policy acts on the pod is what the plan knows. A policy that only observes is asked as if it evicted.
    """
    policy = next((one for one in view.policies if one.key == found.policy), None)
    if policy is None:
        return ()
    ledger = Ledger(view.journal or ())
    pod = view.pods.get(found.target.pod_uid)
    fleet = gather(view, ledger, now)
    return refusals(Case(policy, found.target, found.finding, pod, fleet, ledger, now, acting=None))
