"""Mann-Kendall: an upward trend that is unlikely by chance, of any size.

Source: H. B. Mann, "Nonparametric tests against trend", Econometrica 13, 1945; M. G. Kendall, "Rank Correlation
Methods", 1975; the normal approximation with ties as in R. O. Gilbert, "Statistical Methods for Environmental Pollution
Monitoring", 1987, section 16.4. One-sided at 95 %: Z above 1.645, from 10 points on, on the whole series so far. There
is no time in it. The live heap and the number of goroutines are tested, each on its own.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from bench.verdicts.series import Alarm, SampleSeries

Z_95 = 1.645
LEAST_POINTS = 10


def mann_kendall(series: SampleSeries) -> list[Alarm]:
    """At every sample up to which one of the two rises."""
    found: dict[int, str] = {}
    for name, values in (
        ("live heap", [s.live for s in series.samples]),
        ("goroutines", [s.goroutines for s in series.samples]),
    ):
        indexes = [index for index, value in enumerate(values) if value is not None]
        for index, z in zip(indexes, scores([value for value in values if value is not None]), strict=True):
            if z > Z_95:
                found.setdefault(index, f"{name}: Z = {z:.1f}")
    return [Alarm(index, found[index]) for index in sorted(found)]


def scores(values: Sequence[float]) -> Iterator[float]:
    """Z of the values up to each one; 0 while there are fewer than ten."""
    total = 0
    ties: Counter[float] = Counter()
    for n, value in enumerate(values, 1):
        total += sum((value > before) - (value < before) for before in values[: n - 1])
        ties[value] += 1
        yield z_score(total, n, ties) if n >= LEAST_POINTS else 0.0


def z_score(total: int, n: int, ties: Counter[float]) -> float:
    """Z of Kendall's S, with the correction for ties and for continuity; 0 where all values are equal."""
    tied = sum(t * (t - 1) * (2 * t + 5) for t in ties.values())
    variance = (n * (n - 1) * (2 * n + 5) - tied) / 18
    if variance <= 0 or total == 0:
        return 0.0
    return (total - math.copysign(1, total)) / math.sqrt(variance)
