"""Plans and what became of them. A plan says for every open Leak finding what will be done, or the reason why not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from leakwarden.api.words import Mode, Outcome
from leakwarden.core.targets import Owner, PolicyKey


class Refusal(StrEnum):
    """Every reason why nothing is done, in the order in which the rails are asked. One page in docs/ explains each."""

    OBSERVE_ONLY = "ObserveOnly"
    NOT_A_LEAK = "NotALeak"
    BELOW_MIN_SEVERITY = "BelowMinSeverity"
    MUTED = "Muted"
    TARGET_NOT_SEEN = "TargetNotSeen"
    POD_TERMINATING = "PodTerminating"
    NO_CONTROLLER = "NoController"
    DAEMON_SET = "DaemonSet"
    MIRROR_POD = "MirrorPod"
    NEVER_RESTARTED = "RestartPolicyNever"
    SYSTEM_CRITICAL = "SystemCritical"
    HOST_NETWORK = "HostNetwork"
    OPTED_OUT = "OptedOut"
    NOT_SAFE_TO_EVICT = "NotSafeToEvict"
    LOCAL_STORAGE = "LocalStorage"
    ANOTHER_POLICY_ACTS = "AnotherPolicyActs"
    PAUSED = "Paused"
    CIRCUIT_BREAKER = "CircuitBreaker"
    STORM_BRAKE = "StormBrake"
    IN_FLIGHT = "ActionInFlight"
    COOLDOWN = "Cooldown"
    BUDGET = "BudgetSpent"
    MIN_READY_PEERS = "MinReadyPeers"
    DISRUPTION_BUDGET = "DisruptionBudget"
    FORBIDDEN = "Forbidden"
    JOURNAL_UNAVAILABLE = "JournalUnavailable"
    API_REFUSED = "ApiRefused"
    ALREADY_DONE = "AlreadyDone"


class ActionState(StrEnum):
    """INTENDED is written before the request leaves; a crash in between leaves it, and the next start looks what happened."""

    INTENDED = "Intended"
    DONE = "Done"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class Action:
    """One entry of the journal: everything that budgets, cooldowns and verification need to know later."""

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
    state: ActionState
    message: str = ""
    outcome: Outcome = Outcome.PENDING
    outcome_at: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided for one finding on one pod: `action` or `refusal`, never both, with a sentence that stands alone."""

    namespace: str
    pod: str
    pod_uid: str
    signature: str
    action: Mode | None
    refusal: Refusal | None
    message: str
