"""The pages of real gopls of several versions tell what it does, and no page, however broken, does harm."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakwarden.core.gopls_info import parse_info
from leakwarden.core.gopls_pages import (
    MAX_PAGE,
    CachePage,
    GoplsState,
    MainPage,
    SessionPage,
    parse_cache,
    parse_main,
    parse_session,
    state_of,
)

PAGES = Path(__file__).parents[1] / "recordings" / "gopls"
VERSIONS = {
    "v0.10.1": GoplsState(1, 1, 1, None, None, 120, "f16"),
    "v0.22.0": GoplsState(1, 1, 4, 387, 243953, 1, "0cc"),
    "v0.24.0": GoplsState(1, 1, 4, 411, 243953, 1, "bec"),
}
"""What was on the screen when the pages were recorded; of the fingerprint the first three digits."""


def page(version: str, name: str) -> bytes:
    return (PAGES / version / f"{name}.html").read_bytes()


def read(main: bytes, cache: bytes, session: bytes) -> GoplsState:
    return state_of(parse_main(main), [parse_cache(cache)], [parse_session(session)])


@pytest.mark.parametrize("version", VERSIONS)
def test_the_pages_of_a_real_gopls_tell_what_it_does(version: str) -> None:
    told = read(*(page(version, name) for name in ("main", "cache-1", "session-1")))
    assert len(told.fingerprint) == 16
    assert replace(told, fingerprint=told.fingerprint[:3]) == VERSIONS[version]


@pytest.mark.parametrize("version", VERSIONS)
def test_ids_are_those_that_the_main_page_links_to(version: str) -> None:
    assert parse_main(page(version, "main")) == MainPage(("1",), ("1",))


@pytest.mark.parametrize("version", VERSIONS)
def test_the_info_page_of_each_version_tells_it(version: str) -> None:
    info = parse_info(page(version, "info"))
    assert info.version == f"golang.org/x/tools/gopls {version}"
    assert info.told and info.started_at > 1_700_000_000 and info.go_version.startswith("go1.")


def test_a_document_that_is_edited_changes_the_fingerprint_and_only_that() -> None:
    main, cache, session = (page("v0.22.0", name) for name in ("main", "cache-1", "session-1"))
    before, after = read(main, cache, session), read(main, cache, session.replace(b"/file/1/30", b"/file/1/31"))
    assert before.fingerprint != after.fingerprint
    assert before.documents == after.documents == 4


def test_two_documents_with_the_same_contents_are_two() -> None:
    session = b"<h2>Overlays</h2><ul>" + b'<li><a href="/file/1/ab">x</a></li>' * 2 + b"</ul></html>"
    assert parse_session(session).contents == ("ab", "ab")


def test_a_gopls_that_forwards_to_another_does_not_know_what_is_open() -> None:
    main = (
        b"<h2>Caches</h2><ul></ul><h2>Sessions</h2><ul></ul>"
        b'<h2>Servers</h2><ul><li><a href="/server/9">Server 9</a></li></ul></html>'
    )
    told = state_of(parse_main(main), [], [])
    assert (told.sessions, told.views, told.documents) == (None, None, None)


def test_a_gopls_without_editors_has_nothing_open() -> None:
    main = b"<h2>Caches</h2><ul></ul><h2>Sessions</h2><ul></ul><h2>Servers</h2><ul></ul></html>"
    assert state_of(parse_main(main), [], []) == GoplsState(
        sessions=0, views=0, documents=0, cached_files=0, memoized=0
    )


def test_before_a_workspace_is_loaded_what_the_editor_has_opened_is_unknown_and_not_nothing() -> None:
    """As in a gopls that waits for an answer about its configuration: it has not come to what was opened."""
    told = state_of(MainPage((), ("1",)), [], [parse_session(page("v0.22.0", "session-waiting"))])
    assert (told.sessions, told.views, told.documents) == (1, 0, None)
    assert state_of(MainPage((), ("1",)), [], [SessionPage(1, ())]).documents == 0
    assert state_of(MainPage((), ("1",)), [], [SessionPage(0, ("ab",))]).documents == 1


def test_sessions_that_were_not_read_leave_it_at_least_so_many_documents_or_unknown() -> None:
    main = MainPage(("1",), ("1", "2"))
    assert state_of(main, [], [SessionPage(1, ("ab",))]).documents == 1
    assert state_of(main, [], [SessionPage(1, ())]).documents is None
    assert state_of(main, [], [SessionPage(1, ())]).views is None


CHANGED = [
    pytest.param(parse_main, b"<h2>Sessions</h2><li>a new kind of row</li></html>", MainPage(None, None), id="rows"),
    pytest.param(parse_main, b'<h2>Sessions</h2><a href="/session/1">', MainPage(None, None), id="cut off"),
    pytest.param(parse_main, b'<h2>Sessions</h2><a href="/session/../gc"></html>', MainPage(None, None), id="path"),
    pytest.param(parse_session, b"<h2>Overlays</h2><li>doc.go</li></html>", SessionPage(), id="no links"),
    pytest.param(parse_session, b"<h2>Views</h2><li>main</li></html>", SessionPage(), id="views"),
    pytest.param(parse_session, b"<h2>Overlays</h2>\n\n\n</html>\nerror: template", SessionPage(), id="broke midway"),
    pytest.param(parse_cache, b"<h2>memoize.Store entries</h2><li>x = 3</li></html>", CachePage(), id="entries"),
    pytest.param(parse_cache, b"<h2>File stats</h2>Total: many</html>", CachePage(), id="stats"),
    pytest.param(parse_cache, b"\xff\xfe</html>", CachePage(), id="no text"),
]


@pytest.mark.parametrize(("parse", "changed", "told"), CHANGED)
def test_a_changed_page_is_unknown_and_never_nothing(parse: object, changed: bytes, told: object) -> None:
    assert parse(changed) == told  # type: ignore[operator]


@given(st.sampled_from(sorted(VERSIONS)), st.randoms(use_true_random=False), st.integers(1, 30))
def test_no_mutation_of_a_page_makes_it_raise_or_count_below_zero(
    version: str, chance: random.Random, hits: int
) -> None:
    told = read(*(mutated(page(version, name), chance, hits) for name in ("main", "cache-1", "session-1")))
    counts = (told.sessions, told.views, told.documents, told.cached_files, told.largest_file, told.memoized)
    assert all(count is None or count >= 0 for count in counts)


def mutated(page: bytes, chance: random.Random, hits: int) -> bytes:
    """Pieces cut out, doubled, and filled with anything."""
    for _ in range(hits):
        at, size = chance.randrange(len(page) + 1), chance.randrange(200)
        middle = chance.choice(
            [b"", page[at : at + size] * 2, chance.randbytes(chance.randrange(20)), b"<h2>", b"<li>"]
        )
        page = page[:at] + middle + page[at + size :]
    return page


@pytest.mark.parametrize("name", ["main", "cache-1", "session-1"])
def test_a_page_cut_off_anywhere_tells_nothing(name: str) -> None:
    whole = page("v0.22.0", name).rstrip()
    for end in range(0, len(whole), 7):
        assert parse_main(whole[:end]) == MainPage(None, None)
        assert parse_cache(whole[:end]) == CachePage()
        assert parse_session(whole[:end]) == SessionPage()


def test_a_page_beyond_the_bound_tells_nothing() -> None:
    assert parse_session(b"<h2>Overlays</h2>" + b" " * MAX_PAGE + b"</html>") == SessionPage()
