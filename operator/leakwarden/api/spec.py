"""The spec of a LeakPolicy, field by field. The docstrings below are what `kubectl explain` prints.

The CRD is generated from these models (`api/crd.py`). What a schema cannot see is in `api/checks.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, ValidationError
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

from leakwarden.api.duration import Duration, DurationBetween
from leakwarden.api.quantity import Quantity, QuantityBetween
from leakwarden.api.words import (
    Cadence,
    ConfirmedBy,
    Execution,
    LabelValues,
    Mode,
    OpenDocuments,
    Scheme,
    Severity,
    Signal,
    Transport,
)
from leakwarden.errors import InvalidSpec

DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
IN_CODE: JsonDict = {"x-default-in-code": True}
"""Marks a default that the CRD leaves out, so that etcd does not freeze it."""


def cel(rule: str, message: str, **more: str) -> JsonDict:
    """One entry of x-kubernetes-validations."""
    return {"rule": rule, "message": message, **more}


def list_map(*keys: str) -> JsonDict:
    """A list whose items are told apart by these keys."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


Name = Annotated[str, Field(min_length=1, max_length=63, pattern=DNS_LABEL)]


class ApiModel(BaseModel):
    """Immutable, camelCase on the wire, and nothing unknown passes."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )


class SelectorOperator(StrEnum):
    """How a label is compared with the values."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


LabelKey = Annotated[str, Field(min_length=1, max_length=317)]
LabelValue = Annotated[str, Field(max_length=63)]


class MatchExpression(ApiModel):
    """One requirement on one label."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0 : "
                    "!has(self.values) || size(self.values) == 0",
                    "In and NotIn need values; Exists and DoesNotExist take none",
                )
            ]
        }
    )

    key: LabelKey
    """The label that is looked at."""
    operator: SelectorOperator
    """In, NotIn (both need values), Exists or DoesNotExist."""
    values: tuple[LabelValue, ...] = Field(
        default=(), max_length=32, json_schema_extra={**IN_CODE, "x-kubernetes-list-type": "set"}
    )
    """The values of In and NotIn. Default: none."""

    def matches(self, labels: Mapping[str, str]) -> bool:
        """As the API server has it: NotIn also matches where the label is missing."""
        found = labels.get(self.key)
        match self.operator:
            case SelectorOperator.IN:
                return found is not None and found in self.values
            case SelectorOperator.NOT_IN:
                return found is None or found not in self.values
            case SelectorOperator.EXISTS:
                return found is not None
            case SelectorOperator.DOES_NOT_EXIST:
                return found is None


class Selector(ApiModel):
    """Labels that a pod must carry; all requirements must hold."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "(has(self.matchLabels) && size(self.matchLabels) > 0) || "
                    "(has(self.matchExpressions) && size(self.matchExpressions) > 0)",
                    "an empty selector would match every pod of the namespace: name at least one label",
                )
            ]
        }
    )

    match_labels: dict[LabelKey, LabelValue] = Field(default={}, max_length=16, json_schema_extra=IN_CODE)
    """Labels with exactly these values. Default: none; then matchExpressions is needed."""
    match_expressions: tuple[MatchExpression, ...] = Field(
        default=(), max_length=16, json_schema_extra={**IN_CODE, "x-kubernetes-list-type": "atomic"}
    )
    """Requirements beyond equality. Default: none; then matchLabels is needed."""

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether a pod with these labels is meant. An empty selector matches nothing: fail closed."""
        if not self.match_labels and not self.match_expressions:
            return False
        return all(labels.get(key) == value for key, value in self.match_labels.items()) and all(
            expression.matches(labels) for expression in self.match_expressions
        )


class Endpoint(ApiModel):
    """One process to sample: containers of a pod share a network namespace, so a port is one process."""

    name: Name
    """Tells endpoints apart; a pod overrides the port by its annotation port.leakwarden.io/NAME."""
    port: int = Field(ge=1, le=65535, strict=True)
    """The port that net/http/pprof listens on. It need not be declared in the pod."""
    path: str = Field(default="/debug/pprof", max_length=128, pattern=r"^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$")
    """The path under which the profiles are served."""
    scheme: Scheme = Scheme.HTTP
    """HTTP or HTTPS. The certificate of HTTPS is not verified: a pod has no name that one could be issued for."""
    container: Name | None = None
    """Whose memory limit and restarts count for this process. Default: the kubectl.kubernetes.io/default-container
    annotation of the pod, else its first container."""


class TargetSpec(ApiModel):
    """Which pods of the policy's namespace are sampled, and how they are reached."""

    selector: Selector
    """The pods, by their labels. An empty selector is refused."""
    transport: Transport = Transport.PORT_FORWARD
    """PortForward reaches listeners on localhost through API server and kubelet; PodIP needs one on the pod address."""
    endpoints: tuple[Endpoint, ...] = Field(
        default=(Endpoint(name="pprof", port=6060),),
        min_length=1,
        max_length=4,
        json_schema_extra={
            **list_map("name"),
            "x-kubernetes-validations": [
                cel(
                    "self.all(e, self.exists_one(o, o.port == e.port))",
                    "ports must be distinct: each is one process",
                )
            ],
        },
    )
    """The processes of a pod, 1 to 4, on distinct ports. Default: one, named pprof, on port 6060."""


class Sampling(ApiModel):
    """How often a process is looked at, and what one look may cost."""

    interval: Annotated[Duration, DurationBetween("1s", "1h")] = Duration("30s")
    """The wish; status says what is reached. The windows of the built-in rules are counted in intervals."""
    cadence: Cadence = Cadence.ADAPTIVE
    """Adaptive asks quiet targets less often; Fixed asks each at every interval."""
    timeout: Annotated[Duration, DurationBetween("1s", "2m")] = Duration("10s")
    """For one attempt as a whole, connection included."""
    startup_grace: Annotated[Duration, DurationBetween("0s", "24h")] = Duration("2m")
    """Samples of a process younger than this are not judged: caches fill at start."""
    max_profile_size: Annotated[Quantity, QuantityBetween("64Ki", "512Mi")] = Quantity("32Mi")
    """The cap of each profile, and of what it unpacks to; a larger one is an error, never cut."""
    confirmed_by: ConfirmedBy = ConfirmedBy.FORCED_GC
    """ForcedGC asks a process once for its heap after a forced collection before a memory leak leads to an eviction;
    Nothing never forces one, and takes the risk of evicting for garbage."""


class GrowthSpec(ApiModel):
    """Growth that a rule asks for: the lower 95 % bound of a robust slope over the window."""

    at_least: Quantity
    """How much more, over the window, in the signal's unit."""
    window: Annotated[Duration, DurationBetween("8s", "720h")]
    """Over how long; at least 8 sampling intervals, else it could never hold the 8 points that a trend needs."""


_RULE_CEL: list[JsonValue] = [
    cel("has(self.above) || has(self.growth)", "a rule needs above, growth, or both"),
    cel(
        "!has(self.growth) || !has(self.__for__) || self.__for__ <= self.growth.window",
        "for must not be longer than growth.window",
        fieldPath=".for",
    ),
    cel(
        "self.signal != 'WaterLevel' || !has(self.above) || "
        "quantity(string(self.above)).compareTo(quantity('100')) <= 0",
        "WaterLevel is a percentage: above must be at most 100",
        fieldPath=".above",
    ),
    cel(
        "self.signal != 'WaterLevel' || !has(self.growth) || "
        "quantity(string(self.growth.atLeast)).compareTo(quantity('100')) <= 0",
        "WaterLevel is a percentage: growth.atLeast must be at most 100",
        fieldPath=".growth.atLeast",
    ),
    cel(
        "!has(self.growth) || quantity(string(self.growth.atLeast)).compareTo(quantity('0')) > 0",
        "growth.atLeast must be more than 0",
        fieldPath=".growth.atLeast",
    ),
]


class RuleSpec(ApiModel):
    """When a process leaks: above, growth, or both (both must hold). Without growth it is pressure, never a leak."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": _RULE_CEL})

    name: Name
    """Names the rule in findings and status."""
    signal: Signal
    """What is looked at. Bytes: LiveHeap, HeapInuse, Sys, SiteBytes, ContainerMemory; counts: Goroutines,
    BlockedGoroutines, LeakedGoroutines, MapEntries; percent: WaterLevel; seconds in 5 min: GCPause."""
    above: Quantity | None = None
    """The latest value is greater than this, in the signal's unit. Default: it may have any value."""
    growth: GrowthSpec | None = None
    """It has grown, and is still growing at the end. Both keys are needed. Default: it need not grow; such a rule makes
    pressure, never a leak."""
    hold: Annotated[Duration, DurationBetween("0s", "168h")] | None = Field(default=None, alias="for")
    """How long it must be met, in time that samples cover, before it makes a finding. Default: 4 sampling intervals."""
    severity: Severity = Field(default=Severity.WARNING, json_schema_extra=IN_CODE)
    """Of the finding; it only rises, and a memory limit within one hour makes it Critical. Default: Warning."""


class Budget(ApiModel):
    """At most so many actions in a sliding window."""

    actions: int = Field(default=3, ge=1, le=100, strict=True)
    """Evictions of this policy that the window may hold; a dry run spends them too."""
    window: Annotated[Duration, DurationBetween("1m", "168h")] = Duration("1h")
    """The length of the sliding window; it survives operator restarts and a policy that is deleted and made again."""


class Remediation(ApiModel):
    """What is done about a leak. Observe by default: nothing."""

    mode: Mode = Mode.OBSERVE
    """Observe records; Annotate writes a summary onto the pod; Evict asks the eviction API to remove the pod."""
    execution: Execution = Execution.LIVE
    """DryRun lets the API server check each request without doing it; every rail and budget counts as live."""
    min_severity: Severity = Severity.CRITICAL
    """Findings below it are never acted on."""
    budget: Budget = Budget()
    """How many actions this policy may take in a sliding window."""
    cooldown: Annotated[Duration, DurationBetween("0s", "168h")] = Duration("1h")
    """Between two actions on pods of one owner."""
    min_ready_peers: int = Field(default=1, ge=0, le=1000, strict=True)
    """Other Ready pods of the same owner that must be there before one is taken."""
    open_documents: OpenDocuments = OpenDocuments.PROTECT
    """Protect evicts no pod in whose gopls documents are open, since gopls does not tell whether they are saved; Ignore
    evicts it all the same."""
    storm_percent: int = Field(default=20, ge=1, le=100, strict=True)
    """When more than this share of the targets leaks at once it is a release, not a pod: nothing is done."""
    verify_for: Annotated[Duration, DurationBetween("1m", "168h")] = Duration("2h")
    """How long the replacement is watched before the outcome of an action is said."""
    paused_until: AwareDatetime | None = None
    """Nothing is done before this time (RFC 3339); sampling and findings go on. Default: not paused."""


class Mute(ApiModel):
    """A leak that somebody knows of: it stays in status, marked, and neither alarms nor leads to an action."""

    signature: str = Field(min_length=1, max_length=1024, pattern=r"^(memory|goroutine)/.+$")
    """Which, as status.findings has it: the bug, in whatever pod of this policy."""
    reason: str = Field(min_length=1, max_length=256)
    """Why, for whoever reads the policy next: the issue, the release that has the fix."""
    until: AwareDatetime | None = None
    """When it ends (RFC 3339). Default: never; then somebody has to take it away."""


class Labels(ApiModel):
    """What findings may say of the pprof labels that a program puts on its goroutines (pprof.Do)."""

    values: LabelValues = LabelValues.SHOW
    """Show names the value that most of a growth belongs to (doc_id=main.go); Hide never remembers or says one, only
    that some one value of that label has it. Values are data of the program's users."""


class LeakPolicySpec(ApiModel):
    """What to sample, what counts as a leak, and what is done about it."""

    target: TargetSpec
    """Which pods of this namespace are sampled, and how they are reached."""
    sampling: Sampling = Sampling()
    """How often a process is looked at, and what one look may cost."""
    rules: tuple[RuleSpec, ...] | None = Field(
        default=None, min_length=1, max_length=16, json_schema_extra=list_map("name")
    )
    """When a process leaks: exactly these, where there are any. Default: the built-in rules, scaled by the interval."""
    labels: Labels = Labels()
    """What findings may say of pprof labels. Default: their values are shown."""
    remediation: Remediation = Remediation()
    """What is done about a leak. Default: nothing, findings are only recorded."""
    mutes: tuple[Mute, ...] = Field(default=(), max_length=64, json_schema_extra={**IN_CODE, **list_map("signature")})
    """Leaks that are known: they never act, and neither alarm nor make Events. Default: none."""

    @classmethod
    def parse(cls, spec: Mapping[str, Any]) -> LeakPolicySpec:
        """The `spec` of a LeakPolicy as the API has it. Raises InvalidSpec naming the first field that is wrong."""
        try:
            return cls.model_validate(dict(spec))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise InvalidSpec(field_path(first["loc"]), _problem(first["type"], first["msg"])) from error


def field_path(loc: tuple[int | str, ...]) -> str:
    """`("rules", 0, "growth")` is `spec.rules[0].growth`."""
    path = "spec"
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path


def _problem(kind: str, message: str) -> str:
    match kind:
        case "missing":
            return "required"
        case "extra_forbidden":
            return "unknown field"
        case _:
            return message.removeprefix("Value error, ")
