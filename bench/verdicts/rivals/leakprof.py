"""LeakProf: many goroutines blocked at one place in one profile.

Source: G.-V. Saioc, D. Shirchenko, M. Chabbi, "Unveiling and Vanquishing Goroutine Leaks in Enterprise Microservices",
CGO 2024 (arXiv 2312.12002), and Uber's blog post of November 2022: a place is suspicious where at least 10,000
goroutines of one instance are blocked there. It looks at channel operations: send, receive, select. There is no time in
it. Their filter of selects that surely end (timers, contexts) needs the source code and is left out.
"""

from __future__ import annotations

from bench.verdicts.series import Alarm, SampleSeries

THRESHOLD = 10_000
SCALED = 500
"""For programs as small as the benchmark's."""
CHANNEL = ("[chan send]", "[chan receive]", "[select]")


def leakprof(series: SampleSeries, threshold: int = THRESHOLD) -> list[Alarm]:
    """At every sample with a place that has so many. A place is a function and a wait; theirs is a line."""
    found = []
    for index, sample in enumerate(series.samples):
        counts = {place: n for place, n in sample.blocked.items() if place.endswith(CHANNEL)}
        place = max(counts, key=lambda p: (counts[p], p), default="")
        if place and counts[place] >= threshold:
            found.append(Alarm(index, f"{counts[place]} blocked at {place}"))
    return found
