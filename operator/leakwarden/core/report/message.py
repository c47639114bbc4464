"""One finding as one paragraph that stands alone and ends with the fix."""

from __future__ import annotations

from collections.abc import Callable

from leakwarden.api.words import UNITS, FindingType, Resolution, Signal, Unit, WaitKind
from leakwarden.core.findings import ConfirmationResult, Finding
from leakwarden.core.readings import Site
from leakwarden.core.report import labelled, pattern
from leakwarden.core.report.amounts import amount, minute, quantity, rate
from leakwarden.core.report.fixes import fix
from leakwarden.core.report.gopls import gopls_remark
from leakwarden.core.report.parking import parking_remark
from leakwarden.core.report.strain import strain_remark

_SUBJECTS: dict[Signal, str] = {
    Signal.LIVE_HEAP: "live heap",
    Signal.HEAP_INUSE: "heap in use",
    Signal.SYS: "memory taken from the system",
    Signal.SITE_BYTES: "live heap",
    Signal.CONTAINER_MEMORY: "memory of the container",
    Signal.GOROUTINES: "goroutines",
    Signal.BLOCKED_GOROUTINES: "blocked goroutines",
    Signal.LEAKED_GOROUTINES: "proven leaked goroutines",
    Signal.MAP_ENTRIES: "map entries",
    Signal.WATER_LEVEL: "heap in use as a share of memory taken from the system",
    Signal.GC_PAUSE: "GC pauses in 5 min",
}

_NOUNS: dict[Signal, str] = {
    Signal.GOROUTINES: "goroutines",
    Signal.BLOCKED_GOROUTINES: "goroutines",
    Signal.LEAKED_GOROUTINES: "goroutines",
    Signal.MAP_ENTRIES: "entries",
}
"""What a bare number counts."""

_CONFIRMED: dict[ConfirmationResult, str] = {
    ConfirmationResult.CONFIRMED: "; confirmed by a forced collection",
    ConfirmationResult.GARBAGE: "; not confirmed: a forced collection took most of it back",
}

_ENDS: dict[Resolution, str] = {
    Resolution.SUBSIDED: "given back",
    Resolution.PROCESS_ENDED: "ended with its process",
    Resolution.OOM_KILLED: "ended by the OOM killer",
    Resolution.TARGET_GONE: "ended with its pod",
    Resolution.RULE_CHANGED: "no longer judged, its rule was changed",
}


Remark = Callable[[Finding], str]
"""A whole sentence on a finding, with its full stop; empty where there is nothing to say."""

REMARKS: tuple[Remark, ...] = (pattern.told, labelled.remark, parking_remark, gopls_remark, strain_remark)
"""What is told of a finding between its evidence and its fix, in this order: each kind of context is one function of
its own module."""

ROOM = 880
"""Characters that a message may have with its remarks: where it would have more, the last of them are left out, so that
its fix is never cut off. A status message and an Event's note have 1024, with the names of pod and policy."""

HORIZON = 86400.0
"""Seconds ahead up to which a limit is told: beyond it the time is a guess that another sample moves by hours."""


def finding_message(finding: Finding, memory_limit: int = 0, horizon: float = HORIZON) -> str:
    """E.g. `live heap of main.(*Cache).keep (cache.go:41, leaf go/parser.ParseFile) grew 512 MiB since
    2026-11-23T14:02Z, 96 MiB/h; the 1.5 GiB memory limit is reached about 2026-11-23T16:40Z (rule live-heap;
    confidence High). Fix: …`.

    `memory_limit` in bytes, 0 unknown.
    """
    what = _pressure(finding) if finding.type is FindingType.PRESSURE else _growth(finding)
    first = f"{what}{_limit(finding, memory_limit, horizon)} {evidence(finding)}."
    last = f"Fix: {fix(finding)}{pattern.more(finding.pattern)}."
    remarks = [said for remark in REMARKS if (said := remark(finding))]
    while remarks and len(" ".join([first, *remarks, last])) > ROOM:
        remarks.pop()
    return " ".join([first, *remarks, last])


def evidence(finding: Finding) -> str:
    """`(rules live-heap, site-bytes; confidence High)`, and what a forced collection said."""
    noun = "rule" if len(finding.rules) == 1 else "rules"
    told = finding.confirmation
    forced = _CONFIRMED.get(told.result, "") if told else ""
    return f"({noun} {', '.join(finding.rules)}; confidence {finding.confidence}{forced})"


def is_flat(finding: Finding) -> bool:
    """Whether its growth an hour rounds to nothing: then neither a pace nor a limit is told."""
    return quantity(finding.growth_per_hour, UNITS[finding.signal]).value == 0


def told_limit(finding: Finding, horizon: float = HORIZON) -> float | None:
    """When the limit is reached, if that is near enough to be told. Unix seconds."""
    if finding.limit_at is None or is_flat(finding) or finding.limit_at - finding.last_seen > horizon:
        return None
    return finding.limit_at


def subject(finding: Finding) -> str:
    """What grows, and where: `live heap of main.keep (cache.go:41)`."""
    return f"{_SUBJECTS[finding.signal]} {_where(finding)}"


def counted(number: str, signal: Signal) -> str:
    """`41500 goroutines`; a number of another unit brings its own."""
    return f"{number} {_NOUNS[signal]}" if signal in _NOUNS else number


def end_message(finding: Finding) -> str:
    """How a leak ended, e.g. `stopped growing (Saturated), 512 MiB still held: live heap of main.keep (a.go:41)`."""
    if finding.resolution is Resolution.SATURATED:
        grown = amount(max(0.0, finding.value - finding.baseline), UNITS[finding.signal])
        return f"stopped growing (Saturated), {counted(grown, finding.signal)} still held: {subject(finding)}"
    how = _ENDS[finding.resolution] if finding.resolution else "ended"
    return f"{how} ({finding.resolution}): {subject(finding)}"


def place(site: Site) -> str:
    """`cache.go:41`, or as much of it as is known."""
    file = site.file.rsplit("/", 1)[-1]
    return f"{file}:{site.line}" if file and site.line else file


def _growth(finding: Finding) -> str:
    unit = UNITS[finding.signal]
    if finding.signal is Signal.LEAKED_GOROUTINES and is_flat(finding):
        return f"{subject(finding)} number {amount(finding.value, unit)} in the process, since {minute(finding.since)}"
    grown = amount(max(0.0, finding.value - finding.baseline), unit)
    by = "" if unit is Unit.BYTES else "by "
    pace = "and stands still now" if is_flat(finding) else rate(finding.growth_per_hour, unit)
    return f"{subject(finding)} grew {by}{grown} since {minute(finding.since)}, {pace}"


def _pressure(finding: Finding) -> str:
    value = amount(finding.value, UNITS[finding.signal])
    verb = "are" if _SUBJECTS[finding.signal].endswith("s") else "is"
    since = minute(finding.first_seen)
    return f"{subject(finding)} {verb} {value}, over the threshold since {since}; growth is not proven"


def _where(finding: Finding) -> str:
    site = finding.site
    if site is None and finding.type is FindingType.PRESSURE:
        return "of the process"
    if site is None:
        return "of the process (no one place explains half of it)"
    details = [place(site)]
    if finding.wait not in (None, WaitKind.RUNNING):
        details.append(f"waiting: {finding.wait}")
    if site.leaf and site.leaf != site.function:
        details.append(f"leaf {site.leaf}")
    inside = ", ".join(detail for detail in details if detail)
    return f"of {site.function}" + (f" ({inside})" if inside else "")


def _limit(finding: Finding, memory_limit: int, horizon: float) -> str:
    at = told_limit(finding, horizon)
    if at is None:
        return ""
    size = f"{amount(memory_limit, Unit.BYTES)} " if memory_limit else ""
    return f"; the {size}memory limit is reached about {minute(at)}"
