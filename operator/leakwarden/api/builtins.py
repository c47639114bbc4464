"""The rules of a policy that brings none, their windows counted in intervals.

In code, not in the schema, where etcd would freeze them.
"""

from __future__ import annotations

from dataclasses import dataclass

from leakwarden.api.duration import Duration
from leakwarden.api.quantity import Quantity
from leakwarden.api.spec import GrowthSpec, RuleSpec
from leakwarden.api.words import Severity, Signal

DEFAULT_HOLD_INTERVALS = 4
"""The hold of a rule that names none."""

@dataclass(frozen=True, slots=True)
class Builtin:
    """A rule whose times are counted in sampling intervals."""

    name: str
    signal: Signal
    above: str | None
    at_least: str | None
    window: int
    """Of the growth; 0 without."""
    hold: int
    severity: Severity

    def scaled(self, interval: float) -> RuleSpec:
        """As a policy would write it at this interval (seconds)."""
        return RuleSpec(
            name=self.name,
            signal=self.signal,
            above=None if self.above is None else Quantity(self.above),
            growth=None
            if self.at_least is None
            else GrowthSpec(at_least=Quantity(self.at_least), window=Duration.of(self.window * interval)),
            hold=Duration.of(self.hold * interval),
            severity=self.severity,
        )


BUILTINS: tuple[Builtin, ...] = (
    Builtin("live-heap", Signal.LIVE_HEAP, None, "128Mi", window=200, hold=20, severity=Severity.CRITICAL),
    Builtin("live-heap-slow", Signal.LIVE_HEAP, None, "96Mi", window=240, hold=20, severity=Severity.WARNING),
    Builtin("heap-inuse", Signal.HEAP_INUSE, "1500Mi", "128Mi", window=200, hold=20, severity=Severity.CRITICAL),
    Builtin("site-bytes", Signal.SITE_BYTES, None, "96Mi", window=200, hold=20, severity=Severity.CRITICAL),
    Builtin("site-bytes-slow", Signal.SITE_BYTES, None, "72Mi", window=240, hold=20, severity=Severity.WARNING),
    Builtin("goroutines", Signal.GOROUTINES, "1000", "200", window=200, hold=20, severity=Severity.WARNING),
    Builtin("blocked", Signal.BLOCKED_GOROUTINES, "250", "200", window=200, hold=20, severity=Severity.CRITICAL),
    Builtin("leaked", Signal.LEAKED_GOROUTINES, "100", None, window=0, hold=4, severity=Severity.WARNING),
)


def builtin_rules(interval: float) -> tuple[RuleSpec, ...]:
    """The built-in rules at this sampling interval (seconds), ready to be copied into a policy."""
    return tuple(builtin.scaled(interval) for builtin in BUILTINS)
