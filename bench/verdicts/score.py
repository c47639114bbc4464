"""From what a detector said of each recording to precision, recall and delay. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True)
class Saying:
    """One alarm: when (unix seconds), in which words, at which place in the code, and how patient the rule is.

    `window` and `hold` in sampling intervals, 0 for detectors that have none. `until`: when it was taken back.
    """

    at: float
    what: str = ""
    function: str = ""
    window: float = 0.0
    hold: float = 0.0
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """What is true of a recording. `onset` None: it is healthy. `interval` in seconds."""

    id: str
    set: str
    interval: float
    onset: float | None = None
    functions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one detector did at one recording.

    A leaking recording can be both found and a false alarm: where something was said before the leak began.
    """

    case: Case
    found: bool
    """Leaking, and an alarm stood at some moment after the onset."""
    false_alarm: bool
    """An alarm at a healthy recording, or before the onset."""
    delay: float | None = None
    """Intervals from the onset to the first alarm, where it was found and nothing had been said before."""
    budget: float = 0.0
    """Half the window and the hold of the rule that said it first, in intervals; 0 where there are none."""
    windows: float | None = None
    """The delay in windows of that rule."""
    named: bool = False
    """One of the alarms after the onset names one of the functions."""
    strange: tuple[str, ...] = ()
    """Functions named after the onset that are none of the leak's."""


def outcome(case: Case, sayings: Sequence[Saying]) -> Outcome:
    """Judge what was said of one recording; `sayings` in any order."""
    if case.onset is None:
        return Outcome(case, found=False, false_alarm=bool(sayings))
    onset = case.onset
    standing = [one for one in sayings if one.at >= onset or one.until is None or one.until >= onset]
    early = any(one.at < onset for one in sayings)
    first = min(standing, key=lambda one: one.at, default=None)
    names = dict.fromkeys(one.function for one in sorted(standing, key=lambda one: one.at) if one.function)
    strange = tuple(name for name in names if name not in case.functions)
    if first is None or early:
        return Outcome(
            case, found=first is not None, false_alarm=early, named=len(strange) < len(names), strange=strange
        )
    delay = (first.at - onset) / case.interval
    return Outcome(
        case,
        found=True,
        false_alarm=False,
        delay=delay,
        budget=first.window / 2 + first.hold,
        windows=delay / first.window if first.window else None,
        named=len(strange) < len(names),
        strange=strange,
    )


@dataclass(frozen=True, slots=True)
class Score:
    """Over some recordings. Shares are None where nothing was there to share."""

    leaking: int
    healthy: int
    found: int
    false_alarms: int
    """Recordings, healthy or leaking, with an alarm that should not have been."""
    named: int
    delays: Sequence[float] = field(default=())
    """Intervals."""
    over_budget: Sequence[float] = field(default=())
    """Each delay as a share of half the rule's window and its hold."""

    @property
    def precision(self) -> float | None:
        said = self.found + self.false_alarms
        return self.found / said if said else None

    @property
    def recall(self) -> float | None:
        return self.found / self.leaking if self.leaking else None

    @property
    def site_accuracy(self) -> float | None:
        return self.named / self.found if self.found else None

    @property
    def median_delay(self) -> float | None:
        return median(self.delays) if self.delays else None

    @property
    def median_of_budget(self) -> float | None:
        """Bar: at most 1."""
        return median(self.over_budget) if self.over_budget else None


def score(outcomes: Sequence[Outcome]) -> Score:
    leaking = [one for one in outcomes if one.case.onset is not None]
    return Score(
        leaking=len(leaking),
        healthy=len(outcomes) - len(leaking),
        found=sum(one.found for one in leaking),
        false_alarms=sum(one.false_alarm for one in outcomes),
        named=sum(one.named for one in leaking if one.found),
        delays=tuple(one.delay for one in leaking if one.delay is not None),
        over_budget=tuple(one.delay / one.budget for one in leaking if one.delay is not None and one.budget),
    )


@dataclass(frozen=True, slots=True)
class Bar:
    """What a set must reach."""

    precision: float
    recall: float


BARS = {"tuned": Bar(1.0, 0.97), "held out": Bar(0.97, 0.95)}
BARRED = {"tuned": ("tuned", "tuned2", "tuned3"), "held out": ("heldout", "heldout2", "heldout3", "heldout4")}
"""Which sets count together for a bar."""
DELAY = 1.0
"""The median delay, as a share of half the rule's window and its hold: at most."""


def missed(name: str, reached: Score) -> list[str]:
    """The bars that are missed, as sentences; none where there are no recordings."""
    return [*inaccurate(name, reached), *late(name, reached)]


def inaccurate(name: str, reached: Score) -> list[str]:
    """Bars of precision and recall that are missed."""
    bar = BARS[name]
    if not reached.leaking + reached.healthy:
        return []
    said = []
    for what, value, least in (
        ("precision", reached.precision, bar.precision),
        ("recall", reached.recall, bar.recall),
    ):
        if value is not None and value < least:
            said.append(f"{name}: {what} is {value:.3f}, {least:.2f} at the least is wanted")
    if reached.leaking and not reached.found:
        said.append(f"{name}: nothing was found")
    return said


def late(name: str, reached: Score) -> list[str]:
    """The bar of the delay, where it is missed."""
    delay = reached.median_of_budget
    if delay is None or delay <= DELAY:
        return []
    return [f"{name}: the median delay is {delay:.2f} of half a window and the hold, at most 1 is wanted"]
