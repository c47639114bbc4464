"""What the pipeline asks of the outside, each as a small Protocol. The adapters fit them without knowing of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from leakwarden.core.actions import Action
from leakwarden.core.lease import LeaseRecord
from leakwarden.core.patterns import Source
from leakwarden.core.policy import Policy
from leakwarden.core.recording_target import RecordedTarget
from leakwarden.core.records import Ended, OutboxRow, Step, StoredTarget
from leakwarden.core.report.events import EventNote
from leakwarden.core.samples import SampleResult
from leakwarden.core.targets import PodFacts, PolicyKey, Target
from leakwarden.errors import ApiError


class Sampler(Protocol):
    """Never raises for what a target does: every failure is in the result."""

    async def sample(self, target: Target, wanted: frozenset[str]) -> SampleResult: ...


class Recorder(Protocol):
    """Writes down what was judged, to be replayed. Returns at once and never raises: it must not disturb sampling."""

    def record(self, policy: PolicyKey, target: RecordedTarget, result: SampleResult) -> None: ...


class PatternSources(Protocol):
    """Texts with patterns that users have written, as they stand now. Raises ApiError."""

    async def sources(self) -> list[Source]: ...


class PodWatch(Protocol):
    """The pods of the followed namespaces, as last seen. Nothing here raises: `trouble` says what is wrong."""

    def follow(self, namespaces: frozenset[str]) -> None: ...

    @property
    def followed(self) -> frozenset[str]: ...

    def get(self, uid: str) -> PodFacts | None: ...

    def by_namespace(self, namespace: str) -> Iterator[PodFacts]: ...

    def synced(self, namespace: str) -> bool: ...

    def trouble(self, namespace: str) -> ApiError | None: ...

    async def changes(self) -> dict[str, frozenset[str]]: ...


class LastLook(Protocol):
    """What stands in the API at this moment, whatever a watch has told; None: nothing of that name. Raises ApiError."""

    async def policy(self, key: PolicyKey) -> Policy | None: ...

    async def pod(self, namespace: str, name: str) -> PodFacts | None: ...


class PolicyList(Protocol):
    """What stands in the watched namespaces, read once. Raises ApiError."""

    async def policies(self) -> list[Policy]: ...

    async def annotated_namespaces(self) -> frozenset[str]: ...


class Store(Protocol):
    """What survives a restart. Raises StoreError."""

    async def save(self, step: Step) -> None: ...

    async def targets(self, policy_uid: str) -> list[StoredTarget]: ...

    async def outbox(self, after: int = 0) -> list[OutboxRow]: ...

    async def sent(self, ids: Sequence[int]) -> None: ...

    async def enqueue(self, policy_uid: str, bodies: Sequence[str]) -> None: ...

    async def ended(self, policy_uid: str, owner_uid: str, signature: str, since: float) -> Ended | None: ...

    async def forget_policy(self, policy_uid: str) -> None: ...

    async def policies(self) -> set[str]: ...


class StatusWriter(Protocol):
    """Replaces the status subresource of a LeakPolicy. Raises ApiError."""

    async def write(self, key: PolicyKey, uid: str, status: Mapping[str, Any]) -> None: ...


class EventWriter(Protocol):
    """Posts an Event once, and while it lasts counts it in `series`. Raises ApiError."""

    async def post(self, note: EventNote, now: float) -> None: ...


class Leases(Protocol):
    """The one Lease that operators compete for. Raises ApiError."""

    async def read(self) -> LeaseRecord | None:
        """None: there is none."""
        ...

    async def write(self, record: LeaseRecord) -> LeaseRecord:
        """As stored. ApiConflict when what is in the API is not `record.version` any more."""
        ...


class Journal(Protocol):
    """The write-ahead journal of actions, in the API. Raises ApiError."""

    @property
    def entries(self) -> tuple[Action, ...]: ...

    async def load(self) -> tuple[Action, ...]: ...

    async def reconcile(self) -> tuple[Action, ...]: ...

    async def intend(self, action: Action) -> None: ...

    async def put(self, action: Action) -> None: ...

    async def flush(self, now: float) -> None: ...


class Actuator(Protocol):
    """Does, or lets the API server only check, one thing to one pod of exactly this UID. Raises ApiError."""

    async def evict(self, pod: PodFacts) -> None: ...

    async def annotate(self, pod: PodFacts, text: str) -> None: ...

    async def unannotate(self, pod: PodFacts) -> None: ...
