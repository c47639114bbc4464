"""The status of a LeakPolicy: what the operator found out, in a form that `kubectl describe` prints well.

kubectl sorts the keys of an item and prints no separators, so an item has few keys and a message that stands alone.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AwareDatetime, Field
from pydantic.config import JsonDict

from leakwarden.api.duration import Duration
from leakwarden.api.quantity import Quantity
from leakwarden.api.spec import ApiModel, list_map
from leakwarden.api.words import FindingType, Mode, Outcome, Severity, Signal

MAX_FINDINGS = 20
MAX_ACTIONS = 20
MAX_PODS = 5
MAX_DECISIONS = 32
MAX_MESSAGE = 1024

_INT64: JsonDict = {"format": "int64"}

Message = Annotated[str, Field(max_length=MAX_MESSAGE)]
Signature = Annotated[str, Field(max_length=1024)]
PodName = Annotated[str, Field(max_length=253)]
Count = Annotated[int, Field(ge=0)]


class ConditionType(StrEnum):
    """The four conditions that every LeakPolicy has."""

    READY = "Ready"
    LEAKING = "Leaking"
    DEGRADED = "Degraded"
    SUSPENDED = "Suspended"


class ConditionReason(StrEnum):
    """Every reason that a condition can have. docs/leakpolicy.md says what each asks of the reader."""

    SAMPLING = "Sampling"
    STARTING = "Starting"
    NO_MATCHING_PODS = "NoMatchingPods"
    INVALID_SPEC = "InvalidSpec"
    FORBIDDEN = "Forbidden"
    LEAK_FOUND = "LeakFound"
    NO_LEAK_FOUND = "NoLeakFound"
    LEAKS_MUTED = "LeaksMuted"
    NOTHING_JUDGED = "NothingJudged"
    TARGETS_BLIND = "TargetsBlind"
    NOTHING_LISTENS = "NothingListens"
    TARGETS_READABLE = "TargetsReadable"
    PAUSED = "Paused"
    STORM_BRAKE = "StormBrake"
    CIRCUIT_BREAKER = "CircuitBreaker"
    NOT_SUSPENDED = "NotSuspended"


class ConditionStatus(StrEnum):
    """True, False, or Unknown: missing data is neither."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(ApiModel):
    """One thing that holds or does not, since when, and why."""

    type: ConditionType
    """Ready: it samples; Leaking: a leak is open; Degraded: too many targets are blind; Suspended: actions rest."""
    status: ConditionStatus
    """True, False, or Unknown."""
    reason: ConditionReason
    """Why, in one word."""
    message: Annotated[str, Field(max_length=32768)]
    """Why, in a sentence."""
    last_transition_time: AwareDatetime
    """When status last changed."""
    observed_generation: int | None = Field(default=None, ge=0, json_schema_extra=_INT64)
    """The metadata.generation that this was said about."""


class TargetCounts(ApiModel):
    """Targets (one endpoint of one pod) by verdict, and the pace that is reached. Counts are rewritten together, on a
    change of 10 % or more."""

    matched: Count = 0
    """All targets of the policy."""
    healthy: Count = 0
    """No rule is met, with enough data to say so."""
    learning: Count = 0
    """Too few samples, or too little time, for a verdict."""
    inconclusive: Count = 0
    """Data is missing, a rule is met but not yet held, or there is pressure without proof of growth."""
    leaking: Count = 0
    """An open finding of type Leak."""
    unreachable: Count = 0
    """Three attempts in a row failed; the condition Degraded says why."""
    not_running: Count = 0
    """Nothing listens on the port: no editor is open there. Not a fault."""
    sampled_per_minute: Count = 0
    """Attempts in the last minute."""
    reached_interval: Duration | None = None
    """What sampling.interval came to, as the median over the running targets."""


class RuleStatus(ApiModel):
    """One rule in effect: of the policy, or built in."""

    name: Annotated[str, Field(max_length=63)]
    """The name of the rule."""
    signal: Signal
    """What it looks at."""
    when: Annotated[str, Field(max_length=256)]
    """When it is met, in words."""
    severity: Severity
    """Of its findings."""
    builtin: bool
    """Whether it comes with the operator, because the policy brings no rules."""
    open: Count
    """Open findings that it takes part in."""


class DecisionStatus(ApiModel):
    """What was decided for how many open findings, and one of them as an example: why nothing happened, or what did."""

    reason: Annotated[str, Field(max_length=64)]
    """The action, or the rail that refused it."""
    count: Count
    """Findings that were decided this way."""
    pod: PodName
    """The pod of the example."""
    message: Message
    """The example."""


class FindingStatus(ApiModel):
    """One bug, in all the pods that have it."""

    signature: Signature
    """Family, function and kind of wait: the bug, not the line, the rule or the pod."""
    type: FindingType
    """Leak, or Pressure: high without proof of growth, never acted on."""
    severity: Severity
    """The highest of its pods."""
    affected: Count
    """How many pods have it."""
    pods: tuple[PodName, ...] = Field(
        default=(), max_length=MAX_PODS, json_schema_extra={"x-kubernetes-list-type": "atomic"}
    )
    """The worst of them."""
    since: AwareDatetime
    """When the growth began in the worst pod, as estimated from its series."""
    first_seen: AwareDatetime | None = None
    """When it was first said, of any of its pods; it has been open in one or another ever since."""
    as_of: AwareDatetime | None = None
    """Up to when this was known: an earlier operator found it, and the one that runs now is still learning. Nothing is
    done about it before that. Absent of what is known now."""
    growth: Quantity | None = None
    """How much it has grown since, in the worst pod: bytes, or a count. Absent of Pressure."""
    growth_per_hour: Quantity | None = None
    """How fast it grows there. Absent of Pressure, and when it is flat."""
    limit_at: AwareDatetime | None = None
    """When the first of them reaches its memory limit at this pace. Absent when flat or more than a day ahead."""
    pattern: Annotated[str, Field(max_length=63)] | None = None
    """The known shape that it has in the worst pod, by its name in docs/patterns.md. Absent when none fits."""
    decision: Annotated[str, Field(max_length=64)] | None = None
    """What was decided for the worst pod: the action, or the rail that refused it. Absent before it was decided."""
    muted: Message | None = None
    """Until when somebody muted it, and why. Absent when nobody did."""
    message: Message
    """All of it in one paragraph that ends with the fix."""


class ActionState(StrEnum):
    """Intended is written before the request leaves."""

    INTENDED = "Intended"
    DONE = "Done"
    FAILED = "Failed"


class ActionStatus(ApiModel):
    """One thing that was done to a pod."""

    at: AwareDatetime
    """When."""
    action: Mode
    """Annotate or Evict."""
    pod: PodName
    """To which pod."""
    signature: Signature
    """For which bug."""
    dry_run: bool
    """Whether the API server only checked it."""
    state: ActionState
    """Intended, Done or Failed."""
    outcome: Outcome | None = None
    """Told from the replacement's samples: Helped, CameBack, Unknown; Pending before that. Absent of a dry run and of
    an annotation: nothing is replaced."""
    message: Message
    """All of it in a sentence."""


class LeakPolicyStatus(ApiModel):
    """What the operator found out; its store holds everything, this is the summary."""

    observed_generation: int | None = Field(default=None, ge=0, json_schema_extra=_INT64)
    """The metadata.generation of the spec that this status is about."""
    conditions: tuple[Condition, ...] = Field(default=(), max_length=8, json_schema_extra=list_map("type"))
    """Ready, Leaking, Degraded and Suspended."""
    targets: TargetCounts | None = None
    """Targets by verdict, and the pace that is reached."""
    rules: tuple[RuleStatus, ...] = Field(default=(), max_length=32, json_schema_extra=list_map("name"))
    """The rules in effect. One that this version cannot evaluate says so."""
    decisions: tuple[DecisionStatus, ...] = Field(
        default=(), max_length=MAX_DECISIONS, json_schema_extra=list_map("reason")
    )
    """What was decided for the open findings, by reason: why nothing happened."""
    findings_total: Count | None = None
    """How many different bugs are open: `findings` shows the worst of them."""
    findings: tuple[FindingStatus, ...] = Field(
        default=(), max_length=MAX_FINDINGS, json_schema_extra=list_map("signature", "type")
    )
    """The worst open findings, one per bug."""
    actions: tuple[ActionStatus, ...] = Field(
        default=(), max_length=MAX_ACTIONS, json_schema_extra={"x-kubernetes-list-type": "atomic"}
    )
    """The newest actions, newest first."""
    top_leak: Annotated[str, Field(max_length=256)] | None = None
    """The worst open leak, short."""

    def wire(self) -> dict[str, Any]:
        """As it goes into the API: camelCase, plain JSON values, absent instead of null."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
