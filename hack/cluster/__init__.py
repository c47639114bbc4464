"""A real Kubernetes on this machine, for the demo and the tests.

    from hack import cluster
    there = cluster.up("e2e")                            # a node: control plane, containerd, kubelet, kube-proxy
    there = cluster.up("api", control_plane_only=True)   # an API server in seconds
    cluster.down("e2e")

The same by command: python3 -m hack.cluster --help.  Where Docker runs and a node image can be had, `backend="auto"`
uses kind instead of the local node.
"""

from __future__ import annotations

from hack.cluster.api import down, find, load, up
from hack.cluster.console import ClusterError
from hack.cluster.model import Cluster
from hack.cluster.tools import ensure_tools, helm_path, kubectl_path

__all__ = ["Cluster", "ClusterError", "down", "ensure_tools", "find", "helm_path", "kubectl_path", "load", "up"]
