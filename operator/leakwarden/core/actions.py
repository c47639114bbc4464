"""Plans and what became of them. A plan says for every open Leak finding what will be done, or the reason why not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from leakwarden.api.words import Mode, Outcome
from leakwarden.core.targets import Owner, PolicyKey


class Refusal(StrEnum):
    """Every reason why nothing is done, in the order in which the rails are asked. docs/rails.md explains each."""

    OBSERVE_ONLY = "ObserveOnly"
    NOT_A_LEAK = "NotALeak"
    BELOW_MIN_SEVERITY = "BelowMinSeverity"
    MUTED = "Muted"
    ALREADY_DONE = "AlreadyDone"
    POD_TERMINATING = "PodTerminating"
    TARGET_NOT_SEEN = "TargetNotSeen"
    SUBSIDING = "Subsiding"
    MIRROR_POD = "MirrorPod"
    DAEMON_SET = "DaemonSet"
    NO_CONTROLLER = "NoController"
    NEVER_RESTARTED = "RestartPolicyNever"
    SYSTEM_CRITICAL = "SystemCritical"
    HOST_NETWORK = "HostNetwork"
    OPTED_OUT = "OptedOut"
    NOT_SAFE_TO_EVICT = "NotSafeToEvict"
    LOCAL_STORAGE = "LocalStorage"
    OPEN_DOCUMENTS = "OpenDocuments"
    ANOTHER_POLICY_ACTS = "AnotherPolicyActs"
    JOURNAL_UNAVAILABLE = "JournalUnavailable"
    PAUSED = "Paused"
    CIRCUIT_BREAKER = "CircuitBreaker"
    STORM_BRAKE = "StormBrake"
    IN_FLIGHT = "ActionInFlight"
    COOLDOWN = "Cooldown"
    MIN_READY_PEERS = "MinReadyPeers"
    DISRUPTION_BUDGET = "DisruptionBudget"
    FORBIDDEN = "Forbidden"
    API_REFUSED = "ApiRefused"
    NOT_CONFIRMED = "NotConfirmed"
    BUDGET = "BudgetSpent"


class ActionState(StrEnum):
    """INTENDED is written before the request leaves.

    A crash in between leaves it, and the next start looks what happened.
    """

    INTENDED = "Intended"
    DONE = "Done"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class Action:
    """One entry of the journal: everything that budgets, cooldowns and verification need to know later.

    `id` is made of policy, kind, dry run and pod UID (see `action_id`), so one pod has at most one entry of a kind and
    a policy: a retry replaces the failed attempt. Times are unix seconds of the operator's clock.
    """

    id: str
    policy: PolicyKey
    kind: Mode
    """ANNOTATE or EVICT."""
    dry_run: bool
    namespace: str
    pod: str
    pod_uid: str
    owner: Owner | None
    signature: str
    at: float
    """When it was last intended: what the budget's window and the cooldown count from."""
    state: ActionState
    message: str = ""
    outcome: Outcome = Outcome.PENDING
    outcome_at: float | None = None
    generation: int = 0
    """metadata.generation of the policy then: an edited spec resets the circuit breaker."""
    pod_created_at: float = 0.0
    found_at_age: float = 0.0
    """Seconds from the start of the pod's containers to the finding: the age at which a replacement must be Healthy."""
    attempts: int = 1
    settled_at: float | None = None
    """When it became DONE or FAILED."""
    refusal: Refusal | None = None
    """Why it FAILED, where that has a word of its own; decides when it is tried again."""

    @property
    def spends(self) -> bool:
        """Counts against budget and cooldown: evictions that happened, or may have; dry runs too."""
        return self.kind is Mode.EVICT and self.state is not ActionState.FAILED


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided for one finding on one pod: `action` or `refusal`, not both; `message` stands alone."""

    namespace: str
    pod: str
    pod_uid: str
    signature: str
    action: Mode | None
    refusal: Refusal | None
    message: str
