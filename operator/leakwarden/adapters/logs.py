"""JSON logs on stderr: one object a line, with policy, namespace, pod and endpoint as fields where they are known."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping

from pythonjsonlogger.json import JsonFormatter


class _ContextFilter(logging.Filter):
    def __init__(self, context: Callable[[], Mapping[str, str]]) -> None:
        super().__init__()
        self._context = context

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in self._context().items():
            setattr(record, name, value)
        return True


def configure_logging(level: str, context: Callable[[], Mapping[str, str]]) -> None:
    """Replace the root handlers; `context` gives the fields of the moment.

    kopf's own chatter is kept at WARNING: its news about a policy is our status.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter(
            "{asctime}{levelname}{name}{message}",
            style="{",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
        )
    )
    handler.addFilter(_ContextFilter(context))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("kopf", "aiohttp.access", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
