"""What is known of a gopls: who it says it is on the `/info` page of its debug server (internal/debug/info.go), and
what it does."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from leakwarden.core.gopls_pages import MAX_PAGE, GoplsState

TOOLS = "golang.org/x/tools/"
PACKAGE = f"{TOOLS}gopls"

_FLAGS = re.MULTILINE | re.ASCII
_TAG = re.compile(r"<[^<>\n]*>")
"""Nothing that opens in a tag is part of one: else a page of nothing but `<` would take minutes."""
_ENTITY = re.compile(r"&#?\w{1,8};", re.ASCII)
"""`&#43;` for the plus of a time zone, and the like."""
_PID = re.compile(r"^pid: (\d{1,9})$", _FLAGS)
_START = re.compile(r"^Start time: (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d{1,9})? ([+-]\d{4})", _FLAGS)
_VERSION = re.compile(rf"^({re.escape(PACKAGE)} v[\w.+-]{{1,60}})$", _FLAGS)
_GO = re.compile(r"^go: (go[\w.+-]{1,40})$", _FLAGS)


@dataclass(frozen=True, slots=True)
class GoplsInfo:
    """Zeros and empty strings are unknown. `started_at` in unix seconds."""

    pid: int = 0
    started_at: float = 0.0
    version: str = ""
    """As on the page, `golang.org/x/tools/gopls v0.22.0`."""
    go_version: str = ""
    state: GoplsState | None = None
    """What it does, where its other pages were read."""

    @property
    def told(self) -> bool:
        """Whether a gopls answered at all."""
        return bool(self.pid or self.version)


UNSEEN = 8
"""Readings after which what a gopls does is not known any more; its pages are looked at with every fifth at least."""


@dataclass(frozen=True, slots=True)
class GoplsContext:
    """What was last known of a gopls, from one look or several. Times are unix seconds."""

    version: str = ""
    """`v0.22.0`; empty unknown, as of a gopls that was built from a checkout."""
    go_version: str = ""
    state: GoplsState | None = None
    """None: its pages never told."""
    missed: int = 0
    """Readings since they told `state`, a gap counting as UNSEEN."""
    edited_at: float | None = None
    """The newest look that found other contents in the open documents than the look before."""
    before: GoplsState | None = None
    """Of a finding: documents, cached files and memoized results around its onset; the rest is unknown."""


def looks_like_gopls(functions: Iterable[str]) -> bool:
    """Whether any function of a profile is gopls's own."""
    return any(function.startswith(PACKAGE) for function in functions)


def of_gopls(context: GoplsContext | None, function: str) -> bool:
    """Whether a function is gopls's own code: of another program golang.org/x/tools may be a library."""
    return function.startswith(f"{PACKAGE}/") or (context is not None and function.startswith(TOOLS))


def parse_info(page: bytes) -> GoplsInfo:
    """What the page tells; never raises, since the page is a courtesy of the process and no contract."""
    text = _TAG.sub("", page[:MAX_PAGE].decode("utf-8", "replace"))
    text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    pid, version, go_version = _PID.search(text), _VERSION.search(text), _GO.search(text)
    return GoplsInfo(
        pid=int(pid[1]) if pid else 0,
        started_at=_start_time(text),
        version=version[1] if version else "",
        go_version=go_version[1] if go_version else "",
    )


def _start_time(text: str) -> float:
    match = _START.search(text)
    if not match:
        return 0.0
    sign = -1 if match[3][0] == "-" else 1
    offset = sign * timedelta(hours=int(match[3][1:3]), minutes=int(match[3][3:5]))
    try:
        zone = timezone(offset) if offset else UTC
        moment = datetime.strptime(match[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=zone)
        return moment.timestamp() + float(match[2] or 0)
    except ValueError:
        return 0.0
