"""LeakPolicies and workloads that the end-to-end tests apply, as plain dicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workloads.build import Image
from workloads.manifests import Manifest, Workload, leakserver

QUICK = {
    "name": "blocked",
    "signal": "BlockedGoroutines",
    "growth": {"atLeast": "150", "window": "24s"},
    "for": "3s",
    "severity": "Critical",
}
"""Finds what `quick_leak` does about 25 s after it began: 480 goroutines in the window. At the intervals used here a
busy machine may sample at a third of the pace and still have the 8 points that a trend needs."""

_FAMILY_OF_THE_FLEET: tuple[tuple[str, str, str | None, str, str, str, str], ...] = (
    ("live-heap", "LiveHeap", None, "64Mi", "60s", "8s", "Critical"),
    ("live-heap-slow", "LiveHeap", None, "96Mi", "240s", "20s", "Warning"),
    ("heap-inuse", "HeapInuse", "1500Mi", "64Mi", "60s", "8s", "Critical"),
    ("site-bytes", "SiteBytes", None, "48Mi", "60s", "8s", "Critical"),
    ("goroutines", "Goroutines", "1000", "200", "60s", "8s", "Warning"),
    ("blocked", "BlockedGoroutines", "500", "200", "60s", "8s", "Critical"),
)

FLEET_RULES: list[Manifest] = [
    {
        "name": name,
        "signal": signal,
        **({"above": above} if above else {}),
        "growth": {"atLeast": at_least, "window": window},
        "for": hold,
        "severity": severity,
    }
    for name, signal, above, at_least, window, hold, severity in _FAMILY_OF_THE_FLEET
]
"""Rules on the built-in signals, with shorter windows than the built-in ones, so that two slow ones pass within one run
of the tests; their amounts and holds are their own."""
LONGEST_WINDOW = 240.0
"""Seconds, of FLEET_RULES."""

QUICK_LEAK_PER_SECOND = 20


def policy(
    name: str,
    labels: Mapping[str, str],
    *,
    interval: str = "1s",
    grace: str = "2s",
    timeout: str = "5s",
    rules: list[Manifest] | None = None,
    **remediation: Any,
) -> Manifest:
    """A LeakPolicy on pods with these labels. Fixed cadence, so that every run takes the same samples."""
    spec: Manifest = {
        "target": {"selector": {"matchLabels": dict(labels)}},
        "sampling": {"interval": interval, "cadence": "Fixed", "timeout": timeout, "startupGrace": grace},
    }
    if rules is not None:
        spec["rules"] = rules
    if remediation:
        spec["remediation"] = remediation
    return {"apiVersion": "leakwarden.io/v1alpha1", "kind": "LeakPolicy", "metadata": {"name": name}, "spec": spec}


def quick_leak(images: Mapping[str, Image], name: str, namespace: str, **changes: Any) -> Workload:
    """A pod that leaves QUICK_LEAK_PER_SECOND blocked goroutines behind each second, small ones: found soon, cheap to
    keep. The high memory limit keeps a Warning from turning Critical for its nearness."""
    leak = leakserver(images, "did-change", rate=QUICK_LEAK_PER_SECOND)
    small = replace(leak, args=(*leak.args, "-document-bytes=1024"), memory_limit=8192)
    return replace(small, name=name, namespace=namespace, **changes)
