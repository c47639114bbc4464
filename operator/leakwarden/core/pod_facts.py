"""A Pod as the API server sends it, reduced to what sampling and the rails ask for.

Tolerant of what is absent: a pod in any stage of its life gives facts. Only annotations that mean something here are
kept (a `last-applied-configuration` alone can be 256 KiB).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from sys import intern
from typing import Any

from leakwarden.api import GROUP, OPT_OUT_ANNOTATION
from leakwarden.core.targets import ContainerFacts, Owner, PodFacts

DEFAULT_CONTAINER_ANNOTATION = "kubectl.kubernetes.io/default-container"
SAFE_TO_EVICT_ANNOTATION = "cluster-autoscaler.kubernetes.io/safe-to-evict"
SAFE_VOLUMES_ANNOTATION = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"
MIRROR_ANNOTATION = "kubernetes.io/config.mirror"

_KEPT_ANNOTATIONS = frozenset({DEFAULT_CONTAINER_ANNOTATION, SAFE_TO_EVICT_ANNOTATION, SAFE_VOLUMES_ANNOTATION})
_MAX_ANNOTATION = 4096
_OOM_EXIT_CODE = 137
_OWN_GROUPS = frozenset({"", "apps", "batch", "extensions"})

Json = Mapping[str, Any]


def pod_facts(pod: Json) -> PodFacts:
    """From a Pod as JSON. Times in unix seconds, 0 unknown; sizes in bytes."""
    metadata, spec, status = (_mapping(pod, key) for key in ("metadata", "spec", "status"))
    annotations = _mapping(metadata, "annotations")
    ready = next((c for c in _items(status, "conditions") if c.get("type") == "Ready"), {})
    return PodFacts(
        namespace=intern(str(metadata.get("namespace") or "")),
        name=str(metadata.get("name") or ""),
        uid=str(metadata.get("uid") or ""),
        resource_version=str(metadata.get("resourceVersion") or ""),
        labels={intern(str(key)): intern(str(value)) for key, value in _mapping(metadata, "labels").items()},
        annotations={intern(key): value[:_MAX_ANNOTATION] for key, value in annotations.items() if _kept(key, value)},
        owner=_owner(metadata),
        phase=intern(str(status.get("phase") or "")),
        ready=ready.get("status") == "True",
        ready_since=unix_seconds(ready.get("lastTransitionTime")),
        deleting=bool(metadata.get("deletionTimestamp")),
        host_network=bool(spec.get("hostNetwork")),
        restart_policy=intern(str(spec.get("restartPolicy") or "Always")),
        priority_class=intern(str(spec.get("priorityClassName") or "")),
        mirror=MIRROR_ANNOTATION in annotations,
        local_volumes=_local_volumes(spec),
        node=intern(str(spec.get("nodeName") or "")),
        ip=str(status.get("podIP") or ""),
        created_at=unix_seconds(metadata.get("creationTimestamp")),
        containers=_containers(spec, status),
    )


def unix_seconds(text: object) -> float:
    """Of an RFC 3339 time as Kubernetes writes it (`2026-11-23T12:59:44Z`); 0 for anything else."""
    if not isinstance(text, str) or not text:
        return 0.0
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0


_QUANTITY = re.compile(r"(\d+\.?\d*|\.\d+)(?:[eE]\+?(\d{1,2})|(m|k|[MGTPE]|[KMGTPE]i))?")
_FACTORS: dict[str, Decimal | int] = {"m": Decimal("0.001"), "k": 1000}
_FACTORS.update({suffix: 1000**power for power, suffix in enumerate("MGTPE", start=2)})
_FACTORS.update({f"{prefix}i": 1024**power for power, prefix in enumerate("KMGTPE", start=1)})


def memory_bytes(quantity: object) -> int:
    """Bytes of a Kubernetes quantity as the API server prints it (`512Mi`, `1e9`, `128974848000m`); 0 for anything
    else."""
    match = _QUANTITY.fullmatch(str(quantity))
    if not match:
        return 0
    factor: Decimal | int = Decimal(10) ** int(match[2]) if match[2] else _FACTORS.get(match[3] or "", 1)
    return int(Decimal(match[1]) * factor)


def _kept(key: object, value: object) -> bool:
    if not isinstance(key, str) or not isinstance(value, str):
        return False
    if len(value) > _MAX_ANNOTATION and key != OPT_OUT_ANNOTATION:
        return False  # cut short it may mean something else; an opt-out means the same
    domain = key.split("/")[0]
    return key in _KEPT_ANNOTATIONS or domain == GROUP or domain.endswith(f".{GROUP}")


def _owner(metadata: Json) -> Owner | None:
    for reference in _items(metadata, "ownerReferences"):
        if reference.get("controller") is True:
            return Owner(
                intern(_kind(reference)),
                intern(str(reference.get("name"))),
                intern(str(reference.get("uid"))),
            )
    return None


def _kind(reference: Json) -> str:
    """`ReplicaSet` of Kubernetes' own groups; else with its group, as `StatefulSet.apps.kruise.io`: another kind, of
    which nothing is known."""
    kind, group = str(reference.get("kind")), str(reference.get("apiVersion") or "").rpartition("/")[0]
    return kind if group in _OWN_GROUPS else f"{kind}.{group}"


def _local_volumes(spec: Json) -> tuple[str, ...]:
    """emptyDir on disk, hostPath, and claims that are made and deleted with the pod: what an eviction would lose or
    leave behind."""
    names = []
    for volume in _items(spec, "volumes"):
        empty_dir = volume.get("emptyDir")
        on_disk = isinstance(empty_dir, dict) and empty_dir.get("medium") != "Memory"
        if on_disk or "hostPath" in volume or "ephemeral" in volume:
            names.append(intern(str(volume.get("name"))))
    return tuple(names)


def _containers(spec: Json, status: Json) -> tuple[ContainerFacts, ...]:
    statuses = {state.get("name"): state for state in _items(status, "containerStatuses")}
    return tuple(_container(c, statuses.get(c.get("name"), {})) for c in _items(spec, "containers"))


def _container(container: Json, status: Json) -> ContainerFacts:
    state, last = _mapping(status, "state"), _mapping(status, "lastState")
    running = _mapping(state, "running")
    limit = _mapping(_mapping(container, "resources"), "limits").get("memory")
    return ContainerFacts(
        name=intern(str(container.get("name") or "")),
        container_id=str(status.get("containerID") or ""),
        memory_limit=memory_bytes(limit) if limit is not None else 0,
        restarts=int(status.get("restartCount") or 0),
        running="running" in state,
        started_at=unix_seconds(running.get("startedAt")),
        last_oom_at=max(_oom_at(state), _oom_at(last)),
    )


def _oom_at(state: Json) -> float:
    """When this termination happened, where it was an OOM kill; containerd sometimes calls it Error with exit code
    137."""
    terminated = _mapping(state, "terminated")
    reason, code = terminated.get("reason"), terminated.get("exitCode")
    killed = reason == "OOMKilled" or (reason == "Error" and code == _OOM_EXIT_CODE)
    return unix_seconds(terminated.get("finishedAt")) if killed else 0.0


def _mapping(value: Json, key: str) -> dict[str, Any]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _items(value: Json, key: str) -> list[dict[str, Any]]:
    found = value.get(key)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
