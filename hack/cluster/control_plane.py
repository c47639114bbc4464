"""etcd, the API server, the controller manager and the scheduler: their certificates, files and flags."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hack.cluster import pki
from hack.cluster.layout import Layout, Network
from hack.cluster.tools import Tools

LOOPBACK = "127.0.0.1"
CONTROL_PLANE_SERVICES = "10.96.0.0/16"
"""Service addresses of a control plane alone; nothing routes them, so every such cluster may use the same."""

AUDIT_POLICY = Path(__file__).resolve().with_name("audit-policy.yaml")

_UNHURRIED = {"kube-api-qps": "500", "kube-api-burst": "1000"}
"""The default of 20 requests a second alone keeps the controller manager from starting for four seconds."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports of the processes that share the host's network."""

    api: int
    etcd: int
    etcd_peer: int
    controller_manager: int
    scheduler: int


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """What decides the flags.  `network` is None for a control plane alone, on loopback, without a node."""

    layout: Layout
    tools: Tools
    ports: Ports
    network: Network | None
    with_controllers: bool

    @property
    def address(self) -> str:
        return self.network.host_address if self.network else LOOPBACK

    @property
    def server(self) -> str:
        return f"https://{self.address}:{self.ports.api}"


def certificates(plane: ControlPlane) -> list[pki.Certificate]:
    """What the control plane and its administrator need."""
    service = plane.network.first_service if plane.network else "10.96.0.1"
    dns = (
        "localhost",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
    )
    addresses = sorted({LOOPBACK, plane.address, service})
    names = (*(f"DNS:{name}" for name in dns), *(f"IP:{address}" for address in addresses))
    return [
        pki.Certificate("apiserver", "kube-apiserver", names=names),
        pki.Certificate("apiserver-kubelet", "kube-apiserver-kubelet-client", "system:masters"),
        pki.Certificate("etcd", "etcd", names=("DNS:localhost", f"IP:{LOOPBACK}")),
        pki.Certificate("apiserver-etcd", "kube-apiserver-etcd-client"),
        pki.Certificate("admin", "leakwarden-admin", "system:masters"),
        pki.Certificate("controller-manager", "system:kube-controller-manager"),
        pki.Certificate("scheduler", "system:kube-scheduler"),
    ]


def write_files(plane: ControlPlane) -> None:
    """Kubeconfigs; the certificates are there already."""
    layout = plane.layout
    layout.config.mkdir(parents=True, exist_ok=True)
    for file in ("controller-manager", "scheduler"):
        pki.write_kubeconfig(layout.config / f"{file}.kubeconfig", plane.server, layout.pki, file)
    pki.write_kubeconfig(layout.kubeconfig, plane.server, layout.pki, "admin")


def services(plane: ControlPlane) -> list[dict[str, Any]]:
    """The programs for init.py's plan, in starting order."""
    api = f"{plane.address}:{plane.ports.api}"
    found: list[dict[str, Any]] = [
        {"name": "etcd", "argv": _etcd(plane)},
        {"name": "kube-apiserver", "argv": _apiserver(plane), "after": f"{LOOPBACK}:{plane.ports.etcd}"},
    ]
    if plane.with_controllers:
        found.append({"name": "kube-controller-manager", "argv": _controller_manager(plane), "after": api})
    if plane.network:
        found.append({"name": "kube-scheduler", "argv": _scheduler(plane), "after": api})
    return found


def _etcd(plane: ControlPlane) -> list[str]:
    keys, ports = plane.layout.pki, plane.ports
    client, peer = f"https://{LOOPBACK}:{ports.etcd}", f"http://{LOOPBACK}:{ports.etcd_peer}"
    return [
        str(plane.tools.path("etcd")),
        f"--data-dir={plane.layout.state}/etcd",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        f"--cert-file={keys}/etcd.crt",
        f"--key-file={keys}/etcd.key",
        f"--trusted-ca-file={keys}/ca.crt",
        "--client-cert-auth",
        "--unsafe-no-fsync",  # the data lives as long as the cluster: a crash of the machine may lose it
        "--log-level=warn",
    ]


def _apiserver(plane: ControlPlane) -> list[str]:
    keys, layout = plane.layout.pki, plane.layout
    flags = {
        "etcd-servers": f"https://{LOOPBACK}:{plane.ports.etcd}",
        "etcd-cafile": f"{keys}/ca.crt",
        "etcd-certfile": f"{keys}/apiserver-etcd.crt",
        "etcd-keyfile": f"{keys}/apiserver-etcd.key",
        "bind-address": plane.address,
        "secure-port": str(plane.ports.api),
        "cert-dir": f"{layout.state}/certs",
        "tls-cert-file": f"{keys}/apiserver.crt",
        "tls-private-key-file": f"{keys}/apiserver.key",
        "client-ca-file": f"{keys}/ca.crt",
        "kubelet-client-certificate": f"{keys}/apiserver-kubelet.crt",
        "kubelet-client-key": f"{keys}/apiserver-kubelet.key",
        # The node's name resolves nowhere: without this, logs and port-forward fail with "no such host".
        "kubelet-preferred-address-types": "InternalIP",
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "service-account-key-file": f"{keys}/sa.pub",
        "service-account-signing-key-file": f"{keys}/sa.key",
        "service-cluster-ip-range": plane.network.services if plane.network else CONTROL_PLANE_SERVICES,
        "audit-policy-file": str(AUDIT_POLICY),
        "audit-log-path": str(layout.audit_log),
        "allow-privileged": "true",
        "anonymous-auth": "true",
        "profiling": "false",
    }
    if plane.network:
        flags["kubelet-certificate-authority"] = f"{keys}/ca.crt"
    else:
        flags["advertise-address"] = LOOPBACK
        flags["endpoint-reconciler-type"] = "none"  # a loopback address cannot be the `kubernetes` endpoint
    if not plane.with_controllers:
        # No controller makes the `default` ServiceAccount, and a pod would be refused for the lack of it.
        flags["disable-admission-plugins"] = "ServiceAccount"
    return [str(plane.tools.path("kube-apiserver")), *_flags(flags)]


def _controller_manager(plane: ControlPlane) -> list[str]:
    keys, config = plane.layout.pki, plane.layout.config
    flags = {
        "kubeconfig": f"{config}/controller-manager.kubeconfig",
        "bind-address": LOOPBACK,
        "secure-port": str(plane.ports.controller_manager),
        "cert-dir": f"{plane.layout.state}/certs",
        "leader-elect": "false",
        **_UNHURRIED,
        "use-service-account-credentials": "true",
        "service-account-private-key-file": f"{keys}/sa.key",
        "root-ca-file": f"{keys}/ca.crt",
        "cluster-signing-cert-file": f"{keys}/ca.crt",
        "cluster-signing-key-file": f"{keys}/ca.key",
    }
    return [str(plane.tools.path("kube-controller-manager")), *_flags(flags)]


def _scheduler(plane: ControlPlane) -> list[str]:
    flags = {
        "kubeconfig": f"{plane.layout.config}/scheduler.kubeconfig",
        "bind-address": LOOPBACK,
        "secure-port": str(plane.ports.scheduler),
        "cert-dir": f"{plane.layout.state}/certs",
        "leader-elect": "false",
        **_UNHURRIED,
    }
    return [str(plane.tools.path("kube-scheduler")), *_flags(flags)]


def _flags(flags: dict[str, str]) -> list[str]:
    return [f"--{name}={value}" for name, value in flags.items()]
