"""The stacks behind a finding, and the known shape that they tell. Values only."""

from __future__ import annotations

from dataclasses import dataclass

from leakwarden.api.words import WaitKind
from leakwarden.core.readings import Calls, Kept


@dataclass(frozen=True, slots=True)
class Beside:
    """Goroutines that grew while a finding did."""

    function: str
    wait: WaitKind
    calls: Calls
    """Empty where the group was too small for its stack to be kept."""
    grown: float
    """By how many since the onset of the finding."""


@dataclass(frozen=True, slots=True)
class Traces:
    """The stacks behind a finding, as of its opening or a little later: what `core/patterns` tells a pattern from."""

    calls: Calls = ()
    """The stack that stands for the place: of most of its goroutines, or through which most was allocated."""
    kept: tuple[Kept, ...] = ()
    """What the function of the finding holds on the heap, most first; also of a goroutine finding's function."""
    called: tuple[Kept, ...] = ()
    """What functions of the program that it calls directly hold, most first."""
    beside: tuple[Beside, ...] = ()
    """Most growth first."""


@dataclass(frozen=True, slots=True)
class Named:
    """The known shape that a finding has, in words: see docs/patterns.md."""

    name: str
    title: str
    why: str
    fix: str
    """A clause without a full stop."""
    docs: str
    """Where more is told; empty where nowhere."""
    estimate: bool = False
    """The stacks make it likely; they do not prove it."""
    chain: str = ""
    """Functions from the one that began it to the one that keeps it, where that helps; an estimate, too."""
    together: tuple[str, ...] = ()
    """Signatures of the other open findings of the target that are the same bug."""
