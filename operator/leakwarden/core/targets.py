"""Pods and endpoints, as lean as the pipeline needs them: what to sample, and every fact that a rail asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from leakwarden.api.words import Scheme, Transport


@dataclass(frozen=True, slots=True, order=True)
class PolicyKey:
    """Budgets and cooldowns are keyed by it, so that delete and create is no loophole."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, order=True)
class TargetKey:
    """One endpoint of one pod."""

    pod_uid: str
    endpoint: str


@dataclass(frozen=True, slots=True, order=True)
class Owner:
    """The controller of a pod (`ownerReferences[controller=true]`); of a Deployment's pod, its ReplicaSet. `kind` has
    its API group behind it where that is none of Kubernetes' own."""

    kind: str
    name: str
    uid: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    name: str
    container_id: str
    memory_limit: int
    """Bytes, 0 without a limit."""
    restarts: int
    running: bool
    started_at: float
    """Unix seconds, 0 unknown."""
    last_oom_at: float
    """When it was last OOM-killed (OOMKilled, or Error with exit code 137), 0 never."""


@dataclass(frozen=True, slots=True)
class PodFacts:
    namespace: str
    name: str
    uid: str
    resource_version: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    owner: Owner | None
    phase: str
    ready: bool
    ready_since: float
    """Unix seconds of the Ready condition's last transition, 0 unknown."""
    deleting: bool
    host_network: bool
    restart_policy: str
    priority_class: str
    mirror: bool
    local_volumes: tuple[str, ...]
    """Names of emptyDir (not Memory), hostPath and ephemeral volumes: what an eviction would lose."""
    node: str
    ip: str
    created_at: float
    containers: tuple[ContainerFacts, ...]


@dataclass(frozen=True, slots=True)
class EndpointSpec:
    name: str
    port: int
    path: str
    scheme: Scheme
    container: str | None


@dataclass(frozen=True, slots=True)
class Target:
    """What the sampler is told: everything needed for one round trip, nothing else."""

    key: TargetKey
    namespace: str
    pod: str
    pod_ip: str
    endpoint: EndpointSpec
    transport: Transport
    timeout: float
    """Seconds for the whole attempt, connection included."""
    max_bytes: int
    """Cap of each body and of what it unpacks to."""
