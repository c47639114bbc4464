"""Metrics at /metrics. What stands now is collected from the fleet at each scrape, so that stale labels vanish.

Labels are policies, verdicts and reasons, never pods: their number is bounded by what people write, not by the fleet.
Series of single pods are in `target_metrics`.
"""

from __future__ import annotations

from collections import Counter as Count
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
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
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

_GOPLS = (
    ("sessions", "leakwarden_gopls_sessions", "Editors connected to gopls, as its pages last told."),
    ("documents", "leakwarden_gopls_open_documents", "Documents open in gopls, as its pages last told."),
    ("cached_files", "leakwarden_gopls_cached_files", "Files whose contents gopls keeps, as its pages last told."),
)
"""Field of GoplsState, name of the metric, help."""


class Snapshot(Protocol):
    """What stands now, by policy."""

    def reports_by_policy(self) -> Iterable[tuple[PolicyKey, list[TargetReport]]]: ...

    def conditions(self) -> Mapping[PolicyKey, Sequence[Mapping[str, Any]]]:
        """Of each policy, in the words of its status."""
        ...

    def muted(self) -> Mapping[PolicyKey, Collection[str]]:
        """The signatures that each policy mutes now; one that mutes nothing may be left out."""
        ...

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
            buckets=_SECONDS,
            registry=registry,
        )
        self._steps = Histogram(
            "leakwarden_step_duration_seconds",
            "How long each step took: connect and decode of a sample, judge, plan, record, events, act.",
            ["step"],
            buckets=_SECONDS,
            registry=registry,
        )

    def count(self, result: SampleResult) -> None:
        if isinstance(result.outcome, Failure):
            self._samples.labels(result.outcome.reason.value).inc()
            return
        self._samples.labels("partial" if result.outcome.failures else "ok").inc()
        self._seconds.observe(result.latency)
        self.took("decode", result.decoding)
        if result.opening:  # else a connection was kept
            self.took("connect", result.opening)
        if result.outcome.heap_after_gc is not None:
            self._forced.labels("ok").inc()
        elif (failed := result.outcome.failures.get(HEAP_AFTER_GC)) is not None:
            self._forced.labels(failed.reason.value).inc()

    def took(self, step: str, seconds: float) -> None:
        """A step of the pipeline has ended."""
        self._steps.labels(step).observe(seconds)


class ProcessMetrics:
    """The operator about itself: version, memory and CPU time of its process, how late its event loop is, and whether
    it is this process that acts."""

    def __init__(self, registry: CollectorRegistry, version: str, commit: str) -> None:
        ProcessCollector(registry=registry)
        build = Gauge("leakwarden_build_info", "1; the labels say what runs.", ["version", "commit"], registry=registry)
        build.labels(version, commit).set(1)
        self._lag = Histogram(
            "leakwarden_loop_lag_seconds",
            "By how much the event loop woke too late, looked at twice a second.",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
            registry=registry,
        )

        self._leader = Gauge(
            "leakwarden_leader",
            "1 of the process that acts, 0 of one that stands by. Without leader election every process is 1.",
            registry=registry,
        )
        self._refused = Gauge(
            "leakwarden_patterns_refused",
            "Keys of ConfigMaps with patterns that were left out at the last look.",
            registry=registry,
        )

    def lagged(self, seconds: float) -> None:
        self._lag.observe(seconds)

    def say_who_leads(self, leads: Callable[[], bool]) -> None:
        """Asked at each scrape."""
        self._leader.set_function(lambda: float(leads()))

    def patterns_refused(self, number: int) -> None:
        self._refused.set(number)


class FleetCollector(Collector):
    """Gauges from the latest picture."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        targets = GaugeMetricFamily("leakwarden_targets", "Targets by verdict.", labels=[*_POLICY, "verdict"])
        findings = GaugeMetricFamily(
            "leakwarden_findings_open",
            "Open findings that are not muted, one per pod and bug.",
            labels=[*_POLICY, "type", "severity"],
        )
        muted = GaugeMetricFamily("leakwarden_findings_muted", "Open findings that are muted.", labels=_POLICY)
        mutes = self._snapshot.muted()
        for key, reports in self._snapshot.reports_by_policy():
            verdicts = Count(report.verdict for report in reports)
            for verdict in Verdict:
                targets.add_metric([key.namespace, key.name, verdict.value], verdicts[verdict])
            silent = mutes.get(key, ())
            loud = [f for report in reports for f in report.open_findings if f.signature not in silent]
            found = Count((f.type, f.severity) for f in loud)
            muted.add_metric([key.namespace, key.name], sum(len(one.open_findings) for one in reports) - len(loud))
            for kind in FindingType:
                for severity in Severity:
                    findings.add_metric([key.namespace, key.name, kind.value, severity.value], found[kind, severity])
        yield targets
        yield findings
        yield muted
        yield from self._gopls()
        yield self._conditions()
        yield self._refusals()
        yield self._actions()

    def _gopls(self) -> Iterator[Metric]:
        """Sums over the processes of a policy that said what they do; a policy without one has no series."""
        for field, name, text in _GOPLS:
            family = GaugeMetricFamily(name, text, labels=_POLICY)
            for key, reports in self._snapshot.reports_by_policy():
                states = [report.gopls.state for report in reports if report.gopls and report.gopls.state]
                told = [count for state in states if (count := getattr(state, field)) is not None]
                if told:
                    family.add_metric([key.namespace, key.name], sum(told))
            yield family

    def _conditions(self) -> Metric:
        family = GaugeMetricFamily(
            "leakwarden_policy_condition",
            "1 at the status and reason of each condition of a policy, as last written.",
            labels=[*_POLICY, "type", "status", "reason"],
        )
        for key, conditions in sorted(self._snapshot.conditions().items()):
            for one in conditions:
                family.add_metric([key.namespace, key.name, one["type"], one["status"], one["reason"]], 1)
        return family

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
