"""What goroutines do to their process: blocked or busy, what their function holds, and where they began."""

from __future__ import annotations

import re

from leakwarden.api.words import Unit
from leakwarden.core.findings import Finding
from leakwarden.core.report.amounts import amount
from leakwarden.core.report.names import short_function

_INNER = re.compile(r"(\.(func\d+|gowrap\d+|deferwrap\d+|\d+))+$")
"""What the compiler adds to the name of a function for the closures in it."""


def parking_remark(finding: Finding) -> str:
    """`98 % of all goroutines are parked, which points to blocking. Of the live heap 512 MiB was allocated in or below
    analysis.(*Service).analyse. The goroutines were started in server.(*Server).didChange.`"""
    said = []
    if finding.parked is not None:
        share = amount(finding.parked, Unit.PERCENT, 2)
        said.append(f"{share} of all goroutines are parked, which points to blocking.")
    if finding.retained is not None and finding.site is not None:
        held = amount(finding.retained, Unit.BYTES, 2)
        said.append(f"Of the live heap {held} was allocated in or below {short_function(finding.site.function)}.")
    if finding.started:
        said.append(f"{_began(finding.started)}.")
    return " ".join(said)


def _began(function: str) -> str:
    """A closure tells which function began the goroutine; a function of its own is where the goroutine began."""
    creator = _INNER.sub("", function)
    if creator != function and not creator.endswith("."):
        return f"The goroutines were started in {short_function(creator)}"
    return f"The goroutines run {short_function(function)}"
