"""What deciding is given and what it gives back. Values only: gathered by the pipeline first, judged afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from leakwarden.api.words import Execution, Mode, Severity, Verdict
from leakwarden.core.actions import Action, Decision
from leakwarden.core.documents import Editing
from leakwarden.core.findings import Finding
from leakwarden.core.targets import PodFacts, PolicyKey, TargetKey


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `actions` in any stretch of `window` seconds."""

    actions: int
    window: float


@dataclass(frozen=True, slots=True)
class RemediationPolicy:
    """`spec.remediation` of one policy with what identifies it. Durations in seconds, times in unix seconds."""

    key: PolicyKey
    uid: str
    created_at: float
    generation: int = 1
    mode: Mode = Mode.OBSERVE
    execution: Execution = Execution.LIVE
    min_severity: Severity = Severity.CRITICAL
    budget: Budget = Budget(actions=3, window=3600.0)
    cooldown: float = 3600.0
    min_ready_peers: int = 1
    protect_documents: bool = True
    """A pod in whose gopls documents are open is not evicted."""
    storm_percent: int = 20
    verify_for: float = 7200.0
    paused_until: float | None = None
    confirm: bool = True
    """Memory leaks are evicted for only once a forced collection has confirmed them."""

    @property
    def dry_run(self) -> bool:
        return self.execution is Execution.DRY_RUN

    @property
    def age_rank(self) -> tuple[float, PolicyKey]:
        """Of two policies on one pod the smaller acts: the older, then the one whose namespace/name comes first."""
        return (self.created_at, self.key)


@dataclass(frozen=True, slots=True)
class OpenFinding:
    """An open finding of one target of one policy."""

    policy: PolicyKey
    target: TargetKey
    finding: Finding


@dataclass(frozen=True, slots=True)
class Mute:
    """A signature that a person took off the table, for one policy, until `until` (unix seconds; None: for good)."""

    policy: PolicyKey
    signature: str
    reason: str
    until: float | None


@dataclass(frozen=True, slots=True)
class FleetView:
    """Everything a decision may depend on, besides the time.

    `pods` holds, by UID, the pods that policies match, every other pod of their owners (they are the peers), and any
    pod that still carries our annotation; terminating ones too. Of namespaces in `unread` they are as last read, since
    they cannot be read now. `verdicts` holds, a policy, the latest verdict of each of its targets; those of `stale` are
    from before a gap, those of `outdated` from before an edit of their policy, and neither are acted on. `editing`
    holds, by pod UID, what people have open in a gopls of the pod, whichever policy watches it; a pod without a gopls
    is not in it. `journal` is the whole journal; None means that it is not known, and then nothing is evicted.

    After a takeover, or without the state directory, two things are known only from what the API holds: `storms_before`
    says, a policy, until when (unix seconds) the storm holds that an earlier operator saw there; `noted_before` are the
    UIDs of pods whose annotation may still be true, although nothing was found there again yet.
    """

    policies: tuple[RemediationPolicy, ...] = ()
    findings: tuple[OpenFinding, ...] = ()
    pods: Mapping[str, PodFacts] = field(default_factory=dict)
    verdicts: Mapping[PolicyKey, Mapping[TargetKey, Verdict]] = field(default_factory=dict)
    stale: frozenset[tuple[PolicyKey, TargetKey]] = frozenset()
    outdated: frozenset[tuple[PolicyKey, TargetKey]] = frozenset()
    unread: frozenset[str] = frozenset()
    journal: tuple[Action, ...] | None = ()
    mutes: tuple[Mute, ...] = ()
    editing: Mapping[str, Editing] = field(default_factory=dict)
    storms_before: Mapping[PolicyKey, float] = field(default_factory=dict)
    noted_before: frozenset[str] = frozenset()


class Verb(StrEnum):
    EVICT = "Evict"
    ANNOTATE = "Annotate"
    REMOVE_ANNOTATION = "RemoveAnnotation"


@dataclass(frozen=True, slots=True)
class Intent:
    """One request to carry out. `action` is what the journal keeps of it, INTENDED; none where an annotation goes."""

    verb: Verb
    pod: PodFacts
    action: Action | None
    dry_run: bool = False
    text: str = ""
    """The annotation's value."""


class Suspend(StrEnum):
    """Reasons of the condition Suspended."""

    PAUSED = "Paused"
    STORM_BRAKE = "StormBrake"
    CIRCUIT_BREAKER = "CircuitBreaker"


@dataclass(frozen=True, slots=True)
class Suspension:
    """A policy that takes no action at all, whatever is found; `message` stands alone."""

    reason: Suspend
    message: str


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision with what it is about: findings of two policies on one pod have two decisions."""

    policy: PolicyKey
    target: TargetKey
    decision: Decision


@dataclass(frozen=True, slots=True)
class Plan:
    """A decision for every open finding, in the order in which they were made, and what is to be done, in order."""

    decisions: tuple[Decided, ...] = ()
    intents: tuple[Intent, ...] = ()
    suspended: Mapping[PolicyKey, Suspension] = field(default_factory=dict)
