"""`profile POD`: one profile of a pod as a file, through a port-forward with the user's own rights."""

from __future__ import annotations

import sys
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Final

import click

from leakwarden.cli.kubectl import complete
from leakwarden.cli.kubectl.failures import near
from leakwarden.cli.kubectl.scope import Scope, Session, answered, connected, scoped
from leakwarden.cli.output import written
from leakwarden.errors import ApiNotFound, InvalidSpec, SamplingError, UnreadableFile

if TYPE_CHECKING:
    from leakwarden.api.spec import LeakPolicySpec
    from leakwarden.core.targets import PodFacts, Target

EXAMPLES = """\b
Examples: what a pod holds now, after a collection; where its goroutines
stand; of a pod that no policy means.
  kubectl leakwarden profile gopls-0 -n workspaces --gc
  kubectl leakwarden profile gopls-0 -n workspaces --type goroutine -f - \\
      > goroutines.pb.gz
  kubectl leakwarden profile web-7d9f --port 6060
"""
TYPES: Final = ("heap", "allocs", "goroutine", "goroutineleak")
_INDEX: Final = {"heap": " -sample_index=inuse_space", "allocs": " -sample_index=alloc_space"}
"""What pprof is told to show. Heap and allocs are one profile; they differ in what is looked at first."""
MAX_BYTES: Final = 256 << 20
"""Of a profile and of what it unpacks to: what `leakwarden diff` reads."""
PATIENCE: Final = 60.0
"""Seconds: a person waits longer than a round of samples may."""


@click.command(short_help="Fetch a profile of a pod into a file for go tool pprof.", epilog=EXAMPLES)
@click.argument("pod", shell_complete=complete.pods)
@click.option("--type", "kind", type=click.Choice(TYPES), default="heap", show_default=True, help="Which profile.")
@click.option("--gc", is_flag=True, help="Force a collection first (heap and allocs); it stops the process briefly.")
@click.option("-f", "--file", type=click.Path(path_type=Path), help="Where to, - is stdout.  [default: POD-TYPE-TIME]")
@click.option("-p", "--policy", default="", metavar="NAME", shell_complete=complete.policies, help="Whose endpoint.")
@click.option("--endpoint", default="", metavar="NAME", help="Of several, which.  [default: the first]")
@click.option("--port", type=click.IntRange(1, 65535), help="Without a policy: where pprof listens.")
@scoped
def profile(
    scope: Scope, pod: str, kind: str, gc: bool, file: Path | None, policy: str, endpoint: str, port: int | None
) -> None:
    """Fetch a profile of POD, and say how to look at it.

    How the process is reached (port, path, scheme) is what the LeakPolicy says that means the pod, its annotations
    included; with --port, /debug/pprof on that port.

    It goes by a port-forward of yours: it needs get and create on pods/portforward, and list on pods and leakpolicies.
    """
    answered(_profile(scope, pod, kind, gc, file, policy, endpoint, port))


async def _profile(
    scope: Scope, name: str, kind: str, gc: bool, file: Path | None, policy: str, endpoint: str, port: int | None
) -> None:  # fmt: skip
    from leakwarden.cli.kubectl.pods import find

    if gc and kind not in _INDEX:
        raise InvalidSpec("--gc", f"a collection says nothing new about a {kind} profile: leave it out")
    to_stdout = str(file) == "-"
    if to_stdout and sys.stdout.isatty():
        raise InvalidSpec("-f", "a profile is no text for a terminal: give a file, or send it on by > or |")
    async with connected(scope) as session:
        pod = await find(session, name)
        target = await _target(session, pod, policy, endpoint, port)
        data = await _fetched(session, target, kind, gc=gc)
    if to_stdout:
        written(data)
        return
    where = file or Path(f"{pod.name}-{kind}-{time.strftime('%Y%m%d-%H%M%S')}.pb.gz")
    _written(where, data)
    named = quote(str(where))
    written(
        f"{where}: {kind} of {pod.namespace}/{pod.name}, port {target.endpoint.port}, {len(data)} bytes\n"
        f"Look at it: go tool pprof{_INDEX.get(kind, '')} {named}\n"
        f"Later, what grew since: leakwarden diff {named} NEW\n"
    )


async def _target(session: Session, pod: PodFacts, policy: str, endpoint: str, port: int | None) -> Target:
    """How the process is reached. Raises InvalidSpec, which says what there is to choose from."""
    from leakwarden.api.words import Scheme, Transport
    from leakwarden.core.rules_from_spec import endpoint_specs
    from leakwarden.core.targets import EndpointSpec
    from leakwarden.core.targets_of_policy import SamplingSpec, targets_for

    if port is not None:
        endpoints: tuple[EndpointSpec, ...] = (EndpointSpec("pprof", port, "/debug/pprof", Scheme.HTTP, None),)
    else:
        endpoints = endpoint_specs(await _spec(session, pod, policy))
    # By port-forward whatever the policy says: it reaches what listens on the pod's address too.
    found = targets_for(SamplingSpec(endpoints, Transport.PORT_FORWARD, PATIENCE, MAX_BYTES), pod)
    if found.skip:
        raise InvalidSpec("POD", f"{pod.name} is not sampled: {found.skip}")
    named = [one for one in found.targets if endpoint in ("", one.endpoint.name)]
    if named:
        return replace(named[0], timeout=PATIENCE)
    if found.refusals:
        raise InvalidSpec("POD", found.refusals[0].message)
    there = ", ".join(one.endpoint.name for one in found.targets)
    raise InvalidSpec("--endpoint", f"there is no {endpoint}; there is {there}")


async def _spec(session: Session, pod: PodFacts, policy: str) -> LeakPolicySpec:
    """Of the policy that is named, else of the oldest that means the pod. Raises ApiNotFound."""
    from leakwarden.cli.kubectl.pods import meant_by

    meant = await meant_by(session, pod)
    if policy and policy not in {one.key.name for one in meant.there}:
        names = (one.key.name for one in meant.there)
        raise ApiNotFound(f"there is no LeakPolicy {policy} in namespace {pod.namespace}{near(policy, names)}")
    chosen = [one for one in (meant.there if policy else meant.by) if policy in ("", one.key.name)]
    for one in sorted(chosen, key=lambda one: (one.created_at, one.key)):
        if one.usable is None:
            raise one.problems[0]
        return one.usable
    raise ApiNotFound(f"no LeakPolicy of namespace {pod.namespace} means pod {pod.name}: say where pprof is by --port")


async def _fetched(session: Session, target: Target, kind: str, *, gc: bool) -> bytes:
    """The bytes as they came, once they decode. Raises SamplingError."""
    from leakwarden.adapters.decode_pool import DecodePool
    from leakwarden.adapters.port_forward import PortForwardDialer
    from leakwarden.adapters.sampler import PodSampler
    from leakwarden.api.words import FailureReason, Transport
    from leakwarden.core.parts import GOROUTINE, GOROUTINE_LEAK, HEAP, HEAP_AFTER_GC
    from leakwarden.core.readings import Failure

    part = HEAP_AFTER_GC if gc else {"heap": HEAP, "allocs": HEAP}.get(kind, kind)
    # A process without the leak profile is told from one that does not answer by what else it serves.
    wanted = frozenset({part, GOROUTINE}) if part == GOROUTINE_LEAK else frozenset({part})
    async with AsyncExitStack() as last:
        decoder = DecodePool(1)
        last.callback(decoder.close)
        sampler = PodSampler({Transport.PORT_FORWARD: PortForwardDialer(session.api)}, decoder, keep=0)
        last.push_async_callback(sampler.close)
        result = await sampler.sample(target, wanted)
    outcome = result.outcome
    if isinstance(outcome, Failure):
        raise SamplingError(outcome.reason, f"{target.namespace}/{target.pod}: {outcome.message}")
    if part in outcome.not_served:
        said = "this process has no goroutineleak profile: that takes Go 1.27, or 1.26 with GOEXPERIMENT"
        raise SamplingError(FailureReason.HTTP_STATUS, f"{target.namespace}/{target.pod}: {said}", 404)
    if (failed := outcome.failures.get(part)) is not None:
        raise SamplingError(failed.reason, f"{target.namespace}/{target.pod}: {failed.message}")
    return result.parts[part]


def _written(path: Path, data: bytes) -> None:
    """What is there is never overwritten: profiles are evidence. Half of one is none, and does not stay."""
    try:
        file = path.open("xb")
    except FileExistsError as error:
        raise InvalidSpec("-f", f"{path} is there already: give another name") from error
    except OSError as error:
        raise UnreadableFile(f"{path}: cannot be written: {error.strerror or error}") from error
    try:
        with file:
            file.write(data)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise UnreadableFile(f"{path}: cannot be written: {error.strerror or error}") from error
