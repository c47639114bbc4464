"""What the pipeline hands to the store, and what comes back after a restart."""

from __future__ import annotations

from dataclasses import dataclass

from leakwarden.core.targets import TargetKey


@dataclass(frozen=True, slots=True)
class StoredTarget:
    """One row of `target`; `state` and `report` are JSON texts whose shape their writers own."""

    policy_uid: str
    key: TargetKey
    state: str
    report: str
    updated_at: float


@dataclass(frozen=True, slots=True)
class Ended:
    """A finding that ended, by the owner it belonged to."""

    policy_uid: str
    owner_uid: str
    signature: str
    pod_uid: str
    body: str
    ended_at: float


@dataclass(frozen=True, slots=True)
class Step:
    """What one attempt changes in the store, as one: the state (None: forget the target) and what it led to."""

    policy_uid: str
    key: TargetKey
    target: StoredTarget | None
    outbox: tuple[str, ...] = ()
    ended: tuple[Ended, ...] = ()


@dataclass(frozen=True, slots=True)
class OutboxRow:
    id: int
    policy_uid: str
    body: str
