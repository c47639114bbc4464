"""Fixed thresholds: what most teams have.

Source: the article that the project began with. Its table of thresholds says HeapInuse over 1.5 GB and goroutines over
1,000; its Prometheus rule says `go_memstats_heap_inuse_bytes` over 800 MB for 5 minutes. GB and MB are decimal there.
"""

from __future__ import annotations

from bench.verdicts.series import PRODUCTION, Alarm, SampleSeries

HEAP_INUSE = 1.5e9
GOROUTINES = 1000
ALERT = 800e6
ALERT_FOR = 5.0
"""Minutes; an interval counts as `PRODUCTION` seconds, so that it is 10 intervals."""


def article_table(series: SampleSeries) -> list[Alarm]:
    """At every sample above one of the two thresholds."""
    found = []
    for index, sample in enumerate(series.samples):
        if sample.heap_inuse is not None and sample.heap_inuse > HEAP_INUSE:
            found.append(Alarm(index, f"HeapInuse {sample.heap_inuse / 1e6:.0f} MB"))
        elif sample.goroutines is not None and sample.goroutines > GOROUTINES:
            found.append(Alarm(index, f"{sample.goroutines:.0f} goroutines"))
    return found


def heap_alert(series: SampleSeries) -> list[Alarm]:
    """At every sample where HeapInuse has been above 800 MB for 5 minutes; one without memstats changes nothing."""
    found: list[Alarm] = []
    since: float | None = None
    for index, sample in enumerate(series.samples):
        if sample.heap_inuse is None:
            continue
        if sample.heap_inuse <= ALERT:
            since = None
            continue
        since = sample.at if since is None else since
        if (sample.at - since) / series.interval * PRODUCTION / 60 >= ALERT_FOR * (1 - 1e-9):
            found.append(Alarm(index, f"HeapInuse {sample.heap_inuse / 1e6:.0f} MB for {ALERT_FOR:.0f} min"))
    return found
