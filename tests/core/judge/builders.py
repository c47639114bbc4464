"""Builders of attempts and rules for the judge's tests. Thirty seconds apart, one process, unless said otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from leakwarden.api.builtins import BUILTINS
from leakwarden.api.words import FailureReason, Severity, Signal, WaitKind
from leakwarden.core import judge
from leakwarden.core.judge import Judgement, TargetState
from leakwarden.core.readings import (
    Attempt,
    Failure,
    GoroutineGroup,
    GoroutineReading,
    HeapReading,
    LabelUse,
    MemStats,
    PartFailure,
    ProcessIdentity,
    Reading,
    Site,
    SiteUse,
)
from leakwarden.core.rules import Growth, Rule, RuleSet

MI = float(1 << 20)
GI = float(1 << 30)
T0 = 1_790_000_000.0
INTERVAL = 30.0
REST = "example.com/app.rest"


def rule(
    name: str = "live-heap",
    signal: Signal = Signal.LIVE_HEAP,
    *,
    above: float | None = None,
    at_least: float | None = 64 * MI,
    window: float = 30 * INTERVAL,
    hold: float = 4 * INTERVAL,
    severity: Severity = Severity.WARNING,
) -> Rule:
    growth = None if at_least is None else Growth(at_least, window)
    return Rule(name, signal, above, growth, hold, severity)


def rules(*these: Rule, grace: float = 0.0) -> RuleSet:
    return RuleSet(these or (rule(),), grace)


def builtin(interval: float = INTERVAL, grace: float = 0.0) -> RuleSet:
    """The built-in rules at this interval."""
    return RuleSet(
        tuple(
            Rule(
                name=b.name,
                signal=b.signal,
                above=None if b.above is None else _bytes(b.above),
                growth=None if b.at_least is None else Growth(_bytes(b.at_least), b.window * interval),
                hold=b.hold * interval,
                severity=b.severity,
            )
            for b in BUILTINS
        ),
        grace,
    )


def _bytes(text: str) -> float:
    for suffix, size in (("Gi", GI), ("Mi", MI), ("Ki", 1024.0)):
        if text.endswith(suffix):
            return float(text.removesuffix(suffix)) * size
    return float(text)


def site(function: str, line: int = 1) -> Site:
    return Site(function, function.rsplit("/", 1)[-1].partition(".")[0] + ".go", line, "runtime.mallocgc")


def heap(
    live: float,
    sites: Mapping[str, float] | None = None,
    *,
    alloc: float = 0.0,
    mark: str = "",
    churn: float = 0.0,
    freed: Mapping[str, float] | None = None,
) -> HeapReading:
    """A heap of so many bytes; what `sites` do not hold is held by REST. `mark` is the fingerprint.

    Every place has allocated what it holds, what it has `freed`, and `churn` bytes more.
    """
    held = held_by(live, sites)
    more = {name: churn + (freed or {}).get(name, 0.0) for name in held}
    uses = {name: SiteUse(site(name), int(v), 1, int(v + more[name]), 1) for name, v in held.items()}
    return HeapReading(int(live), 0, int(alloc), mark or f"{live}/{alloc}", uses)


def held_by(live: float, sites: Mapping[str, float] | None) -> dict[str, float]:
    """Bytes by place, REST included."""
    held = {name: value for name, value in (sites or {}).items() if value > 0}
    return {**held, REST: max(0.0, live - sum(held.values()))}


def note_freed(
    freed: dict[str, float], before: Mapping[str, float], held: Mapping[str, float], busy: float = 0.0
) -> None:  # fmt: skip
    """Add to `freed` what each place holds less than before, since nobody ever allocates less, and `busy` besides."""
    for name, value in before.items():
        freed[name] = freed.get(name, 0.0) + busy + max(0.0, value - held.get(name, 0.0))


def goroutines(
    total: float,
    groups: Mapping[tuple[str, WaitKind], float] | None = None,
    labels: Mapping[str, Mapping[str, int]] | None = None,
) -> GoroutineReading:
    """`labels`: how many of each group, and of all, have which value of which label."""
    uses = tuple(LabelUse(key, values) for key, values in (labels or {}).items())
    made = [GoroutineGroup(site(name), wait, int(n), uses) for (name, wait), n in (groups or {}).items() if n > 0]
    return GoroutineReading(int(total), tuple(sorted(made, key=lambda g: -g.count)), uses)


def memstats(
    inuse: float,
    sys: float,
    released: float = 0.0,
    total_alloc: float = 0.0,
    gcs: int = 0,
    pause: float = 0.0,
    gc_cpu: float = 0.0,
) -> MemStats:
    """After `gcs` collections of `pause` seconds each, which took the share `gc_cpu` of all CPU time."""
    return MemStats(
        heap_alloc=int(inuse), heap_inuse=int(inuse), heap_sys=int(sys), heap_idle=int(sys - inuse),
        heap_released=int(released), sys=int(sys), total_alloc=int(total_alloc), mallocs=0, frees=0, next_gc=0,
        num_gc=gcs, gc_cpu_fraction=gc_cpu, pause_ns=(round(pause * 1e9),) * min(gcs, 256),
    )  # fmt: skip


@dataclass(slots=True)
class Target:
    """A target under judgement: feeds attempts to the fold, one interval apart, and keeps all that was said."""

    rules: RuleSet
    interval: float = INTERVAL
    limit: float = 0.0
    state: TargetState | None = None
    at: float = T0
    allocated: float = 0.0
    held: dict[str, float] = field(default_factory=dict)
    freed: dict[str, float] = field(default_factory=dict)
    process: ProcessIdentity = field(default_factory=lambda: ProcessIdentity("pod", "container", 1, T0 - 36000))
    oom_killed: bool = False
    said: list[Judgement] = field(default_factory=list)

    @property
    def last(self) -> Judgement:
        return self.said[-1]

    def give(self, outcome: Reading | Failure, after: float | None = None) -> Judgement:
        """The next attempt, `after` seconds from the one before (default: the interval)."""
        if self.said:
            self.at += self.interval if after is None else after
        state = self.state if self.state is not None else judge.start(self.rules)
        judgement = judge.step(state, self._attempt(outcome), self.rules)
        self.state = judgement.state
        self.said.append(judgement)
        return judgement

    def _attempt(self, outcome: Reading | Failure) -> Attempt:
        return Attempt(self.at, outcome, self.process, self.interval, int(self.limit), self.oom_killed)

    def live(
        self, value: float, sites: Mapping[str, float] | None = None, load: float = 64 * MI, busy: float = 0.0
    ) -> Judgement:
        """A reading with this live heap and 50 quiet goroutines, after so many bytes were allocated.

        A place that holds less than before has freed the difference, and every place `busy` bytes besides.
        """
        self.allocated += load
        held = held_by(value, sites)
        note_freed(self.freed, self.held, held, busy)
        self.held = held
        return self.give(Reading(heap(value, sites, alloc=self.allocated, freed=self.freed), goroutines(50)))

    def lives(self, values: Iterable[float]) -> Judgement:
        for value in values:
            self.live(value)
        return self.last

    def count(self, total: float, groups: Mapping[tuple[str, WaitKind], float] | None = None) -> Judgement:
        """A reading with so many goroutines and a quiet heap."""
        self.allocated += 64 * MI
        return self.give(Reading(heap(100 * MI, alloc=self.allocated), goroutines(total, groups)))

    def fails(self, reason: FailureReason = FailureReason.TIMEOUT, after: float | None = None) -> Judgement:
        return self.give(Failure(reason, "no answer in 10 s"), after)

    def evaluation(self, name: str) -> judge.RuleEvaluation:
        return next(e for e in self.last.rules if e.rule == name)


def failed_part() -> PartFailure:
    return PartFailure(FailureReason.TIMEOUT, "no answer in 10 s")
