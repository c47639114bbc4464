"""Which endpoints of a pod are sampled, and why the others are not. Pure: the policy's words and the pod's facts
decide."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from leakwarden.api import OPT_OUT_ANNOTATION, PORT_ANNOTATION_PREFIX
from leakwarden.api.words import FailureReason, Transport
from leakwarden.core.pod_facts import DEFAULT_CONTAINER_ANNOTATION
from leakwarden.core.targets import ContainerFacts, EndpointSpec, PodFacts, Target, TargetKey

_PORTS = range(1024, 65536)
"""What a pod's own annotation may choose: never a privileged port, which another program of the node's owner may
hold."""


class Skip(StrEnum):
    """Why a matching pod is no target at all at this moment; none of these is a fault."""

    OPTED_OUT = "OptedOut"
    NOT_RUNNING = "PodNotRunning"
    TERMINATING = "PodTerminating"
    NO_ADDRESS = "PodHasNoAddress"


@dataclass(frozen=True, slots=True)
class SamplingSpec:
    """What a policy says about reaching its targets. `timeout` in seconds, `max_bytes` in bytes."""

    endpoints: tuple[EndpointSpec, ...]
    transport: Transport
    timeout: float
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """An endpoint that is never asked, with what to say about it: the target counts as Unreachable for this reason."""

    key: TargetKey
    reason: FailureReason
    message: str


@dataclass(frozen=True, slots=True)
class PodTargets:
    """`skip` is set where the pod as a whole is left out; then there are neither targets nor refusals."""

    targets: tuple[Target, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    skip: Skip | None = None


def targets_for(spec: SamplingSpec, pod: PodFacts) -> PodTargets:
    """The targets that `pod` gives under `spec`, in the policy's order of endpoints."""
    if skip := _skip(spec, pod):
        return PodTargets(skip=skip)
    targets: list[Target] = []
    refusals: list[Refusal] = []
    for endpoint in spec.endpoints:
        made = _target(spec, endpoint, pod)
        if isinstance(made, Target):
            targets.append(made)
        else:
            refusals.append(made)
    return PodTargets(tuple(targets), tuple(refusals))


def container_of(endpoint: EndpointSpec, pod: PodFacts) -> ContainerFacts | None:
    """Whose memory limit and restarts count for this endpoint; None where the policy names a container the pod
    lacks."""
    wanted = endpoint.container
    by_name = {container.name: container for container in pod.containers}
    if wanted is not None:
        return by_name.get(wanted)
    default = by_name.get(pod.annotations.get(DEFAULT_CONTAINER_ANNOTATION, ""))
    return default or next(iter(pod.containers), None)


def _skip(spec: SamplingSpec, pod: PodFacts) -> Skip | None:
    if pod.annotations.get(OPT_OUT_ANNOTATION, "").strip().lower() == "true":
        return Skip.OPTED_OUT
    if pod.deleting:
        return Skip.TERMINATING
    if pod.phase != "Running":
        return Skip.NOT_RUNNING
    if spec.transport is Transport.POD_IP and not pod.ip:
        return Skip.NO_ADDRESS
    return None


def _target(spec: SamplingSpec, endpoint: EndpointSpec, pod: PodFacts) -> Target | Refusal:
    key = TargetKey(pod.uid, endpoint.name)
    if pod.host_network:
        # A forward reaches the localhost of the network namespace, and here that is the node's own.
        return Refusal(
            key, FailureReason.HOST_NETWORK,
            f"{pod.name} is on the host network: port {endpoint.port} there belongs to the node, not to the pod",
        )  # fmt: skip
    port = _port(endpoint, pod)
    if isinstance(port, str):
        return Refusal(key, FailureReason.INVALID_PORT, port)
    return Target(
        key=key,
        namespace=pod.namespace,
        pod=pod.name,
        pod_ip=pod.ip,
        endpoint=endpoint if port == endpoint.port else replace(endpoint, port=port),
        transport=spec.transport,
        timeout=spec.timeout,
        max_bytes=spec.max_bytes,
    )


def _port(endpoint: EndpointSpec, pod: PodFacts) -> int | str:
    """The port, or what is wrong with the pod's override of it."""
    annotation = f"{PORT_ANNOTATION_PREFIX}{endpoint.name}"
    override = pod.annotations.get(annotation)
    if override is None:
        return endpoint.port
    text = override.strip()
    if text.isascii() and text.isdigit() and len(text) <= 5 and int(text) in _PORTS:
        return int(text)
    shown = text if len(text) <= 20 else text[:20] + "…"
    return f'annotation {annotation} on {pod.name} is "{shown}": must be a port from 1024 to 65535'
