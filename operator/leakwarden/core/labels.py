"""The pprof labels of goroutines (`pprof.Do`, `pprof.SetGoroutineLabels`), counted by value and bounded.

A program labels its goroutines with whatever it likes: a document, a user, a request that never comes again. So what
is kept is capped in number and length, and free of what could move a terminal's cursor or break a line of a log.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from functools import lru_cache
from typing import Final, Generic, TypeVar

from leakwarden.core.pprof.profile import Labels
from leakwarden.core.printable import printable
from leakwarden.core.readings import LabelUse

KEYS: Final = 3
"""Labels that are counted: those that most goroutines of the process carry."""
VALUES: Final = 4
"""Values of one label that are counted one by one; goroutines with any other are counted together."""
LONGEST: Final = 64
"""Characters kept of a key or a value, its end rather than its middle: paths differ there."""
_HEAD: Final = 20
_ELISION: Final = "…"
_CACHED: Final = 4096
"""Texts remembered: a profile has the same few with goroutine after goroutine, and a hostile one a long one each time.
Decoded texts are at most 1 KiB, so no pod can make this large."""

_K = TypeVar("_K", bound=Hashable)


class LabelTally(Generic[_K]):
    """Counts labelled goroutines by place, label and value. A place is what the caller says."""

    def __init__(self) -> None:
        self._counts: dict[_K, dict[str, dict[str, int]]] = {}
        self.added = 0
        """Labels that were added so far, equal ones too."""

    def add(self, places: Iterable[_K], labels: Labels, count: int) -> None:
        """`count` goroutines with these labels stand at each of the places."""
        self.added += len(labels.text)
        told = [(shown(key), shown(values[0])) for key, values in labels.text.items()]
        for place in places if told else ():
            by_key = self._counts.get(place)
            if by_key is None:
                by_key = self._counts[place] = {}
            for key, value in told:
                counts = by_key.get(key)
                if counts is None:
                    counts = by_key[key] = {}
                counts[value] = counts.get(value, 0) + count

    def carried(self, place: _K) -> int:
        """Goroutines there that carry the label which most of them carry; 0 where none carries any."""
        return max((sum(counts.values()) for counts in self._counts.get(place, {}).values()), default=0)

    def keys(self, place: _K) -> tuple[str, ...]:
        """The KEYS labels that most goroutines there carry, in the order of their names."""
        totals = {key: sum(counts.values()) for key, counts in self._counts.get(place, {}).items()}
        return tuple(sorted(sorted(totals, key=lambda key: (-totals[key], key))[:KEYS]))

    def uses(self, place: _K, keys: Iterable[str]) -> tuple[LabelUse, ...]:
        """What is known of these labels there, one entry each; none where nobody carries any label."""
        counted = self._counts.get(place)
        return tuple(_bounded(key, counted.get(key, {})) for key in keys) if counted else ()


def merged(some: Iterable[LabelUse], more: Iterable[LabelUse]) -> tuple[LabelUse, ...]:
    """Both counted together. A value that is new among the commonest begins at what it has by now."""
    sums: dict[str, LabelUse] = {}
    for use in (*some, *more):
        before = sums.get(use.key, LabelUse(use.key, {}))
        values = {*before.values, *use.values}
        counts = {value: before.values.get(value, 0) + use.values.get(value, 0) for value in values}
        bounded = _bounded(use.key, counts)
        sums[use.key] = LabelUse(use.key, bounded.values, bounded.others + before.others + use.others)
    return tuple(sums[key] for key in sorted(sums)[:KEYS])


def _bounded(key: str, counts: Mapping[str, int]) -> LabelUse:
    kept = sorted(counts, key=lambda value: (-counts[value], value))[:VALUES]
    values = {value: counts[value] for value in kept}
    return LabelUse(key, values, sum(counts.values()) - sum(values.values()))


@lru_cache(maxsize=_CACHED)
def shown(text: str) -> str:
    """A key or a value as it is kept: unprintable characters escaped as in Python, then at most LONGEST characters.

    Values that are alike then count as one.
    """
    if len(text) > 2 * LONGEST:
        text = text[:LONGEST] + text[-LONGEST:]  # of what is between nothing is shown
    text = printable(text)
    if len(text) <= LONGEST:
        return text
    return text[:_HEAD] + _ELISION + text[_HEAD + len(_ELISION) - LONGEST :]
