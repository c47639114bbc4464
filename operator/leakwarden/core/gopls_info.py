"""Who a gopls process says it is, from the `/info` page of its debug server (gopls v0.22: internal/debug/info.go)."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

MAX_PAGE = 256 << 10
"""Bytes; the page lists gopls's modules and is a few KB."""
PACKAGE = "golang.org/x/tools/gopls"

_PID = re.compile(r"^pid: (\d{1,9})$", re.MULTILINE)
_START = re.compile(r"^Start time: (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d{1,9})? ([+-]\d{4})", re.MULTILINE)
_VERSION = re.compile(rf"^({re.escape(PACKAGE)} v[\w.+-]{{1,60}})$", re.MULTILINE)
_GO = re.compile(r"^go: (go[\w.+-]{1,40})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class GoplsInfo:
    """Zeros and empty strings are unknown. `started_at` in unix seconds."""

    pid: int = 0
    started_at: float = 0.0
    version: str = ""
    go_version: str = ""


def looks_like_gopls(functions: Iterable[str]) -> bool:
    """Whether any function of a profile is gopls's own."""
    return any(function.startswith(PACKAGE) for function in functions)


def parse_info(page: bytes) -> GoplsInfo:
    """What the page tells; never raises, since the page is a courtesy of the process and no contract."""
    text = html.unescape(re.sub(r"<[^>\n]*>", "", page[:MAX_PAGE].decode("utf-8", "replace")))
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
