"""What the garbage collector costs a process that leaks, where that is why it is slow.

The judge puts down much smaller shares (`judge/strain.py`). In a message a number reads as an alarm, so that it is said
only where it is one. Memory against its limit is in the first sentence (`report/stakes.py`).
"""

from __future__ import annotations

from typing import Final

from leakwarden.api.words import FindingType, Unit
from leakwarden.core.findings import Finding
from leakwarden.core.report.amounts import amount, capital

BUSY: Final = 20.0
"""Percent of the CPU time: near the 25 % that Go's collector takes while it runs, so it hardly ever rests."""
PAUSED: Final = 3.0
"""Seconds in five minutes, 1 %."""


def strain_remark(finding: Finding) -> str:
    """`31 % of its CPU time goes to GC.` Nothing of Pressure: where that is the pressure, its
    message has the number, and a sentence that comes and goes would be a status written anew."""
    if finding.type is FindingType.PRESSURE:
        return ""
    cpu, pause = finding.strain.gc_cpu, finding.strain.gc_pause
    said = []
    if cpu is not None and cpu >= BUSY:
        said.append(f"{amount(cpu, Unit.PERCENT, 2)} of its CPU time goes to GC")
    if pause is not None and pause >= PAUSED:
        said.append(f"GC stopped it for {amount(pause, Unit.SECONDS, 2)} in 5 min")
    return f"{capital(' and '.join(said))}." if said else ""
