"""Builders of rows for the rivals: a second apart, a quiet process unless said otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bench.verdicts.series import LIMIT, Alarm, Sample, SampleSeries

MI = 1 << 20
T0 = 1_790_000_000.0


def rows(
    held: Iterable[float] | None = None,
    *,
    live: Iterable[float] | None = None,
    heap_inuse: Iterable[float] | None = None,
    goroutines: Iterable[float] | None = None,
    blocked: Iterable[Mapping[str, int]] | None = None,
) -> SampleSeries:
    """As long as the longest column that is given; the others stay at a quiet value."""
    columns = [None if c is None else list(c) for c in (held, live, heap_inuse, goroutines)]
    places = None if blocked is None else list(blocked)
    count = max(len(c) for c in (*columns, places) if c is not None)
    quiet = (100.0 * MI, 50.0 * MI, 60.0 * MI, 40.0)
    values = [[quiet[i]] * count if c is None else c for i, c in enumerate(columns)]
    return SampleSeries(
        1.0,
        [
            Sample(
                at=T0 + i,
                held=values[0][i],
                live=values[1][i],
                heap_inuse=values[2][i],
                sys=values[0][i],
                goroutines=values[3][i],
                blocked=places[i] if places is not None else {},
            )
            for i in range(count)
        ],
    )


def percent(values: Iterable[float]) -> list[float]:
    """Percent of the limit, as bytes."""
    return [LIMIT * value / 100 for value in values]


def indexes(alarms: Sequence[Alarm]) -> list[int]:
    return [alarm.index for alarm in alarms]
