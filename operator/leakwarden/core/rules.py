"""Rules as the judge takes them: durations in seconds, quantities in the signal's unit."""

from __future__ import annotations

from dataclasses import dataclass

from leakwarden.api.words import Severity, Signal


@dataclass(frozen=True, slots=True)
class Growth:
    at_least: float
    """How much more, over the window, in the signal's unit."""
    window: float
    """Seconds."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`above` (the latest value is greater), `growth`, or both: then both must hold, for `hold` seconds.

    Without growth it makes a Pressure finding (LeakedGoroutines excepted): see docs/leakpolicy.md.
    """

    name: str
    signal: Signal
    above: float | None
    growth: Growth | None
    hold: float
    severity: Severity

    @property
    def proves_leak(self) -> bool:
        """Whether what it finds is a Leak: growth was proven, or the runtime's own proof came twice."""
        return self.growth is not None or self.signal is Signal.LEAKED_GOROUTINES


@dataclass(frozen=True, slots=True)
class RuleSet:
    """What one policy judges by. `grace` is sampling.startupGrace in seconds, counted from the process start."""

    rules: tuple[Rule, ...]
    grace: float
    hide_labels: bool = False
    """Values of pprof labels are not remembered, and not said."""
