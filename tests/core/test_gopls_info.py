"""gopls's own page tells the process, and nothing that it says can hurt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakwarden.core.gopls_info import GoplsInfo, looks_like_gopls, parse_info
from leakwarden.core.gopls_pages import MAX_PAGE

PAGE = b"""<!DOCTYPE html><html><head><title>gopls server information</title></head><body>
<h3>server instance</h3>
<pre>
Start time: 2026-11-23 14:59:44.25 +0200 CEST m=+0.004
LogFile: /tmp/gopls.log
pid: 4711
Working directory: /home/dev
</pre>
<h3>Build info</h3>
<pre>
golang.org/x/tools/gopls v0.22.0
    golang.org/x/tools/gopls@v0.22.0 h1:abc=
    <a href="https://pkg.go.dev/golang.org/x/mod@v0.35.0">golang.org/x/mod@v0.35.0</a>
go: go1.26.8
</pre>
</body></html>"""


def test_process_id_start_and_versions_are_read() -> None:
    assert parse_info(PAGE) == GoplsInfo(4711, 1795438784.25, "golang.org/x/tools/gopls v0.22.0", "go1.26.8")


@pytest.mark.parametrize(
    ("zone", "started_at"), [("+0000", 1795438784.0), ("+0530", 1795418984.0), ("-0330", 1795451384.0)]
)
def test_the_start_is_read_in_its_own_time_zone(zone: str, started_at: float) -> None:
    assert parse_info(f"Start time: 2026-11-23 12:59:44 {zone} XYZ".encode()).started_at == started_at


@pytest.mark.parametrize(
    "page",
    [
        b"",
        b"404 page not found",
        b"pid: many",
        b"Start time: 2026-99-99 12:00:00 +0000",
        b"\xff\xfe",
        b"pid: 1234567890123",
        "pid: ٣٤\ngo: goٱ".encode(),
        b"&#" + b"1" * 5000 + b";",
        b"<" * MAX_PAGE,
        b"&#" * (MAX_PAGE // 2),
    ],
)
def test_what_is_missing_or_nonsense_is_unknown(page: bytes) -> None:
    assert parse_info(page) == GoplsInfo()


@given(st.binary(max_size=300))
def test_no_page_makes_it_raise(page: bytes) -> None:
    assert parse_info(b"pid: " + page + b"\nStart time: " + page).pid >= 0


def test_what_is_escaped_in_a_page_is_read_as_it_was_meant() -> None:
    page = b"pid&#58; 4711\nStart time: 2026-11-23 12:59:44 &#43;0000 UTC\ngo: go1.26&#x2e;8\n"
    assert parse_info(page) == GoplsInfo(4711, 1795438784.0, "", "go1.26.8")


def test_gopls_is_known_by_its_functions() -> None:
    assert looks_like_gopls(["main.main", "golang.org/x/tools/gopls/internal/cache.init"])
    assert not looks_like_gopls(["main.main", "golang.org/x/tools/internal/event.x"])
