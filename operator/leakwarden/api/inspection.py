"""What the operator tells those who ask about single targets: the JSON of its reading port. docs/commands.md has it.

Read leniently, for the commands may be older than the operator: words are plain strings, and unknown fields are passed.
"""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class InspectionModel(BaseModel):
    """Immutable, camelCase on the wire. Bytes and counts are plain numbers, durations seconds."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)

    def wire(self) -> str:
        """As it goes over the wire: absent instead of null."""
        return self.model_dump_json(by_alias=True, exclude_none=True)


class TargetRow(InspectionModel):
    """One endpoint of one pod as one policy judges it, in a line."""

    namespace: str
    pod: str
    endpoint: str
    policy: str
    verdict: str
    message: str
    """Why, in a sentence."""
    last_attempt: AwareDatetime | None = None
    """Absent: none yet."""
    live_heap: float | None = None
    heap_per_hour: float | None = None
    """Bytes an hour: of the open memory leak, else the estimate of the first rule that has one."""
    goroutines: float | None = None
    goroutines_per_hour: float | None = None
    memory_limit: int | None = None
    limit_at: AwareDatetime | None = None
    worst: str | None = None
    """The signature of the worst open finding."""
    muted: bool = False
    """Whether that one is muted."""


class Targets(InspectionModel):
    """The fastest growing of all; `total` counts those that were asked about."""

    at: AwareDatetime
    total: int
    targets: tuple[TargetRow, ...]


class RuleStanding(InspectionModel):
    """How one rule stood at the newest sample."""

    name: str
    when: str
    """When it is met, in words."""
    state: str
    """NotMet, Met, Holding, Firing or Unknown."""
    unit: str
    """bytes, count, percent or seconds: of value, growth and per_hour."""
    value: float | None = None
    growth: float | None = None
    """The lower 95 % bound over the window; absent where it was not estimated."""
    per_hour: float | None = None
    held: float
    hold: float
    """Held of that many seconds."""
    why: str
    function: str | None = None
    """The place that is furthest, of a rule that looks at places."""


class Obstacle(InspectionModel):
    """One rail that says no."""

    reason: str
    message: str
    remedy: str
    """What can be done about it."""


class FindingDetail(InspectionModel):
    """One open finding of this target."""

    signature: str
    type: str
    severity: str
    confidence: str
    rules: tuple[str, ...]
    since: AwareDatetime
    first_seen: AwareDatetime
    message: str
    muted: str | None = None
    """Until when, and why."""
    action: str | None = None
    """What was decided to be done; absent where a rail refused."""
    decision: str | None = None
    """The decision in a sentence; absent before there was one."""
    obstacles: tuple[Obstacle, ...] = ()
    """The rail that refused, and those behind it, in their order."""


class TargetDetail(InspectionModel):
    """One endpoint of one pod as one policy judges it, with all that led to it."""

    row: TargetRow
    mode: str
    execution: str
    suspended: str | None = None
    """Why the whole policy takes no action, if it does not."""
    owner: str | None = None
    interval: float
    """Seconds between two attempts, as reached."""
    verdict_since: AwareDatetime
    process_since: AwareDatetime | None = None
    """Since when this process is sampled; absent where none is."""
    readings: int = 0
    """Of this process, that were judged."""
    rules: tuple[RuleStanding, ...] = ()
    """Empty until the first sample after a restart of the operator."""
    findings: tuple[FindingDetail, ...] = ()
    next: str
    """What comes next, if nothing changes."""


class Details(InspectionModel):
    """All targets of one pod."""

    at: AwareDatetime
    targets: tuple[TargetDetail, ...]


class Leadership(InspectionModel):
    """Whether this process is the one to ask."""

    leads: bool
    says: str
    """Who does, where it does not."""
