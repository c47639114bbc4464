"""The gate's findings in sentences, for all of its reports."""

from __future__ import annotations

from leakwarden.api.words import Family, Unit, WaitKind
from leakwarden.core.gate.values import Check, Grower, Kind, Outcome, Report
from leakwarden.core.report.amounts import amount, plural
from leakwarden.core.report.fixes import general_fix
from leakwarden.core.report.message import place
from leakwarden.core.report.pattern import more, sentence

NAMES = {Kind.HEAP: "live heap", Kind.GOROUTINES: "goroutines"}
RATE = "GODEBUG=memprofilerate=4096"
"""What makes a server's profiles fine enough to name the place of a mebibyte."""
_COARSE = 64 << 10
"""Bytes a sample: above it, and with so little growth, sites are told from a handful of samples."""


def verdict(report: Report) -> str:
    """One line: `leak: live heap, goroutines`, `passed`, or `passed, with growth that is not proven: live heap`."""
    for outcome, says in ((Outcome.LEAK, "leak"), (Outcome.UNPROVEN, "passed, with growth that is not proven")):
        if named := [NAMES[check.kind] for check in report.checks if check.outcome is outcome]:
            return f"{says}: {', '.join(named)}"
    return "passed"


def headline(check: Check, report: Report) -> str:
    """E.g. `live heap grew by 5.2 MiB in 5 runs (4.9 to 5.5 MiB; tolerance 1 MiB), steadily over 10 runs`."""
    unit, growth, repeats = check.kind.unit, check.growth, plural(report.plan.repeats, "run")
    name, tolerance = NAMES[check.kind], amount(check.tolerance, unit)
    if check.outcome is Outcome.PASSED:
        last = "" if report.runs == report.plan.repeats else "the last "
        whole = check.values[-1] - check.values[0]
        before = (
            f"; {signed(whole, unit)} in all {report.runs}, so it has stopped growing"
            if last and whole > check.tolerance
            else ""
        )
        return f"{name}: {signed(growth.recent, unit)} in {last}{repeats} (tolerance {tolerance}{before})"
    span = f"{amount(growth.low, unit)} to {amount(growth.high, unit)}"
    grew = f"{name} grew by {amount(growth.amount, unit)} in {repeats} ({span}; tolerance {tolerance})"
    if check.outcome is Outcome.LEAK:
        return f"{grew}, steadily over {report.runs} runs"
    return f"{grew}, but not steadily enough over {report.runs} runs to be told from noise or a cache that fills"


def signed(value: float, unit: Unit) -> str:
    return ("+" if value > 0 else "-" if value < 0 else "") + amount(abs(value), unit)


def where(grower: Grower) -> str:
    """`main.(*Cache).keep (cache.go:41, leaf go/parser.ParseFile)`."""
    site = grower.site
    details = [place(site)]
    if grower.wait not in (None, WaitKind.RUNNING):
        details.append(f"waiting: {grower.wait}")
    if site.leaf and site.leaf != site.function:
        details.append(f"leaf {site.leaf}")
    inside = ", ".join(detail for detail in details if detail)
    return site.function + (f" ({inside})" if inside else "")


def grew(grower: Grower, kind: Kind) -> str:
    """`+4.9 MiB, 94 %`."""
    return f"{signed(grower.growth, kind.unit)}, {grower.share * 100:.0f} %"


def pattern(check: Check) -> str:
    """A sentence on the known shape of the place that grew most, of those that have one; empty where none has."""
    named = next((grower.pattern for grower in check.growers if grower.pattern), None)
    return sentence(named) if named else ""


def fix(check: Check, report: Report, grower: Grower | None = None) -> str:
    """What to change for a place, without one for that which grew most; one clause."""
    grower = grower or (check.growers[0] if check.growers else None)
    if grower is not None and grower.pattern is not None:
        return f"{grower.pattern.fix}{more(grower.pattern, 'leakwarden')}"
    if check.kind is Kind.HEAP and any(
        other.kind is Kind.GOROUTINES and other.outcome is Outcome.LEAK for other in report.checks
    ):
        return "end the goroutines that leak first: they keep all that they refer to; then run the gate again"
    family = Family.MEMORY if check.kind is Kind.HEAP else Family.GOROUTINE
    looked = general_fix(family, grower.site if grower else None, grower.wait if grower else None)
    return f"the cause is not recognised; {looked}"


def caveat(check: Check, report: Report) -> str:
    """How far the places of a heap check can be trusted, as a sentence; empty for goroutines, which are all counted."""
    if check.kind is Kind.GOROUTINES or check.outcome is Outcome.PASSED or report.sampling <= 1:
        return ""
    rate = amount(report.sampling, Unit.BYTES)
    coarse = report.sampling > _COARSE
    advice = f": start the server with {RATE} for surer ones" if coarse else ""
    return f"Places are estimates, from one sample in {rate} allocated{advice}."


def details(check: Check, report: Report) -> list[str]:
    """All that is known of a check that has grown, a sentence or a place a line."""
    lines = [headline(check, report)]
    lines += [f"{grew(one, check.kind)}: {where(one)}" for one in check.growers]
    if check.outcome is not Outcome.PASSED:
        lines += [said for said in (caveat(check, report), pattern(check)) if said]
        lines.append(f"Fix: {fix(check, report)}.")
    return lines
