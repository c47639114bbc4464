"""How the process bears it: memory against its limit, the water level, what the garbage collector costs it."""

from __future__ import annotations

from leakwarden.api.words import Unit
from leakwarden.core.findings import Finding
from leakwarden.core.report.amounts import amount


def strain_remark(finding: Finding) -> str:
    """`The process holds 1.7 GiB of its container's 2 GiB, has 92 % of what it took from the system in use as heap and
    spends 11 % of its CPU time on GC.`"""
    strain = finding.strain
    said = []
    if strain.held is not None and strain.limit is not None:
        said.append(f"holds {amount(strain.held, Unit.BYTES, 2)} of its container's {amount(strain.limit, Unit.BYTES)}")
    if strain.water_level is not None:
        share = amount(strain.water_level, Unit.PERCENT, 2)
        said.append(f"has {share} of what it took from the system in use as heap")
    if strain.gc_cpu is not None:
        said.append(f"spends {amount(strain.gc_cpu, Unit.PERCENT, 2)} of its CPU time on GC")
    if strain.gc_pause is not None:
        said.append(f"was stopped by GC for {amount(strain.gc_pause, Unit.SECONDS, 2)} in 5 min")
    if not said:
        return ""
    *first, last = said
    return f"The process {', '.join(first)} and {last}." if first else f"The process {last}."
