"""Deciding: from open findings, the pods, the journal and the time to a plan. Pure; see `plan`.

`view` says what goes in and comes out, `gather` indexes it once, `rails` is the ordered list of reasons to do nothing,
`pod_rails` and `pace_rails` are their bodies, `ledger` reads the journal, `retention` says what
it may forget, `breaker` counts leaks that came back.
"""

from leakwarden.core.decide.ledger import action_id
from leakwarden.core.decide.plan import plan
from leakwarden.core.decide.view import (
    Budget,
    Decided,
    FleetView,
    Intent,
    Mute,
    OpenFinding,
    Plan,
    RemediationPolicy,
    Suspend,
    Suspension,
    Verb,
)

__all__ = [
    "Budget",
    "Decided",
    "FleetView",
    "Intent",
    "Mute",
    "OpenFinding",
    "Plan",
    "RemediationPolicy",
    "Suspend",
    "Suspension",
    "Verb",
    "action_id",
    "plan",
]
