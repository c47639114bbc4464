"""The operator's image: how large, how soon ready, how much memory at rest. On a real node, installed by Helm.

    python3 -m bench.image [--starts N]

Size is that of the unpacked layers; compressed is what a registry would send (gzip). A start is measured from the
operator process's own start, told by the kernel, to the first 200 of /readyz, asked every 10 ms from within the pod's
network. Memory is the proportional set size (PSS) of the container's processes, a minute after the start, without any
policy.
"""

from __future__ import annotations

import argparse
import gzip
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hack import cluster, helm, operator_image
from hack.cluster import Cluster, ClusterError

NAME = "bench-image"
POD_LABEL = "app.kubernetes.io/component=operator"
SETTLE = 60.0
"""Seconds after which memory is looked at: everything that a start needs has been done and let go."""

ASK = """
import time, urllib.request
while True:
    try:
        urllib.request.urlopen("http://127.0.0.1:8085/readyz", timeout=1)
    except OSError:
        time.sleep(0.01)
    else:
        print(time.clock_gettime(time.CLOCK_BOOTTIME))
        break
"""

T = TypeVar("T")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python3 -m bench.image", description=__doc__)
    parser.add_argument("--starts", type=int, default=5, help="pods started, one after the other (5)")
    options = parser.parse_args(arguments)
    image = operator_image.build()
    up = cluster.up(NAME, backend="local")
    try:
        cluster.load(image.tar, NAME)
        named = {"repository": image.repository, "tag": image.tag, "pullPolicy": "Never"}
        helm.install(up, {"image": named, "replicas": 1})
        measured = [start_of_a_new_pod(up) for _ in range(options.starts)]
        time.sleep(SETTLE)  # what is measured is what is left after that time
        memory = sum(pss(pid) for pid in processes(pod_uid(up)))
    finally:
        cluster.down(NAME)
    starts = [seconds for seconds, _ in measured]
    print("| figure | value |\n| --- | --- |")
    print(f"| unpacked | {image.tar.stat().st_size / 1e6:.0f} MB |")
    print(f"| compressed | {len(gzip.compress(image.tar.read_bytes(), 6)) / 1e6:.0f} MB |")
    print(f"| start to ready, median of {len(starts)} | {statistics.median(starts):.1f} s |")
    print(f"| the slowest of them | {max(starts):.1f} s |")
    print(f"| CPU time until ready, median | {statistics.median(cpu for _, cpu in measured):.1f} s |")
    print(f"| idle memory | {memory / 1e6:.0f} MB |")


def start_of_a_new_pod(up: Cluster) -> tuple[float, float]:
    """Seconds from the start of a new pod's operator process to its first 200 of /readyz; CPU seconds spent by then."""
    up.kubectl("delete", "pod", "-n", helm.NAMESPACE, "-l", POD_LABEL, "--wait=true")
    uid = eventually(lambda: pod_uid(up))
    pid = eventually(lambda: min(processes(uid)))
    asked = subprocess.run(
        ["nsenter", "-t", str(pid), "-n", sys.executable, "-c", ASK],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    user, system, started = (_stat(pid)[field] for field in (11, 12, 19))
    return float(asked.stdout) - started, user + system


def _stat(pid: int) -> list[float]:
    """Fields of proc(5)'s stat from `state` on, times in seconds."""
    per_second = os.sysconf("SC_CLK_TCK")
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return [int(word) / per_second if word.lstrip("-").isdigit() else 0.0 for word in words]


def pod_uid(up: Cluster) -> str:
    """ClusterError while there is none."""
    path = "jsonpath={.items[0].metadata.uid}"
    return up.kubectl("get", "pods", "-n", helm.NAMESPACE, "-l", POD_LABEL, "-o", path)


def processes(uid: str) -> list[int]:
    """Process ids of the operator's container, by the pod's control group."""
    found = []
    for directory in Path("/proc").iterdir():
        try:
            ours = uid in (directory / "cgroup").read_text() and b"leakwarden" in (directory / "cmdline").read_bytes()
        except OSError:
            continue
        if ours:
            found.append(int(directory.name))
    return found


def pss(pid: int) -> int:
    """Bytes."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"no Pss in smaps_rollup of {pid}")


def eventually(look: Callable[[], T], deadline: float = 60) -> T:
    end = time.monotonic() + deadline
    while True:
        try:
            return look()
        except (ClusterError, ValueError):
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


if __name__ == "__main__":
    main(sys.argv[1:])
