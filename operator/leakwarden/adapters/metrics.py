"""Metrics at /metrics. What stands now is collected from the fleet at each scrape, so that stale labels vanish.

Labels are policies, verdicts and reasons, never pods: their number is bounded by what people write, not by the fleet.
"""

from __future__ import annotations

from collections import Counter as Count
from collections.abc import Iterable, Iterator
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from leakwarden.api.words import FindingType, Severity, Verdict
from leakwarden.core.actions import Action
from leakwarden.core.decide import Plan
from leakwarden.core.parts import HEAP_AFTER_GC
from leakwarden.core.readings import Failure
from leakwarden.core.report.values import TargetReport
from leakwarden.core.samples import SampleResult
from leakwarden.core.targets import PolicyKey

_POLICY = ["policy_namespace", "policy"]


class Snapshot(Protocol):
    """What stands now, by policy."""

    def reports_by_policy(self) -> Iterable[tuple[PolicyKey, list[TargetReport]]]: ...

    @property
    def plan(self) -> Plan: ...

    @property
    def journal(self) -> tuple[Action, ...]: ...


class SampleMetrics:
    """Counted as it happens: attempts, by how they ended, and how long they took."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._samples = Counter(
            "leakwarden_samples_total",
            "Sampling attempts, by how they ended: ok, partial (a part is missing), or the reason of the failure.",
            ["outcome"],
            registry=registry,
        )
        self._forced = Counter(
            "leakwarden_forced_collections_total",
            "Heaps asked for after a forced collection, to confirm a leak: ok, or the reason of the failure.",
            ["outcome"],
            registry=registry,
        )
        self._seconds = Histogram(
            "leakwarden_sample_duration_seconds",
            "From the connection to the last reading decoded, of attempts that read something.",
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=registry,
        )

    def count(self, result: SampleResult) -> None:
        if isinstance(result.outcome, Failure):
            self._samples.labels(result.outcome.reason.value).inc()
            return
        self._samples.labels("partial" if result.outcome.failures else "ok").inc()
        self._seconds.observe(result.latency)
        if result.outcome.heap_after_gc is not None:
            self._forced.labels("ok").inc()
        elif (failed := result.outcome.failures.get(HEAP_AFTER_GC)) is not None:
            self._forced.labels(failed.reason.value).inc()


class FleetCollector(Collector):
    """Gauges from the latest picture."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        targets = GaugeMetricFamily("leakwarden_targets", "Targets by verdict.", labels=[*_POLICY, "verdict"])
        findings = GaugeMetricFamily(
            "leakwarden_findings_open", "Open findings, one per pod and bug.", labels=[*_POLICY, "type", "severity"]
        )
        for key, reports in self._snapshot.reports_by_policy():
            verdicts = Count(report.verdict for report in reports)
            for verdict in Verdict:
                targets.add_metric([key.namespace, key.name, verdict.value], verdicts[verdict])
            found = Count((f.type, f.severity) for report in reports for f in report.open_findings)
            for kind in FindingType:
                for severity in Severity:
                    findings.add_metric([key.namespace, key.name, kind.value, severity.value], found[kind, severity])
        yield targets
        yield findings
        yield self._refusals()
        yield self._actions()

    def _refusals(self) -> Metric:
        family = GaugeMetricFamily(
            "leakwarden_refusals", "Open findings that nothing is done about, by reason.", labels=[*_POLICY, "reason"]
        )
        refused = Count(
            (item.policy, item.decision.refusal) for item in self._snapshot.plan.decisions if item.decision.refusal
        )
        for (key, reason), count in sorted(refused.items()):
            family.add_metric([key.namespace, key.name, reason.value], count)
        return family

    def _actions(self) -> Metric:
        family = GaugeMetricFamily(
            "leakwarden_journal_actions",
            "Actions in the journal, by what was done and what became of it.",
            labels=[*_POLICY, "action", "dry_run", "state", "outcome"],
        )
        kinds = Count(
            (entry.policy, entry.kind.value, str(entry.dry_run).lower(), entry.state.value, entry.outcome.value)
            for entry in self._snapshot.journal
        )
        for (key, *labels), count in sorted(kinds.items()):
            family.add_metric([key.namespace, key.name, *labels], count)
        return family
