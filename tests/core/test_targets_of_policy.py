"""Which endpoints of a pod are sampled, and why the others are not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from leakwarden.api.words import FailureReason, Scheme, Transport
from leakwarden.core.targets import ContainerFacts, EndpointSpec, PodFacts, TargetKey
from leakwarden.core.targets_of_policy import PodTargets, SamplingSpec, Skip, container_of, targets_for

GOPLS = EndpointSpec("gopls", 6060, "/debug/pprof", Scheme.HTTP, None)
TEMPL = EndpointSpec("templ", 9999, "/debug/pprof", Scheme.HTTP, None)
SPEC = SamplingSpec((GOPLS, TEMPL), Transport.PORT_FORWARD, 10.0, 32 << 20)


def container(name: str) -> ContainerFacts:
    return ContainerFacts(name, f"containerd://{name}", 1 << 30, 0, True, 1.0, 0.0)


POD = PodFacts(
    namespace="demo", name="p", uid="uid-1", resource_version="1", labels={}, annotations={}, owner=None,
    phase="Running", ready=True, ready_since=1.0,
    deleting=False, host_network=False, restart_policy="Always", priority_class="",
    mirror=False, local_volumes=(), node="n", ip="10.0.0.1", created_at=1.0,
    containers=(container("proxy"), container("dev")),
)  # fmt: skip


def with_annotations(**annotations: str) -> PodFacts:
    return replace(POD, annotations={key.replace("__", "/"): value for key, value in annotations.items()})


def test_a_running_pod_gives_one_target_an_endpoint() -> None:
    found = targets_for(SPEC, POD)
    assert [(t.key, t.endpoint.port) for t in found.targets] == [
        (TargetKey("uid-1", "gopls"), 6060),
        (TargetKey("uid-1", "templ"), 9999),
    ]
    assert found.refusals == () and found.skip is None
    one = found.targets[0]
    assert (one.namespace, one.pod, one.pod_ip, one.timeout, one.max_bytes) == (
        "demo",
        "p",
        "10.0.0.1",
        10.0,
        32 << 20,
    )


SKIPPED: dict[str, tuple[dict[str, Any], Skip]] = {
    "opted out": ({"annotations": {"leakwarden.io/opt-out": "true"}}, Skip.OPTED_OUT),
    "opted out, whatever else": (
        {"annotations": {"leakwarden.io/opt-out": " True "}, "host_network": True}, Skip.OPTED_OUT,
    ),
    "terminating": ({"deleting": True}, Skip.TERMINATING),
    "pending": ({"phase": "Pending"}, Skip.NOT_RUNNING),
    "finished": ({"phase": "Succeeded"}, Skip.NOT_RUNNING),
    "unknown": ({"phase": ""}, Skip.NOT_RUNNING),
}  # fmt: skip


@pytest.mark.parametrize("name", SKIPPED)
def test_a_pod_that_is_left_out_as_a_whole_says_why(name: str) -> None:
    changes, skip = SKIPPED[name]
    assert targets_for(SPEC, replace(POD, **changes)) == PodTargets(skip=skip)


def test_an_opt_out_that_is_not_true_is_none() -> None:
    assert targets_for(SPEC, with_annotations(**{"leakwarden.io__opt-out": "false"})).targets


def test_pod_ip_needs_an_address_and_port_forward_does_not() -> None:
    pod = replace(POD, ip="")
    assert targets_for(replace(SPEC, transport=Transport.POD_IP), pod).skip is Skip.NO_ADDRESS
    assert len(targets_for(SPEC, pod).targets) == 2


def test_a_pod_on_the_host_network_is_refused_at_every_endpoint_whatever_its_annotations() -> None:
    pod = replace(with_annotations(**{"port.leakwarden.io__gopls": "6061"}), host_network=True)
    found = targets_for(SPEC, pod)
    assert found.targets == ()
    assert [refusal.reason for refusal in found.refusals] == [FailureReason.HOST_NETWORK] * 2
    assert "host network" in found.refusals[0].message


def test_an_annotation_overrides_the_port_of_its_endpoint_alone() -> None:
    found = targets_for(SPEC, with_annotations(**{"port.leakwarden.io__gopls": "7070"}))
    assert [target.endpoint.port for target in found.targets] == [7070, 9999]


@pytest.mark.parametrize("value", ["80", "0", "-1", "1023", "65536", "six", "", "6060.0", "٦٠٦٠", "0x17ac", "9" * 5000])
def test_an_annotation_that_is_no_unprivileged_port_is_refused_and_the_other_endpoint_goes_on(value: str) -> None:
    found = targets_for(SPEC, with_annotations(**{"port.leakwarden.io__gopls": value}))
    assert [target.key.endpoint for target in found.targets] == ["templ"]
    [refusal] = found.refusals
    assert refusal.reason is FailureReason.INVALID_PORT
    assert "port.leakwarden.io/gopls" in refusal.message and len(refusal.message) < 200


CONTAINERS = {
    "the one named": ("dev", {}, "dev"),
    "the one named, before the annotation": ("proxy", {"kubectl.kubernetes.io/default-container": "dev"}, "proxy"),
    "the annotated one": (None, {"kubectl.kubernetes.io/default-container": "dev"}, "dev"),
    "the first": (None, {}, "proxy"),
    "the first, when the annotation names none of them": (
        None,
        {"kubectl.kubernetes.io/default-container": "x"},
        "proxy",
    ),
    "none, when the named one is missing": ("absent", {}, None),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_the_container_whose_limit_counts_is(name: str) -> None:
    wanted, annotations, expected = CONTAINERS[name]
    found = container_of(replace(GOPLS, container=wanted), replace(POD, annotations=annotations))
    assert (found.name if found else None) == expected
