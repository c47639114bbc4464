"""Series of single targets: those that matter, never more than are allowed, and a count of the others."""

from __future__ import annotations

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from leakwarden.adapters.target_metrics import TargetCollector
from leakwarden.core.judge.levels import Levels
from leakwarden.core.report.values import TargetReport
from leakwarden.core.targets import PolicyKey
from tests.core.report.samples import heap_leak, pressure, report

GOPLS = PolicyKey("demo", "gopls")
MI = 1 << 20


@dataclass(frozen=True)
class One:
    report: TargetReport
    levels: Levels
    policy: PolicyKey = GOPLS


@dataclass
class Snapshot:
    targets: list[One] = field(default_factory=list)

    def levels(self) -> list[One]:
        return self.targets


def shown(targets: list[One], most: int) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(TargetCollector(Snapshot(targets), most))
    return registry


def value(registry: CollectorRegistry, name: str, pod: str, **more: str) -> float | None:
    labels = {"policy_namespace": "demo", "policy": "gopls", "pod": pod, "endpoint": report(pod).endpoint, **more}
    return registry.get_sample_value(name, labels)


def test_each_level_that_is_known_is_a_gauge_and_one_that_is_not_has_no_series() -> None:
    registry = shown([One(report("a"), Levels(live_heap=5.0, goroutines=7.0))], 10)
    assert value(registry, "leakwarden_target_live_heap_bytes", "a") == 5.0
    assert value(registry, "leakwarden_target_goroutines", "a") == 7.0
    assert value(registry, "leakwarden_target_heap_inuse_bytes", "a") is None
    assert value(registry, "leakwarden_target_gc_pause_seconds", "a") is None
    assert value(registry, "leakwarden_target_verdict", "a", verdict="Healthy") == 1


def test_beyond_the_cap_a_small_leak_comes_before_the_largest_healthy_heap() -> None:
    targets = [
        One(report("largest"), Levels(live_heap=900.0 * MI)),
        One(report("leaks", heap_leak()), Levels(live_heap=10.0 * MI)),
        One(report("presses", pressure()), Levels(live_heap=500.0 * MI)),
        One(report("garbage"), Levels(live_heap=1.0 * MI, heap_inuse=950.0 * MI)),
    ]
    registry = shown(targets, 2)
    kept = {name for name in ("largest", "leaks", "presses", "garbage")
            if value(registry, "leakwarden_target_live_heap_bytes", name)}  # fmt: skip
    assert kept == {"leaks", "garbage"}
    assert registry.get_sample_value("leakwarden_targets_without_series") == 2


def test_with_a_cap_of_nothing_there_is_no_series_of_a_pod() -> None:
    registry = shown([One(report("a"), Levels(live_heap=5.0))], 0)
    assert value(registry, "leakwarden_target_live_heap_bytes", "a") is None
    assert value(registry, "leakwarden_target_verdict", "a", verdict="Healthy") is None


def test_equals_keep_their_places_whatever_order_they_come_in() -> None:
    targets = [One(report(f"pod-{number}"), Levels(live_heap=5.0)) for number in range(20)]
    first = shown(targets, 3)
    second = shown(targets[::-1], 3)
    names = [f"pod-{number}" for number in range(20)]
    kept = [[n for n in names if value(one, "leakwarden_target_live_heap_bytes", n)] for one in (first, second)]
    assert kept[0] == kept[1]
    assert len(kept[0]) == 3
