"""Kubernetes manifests of the workloads, as plain dicts. Pure: nothing is built, read or applied here.

`leakserver`, `gopls` and `faulty` describe a workload; `manifest` turns one into a Deployment, or whichever kind it
names. pprof listens on localhost alone, as in the field, so only a port-forward reaches it; readiness is told on a port
of its own. No volumes: the pods carry nothing that an eviction would lose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from workloads.build import Image

Manifest = dict[str, Any]
Kind = Literal["Deployment", "StatefulSet", "DaemonSet", "Pod"]

SHAPES = ("ast-cache", "did-change", "sync-map")
"""The leaks of leakserver; each has a fixed twin."""
GOPLS_LEAKS = ("file-cache", "unanswered-config")
"""The leaks of gopls v0.22.0 that its driver brings about."""
FAULTS = ("hung", "html", "nothing")
"""Targets that no profile comes from: never answers, answers with web pages, does not listen."""

PART_OF = {"app.kubernetes.io/part-of": "leakwarden-demo"}
"""The label that all workloads share, for a policy's selector."""

LEAKS: Mapping[str, tuple[Literal["memory", "goroutine"], str]] = {
    "ast-cache-leaking": ("memory", "leakserver/internal/astcache.(*Cache).parseAndKeep"),
    "did-change-leaking": ("goroutine", "leakserver/internal/analysis.(*Service).analyzeAndSend"),
    "sync-map-leaking": ("memory", "leakserver/internal/typeindex.(*Index).checkAndStore"),
    "gopls-file-cache": ("memory", "golang.org/x/tools/gopls/internal/cache.readFile"),
    "gopls-unanswered-config": (
        "goroutine",
        "golang.org/x/tools/gopls/internal/protocol.Handlers.AsyncHandler.func2.2",
    ),
}
"""What grows in each leaking workload, by its name: the family, and the first function outside runtime and library."""


@dataclass(frozen=True, slots=True)
class Workload:
    """One pod template and the controller around it. `dataclasses.replace` makes variants.

    `memory_limit` is in MiB; a leak stops by itself at 60 % of it. `port` is pprof's, `listen` where it listens.
    """

    name: str
    image: str
    args: tuple[str, ...]
    bound_flag: str = ""
    kind: Kind = "Deployment"
    replicas: int = 1
    namespace: str = "leakwarden-demo"
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    restart_policy: str = "Always"
    priority_class: str = ""
    host_network: bool = False
    memory_limit: int = 2048
    listen: str = "localhost"
    port: int = 6060
    health_port: int = 8081
    listen_flag: str = "-addr"

    @property
    def all_labels(self) -> dict[str, str]:
        """The labels of its pods."""
        return {**PART_OF, "app": self.name, **self.labels}


def leakserver(images: Mapping[str, Image], shape: str, *, fixed: bool = False, rate: float | None = None) -> Workload:
    """A leak server with one of SHAPES; `rate` is in events a second, None for the shape's own."""
    if shape not in SHAPES:
        raise ValueError(f"unknown shape {shape!r}: there are {', '.join(SHAPES)}")
    args = (f"-shape={shape}", *(["-fixed"] if fixed else []), *([f"-rate={rate:g}"] if rate is not None else []))
    name = f"{shape}-{'healthy' if fixed else 'leaking'}"
    return Workload(name=name, image=images["leakserver"].ref, args=args, bound_flag="-max-bytes")


def gopls(images: Mapping[str, Image], leak: str = "none", *, flags: tuple[str, ...] = ()) -> Workload:
    """A real gopls, child of its driver; `leak` is one of GOPLS_LEAKS or "none", `flags` more flags of goplsdriver."""
    if leak not in (*GOPLS_LEAKS, "none"):
        raise ValueError(f"unknown leak {leak!r}: there are none, {', '.join(GOPLS_LEAKS)}")
    return Workload(
        name="gopls-healthy" if leak == "none" else f"gopls-{leak}",
        image=images["gopls"].ref,
        args=(f"-leak={leak}", *flags),
        bound_flag="-max-bytes",
        listen_flag="-debug",
    )


def faulty(images: Mapping[str, Image], fault: str) -> Workload:
    """A target with one of FAULTS; its pod is Ready all the same."""
    if fault not in FAULTS:
        raise ValueError(f"unknown fault {fault!r}: there are {', '.join(FAULTS)}")
    return Workload(name=f"target-{fault}", image=images["leakserver"].ref, args=(f"-shape={fault}",))


def manifest(workload: Workload) -> Manifest:
    """The object to apply: a controller of the workload's kind, or the bare pod."""
    if workload.kind == "Pod":
        return {"apiVersion": "v1", "kind": "Pod", "metadata": _pod_meta(workload, named=True), "spec": _pod(workload)}
    spec: Manifest = {
        "selector": {"matchLabels": {"app": workload.name}},
        "template": {"metadata": _pod_meta(workload, named=False), "spec": _pod(workload)},
    }
    if workload.kind != "DaemonSet":
        spec["replicas"] = workload.replicas
    if workload.kind == "StatefulSet":
        spec["serviceName"] = workload.name
    meta = {"name": workload.name, "namespace": workload.namespace, "labels": workload.all_labels}
    return {"apiVersion": "apps/v1", "kind": workload.kind, "metadata": meta, "spec": spec}


def disruption_budget(workload: Workload, min_available: int) -> Manifest:
    """A PodDisruptionBudget over the workload's pods."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": workload.name, "namespace": workload.namespace, "labels": workload.all_labels},
        "spec": {"minAvailable": min_available, "selector": {"matchLabels": {"app": workload.name}}},
    }


def fleet(images: Mapping[str, Image], namespace: str) -> list[Workload]:
    """Every leaking workload with its healthy twin: the shapes of leakserver, then gopls."""
    shapes = [leakserver(images, shape, fixed=fixed) for shape in SHAPES for fixed in (False, True)]
    servers = [gopls(images, leak) for leak in (*GOPLS_LEAKS, "none")]
    return [replace(workload, namespace=namespace) for workload in (*shapes, *servers)]


def demo(images: Mapping[str, Image], namespace: str) -> list[Manifest]:
    """What the demo applies: the fleet, without the namespace itself."""
    return [manifest(workload) for workload in fleet(images, namespace)]


def _pod_meta(workload: Workload, *, named: bool) -> Manifest:
    meta: Manifest = {"labels": workload.all_labels}
    if workload.annotations:
        meta["annotations"] = dict(workload.annotations)
    return {"name": workload.name, "namespace": workload.namespace, **meta} if named else meta


def _pod(workload: Workload) -> Manifest:
    spec: Manifest = {
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": False,
        "restartPolicy": workload.restart_policy,
        "containers": [_container(workload)],
    }
    if workload.host_network:
        spec["hostNetwork"] = True
    if workload.priority_class:
        spec["priorityClassName"] = workload.priority_class
    return spec


def _container(workload: Workload) -> Manifest:
    args = [
        *workload.args,
        f"{workload.listen_flag}={workload.listen}:{workload.port}",
        f"-health-addr=0.0.0.0:{workload.health_port}",
    ]
    if workload.bound_flag:
        args.append(f"{workload.bound_flag}={workload.memory_limit * 6 // 10 << 20}")
    return {
        "name": "dev",
        "image": workload.image,
        "imagePullPolicy": "Never",
        "args": args,
        "readinessProbe": {
            "httpGet": {"path": "/healthz", "port": workload.health_port},
            "periodSeconds": 2,
            "timeoutSeconds": 5,
        },
        # Small requests are said, or the limits would be taken for requests and fill the node.
        "resources": {
            "requests": {"cpu": "10m", "memory": "64Mi"},
            "limits": {"memory": f"{workload.memory_limit}Mi"},
        },
        "securityContext": {
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    }
