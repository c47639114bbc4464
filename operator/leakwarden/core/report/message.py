"""One finding as one paragraph that stands alone: what comes, what to do now, the evidence, and the fix."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from leakwarden.api.status import MAX_MESSAGE
from leakwarden.api.words import UNITS, Family, FindingType, Resolution, Signal, Unit, WaitKind
from leakwarden.core.findings import ConfirmationResult, Finding
from leakwarden.core.readings import Site
from leakwarden.core.report import labelled, pattern, same_place
from leakwarden.core.report.amounts import amount, clip, minute, rate
from leakwarden.core.report.fixes import fix, for_whom
from leakwarden.core.report.gopls import gopls_remark
from leakwarden.core.report.meanwhile import COMMAND, meanwhile
from leakwarden.core.report.names import short_function
from leakwarden.core.report.parking import began_remark, parked_remark, retained_remark
from leakwarden.core.report.scene import NOWHERE, Scene
from leakwarden.core.report.stakes import HORIZON, is_flat, stakes
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
    Signal.WATER_LEVEL: "share of heap in the memory",
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

REMARKS: tuple[Remark, ...] = (
    pattern.told, labelled.remark, gopls_remark, began_remark, retained_remark, strain_remark, parked_remark,
)  # fmt: skip
"""What is told of a finding between its evidence and its fix, what matters most first: each kind of context is one
function of its own module."""

ROOM = MAX_MESSAGE
"""Characters of a message: of a status, and of an Event's note."""
_LEAST = 60
"""Characters of what grows and where that stay, however little room there is."""


def finding_message(finding: Finding, scene: Scene = NOWHERE, horizon: float = HORIZON, room: int = ROOM) -> str:
    """What comes when, what can be done now, the evidence and the fix: docs/leakpolicy.md, Messages, has an example.

    Where `room` is short, first the function loses its import path, which the signature has, then remarks are left out,
    the last first.
    """
    head = [stakes(finding, scene, horizon), meanwhile(finding, scene)] if finding.open else []
    command = COMMAND if scene.pod else "leakwarden"
    last = f"Fix{for_whom(finding)}: {fix(finding)}{pattern.more(finding.pattern, command)}."
    remarks = [said for said in (same_place.remark(finding, scene.beside), *(one(finding) for one in REMARKS)) if said]
    whole = _joined(*head, _evidence(finding), *remarks, last)
    if len(whole) <= room:
        return whole
    seen = _evidence(finding, short=True)
    over = len(_joined(*head, seen, last)) - room
    if over > 0:
        return _cut(finding, head, last, over, room)
    kept: list[str] = []
    for said in remarks:
        tried = (said, pattern.brief(finding)) if said == pattern.told(finding) else (said,)
        kept += [one for one in tried if one and len(_joined(*head, seen, *kept, one, last)) <= room][:1]
    return _joined(*head, seen, *kept, last)


def _cut(finding: Finding, head: Sequence[str], last: str, over: int, room: int) -> str:
    """Names of hundreds of characters: what grows is cut, then there is no room for what to do now."""
    seen = _evidence(finding, short=True, over=over)
    whole = _joined(*head, seen, last)
    return whole if len(whole) <= room else _joined(*head[:1], seen, last)


def _joined(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)


def _evidence(finding: Finding, short: bool = False, over: int = 0) -> str:
    what = _pressure(finding, short) if finding.type is FindingType.PRESSURE else _growth(finding, short)
    return f"Evidence: {clip(what, max(_LEAST, len(what) - over))} {evidence(finding)}."


def evidence(finding: Finding) -> str:
    """`(rules live-heap, site-bytes; confidence High)`, and what a forced collection said."""
    noun = "rule" if len(finding.rules) == 1 else "rules"
    told = finding.confirmation
    forced = _CONFIRMED.get(told.result, "") if told else ""
    return f"({noun} {', '.join(finding.rules)}; confidence {finding.confidence}{forced})"


def subject(finding: Finding, short: bool = False) -> str:
    """What grows, and where: `live heap of main.keep (cache.go:41)`; `short` without the import path."""
    return f"{_SUBJECTS[finding.signal]} {_where(finding, short)}"


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


def _growth(finding: Finding, short: bool) -> str:
    unit = UNITS[finding.signal]
    if finding.signal is Signal.LEAKED_GOROUTINES and is_flat(finding):
        number = amount(finding.value, unit)
        return f"{subject(finding, short)} number {number} in the process, since {minute(finding.since)}"
    grown = amount(max(0.0, finding.value - finding.baseline), unit)
    by = "" if unit is Unit.BYTES else "by "
    pace = "and stands still now" if is_flat(finding) else rate(finding.growth_per_hour, unit)
    return f"{subject(finding, short)} grew {by}{grown} since {minute(finding.since)}, {pace}"


def _pressure(finding: Finding, short: bool) -> str:
    value = amount(finding.value, UNITS[finding.signal])
    verb = "are" if _SUBJECTS[finding.signal].endswith("s") else "is"
    since = minute(finding.first_seen)
    return f"{subject(finding, short)} {verb} {value}, over the threshold since {since}; growth is not proven"


def _where(finding: Finding, short: bool) -> str:
    site = finding.site
    if site is None and finding.type is FindingType.PRESSURE:
        return "of the process"
    if site is None:
        return "of the process (no one place explains half of it)"
    details = [place(site)]
    if finding.wait not in (None, WaitKind.RUNNING):
        details.append(f"waiting: {finding.wait}")
    parked = finding.family is Family.GOROUTINE and site.leaf.startswith("runtime.")
    if site.leaf and site.leaf != site.function and not parked:
        details.append(f"leaf {site.leaf}")
    inside = ", ".join(detail for detail in details if detail)
    name = short_function(site.function) if short else site.function
    return f"of {name}" + (f" ({inside})" if inside else "")
