"""The first pattern of a table that a finding fits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from leakwarden.api.words import Family, FindingType, WaitKind
from leakwarden.core.findings import Finding
from leakwarden.core.frames import is_std
from leakwarden.core.patterns.shapes import has_shape
from leakwarden.core.patterns.table import Grows, Keeps, Pattern, Table, When
from leakwarden.core.readings import Kept, Site
from leakwarden.core.traces import Beside, Named, Traces

CALLERS = 1
"""Of a chain, functions before the one that is named."""


@dataclass(frozen=True, slots=True)
class Place:
    """What leaks where, as far as a pattern is told from it."""

    family: Family
    site: Site
    wait: WaitKind | None = None
    traces: Traces | None = None
    """None: only the leaf is known."""

    @property
    def known(self) -> Traces:
        if self.traces is not None:
            return self.traces
        calls = tuple(dict.fromkeys(name for name in (self.site.leaf, self.site.function) if name))
        return Traces(calls, (Kept(calls, len(calls), 1, 1, 0),) if self.family is Family.MEMORY else ())

    @property
    def inner(self) -> Sequence[str]:
        """The calls from the leaf to the function that is named."""
        calls, function = self.known.calls, self.site.function
        return calls[: calls.index(function) + 1] if function in calls else calls


def named(findings: Iterable[Finding], table: Table) -> tuple[Finding, ...]:
    """The findings of one target with their patterns, and without their traces, which have served then.

    What has a pattern that joins is said to be one bug with the others that have it; each stays a finding of its own,
    since the judge follows each, and a signature must not depend on what else was found.
    """
    joining = {pattern.name for pattern in table.patterns if pattern.joins}
    told = [replace(one, pattern=match(one, table), traces=None) for one in findings]
    return tuple(_joined(one, told) if one.pattern and one.pattern.name in joining else one for one in told)


def _joined(finding: Finding, told: Iterable[Finding]) -> Finding:
    if finding.pattern is None:
        return finding
    same = (one for one in told if one.open and one.pattern and one.pattern.name == finding.pattern.name)
    together = tuple(sorted(one.signature for one in same if one.signature != finding.signature))
    return replace(finding, pattern=replace(finding.pattern, together=together))


def match(finding: Finding, table: Table) -> Named | None:
    """None where nothing fits, for Pressure, and where no place in the code is named."""
    if finding.type is not FindingType.LEAK or finding.site is None:
        return None
    return identify(Place(finding.family, finding.site, finding.wait, finding.traces), table)


def identify(place: Place, table: Table) -> Named | None:
    """The first pattern that fits; None where none does."""
    fits = ((pattern, when) for pattern in table.patterns for when in pattern.when if _holds(when, place))
    found = next(fits, None)
    return _named(*found, place) if found else None


def _named(pattern: Pattern, when: When, place: Place) -> Named:
    return Named(
        name=pattern.name,
        title=pattern.title,
        why=pattern.why,
        fix=pattern.fix,
        docs=pattern.docs,
        estimate=when.estimate,
        chain=_chain(place) if pattern.chain else "",
    )


def _holds(when: When, place: Place) -> bool:
    traces = place.known
    return (
        when.family is place.family
        and (not when.wait or place.wait in when.wait)
        and (any_fits(when.calls, place.inner) if when.calls else _waits_in_the_program(place))
        and (when.keeps is None or _keeps(when.keeps, traces.kept))
        and (when.beside is None or any(_grows(when.beside, group, traces) for group in traces.beside))
        and (when.shape is None or has_shape(when.shape, traces))
    )


def _waits_in_the_program(place: Place) -> bool:
    """What Go's own goroutines wait for says nothing, unless they are named; of memory the stacks say it."""
    return place.family is Family.MEMORY or not is_std(place.site.function)


def _keeps(wanted: Keeps, kept: Sequence[Kept]) -> bool:
    meant = [way for way in kept if any_fits(wanted.calls, way.calls[: None if wanted.callers else way.inner])]
    return bool(meant) and sum(way.bytes for way in meant) >= wanted.share * sum(way.bytes for way in kept)


def _grows(wanted: Grows, group: Beside, traces: Traces) -> bool:
    return (
        (not wanted.wait or group.wait in wanted.wait)
        and (not wanted.calls or any_fits(wanted.calls, (*group.calls, group.function)))
        and (not wanted.allocates or (not is_std(group.function) and group.function in traces.calls))
    )


def any_fits(globs: Iterable[str], functions: Iterable[str]) -> bool:
    """Whether any of the functions is one that is meant."""
    exact = {glob for glob in globs if not glob.endswith("*")}
    beginnings = tuple(glob[:-1] for glob in globs if glob.endswith("*"))
    return any(function in exact or function.startswith(beginnings) for function in functions)


def _chain(place: Place) -> str:
    """From who called the function that made the objects to the one that keeps them, as far as the stacks tell."""
    callers = [name for name in place.known.calls[len(place.inner) :] if not is_std(name)][:CALLERS]
    keepers = [way.calls[way.inner - 1] for way in place.known.called[:1]]
    chain = [*reversed(callers), place.site.function, *keepers]
    return " -> ".join(chain) if len(chain) > 1 else ""
