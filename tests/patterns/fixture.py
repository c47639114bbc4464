"""Running one small Go program of tests/fixtures/patterns through the real sampler and the real fold.

The program does nothing by itself: each step lets some events pass in it, and a sample is taken. The fold is told that
30 s lie between two samples, so that 20 minutes of policy take a second or two and nobody sleeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aiohttp import ClientSession

from leakwarden.adapters.decode_pool import DecodePool
from leakwarden.adapters.pod_ip import PodIPDialer
from leakwarden.adapters.sampler import PodSampler
from leakwarden.api.words import Severity, Signal, Transport
from leakwarden.core import judge
from leakwarden.core.judge import Judgement
from leakwarden.core.parts import ROUTINE
from leakwarden.core.readings import Attempt, ProcessIdentity, Reading
from leakwarden.core.rules import Growth, Rule, RuleSet
from tests.adapters.servers import go_process, target

INTERVAL = 30.0
START = 1_700_000_000.0
WINDOW = 20 * INTERVAL
MIB = 1024.0 * 1024

RULES = RuleSet(
    (
        Rule("live-heap", Signal.LIVE_HEAP, None, Growth(3 * MIB, WINDOW), 2 * INTERVAL, Severity.CRITICAL),
        Rule("site-bytes", Signal.SITE_BYTES, None, Growth(2 * MIB, WINDOW), 2 * INTERVAL, Severity.CRITICAL),
        Rule("goroutines", Signal.GOROUTINES, None, Growth(15, WINDOW), 2 * INTERVAL, Severity.WARNING),
        Rule("map-entries", Signal.MAP_ENTRIES, None, Growth(5000, WINDOW), 2 * INTERVAL, Severity.WARNING),
        Rule("blocked", Signal.BLOCKED_GOROUTINES, None, Growth(15, WINDOW), 2 * INTERVAL, Severity.CRITICAL),
    ),
    grace=0.0,
)
"""The kinds of the built-in rules, for leaks of megabytes."""


@dataclass(frozen=True, slots=True)
class Fixture:
    """`leak` as the program calls it; `events` a step, so many that the leak shows within the steps."""

    leak: str
    events: int
    steps: int = 45


async def run(program: Path, fixture: Fixture, *, fixed: bool) -> Judgement:
    """What is known of the program at the end."""
    state = judge.start(RULES)
    pool = DecodePool(1)
    sampler = PodSampler({Transport.POD_IP: PodIPDialer()}, pool)
    judgement: Judgement | None = None
    args = ("-leak", fixture.leak, *(["-fixed"] if fixed else []))
    try:
        async with go_process(program, *args) as port, ClientSession(f"http://127.0.0.1:{port}") as session:
            for step in range(fixture.steps):
                async with session.post("/advance", params={"events": fixture.events}) as answer:
                    assert answer.status == 200, await answer.text()
                result = await sampler.sample(target(port), ROUTINE)
                assert isinstance(result.outcome, Reading), result.outcome
                attempt = Attempt(START + step * INTERVAL, result.outcome, ProcessIdentity("pod"), INTERVAL)
                judgement = judge.step(state, attempt, RULES)
                state = judgement.state
    finally:
        await sampler.close()
        pool.close()
    assert judgement is not None
    return judgement


FIXTURES_BY_PATTERN = {
    "blocked-senders": (Fixture("blocked-senders", 10), Fixture("buffered-senders", 10)),
    "blocked-receivers": (Fixture("blocked-receivers", 10),),
    "syntax-cache": (Fixture("ast-cache", 3, 75), Fixture("file-set", 30, 75)),
    "handlers-not-released": (Fixture("handlers", 1500),),
    "watcher-not-closed": (Fixture("watcher", 1),),
    "sync-map-grows": (Fixture("sync-map", 1000),),
    "map-grows": (Fixture("map", 1200, 75),),
    "boxed-values": (Fixture("boxed-values", 1000),),
    "timer-not-stopped": (Fixture("timer", 1500, 75), Fixture("ticker", 100)),
    "body-not-closed": (Fixture("body-not-closed", 8),),
    "context-not-cancelled": (Fixture("context", 800, 75), Fixture("context-goroutine", 10)),
    "goroutine-without-end": (Fixture("goroutine-per-edit", 10), Fixture("goroutine-polling", 10)),
    "lock-not-released": (Fixture("lock", 10), Fixture("read-lock", 10)),
    "wait-group-not-done": (Fixture("wait-group", 10),),
}
"""By the pattern that must be named."""


def all_fixtures() -> list[tuple[str, Fixture]]:
    return sorted(((name, one) for name, some in FIXTURES_BY_PATTERN.items() for one in some), key=lambda p: p[1].leak)
