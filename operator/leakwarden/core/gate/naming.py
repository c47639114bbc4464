"""The known shapes of places that grew: from the stacks of the last measurement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice

from leakwarden.api.words import Family
from leakwarden.core.gate.growers import growers
from leakwarden.core.gate.values import Grower, Kind, Measurement, Plan
from leakwarden.core.judge.tracing import BESIDE, CALLED, WAITING, called_ways
from leakwarden.core.patterns import Place, Table, identify
from leakwarden.core.readings import Calls, group_key
from leakwarden.core.traces import Beside, Traces


def named_growers(kind: Kind, measured: Sequence[Measurement], plan: Plan, table: Table) -> tuple[Grower, ...]:
    """The places that grew, largest first, each with its pattern where the table has one that fits."""
    last = measured[-1]
    groups = growers(Kind.GOROUTINES, measured, plan)
    return tuple(_named(kind, one, last, groups, table) for one in growers(kind, measured, plan))


def _named(kind: Kind, grower: Grower, last: Measurement, groups: Iterable[Grower], table: Table) -> Grower:
    family = Family.MEMORY if kind is Kind.HEAP else Family.GOROUTINE
    traces = _traces(grower, last, groups)
    return replace(grower, pattern=identify(Place(family, grower.site, grower.wait, traces), table))


def _traces(grower: Grower, last: Measurement, groups: Iterable[Grower]) -> Traces | None:
    """None where the profiles kept no stack of it, as they do of the largest places: then its leaf must tell."""
    function = grower.site.function
    kept = last.heap.kept.get(function, ())
    calls = _calls(grower, last) if grower.wait is not None else kept[0].calls if kept else ()
    if not calls:
        return None
    beside = (
        Beside(group.site.function, group.wait, _calls(group, last), group.growth)
        for group in groups
        if group.wait in WAITING and (group.site.function, group.wait) != (function, grower.wait)
    )
    called = islice(called_ways(function, last.heap.kept), CALLED)
    return Traces(calls, kept, tuple(called), tuple(islice(beside, BESIDE)))


def _calls(group: Grower, last: Measurement) -> Calls:
    return last.goroutines.calls.get(group_key(group.site.function, group.wait), ()) if group.wait else ()
