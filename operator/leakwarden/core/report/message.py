"""One finding as one paragraph that stands alone: what comes, what to do now, the evidence, and the fix."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from leakwarden.api.status import MAX_MESSAGE
from leakwarden.api.words import UNITS, Family, FindingType, Resolution, Signal, Unit, WaitKind
from leakwarden.core.findings import ConfirmationResult, Finding
from leakwarden.core.readings import Site
from leakwarden.core.report import labelled, pattern, same_place
from leakwarden.core.report.amounts import amount, clip, dates_once, minute, rate
from leakwarden.core.report.fixes import advice, more
from leakwarden.core.report.gopls import gopls_remark
from leakwarden.core.report.meanwhile import COMMAND, decided, restart, save
from leakwarden.core.report.names import short_function
from leakwarden.core.report.parking import began_remark, retained_remark
from leakwarden.core.report.scene import NOWHERE, Scene
from leakwarden.core.report.stakes import HORIZON, is_flat, stakes
from leakwarden.core.report.strain import strain_remark
from leakwarden.core.report.subjects import NOUNS, SUBJECTS, verb

_CONFIRMED: dict[ConfirmationResult, str] = {
    ConfirmationResult.CONFIRMED: ", confirmed by a forced collection",
    ConfirmationResult.GARBAGE: ", not confirmed: a forced collection took most of it back",
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
    labelled.remark, gopls_remark, pattern.told, began_remark, retained_remark, strain_remark,
)  # fmt: skip
"""What is told of a finding between its evidence and its fix, what matters most first: each kind of context is one
function of its own module."""

ROOM = MAX_MESSAGE
"""Characters of a message: of a status, and of an Event's note."""
SLOWED = 0.5
"""Of its growth: a pace that would not have led to that much since its onset was higher before."""
_LEAST = 60
"""Characters of what grows and where that stay, however little room there is."""


def finding_message(
    finding: Finding,
    scene: Scene = NOWHERE,
    horizon: float = HORIZON,
    room: int = ROOM,
    remarks: Sequence[Remark] = REMARKS,
) -> str:
    """What comes when, what can be done now, the evidence and the fix: docs/leakpolicy.md, Messages, has an example.

    Where `room` is short, first the function loses its import path, which the signature has, then remarks are left out,
    the last first, and with them what Leakwarden does, which the status has beside it.
    """
    head, does, briefly = [""] * 3, "", ""
    if finding.open:
        head = [stakes(finding, scene, horizon), save(finding, scene), restart(finding, scene, horizon)]
        does, briefly = decided(finding, scene), decided(finding, scene, brief=True)
    last = f"{advice(finding)}{more(finding, COMMAND if scene.pod else 'leakwarden')}."
    context = [said for said in (same_place.remark(finding, scene.beside), *(one(finding) for one in remarks)) if said]
    whole = _joined(*head, does, _evidence(finding, scene), *context, last)
    if len(whole) <= room:
        return whole
    seen = _evidence(finding, scene, short=True)
    over = len(_joined(*head, seen, last)) - room
    if over > 0:
        return _cut(head, _evidence(finding, scene, short=True, over=over), last, room)

    def made(kept: Iterable[str], does: str = "") -> str:
        return _joined(*head, does, seen, *kept, last)

    told, brief = pattern.told(finding), pattern.brief(finding)
    kept: list[str] = []
    for said in context:
        one = brief if brief and said == told else said
        kept += [one] if len(made([*kept, one])) <= room else []
    does = next((one for one in (does, briefly) if len(made(kept, one)) <= room), "")
    full = made([told if one == brief else one for one in kept], does)
    return full if len(full) <= room else made(kept, does)


def _cut(head: Sequence[str], clipped: str, last: str, room: int) -> str:
    """Functions of hundreds of characters lose their ends; a pod with such names takes the command that names it along.
    What comes when, and what that means, stays."""
    comes, _, means = head
    whole = _joined(*head, clipped, last)
    return whole if len(whole) <= room else _joined(comes, means, clipped, last)


def _joined(*sentences: str) -> str:
    return " ".join(sentence for sentence in dates_once(sentences) if sentence)


def _evidence(finding: Finding, scene: Scene, short: bool = False, over: int = 0) -> str:
    where = subject(finding, short)
    where = clip(where, max(_LEAST, len(where) - over))
    grown = _pressure(finding) if finding.type is FindingType.PRESSURE else _growth(finding, scene)
    return f"Evidence: {where} {grown} {evidence(finding)}."


def evidence(finding: Finding) -> str:
    """`(growth: High confidence; rules live-heap, site-bytes)`, and what a forced collection said."""
    noun = "rule" if len(finding.rules) == 1 else "rules"
    told = finding.confirmation
    forced = _CONFIRMED.get(told.result, "") if told else ""
    sure = f"growth: {finding.confidence} confidence{forced}; " if finding.type is FindingType.LEAK else ""
    return f"({sure}{noun} {', '.join(finding.rules)})"


def subject(finding: Finding, short: bool = False) -> str:
    """What grows, and where: `live heap of main.keep (cache.go:41)`; `short` without the import path."""
    return f"{SUBJECTS[finding.signal]} {_where(finding, short)}"


def counted(number: str, signal: Signal) -> str:
    """`41500 goroutines`; a number of another unit brings its own."""
    return f"{number} {NOUNS[signal]}" if signal in NOUNS else number


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


def _growth(finding: Finding, scene: Scene) -> str:
    unit = UNITS[finding.signal]
    up = f" (process up since {minute(scene.started_at)})" if scene.started_at else ""
    if finding.signal is Signal.LEAKED_GOROUTINES and is_flat(finding):
        number = amount(finding.value, unit)
        return f"number {number} in the process, since {minute(finding.since)}{up}"
    grown = amount(max(0.0, finding.value - finding.baseline), unit)
    by = "" if unit is Unit.BYTES else "by "
    return f"grew {by}{grown} since {minute(finding.since)}{up}, {_pace(finding)}"


def _pace(finding: Finding) -> str:
    """Of now: where most of the growth came earlier, that is said, or the two numbers would contradict each other."""
    if is_flat(finding):
        return "and no more now"
    told = rate(finding.growth_per_hour, UNITS[finding.signal])
    since_then = finding.growth_per_hour * (finding.last_seen - finding.since) / 3600.0
    slowed = since_then < SLOWED * (finding.value - finding.baseline)
    return f"now {told}" if slowed else told


def _pressure(finding: Finding) -> str:
    """The number stands in the first sentence; once it has ended there is none, and it stands here."""
    since, has = minute(finding.first_seen), "has" if verb(finding.signal) == "is" else "have"
    value = "" if finding.open else f", last {amount(finding.value, UNITS[finding.signal])}"
    return f"{has} been over its threshold since {since}{value}; growth is not proven"


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
