"""What a gopls does, told from the pages of its debug server: sessions, open documents, cached files.

The pages are made for people and are no contract (`internal/debug/serve.go`; those of v0.10, v0.22 and v0.24 are among
the tests). What is not there, or not as it is known, is unknown; nothing here raises. Only counts leave this module:
a session's page also shows paths and settings, which nobody has to know.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

MAIN = "/"
MAX_PAGE = 256 << 10
"""Bytes of one page: a few KB, and 150 more for each open document."""
MAX_CACHES = 4
MAX_SESSIONS = 8
"""Pages of one kind that are read; a gopls has one cache, and a session for each editor."""

_HEADING = re.compile(r"<h2>([^<>]{1,80})</h2>")
_CACHE = re.compile(r'href="/cache/([0-9]{1,9})"')
_SESSION = re.compile(r'href="/session/([0-9]{1,9})"')
"""No digits of other scripts: the ids go into requests."""
_SERVER = re.compile(r'href="/server/')
_OVERLAY = re.compile(r'href="/file/[^"/]{1,80}/([^"/]{1,160})"')
_VIEW = re.compile(r'ID: <b>|href="/view/')
_ITEM = re.compile(r"<li>")
_LINK = re.compile(r"<a\b")
_ENTRIES = re.compile(r"<li>[^<>]{1,300} - (\d{1,12})</li>")


@dataclass(frozen=True, slots=True)
class GoplsState:
    """What is open and kept in one gopls at one moment. None: its pages do not tell."""

    sessions: int | None = None
    """Editors that are connected."""
    views: int | None = None
    """Workspaces that are loaded."""
    documents: int | None = None
    """Files open in editors (overlays). gopls does not say which of them are saved. At least so many, where not every
    session could be read, or has loaded its workspace."""
    cached_files: int | None = None
    """Files whose contents it keeps, open or not."""
    largest_file: int | None = None
    """Bytes of the largest of them."""
    memoized: int | None = None
    """Results that it keeps to not compute them again; up to v0.11 parsed files and checked packages are among them."""
    fingerprint: str = ""
    """A short hash of the contents of the open documents: another one means that somebody works."""


@dataclass(frozen=True, slots=True)
class MainPage:
    """Which caches and sessions there are, by their ids; None: the page does not tell."""

    caches: tuple[str, ...] | None
    sessions: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class CachePage:
    memoized: int | None = None
    files: int | None = None
    largest: int | None = None


@dataclass(frozen=True, slots=True)
class SessionPage:
    views: int | None = None
    contents: tuple[str, ...] | None = None
    """A hash for each open document."""


def parse_main(page: bytes) -> MainPage:
    """The page at `/`. A gopls that only forwards to another names that one and has no sessions: what is open
    is then unknown, not nothing."""
    sections = _sections(page)
    sessions = _ids(_SESSION, sections.get("Sessions"))
    forwards = _SERVER.search(sections.get("Servers", "")) is not None
    return MainPage(_ids(_CACHE, sections.get("Caches")), None if forwards and not sessions else sessions)


def parse_cache(page: bytes) -> CachePage:
    """The page at `/cache/N`."""
    sections = _sections(page)
    stats = sections.get("File stats", "")
    return CachePage(_entries(sections.get("memoize.Store entries")), _stat(stats, "Total"), _stat(stats, "Largest"))


def parse_session(page: bytes) -> SessionPage:
    """The page at `/session/N`."""
    sections = _sections(page)
    views, overlays = sections.get("Views"), sections.get("Overlays")
    return SessionPage(
        None if views is None else _views(views),
        None if overlays is None else _contents(overlays),
    )


def state_of(main: MainPage, caches: Sequence[CachePage], sessions: Sequence[SessionPage]) -> GoplsState:
    """All pages as one; those that were not read are missing from `caches` and `sessions`."""
    every_cache = main.caches is not None and len(caches) == len(main.caches)
    every_session = main.sessions is not None and len(sessions) == len(main.sessions)
    contents = [content for page in sessions for content in page.contents or ()]
    all_told = every_session and all(_tells_what_is_open(page) for page in sessions)
    return GoplsState(
        sessions=None if main.sessions is None else len(main.sessions),
        views=_sum((page.views for page in sessions), every_session),
        documents=len(contents) if contents or all_told else None,
        cached_files=_sum((page.files for page in caches), every_cache),
        largest_file=_largest((page.largest for page in caches), every_cache),
        memoized=_sum((page.memoized for page in caches), every_cache),
        fingerprint=sha256("\n".join(sorted(contents)).encode()).hexdigest()[:16] if contents else "",
    )


def _tells_what_is_open(page: SessionPage) -> bool:
    """Not before a workspace is loaded: until then what the editor has opened waits in a queue, perhaps for good."""
    return page.contents is not None and bool(page.contents or page.views)


def _sections(page: bytes) -> Mapping[str, str]:
    """What stands below each second heading, by its text; nothing of a page that was cut off or broke midway."""
    text = page[:MAX_PAGE].decode("utf-8", "replace").rstrip()
    if not text.endswith("</html>"):
        return {}
    parts = _HEADING.split(text)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _ids(link: re.Pattern[str], section: str | None) -> tuple[str, ...] | None:
    """Each once, in the order of the page; None where there is something else than such links."""
    if section is None:
        return None
    ids = tuple(dict.fromkeys(link.findall(section)))
    return ids if ids or not (_ITEM.search(section) or _LINK.search(section)) else None


def _views(section: str) -> int | None:
    """Below a view there may be lists of its settings, so that items do not count."""
    count = len(_VIEW.findall(section))
    return count if count or not _ITEM.search(section) else None


def _contents(section: str) -> tuple[str, ...] | None:
    """Two documents may have the same contents: each link counts. None where an item is no such link."""
    contents = tuple(_OVERLAY.findall(section))
    return contents if len(contents) == len(_ITEM.findall(section)) == len(_LINK.findall(section)) else None


def _entries(section: str | None) -> int | None:
    if section is None:
        return None
    counts = _ENTRIES.findall(section)
    return sum(map(int, counts)) if len(counts) == len(_ITEM.findall(section)) else None


def _stat(section: str, name: str) -> int | None:
    match = re.search(rf"{name}: <b>(\d{{1,15}})</b>", section)
    return int(match[1]) if match else None


def _sum(counts: Iterable[int | None], complete: bool) -> int | None:
    known = [*counts]
    told = [count for count in known if count is not None]
    return sum(told) if complete and len(told) == len(known) else None


def _largest(sizes: Iterable[int | None], complete: bool) -> int | None:
    told = [size for size in sizes if size is not None]
    return max(told) if complete and told else None
