"""How long each step takes, told to whoever counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

from leakwarden.pipeline.clock import Clock


class Step(StrEnum):
    """The steps after a sample has been read; docs/metrics.md says what each takes in."""

    JUDGE = "judge"
    PLAN = "plan"
    RECORD = "record"
    EVENTS = "events"
    ACT = "act"


class Steps:
    """`took` is called with the step and its seconds when one ends, in whatever way."""

    def __init__(self, clock: Clock, took: Callable[[Step, float], None]) -> None:
        self._clock = clock
        self._took = took

    @contextmanager
    def timed(self, step: Step) -> Iterator[None]:
        started = self._clock.now()
        try:
            yield
        finally:
            self._took(step, self._clock.now() - started)
