"""What goroutines do to their process: blocked or busy, what their function holds, and where they began."""

from __future__ import annotations

import re

from leakwarden.api.words import Unit
from leakwarden.core.findings import Finding
from leakwarden.core.report.amounts import amount
from leakwarden.core.report.names import short_function

_INNER = re.compile(r"(\.(func\d+|gowrap\d+|deferwrap\d+|\d+))+$")
"""What the compiler adds to the name of a function for the closures in it."""


def began_remark(finding: Finding) -> str:
    """`The goroutines were started in server.(*Server).didChange.`"""
    return f"{_began(finding.started)}." if finding.started else ""


def retained_remark(finding: Finding) -> str:
    """`Of the live heap 512 MiB was allocated in or below analysis.(*Service).analyse.`"""
    if finding.retained is None or finding.site is None:
        return ""
    held = amount(finding.retained, Unit.BYTES, 2)
    return f"Of the live heap {held} was allocated in or below {short_function(finding.site.function)}."


def parked_remark(finding: Finding) -> str:
    """`98 % of all goroutines are parked.` An idle server's are, too, so that only who asks for everything is told."""
    if finding.parked is None:
        return ""
    return f"{amount(finding.parked, Unit.PERCENT, 2)} of all goroutines are parked."


def _began(function: str) -> str:
    """A closure tells which function began the goroutine; a function of its own is where the goroutine began."""
    creator = _INNER.sub("", function)
    if creator != function and not creator.endswith("."):
        return f"The goroutines were started in {short_function(creator)}"
    return f"The goroutines run {short_function(function)}"
