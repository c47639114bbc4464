"""Waiting for what must come to be: a condition with a deadline, never a sleep for luck."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class NotYet(AssertionError):
    """Raised by a check that does not hold yet; its text says what is missing."""


def eventually(
    check: Callable[[], T], deadline: float, every: float = 1.0, explain: Callable[[], str] | None = None
) -> T:
    """What `check` returns, as soon as it raises no AssertionError, within `deadline` seconds.

    The last AssertionError is the failure; `explain` then adds what a person would look at next.
    """
    end = time.monotonic() + deadline
    while True:
        try:
            return check()
        except AssertionError as error:
            if time.monotonic() >= end:
                context = f"\n\n{explain()}" if explain else ""
                raise AssertionError(f"not within {deadline:g} s: {error}{context}") from error
        time.sleep(every)


def always(check: Callable[[], None], during: float, every: float = 0.5) -> None:
    """`check` holds each time that it is asked, for `during` seconds."""
    end = time.monotonic() + during
    while time.monotonic() < end:
        check()
        time.sleep(every)
