"""Other people's rules for telling that a Go process leaks, as pure functions over one recording.

Each module names its source and keeps its defaults; where a default is in minutes or hours, its docstring says what an
interval of a recording stands for. None of this is used by the product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.verdicts.rivals.coroot import coroot
from bench.verdicts.rivals.holmes import holmes
from bench.verdicts.rivals.leakprof import SCALED, leakprof
from bench.verdicts.rivals.mann_kendall import mann_kendall
from bench.verdicts.rivals.precog import precog
from bench.verdicts.rivals.thresholds import article_table, heap_alert
from bench.verdicts.series import Alarm, SampleSeries


@dataclass(frozen=True, slots=True)
class Rival:
    """A detector: its name in tables, where its rule stands, and the rule."""

    name: str
    source: str
    alarms: Callable[[SampleSeries], Sequence[Alarm]]


RIVALS: tuple[Rival, ...] = (
    Rival("thresholds", "HeapInuse over 1.5 GB or more than 1,000 goroutines: the article's table", article_table),
    Rival("heap alert", "HeapInuse over 800 MB for 5 minutes: the article's Prometheus alert", heap_alert),
    Rival("LeakProf", "10,000 goroutines blocked at one place (Saioc et al., CGO 2024)", leakprof),
    Rival(
        f"LeakProf at {SCALED}",
        f"the same at {SCALED} goroutines",
        lambda series: leakprof(series, SCALED),
    ),
    Rival("holmes", "25 % above the mean of the last 10 samples (mosn/holmes, util.go and consts.go)", holmes),
    Rival("Coroot", "10 % an hour by least squares, not slowing down (coroot/coroot, auditor/memory.go)", coroot),
    Rival("Precog", "a straight line that meets the limit soon (Jindal et al., ICSOC 2020 workshops)", precog),
    Rival("Mann-Kendall", "any upward trend at 95 % (Mann 1945, Kendall 1975)", mann_kendall),
)
