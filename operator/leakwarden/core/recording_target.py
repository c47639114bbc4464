"""target.json of a recording: everything that the judge and the rails are told of a pod, as it was at that moment.

A fact that is not known is absent, never guessed: of a process recorded by its URL only the URL is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from leakwarden.core.recording import TARGET_FILE, check_json_size
from leakwarden.core.targets import ContainerFacts, EndpointSpec, Owner, PodFacts, Target
from leakwarden.core.targets_of_policy import container_of
from leakwarden.errors import MalformedRecording


class _Model(BaseModel):
    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, populate_by_name=True, extra="ignore", allow_inf_nan=False
    )  # fmt: skip


class RecordedOwner(_Model):
    kind: str
    name: str
    uid: str = ""


class RecordedContainer(_Model):
    """The container that the process is in. Bytes and unix seconds; 0 is none, never, or unknown."""

    name: str = ""
    id: str = ""
    memory_limit: int = 0
    started_at: float = 0.0
    last_oom_at: float = Field(default=0.0, alias="lastOOMAt")
    restarts: int = 0
    running: bool = True


class RecordedRails(_Model):
    """What only the rails ask for."""

    annotations: Mapping[str, str] = Field(default_factory=dict)
    """Those that mean something to the rails."""
    phase: str
    ready: bool
    ready_since: float = 0.0
    deleting: bool
    host_network: bool
    restart_policy: str
    priority_class: str = ""
    mirror: bool
    local_volumes: tuple[str, ...] = ()
    created_at: float = 0.0


class RecordedTarget(_Model):
    """One endpoint of one pod, or one URL."""

    url: str = ""
    endpoint: str = ""
    namespace: str = ""
    pod: str = ""
    pod_uid: str = Field(default="", alias="podUID")
    owner: RecordedOwner | None = None
    container: RecordedContainer | None = None
    process_started_at: float = 0.0
    """Unix seconds, where something else than the container or gopls itself tells it."""
    rails: RecordedRails | None = None


def of_pod(endpoint: EndpointSpec, pod: PodFacts) -> RecordedTarget:
    container = container_of(endpoint, pod)
    return RecordedTarget(
        endpoint=endpoint.name,
        namespace=pod.namespace,
        pod=pod.name,
        pod_uid=pod.uid,
        owner=RecordedOwner(**asdict(pod.owner)) if pod.owner else None,
        container=_container(container) if container else None,
        rails=RecordedRails(
            annotations=dict(pod.annotations), phase=pod.phase, ready=pod.ready, ready_since=pod.ready_since,
            deleting=pod.deleting, host_network=pod.host_network, restart_policy=pod.restart_policy,
            priority_class=pod.priority_class, mirror=pod.mirror, local_volumes=pod.local_volumes,
            created_at=pod.created_at,
        ),
    )  # fmt: skip


def of_url(url: str, target: Target) -> RecordedTarget:
    return RecordedTarget(url=url, endpoint=target.endpoint.name)


def pod_of(recorded: RecordedTarget) -> PodFacts | None:
    """The pod as the rails take it; None where the recording does not know of them."""
    rails, container, owner = recorded.rails, recorded.container, recorded.owner
    if rails is None:
        return None
    return PodFacts(
        namespace=recorded.namespace,
        name=recorded.pod,
        uid=recorded.pod_uid,
        resource_version="",
        labels={},
        annotations=rails.annotations,
        owner=Owner(owner.kind, owner.name, owner.uid) if owner else None,
        phase=rails.phase,
        ready=rails.ready,
        ready_since=rails.ready_since,
        deleting=rails.deleting,
        host_network=rails.host_network,
        restart_policy=rails.restart_policy,
        priority_class=rails.priority_class,
        mirror=rails.mirror,
        local_volumes=rails.local_volumes,
        node="",
        ip="",
        created_at=rails.created_at,
        containers=(_facts(container),) if container else (),
    )


def target_json(target: RecordedTarget) -> bytes:
    return target.model_dump_json(by_alias=True, exclude_none=True, exclude_defaults=True, indent=1).encode() + b"\n"


def parse_target(data: bytes) -> RecordedTarget:
    """Raises MalformedRecording, naming the field."""
    check_json_size(data, TARGET_FILE)
    try:
        return RecordedTarget.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MalformedRecording(f"{TARGET_FILE}: {where}{': ' if where else ''}{first['msg']}") from error


def _container(container: ContainerFacts) -> RecordedContainer:
    return RecordedContainer(
        name=container.name, id=container.container_id, memory_limit=container.memory_limit,
        started_at=container.started_at, last_oom_at=container.last_oom_at, restarts=container.restarts,
        running=container.running,
    )  # fmt: skip


def _facts(container: RecordedContainer) -> ContainerFacts:
    return ContainerFacts(
        name=container.name, container_id=container.id, memory_limit=container.memory_limit,
        restarts=container.restarts, running=container.running, started_at=container.started_at,
        last_oom_at=container.last_oom_at,
    )  # fmt: skip
