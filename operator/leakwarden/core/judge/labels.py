"""Growth by pprof label: a few earlier counts of each place, and what has come since they were taken.

A whole series for each value would cost more than all else that is remembered of a target. A share of a growth needs
two counts only, at its onset and now; and since nobody knows beforehand where the onset will be put, counts are kept
at distances that grow with their age.
"""

from __future__ import annotations

from dataclasses import replace

from leakwarden.core.findings import Finding, LabelShare
from leakwarden.core.frames import is_std
from leakwarden.core.judge.values import LabelHistory, LabelSnapshot, Sightings
from leakwarden.core.labels import merged
from leakwarden.core.readings import LabelUse, Reading

SNAPSHOTS = 8
"""Kept of one place, the newest among them. With a reading each 30 s for two days the one before an onset lies mostly
six times as far back as the onset, twelve at most: little grew before an onset, so that is near enough."""
TELLING = 0.5
"""Share of the growth from which on a value is worth naming."""
NEAR = 4
"""Functions, from the one that a memory finding names on outwards, at which labelled goroutines are looked for: what
lies farther out is a dispatcher that everything runs through."""
FEW = 8
"""Goroutines more than at the onset: of fewer no shares are told."""


def noted(history: LabelHistory, at: float, count: int, uses: tuple[LabelUse, ...], *, hide: bool) -> LabelHistory:
    """The history with this reading; none where it brought no labels: what was before then tells nothing any more."""
    if not uses:
        return ()
    if hide:
        uses = tuple(map(_hidden, uses))
    if history and (history[-1].count, history[-1].uses) == (count, uses):
        return history
    longer = (*history, LabelSnapshot(at, count, uses))
    return longer if len(longer) <= SNAPSHOTS else _thinned(longer)


def _hidden(use: LabelUse) -> LabelUse:
    """Without values: how many goroutines have the commonest one, and how many another."""
    most = max(use.values.values(), default=0)
    return LabelUse(use.key, {"": most}, sum(use.values.values()) - most + use.others)


def _thinned(history: LabelHistory) -> LabelHistory:
    """One less, neither end: the one without which the smallest hole is left, for the age of its newer neighbour."""
    now = history[-1].at

    def hole(index: int) -> float:
        before, after = history[index - 1].at, history[index + 1].at
        return (after - before) / (now - after) if after < now else float("inf")

    crowded = min(range(1, len(history) - 1), key=hole)
    return history[:crowded] + history[crowded + 1 :]


def shifted(history: LabelHistory, by: float) -> LabelHistory:
    """All times moved by `by` seconds."""
    return tuple(replace(snapshot, at=snapshot.at + by) for snapshot in history)


def shares(history: LabelHistory, since: float, level: float) -> tuple[LabelShare, ...]:
    """Of each label the value with most of the growth since then, where that is a telling share; the largest first, and
    in the order of their keys those that differ by little, so that no sentence changes with every sample.

    `level`: how many goroutines there were then, for a place whose labels are not known that far back.
    """
    if not history:
        return ()
    now = history[-1]
    base = next((snapshot for snapshot in reversed(history) if snapshot.at <= since), None)
    grown = now.count - (base.count if base else level)
    if grown < FEW:
        return ()
    found = [_share(use, base, level, grown) for use in now.uses if use.values]
    telling = (one for one in found if one.share >= TELLING)
    return tuple(sorted(telling, key=lambda one: (-round(one.share, 1), one.key)))


def _share(use: LabelUse, base: LabelSnapshot | None, level: float, grown: float) -> LabelShare:
    def gained(value: str) -> tuple[float, bool]:
        before, exact = _before(use.key, value, base, level)
        return use.values[value] - before, exact

    value = min(use.values, key=lambda value: (-gained(value)[0], value))
    more, exact = gained(value)
    return LabelShare(use.key, value, min(1.0, max(0.0, more) / grown), exact and bool(value))


def _before(key: str, value: str, base: LabelSnapshot | None, level: float) -> tuple[float, bool]:
    """How many goroutines had that value then: the count, or else the most it can have been."""
    if base is None:
        return level, level == 0
    use = next((use for use in base.uses if use.key == key), None)
    if use is None:
        return base.count, False  # other labels were commoner then, and this one was not counted
    if value in use.values:
        return use.values[value], True
    return min(use.others, min(use.values.values(), default=0)), use.others == 0


def sighted(before: Sightings | None, finding: Finding, reading: Reading) -> Sightings | None:
    """Of a memory finding: with the goroutines of this reading that run through the function where it allocates.

    Where none that is labelled does, the nearest caller through which some do; if that is another function than
    before, the count begins anew only while little was counted.
    """
    if finding.site is None or reading.heap is None or reading.goroutines is None:
        return before
    ways = reading.heap.kept.get(finding.site.function, ())
    calls = ways[0].calls[ways[0].inner - 1 :] if ways else ()
    own = [finding.site.function, *(name for name in calls[1:] if not is_std(name))][:NEAR]
    runs = reading.goroutines.through
    function = next((name for name in own if name in runs), "")
    if before is not None and before.count >= FEW and before.function in own:
        function = before.function
    if function not in runs:
        return before
    run = runs[function]
    if before is None or before.function != function:
        return Sightings(function, run.count, run.labels)
    return Sightings(function, before.count + run.count, merged(before.uses, run.labels))


def sighted_shares(sightings: Sightings | None) -> tuple[LabelShare, ...]:
    """Of each label the value of most of the goroutines that were seen there, where that is a telling share."""
    if sightings is None or sightings.count < FEW:
        return ()
    found: list[LabelShare] = []
    for use in sightings.uses:
        value, count = min(use.values.items(), key=lambda item: (-item[1], item[0]), default=("", 0))
        share = count / sightings.count
        if share >= TELLING:
            found.append(LabelShare(use.key, value, share, exact=False, function=sightings.function))
    return tuple(sorted(found, key=lambda one: (-round(one.share, 1), one.key)))
