"""Pods to sample: quiet ones, so that what is measured is the sampling."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from hack import cluster
from hack.cluster import Cluster
from workloads import build
from workloads.manifests import gopls, leakserver, manifest

NAME = "bench"
"""Of the cluster and of the namespace."""
IDLE = 0.001
"""Events a second."""


@contextmanager
def bench_fleet(pods: int) -> Iterator[tuple[Cluster, str]]:
    """A cluster with `pods` quiet pods that are Ready, and their namespace; both are gone afterwards.

    A quarter of the pods are a real gopls, the others small servers with net/http/pprof.
    """
    images = build.build()
    there = cluster.up(NAME)
    try:
        for image in images.values():
            cluster.load(image.tar, NAME)
        editors = max(1, pods // 4)
        server = leakserver(images, "did-change", fixed=True, rate=IDLE)
        fleet = [
            replace(server, namespace=NAME, replicas=pods - editors),
            replace(gopls(images, flags=(f"-edits={IDLE}", "-gogc=100")), namespace=NAME, replicas=editors),
        ]
        there.kubectl(
            "apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAME}})
        )
        for workload in fleet:
            there.kubectl("apply", "-f", "-", stdin=json.dumps(manifest(workload)))
        for workload in fleet:
            there.kubectl("rollout", "status", f"deployment/{workload.name}", "-n", NAME, "--timeout=300s", timeout=320)
        yield there, NAME
    finally:
        cluster.down(NAME)
