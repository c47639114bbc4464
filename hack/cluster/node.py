"""The node: containerd, kubelet and kube-proxy in a network namespace of their own, and the files they read.

The namespace holds the pods' bridge and every iptables rule, so nothing of the node touches the host's own tables; it
is joined to the host by one pair of interfaces.  Settings that look odd let it run where there is cgroup v1 and no
CAP_SYS_RESOURCE (many virtual machines and CI runners), and do no harm elsewhere.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hack.cluster import pki
from hack.cluster.control_plane import ControlPlane
from hack.cluster.layout import Layout, Network
from hack.cluster.packages import cni_directory

NODE_NAME = "leakwarden"
PAUSE_IMAGE = "leakwarden.local/pause:1"
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
MAX_PODS = 250

_NAMESPACE = "node"
_IN_NAMESPACE = ["nsenter", f"--net=/run/netns/{_NAMESPACE}"]

_PRIVATE_DIRECTORIES = {
    "kubelet": "/var/lib/kubelet",
    "containerd": "/var/lib/containerd",
    "run-containerd": "/run/containerd",
    "cni-state": "/var/lib/cni",
    "cni-config": "/etc/cni/net.d",
    "log": "/var/log",
    "netns": "/run/netns",
}
"""What the node's processes find at the usual places, kept in the state directory: a mount of theirs alone."""


def certificates(network: Network) -> list[pki.Certificate]:
    node = ("DNS:" + NODE_NAME, "IP:" + network.node_address)
    return [
        pki.Certificate("kubelet", f"system:node:{NODE_NAME}", "system:nodes", node),
        pki.Certificate("kube-proxy", "system:kube-proxy"),
    ]


def write_files(plane: ControlPlane, network: Network, snapshotter: str) -> None:
    """Configuration of kubelet, containerd and CNI."""
    layout = plane.layout
    for directory in _PRIVATE_DIRECTORIES:
        (layout.node / directory).mkdir(parents=True, exist_ok=True)
    static_pods(layout).mkdir(exist_ok=True)
    for file in ("kubelet", "kube-proxy"):
        pki.write_kubeconfig(layout.config / f"{file}.kubeconfig", plane.server, layout.pki, file)
    (layout.config / "kubelet.yaml").write_text(json.dumps(kubelet_config(layout, network), indent=2))
    (layout.config / "containerd.toml").write_text(_containerd_config(snapshotter))
    (layout.node / "cni-config" / "10-leakwarden.conflist").write_text(json.dumps(_cni_config(network), indent=2))


def setup(layout: Layout, network: Network) -> list[list[str]]:
    """Commands for init.py that make the mounts, the namespace and the link, in order."""
    host, node, prefix = network.host_address, network.node_address, network.link_prefix
    enter, link = _IN_NAMESPACE, layout.interface
    commands = [["mount", "--make-rshared", "/"]]  # volumes must travel from kubelet's mounts into containers
    for directory, place in _PRIVATE_DIRECTORIES.items():
        commands.append(["mkdir", "-p", place])
        commands.append(["mount", "--bind", str(layout.node / directory), place])
    return [
        *commands,
        ["ip", "netns", "add", _NAMESPACE],
        ["ip", "link", "add", "name", link, "type", "veth", "peer", "name", "eth0", "netns", _NAMESPACE],
        ["ip", "addr", "add", f"{host}/{prefix}", "dev", link],
        ["ip", "link", "set", link, "up"],
        [*enter, "ip", "link", "set", "lo", "up"],
        [*enter, "ip", "addr", "add", f"{node}/{prefix}", "dev", "eth0"],
        [*enter, "ip", "link", "set", "eth0", "up"],
        [*enter, "ip", "route", "add", "default", "via", host],
        [*enter, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"],
        ["ip", "route", "add", network.pods, "via", node, "dev", link],  # the host reaches pod addresses
    ]


def services(plane: ControlPlane, network: Network) -> list[dict[str, Any]]:
    """The node's programs for init.py's plan."""
    config, tools = plane.layout.config, plane.tools
    kubelet = [
        *_IN_NAMESPACE,
        str(tools.path("kubelet")),
        f"--config={config}/kubelet.yaml",
        f"--kubeconfig={config}/kubelet.kubeconfig",
        f"--hostname-override={NODE_NAME}",
        f"--node-ip={network.node_address}",
    ]
    proxy = [
        *_IN_NAMESPACE,
        str(tools.path("kube-proxy")),
        f"--kubeconfig={config}/kube-proxy.kubeconfig",
        f"--hostname-override={NODE_NAME}",
        f"--cluster-cidr={network.pods}",
        "--proxy-mode=iptables",
        # Two pods on one bridge answer each other without passing iptables (that takes br_netfilter, which not every
        # kernel has); with the node as source the answer comes back this way.
        "--masquerade-all",
        "--conntrack-max-per-core=0",  # the limit belongs to the host and may not be writable
        "--conntrack-tcp-timeout-established=0s",
        "--conntrack-tcp-timeout-close-wait=0s",
    ]
    containerd = [*_IN_NAMESPACE, "containerd", f"--config={config}/containerd.toml"]
    api = f"{plane.address}:{plane.ports.api}"
    return [
        {"name": "containerd", "argv": containerd},
        {"name": "kubelet", "argv": kubelet, "after": api},
        {"name": "kube-proxy", "argv": proxy, "after": api},
    ]


def static_pods(layout: Layout) -> Path:
    """Kubelet runs the pods whose manifests are put here, and shows the API server a mirror of each."""
    return layout.state / "static-pods"


def kubelet_config(layout: Layout, network: Network) -> dict[str, Any]:
    """KubeletConfiguration of the node."""
    keys = layout.pki
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": network.node_address,
        "tlsCertFile": f"{keys}/kubelet.crt",
        "tlsPrivateKeyFile": f"{keys}/kubelet.key",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{keys}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": layout.cgroup,
        "staticPodPath": str(static_pods(layout)),
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        "oomScoreAdj": 0,
        "localStorageCapacityIsolation": False,
        # A disk that others fill must not evict the pods of a test, nor delete the images that nothing can pull again.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "imageMinimumGCAge": "87600h",
        "evictionHard": {
            "memory.available": "0%",
            "nodefs.available": "0%",
            "nodefs.inodesFree": "0%",
            "imagefs.available": "0%",
            "imagefs.inodesFree": "0%",
        },
        "clusterDomain": "cluster.local",
        "clusterDNS": [network.dns_service],  # nobody serves there; without an address every pod gets a warning event
        "syncFrequency": "10s",
        "nodeStatusUpdateFrequency": "5s",
        "maxPods": MAX_PODS,
        "serializeImagePulls": False,
    }


def _containerd_config(snapshotter: str) -> str:
    plugins = cni_directory() or Path("/usr/lib/cni")
    return f"""version = 2
root = "/var/lib/containerd"
state = "/run/containerd"

[grpc]
  address = "{CONTAINERD_SOCKET}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  disable_apparmor = true

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{snapshotter}"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "/etc/cni/net.d"
"""


def _cni_config(network: Network) -> dict[str, Any]:
    ranges = [[{"subnet": network.pods, "gateway": network.pod_gateway}]]
    return {
        "cniVersion": "0.3.1",
        "name": "leakwarden",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": True,
                "ipMasq": False,
                "hairpinMode": True,
                "ipam": {"type": "host-local", "ranges": ranges, "routes": [{"dst": "0.0.0.0/0"}]},
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }
