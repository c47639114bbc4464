"""Fields that every log record carries while something is being done for one policy or pod."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_fields: ContextVar[Mapping[str, str]] = ContextVar("log_fields")


@contextmanager
def log_fields(**fields: str) -> Iterator[None]:
    """Every record logged inside carries these."""
    token = _fields.set({**current_fields(), **fields})
    try:
        yield
    finally:
        _fields.reset(token)


def current_fields() -> Mapping[str, str]:
    return _fields.get({})
