"""Measurements and reports for these tests, made in a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from leakwarden.api.words import WaitKind
from leakwarden.core.gate.decide import growth_of
from leakwarden.core.gate.values import Check, Counters, Grower, Kind, Measurement, Outcome, Plan, Report
from leakwarden.core.readings import GoroutineGroup, GoroutineReading, HeapReading, Site, SiteUse

PLAN = Plan()
UNCOUNTED = Counters(0, 0)
KEEP = Site("example.com/app/store.(*Store).keep", "/src/app/store/store.go", 41, "go/parser.ParseFile")
SEND = Site("example.com/app/store.send", "example.com/app/store/send.go", 7, "runtime.gopark")


def measurement(
    heap: Mapping[str, int] | None = None,
    goroutines: Mapping[tuple[str, WaitKind], int] | None = None,
    *,
    first: Counters = UNCOUNTED,
    last: Counters = UNCOUNTED,
) -> Measurement:
    """Bytes by function, and goroutines by function and wait."""
    sites = {name: SiteUse(Site(name, "a.go", 1, name), size, 1, size, 1) for name, size in (heap or {}).items()}
    live = sum((heap or {}).values())
    groups = tuple(
        GoroutineGroup(Site(name, "a.go", 1, "runtime.gopark"), wait, n)
        for (name, wait), n in (goroutines or {}).items()
    )
    standing = GoroutineReading(sum(group.count for group in groups), groups)
    return Measurement(live, first, last, HeapReading(live, 0, live, "", sites), standing, 4096)


def check(kind: Kind, outcome: Outcome, values: Sequence[float], *growers: Grower) -> Check:
    return Check(kind, outcome, PLAN.tolerance(kind), growth_of(values, PLAN), values, growers)


def report(*checks: Check, command: str = "./drive.sh", sampling: int = 4096) -> Report:
    return Report("http://127.0.0.1:6060/debug/pprof", command, PLAN, checks, sampling, 12.3)


STEADY = [40_000_000 + 2_000_000 * run for run in range(11)]
FLAT = [12.0] * 6
LEAKS = report(
    check(Kind.HEAP, Outcome.LEAK, STEADY, Grower(KEEP, 9_500_000, 0.95)),
    check(
        Kind.GOROUTINES, Outcome.LEAK, [10 + 50 * run for run in range(11)], Grower(SEND, 250, 1.0, WaitKind.CHAN_SEND)
    ),
)
MEMORY = report(
    check(Kind.HEAP, Outcome.LEAK, STEADY, Grower(KEEP, 9_500_000, 0.95)),
    check(Kind.GOROUTINES, Outcome.PASSED, [12] * 11),
)
UNPROVEN = report(
    check(
        Kind.HEAP, Outcome.UNPROVEN, [40_000_000 + 4_000_000 * run**0.5 for run in range(21)], Grower(KEEP, 3e6, 0.9)
    ),
    check(Kind.GOROUTINES, Outcome.PASSED, [12] * 21),
)
PASSED = report(check(Kind.HEAP, Outcome.PASSED, FLAT), check(Kind.GOROUTINES, Outcome.PASSED, FLAT))
