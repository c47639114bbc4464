"""Metrics of single targets: of as many as a setting allows, those that matter most, and how many were left out.

Labels with pods' names are what makes a Prometheus fall over: a fleet of 10,000 pods that come and go is as many new
series a day as there are pods. So their number is capped, by `LEAKWARDEN_METRICS_TARGETS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import nlargest
from typing import Protocol

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from leakwarden.api.words import FindingType
from leakwarden.core.judge.levels import Levels
from leakwarden.core.report.values import TargetReport
from leakwarden.core.targets import PolicyKey

_LABELS = ["policy_namespace", "policy", "pod", "endpoint"]

_FAMILIES = (
    ("live_heap", "leakwarden_target_live_heap_bytes", "Live heap of the process, as of its last collection."),
    ("heap_inuse", "leakwarden_target_heap_inuse_bytes", "HeapInuse of the process, garbage included."),
    ("goroutines", "leakwarden_target_goroutines", "Goroutines of the process."),
    ("gc_pause", "leakwarden_target_gc_pause_seconds", "Seconds of GC pause of the process in the last five minutes."),
)
"""Field of Levels, name of the metric, help."""


class TargetLevels(Protocol):
    """One target that is read, and where its signals stand."""

    @property
    def policy(self) -> PolicyKey: ...

    @property
    def report(self) -> TargetReport: ...

    @property
    def levels(self) -> Levels: ...


class Snapshot(Protocol):
    def levels(self) -> Iterable[TargetLevels]:
        """Of every target that is read now."""
        ...


class TargetCollector(Collector):
    """Gauges of at most `most` targets: those that leak come first, then the largest heaps."""

    def __init__(self, snapshot: Snapshot, most: int) -> None:
        self._snapshot = snapshot
        self._most = most

    def collect(self) -> Iterator[Metric]:
        read = list(self._snapshot.levels()) if self._most else []
        shown = nlargest(self._most, read, key=_weight)
        for field, name, text in _FAMILIES:
            family = GaugeMetricFamily(name, text, labels=_LABELS)
            for one in shown:
                value = getattr(one.levels, field)
                if value is not None:
                    family.add_metric(_labels(one), value)
            yield family
        labels = [*_LABELS, "verdict"]
        verdict = GaugeMetricFamily("leakwarden_target_verdict", "1 at the verdict of the target.", labels=labels)
        for one in shown:
            verdict.add_metric([*_labels(one), one.report.verdict.value], 1)
        yield verdict
        yield GaugeMetricFamily(
            "leakwarden_targets_without_series",
            "Targets that are read and have no series of their own, since more are read than may have them.",
            value=len(read) - len(shown),
        )


def _labels(one: TargetLevels) -> list[str]:
    return [one.policy.namespace, one.policy.name, one.report.pod, one.report.endpoint]


def _weight(one: TargetLevels) -> tuple[bool, float, str]:
    """The name decides last, so that equals do not change places from scrape to scrape."""
    leaks = any(finding.type is FindingType.LEAK for finding in one.report.open_findings)
    return leaks, one.levels.heap, one.report.pod
