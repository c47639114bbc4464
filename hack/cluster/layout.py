"""Where a cluster's files lie and which names, addresses and ports are its own.

Everything is derived from the cluster's state directory, so two clusters (of other names, or of other checkouts) never
meet: one state directory, one id, one pair of interfaces, one cgroup.  What must be free on this machine right now (the
address block, the ports) is looked for, starting from the id, and then recorded.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
import socket
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from hack.cluster.console import ClusterError

REPOSITORY = Path(__file__).resolve().parent.parent.parent

_BLOCKS = 100
"""Address blocks 10.120.0.0/16 to 10.219.0.0/16: away from what routers, Docker and clusters usually take."""

_FIRST_PORT, _LAST_PORT = 20000, 29999
"""Below the kernel's ephemeral ports (32768 on), so that no outgoing connection takes one between look and listen."""


def state_root() -> Path:
    """$LEAKWARDEN_STATE, else .state at the repository root."""
    return Path(os.environ.get("LEAKWARDEN_STATE") or REPOSITORY / ".state").absolute()


def check_name(name: str) -> str:
    """The name itself when it can be a file and a kind cluster; ClusterError otherwise."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?", name):
        raise ClusterError(f"cluster name {name!r}: lower-case letters, digits and dashes, at most 24")
    return name


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths and names of one cluster, all derived from its state directory."""

    name: str
    state: Path

    @classmethod
    def of(cls, name: str) -> Layout:
        return cls(check_name(name), state_root() / "clusters" / name)

    @property
    def id(self) -> str:
        """Eight hex digits that no other checkout or name shares."""
        return hashlib.sha256(str(self.state).encode()).hexdigest()[:8]

    @property
    def interface(self) -> str:
        """The host's end of the link to the node (at most 15 characters)."""
        return f"lw-{self.id}"

    @property
    def cgroup(self) -> str:
        return f"/leakwarden-{self.id}"

    @property
    def lock(self) -> Path:
        return self.state.with_name(f".{self.name}.lock")

    @property
    def record(self) -> Path:
        """What `up` decided, as JSON; there once the cluster was ready."""
        return self.state / "cluster.json"

    @property
    def plan(self) -> Path:
        """What the cluster's first process runs; its path also marks the cluster's processes."""
        return self.state / "plan.json"

    @property
    def kubeconfig(self) -> Path:
        return self.state / "kubeconfig"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def audit_log(self) -> Path:
        return self.logs / "audit.log"

    @property
    def pki(self) -> Path:
        return self.state / "pki"

    @property
    def config(self) -> Path:
        return self.state / "config"

    @property
    def node(self) -> Path:
        """What the node's processes see as /var/lib/kubelet, /run/containerd and so on."""
        return self.state / "node"


@dataclass(frozen=True, slots=True)
class Network:
    """The addresses of a cluster with a node: one block of 65,536, cut into link, pods and services."""

    block: ipaddress.IPv4Network

    @property
    def host_address(self) -> str:
        """The host's end of the link: the API server listens and is advertised here."""
        return str(self.block[0xFF01])

    @property
    def node_address(self) -> str:
        return str(self.block[0xFF02])

    @property
    def link_prefix(self) -> int:
        return 30

    @property
    def pods(self) -> str:
        return str(ipaddress.ip_network((self.block[0], 20)))

    @property
    def pod_gateway(self) -> str:
        return str(self.block[1])

    @property
    def services(self) -> str:
        return str(ipaddress.ip_network((self.block[0x8000], 20)))

    @property
    def first_service(self) -> str:
        """The address of the `kubernetes` service."""
        return str(self.block[0x8001])

    @property
    def dns_service(self) -> str:
        return str(self.block[0x800A])


def candidate_blocks(identity: str) -> list[ipaddress.IPv4Network]:
    """Every address block, beginning with the one that `identity` (hex digits) points at."""
    first = int(identity, 16) % _BLOCKS
    return [ipaddress.IPv4Network(f"10.{120 + (first + step) % _BLOCKS}.0.0/16") for step in range(_BLOCKS)]


def choose_network(identity: str, taken: Iterable[ipaddress.IPv4Network]) -> Network:
    """The first candidate block that overlaps no network of `taken`; ClusterError when none is free."""
    others = list(taken)
    for block in candidate_blocks(identity):
        if not any(block.overlaps(other) for other in others):
            return Network(block)
    raise ClusterError("every address block from 10.120.0.0/16 to 10.219.0.0/16 is in use on this machine")


def networks_of_routes(routes: str) -> list[ipaddress.IPv4Network]:
    """Networks that `ip -4 route show table all` lists, but for those so wide (a VPN's 10.0.0.0/8)."""
    found: list[ipaddress.IPv4Network] = []
    for line in routes.splitlines():
        for word in line.split()[:2]:
            try:
                network = ipaddress.IPv4Network(word, strict=False)
            except ValueError:
                continue
            if network.prefixlen >= 12:
                found.append(network)
            break
    return found


def free_ports(identity: str, count: int, address: str = "127.0.0.1") -> list[int]:
    """`count` different TCP ports that nobody listens on at `address` now, beginning where `identity` points."""
    span = _LAST_PORT - _FIRST_PORT + 1
    first = int(identity, 16) % span
    found: list[int] = []
    with ExitStack() as held:
        for step in range(span):
            port = _FIRST_PORT + (first + step) % span
            listener = held.enter_context(socket.socket())
            try:
                listener.bind((address, port))
            except OSError:
                continue
            found.append(port)
            if len(found) == count:
                return found
    raise ClusterError(f"no {count} free ports between {_FIRST_PORT} and {_LAST_PORT}")
