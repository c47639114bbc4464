"""Metrics: what stands now at each scrape, attempts as they end, and labels that no fleet can multiply."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from leakwarden.adapters.metrics import FleetCollector, ProcessMetrics, SampleMetrics
from leakwarden.api.words import FailureReason, Mode, Outcome, Resolution, Verdict
from leakwarden.core.actions import Action, ActionState, Decision, Refusal
from leakwarden.core.decide import Decided, Plan
from leakwarden.core.gopls_info import GoplsContext
from leakwarden.core.gopls_pages import GoplsState
from leakwarden.core.parts import HEAP_AFTER_GC
from leakwarden.core.readings import Failure, HeapReading, PartFailure, Reading
from leakwarden.core.report.values import TargetReport
from leakwarden.core.samples import SampleResult
from leakwarden.core.targets import PolicyKey, TargetKey
from leakwarden.pipeline.steps import Step
from tests.core.report.samples import evicted, goroutine_leak, heap_leak, pressure, report

GOPLS, OTHER = PolicyKey("demo", "gopls"), PolicyKey("prod", "gopls")


@dataclass
class Snapshot:
    reports: dict[PolicyKey, list[TargetReport]] = field(default_factory=dict)
    plan: Plan = field(default_factory=Plan)
    journal: tuple[Action, ...] = ()

    written: dict[PolicyKey, list[dict[str, str]]] = field(default_factory=dict)
    mutes: dict[PolicyKey, set[str]] = field(default_factory=dict)

    def reports_by_policy(self) -> Iterable[tuple[PolicyKey, list[TargetReport]]]:
        return self.reports.items()

    def conditions(self) -> dict[PolicyKey, list[dict[str, str]]]:
        return self.written

    def muted(self) -> dict[PolicyKey, set[str]]:
        return self.mutes


@dataclass
class Scrape:
    snapshot: Snapshot = field(default_factory=Snapshot)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self.registry.register(FleetCollector(self.snapshot))

    def value(self, name: str, **labels: str) -> float | None:
        """As Prometheus would read it."""
        return self.registry.get_sample_value(name, labels)

    def of(self, name: str, key: PolicyKey = GOPLS, **labels: str) -> float | None:
        return self.value(name, policy_namespace=key.namespace, policy=key.name, **labels)


@pytest.fixture
def scrape() -> Scrape:
    return Scrape()


def test_targets_are_counted_by_verdict_and_every_verdict_is_there(scrape: Scrape) -> None:
    scrape.snapshot.reports = {GOPLS: [report("a"), report("b"), report("c", heap_leak())], OTHER: []}
    counted = {verdict: scrape.of("leakwarden_targets", verdict=verdict.value) for verdict in Verdict}
    assert counted == dict.fromkeys(Verdict, 0) | {Verdict.HEALTHY: 2, Verdict.LEAKING: 1}
    assert scrape.of("leakwarden_targets", OTHER, verdict="Healthy") == 0


def test_findings_are_counted_by_type_and_severity_and_ended_ones_are_not(scrape: Scrape) -> None:
    over = heap_leak(signature="memory/main.old", resolution=Resolution.SUBSIDED)
    scrape.snapshot.reports = {GOPLS: [report("a", heap_leak(), goroutine_leak(), over), report("b", pressure())]}
    of = scrape.of
    assert of("leakwarden_findings_open", type="Leak", severity="Critical") == 1
    assert of("leakwarden_findings_open", type="Leak", severity="Warning") == 1
    assert of("leakwarden_findings_open", type="Pressure", severity="Warning") == 1
    assert of("leakwarden_findings_open", type="Pressure", severity="Critical") == 0


def test_a_muted_finding_is_counted_apart_so_that_no_alert_on_the_others_hears_of_it(scrape: Scrape) -> None:
    both = [report("a", heap_leak()), report("b", heap_leak(), goroutine_leak())]
    scrape.snapshot.reports = {GOPLS: both, OTHER: both}
    scrape.snapshot.mutes = {GOPLS: {heap_leak().signature}}
    assert scrape.of("leakwarden_findings_open", type="Leak", severity="Critical") == 0
    assert scrape.of("leakwarden_findings_open", type="Leak", severity="Warning") == 1
    assert scrape.of("leakwarden_findings_open", OTHER, type="Leak", severity="Critical") == 2
    assert (scrape.of("leakwarden_findings_muted"), scrape.of("leakwarden_findings_muted", OTHER)) == (2, 0)


def test_a_policy_that_went_leaves_no_stale_series(scrape: Scrape) -> None:
    scrape.snapshot.reports = {GOPLS: [report("a")]}
    assert scrape.of("leakwarden_targets", verdict="Healthy") == 1
    scrape.snapshot.reports = {}
    assert scrape.of("leakwarden_targets", verdict="Healthy") is None


def test_what_gopls_does_is_summed_up_by_policy_as_far_as_it_is_told(scrape: Scrape) -> None:
    told = [
        GoplsContext("v0.22.0", state=GoplsState(sessions=1, documents=4, cached_files=380)),
        GoplsContext("v0.10.1", state=GoplsState(sessions=2, documents=None)),
        GoplsContext("v0.22.0"),
        None,
    ]
    reports = [replace(report(str(number)), gopls=gopls) for number, gopls in enumerate(told)]
    scrape.snapshot.reports = {GOPLS: reports, OTHER: [report("x")]}
    assert scrape.of("leakwarden_gopls_sessions") == 3
    assert scrape.of("leakwarden_gopls_open_documents") == 4
    assert scrape.of("leakwarden_gopls_cached_files") == 380
    assert scrape.of("leakwarden_gopls_sessions", OTHER) is None


def test_refusals_are_counted_by_policy_and_reason_and_allowed_actions_are_none(scrape: Scrape) -> None:
    def decided(pod: str, refusal: Refusal | None, key: PolicyKey = GOPLS) -> Decided:
        action = None if refusal else Mode.EVICT
        return Decided(key, TargetKey(pod, "pprof"), Decision("demo", pod, pod, "memory/x", action, refusal, "why"))

    scrape.snapshot.plan = Plan(
        (
            decided("a", Refusal.COOLDOWN),
            decided("b", Refusal.COOLDOWN),
            decided("c", Refusal.BUDGET),
            decided("d", None),
            decided("e", Refusal.COOLDOWN, OTHER),
        )
    )
    assert scrape.of("leakwarden_refusals", reason="Cooldown") == 2
    assert scrape.of("leakwarden_refusals", reason="BudgetSpent") == 1
    assert scrape.of("leakwarden_refusals", OTHER, reason="Cooldown") == 1


def test_the_journal_is_counted_by_what_was_done_and_what_became_of_it(scrape: Scrape) -> None:
    failed = evicted("b", state=ActionState.FAILED, outcome=Outcome.PENDING, dry_run=True)
    scrape.snapshot.journal = (evicted("a"), evicted("c"), failed)
    labels = {"action": "Evict", "dry_run": "false", "state": "Done", "outcome": "Helped"}
    assert scrape.of("leakwarden_journal_actions", GOPLS, **labels) == 2
    other = {"action": "Evict", "dry_run": "true", "state": "Failed", "outcome": "Pending"}
    assert scrape.of("leakwarden_journal_actions", GOPLS, **other) == 1


def test_attempts_are_counted_by_how_they_ended(scrape: Scrape) -> None:
    metrics = SampleMetrics(scrape.registry)
    partial = Reading(failures={"goroutine": PartFailure(FailureReason.TIMEOUT, "late")})
    for outcome in (Reading(), Reading(), partial, Failure(FailureReason.NOT_PPROF, "text/html")):
        metrics.count(SampleResult(0.0, 0.2, outcome))
    counted = {how: scrape.value("leakwarden_samples_total", outcome=how) for how in ("ok", "partial", "NotPprof")}
    assert counted == {"ok": 2, "partial": 1, "NotPprof": 1}
    assert scrape.value("leakwarden_sample_duration_seconds_count") == 3
    assert scrape.value("leakwarden_sample_duration_seconds_sum") == pytest.approx(0.6)


def test_forced_collections_are_counted_by_how_they_ended_and_only_where_one_was_asked_for(scrape: Scrape) -> None:
    metrics = SampleMetrics(scrape.registry)
    late = Reading(failures={HEAP_AFTER_GC: PartFailure(FailureReason.TIMEOUT, "late")})
    forced = Reading(heap_after_gc=HeapReading(1, 0, 1, "f", {}))
    for outcome in (Reading(), forced, forced, late, Failure(FailureReason.TIMEOUT, "late")):
        metrics.count(SampleResult(0.0, 0.2, outcome))
    counted = {how: scrape.value("leakwarden_forced_collections_total", outcome=how) for how in ("ok", "Timeout")}
    assert counted == {"ok": 2, "Timeout": 1}


def test_labels_name_no_pod_however_many_there_are(scrape: Scrape) -> None:
    scrape.snapshot.reports = {GOPLS: [report(f"pod-{number}", heap_leak()) for number in range(500)]}
    scrape.snapshot.journal = tuple(evicted(f"pod-{number}") for number in range(500))
    text = generate_latest(scrape.registry).decode()
    assert "pod-1" not in text
    assert sum(len(family.samples) for family in text_string_to_metric_families(text)) < 30


def test_steps_are_timed_and_a_connection_that_was_kept_is_no_connect(scrape: Scrape) -> None:
    metrics = SampleMetrics(scrape.registry)
    metrics.count(SampleResult(0.0, 0.2, Reading(), opening=0.05, decoding=0.01))
    metrics.count(SampleResult(0.0, 0.2, Reading(), decoding=0.03))
    metrics.took(Step.PLAN, 0.5)
    total = {step: scrape.value("leakwarden_step_duration_seconds_sum", step=step) for step in ("connect", "plan")}
    assert total == {"connect": 0.05, "plan": 0.5}
    assert scrape.value("leakwarden_step_duration_seconds_sum", step="decode") == pytest.approx(0.04)
    assert scrape.value("leakwarden_step_duration_seconds_count", step="connect") == 1


def test_conditions_are_shown_by_their_status_as_last_written(scrape: Scrape) -> None:
    ready = {"type": "Ready", "status": "False", "reason": "Forbidden", "message": "get pods"}
    scrape.snapshot.written = {GOPLS: [ready], OTHER: []}
    assert scrape.of("leakwarden_policy_condition", type="Ready", status="False", reason="Forbidden") == 1
    assert scrape.of("leakwarden_policy_condition", type="Ready", status="True", reason="Forbidden") is None
    assert scrape.of("leakwarden_policy_condition", OTHER, type="Ready", status="False", reason="Forbidden") is None


def test_the_operator_tells_its_own_memory_version_and_how_late_its_loop_is(scrape: Scrape) -> None:
    ProcessMetrics(scrape.registry, "1.2.3", "abc").lagged(0.3)
    assert (scrape.value("process_resident_memory_bytes") or 0) > 1 << 20
    assert scrape.value("leakwarden_build_info", version="1.2.3", commit="abc") == 1
    assert scrape.value("leakwarden_loop_lag_seconds_bucket", le="0.25") == 0
    assert scrape.value("leakwarden_loop_lag_seconds_bucket", le="0.5") == 1
