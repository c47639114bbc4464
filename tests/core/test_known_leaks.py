"""A leak is called by its issue only where version and symptom both fit."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakwarden.api.words import Family, FindingType, WaitKind
from leakwarden.core.findings import Finding
from leakwarden.core.gopls_info import GoplsContext
from leakwarden.core.known_leaks import KnownLeak, known_leak, known_leaks, version_of
from leakwarden.core.readings import Site
from leakwarden.core.reduce import heap_from_bytes
from leakwarden.core.report.message import finding_message
from tests.core.decide.fleets import leak

GOPLS = Path(__file__).parents[1] / "recordings" / "gopls"
OLD, NEW = "golang.org/x/tools/internal/lsp/cache", "golang.org/x/tools/gopls/internal/lsp/cache"


def of_gopls(version: str, function: str, **changes: Any) -> Finding:
    return leak(function, gopls=GoplsContext(version=version), **changes)


MATCHES = [
    # Which leak it is hangs on the version, to the prerelease.
    ("v0.3.0", f"{OLD}.typeCheck", "golang/go#36943"),
    ("v0.3.0-pre2", f"{OLD}.parseGo", "golang/go#36943"),
    ("v0.3.1-pre1", f"{OLD}.parseGo", None),
    ("v0.5.3", f"{OLD}.parseGo", None),
    ("v0.6.11", f"{OLD}.parseGo", "golang/go#53780"),
    ("v0.9.1", f"{OLD}.doTypeCheck", "golang/go#53780"),
    ("v0.9.2", f"{OLD}.doTypeCheck", None),
    ("v0.9.1", f"{OLD}.parseGoImpl", None),
    ("v0.9.2-pre.1", f"{OLD}.parseGoImpl", "golang/go#57222"),
    ("v0.9.5", f"{OLD}.parseGoImpl", "golang/go#57222"),
    ("v0.10.1", f"{NEW}.parseGoImpl", "golang/go#57222"),
    ("v0.11.0-pre.1", f"{NEW}.parseGoImpl", "golang/go#57222"),
    ("v0.11.0-pre.2", f"{NEW}.parseGoImpl", None),
    ("v0.11.0", f"{NEW}.parseGoImpl", None),
    ("v0.12.2", "golang.org/x/tools/internal/facts.(*Decoder).Decode", "golang/go#60621"),
    ("v0.12.3", "golang.org/x/tools/internal/facts.(*Decoder).Decode", None),
    ("v0.11.0", "golang.org/x/tools/internal/facts.(*Decoder).Decode", None),
    # Another place than that which it makes grow.
    ("v0.10.1", f"{NEW}.parseGoImplementation", None),
    ("v0.10.1", "main.parseGoImpl", None),
    ("v0.10.1", f"{NEW}.(*snapshot).ReadFile", None),
    # What cannot be placed between releases is no match.
    ("", f"{NEW}.parseGoImpl", None),
    ("(devel)", f"{NEW}.parseGoImpl", None),
    ("v0.9.2-0.20220711120000-0123456789ab", f"{OLD}.parseGoImpl", None),
    ("v0.10.2-0.20221101120000-0123456789ab", f"{NEW}.parseGoImpl", None),
    ("v0.0.0-20221101120000-0123456789ab", f"{NEW}.parseGoImpl", None),
    # The two that are reproduced in gopls v0.22.0 have no issue of theirs.
    ("v0.22.0", "golang.org/x/tools/gopls/internal/cache.readFile", None),
    ("v0.22.0", "golang.org/x/tools/gopls/internal/protocol.Handlers.AsyncHandler.func2.2", None),
]


@pytest.mark.parametrize(("version", "function", "issue"), MATCHES)
def test_a_leak_is_known_where_version_and_place_fit(version: str, function: str, issue: str | None) -> None:
    found = known_leak(of_gopls(version, function))
    assert (found.issue if found else None) == issue


def test_a_leak_of_another_family_is_not_that_one() -> None:
    assert known_leak(of_gopls("v0.10.1", f"{NEW}.parseGoImpl", family=Family.GOROUTINE)) is None


def test_pressure_is_no_known_leak() -> None:
    assert known_leak(of_gopls("v0.10.1", f"{NEW}.parseGoImpl", type=FindingType.PRESSURE)) is None


def test_growth_that_no_place_explains_is_no_known_leak() -> None:
    assert known_leak(of_gopls("v0.10.1", "main.keep", site=None)) is None


def test_a_process_that_is_not_gopls_has_no_leak_of_gopls() -> None:
    assert known_leak(leak(f"{NEW}.parseGoImpl")) is None


def test_goroutines_must_wait_for_what_the_table_says() -> None:
    row = KnownLeak.model_validate(
        {
            "issue": "golang/go#1", "what": "x", "from": "v0.1.0", "fixed": "v0.2.0", "family": "goroutine",
            "functions": ["a/b.*"], "waits": ["chan send"], "sources": ["x", "y"],
        }
    )  # fmt: skip
    stuck = leak("a/b.send", family=Family.GOROUTINE, wait=WaitKind.CHAN_SEND)
    assert row.explains(stuck)
    assert not row.explains(leak("a/b.send", family=Family.GOROUTINE, wait=WaitKind.SELECT))
    assert not row.explains(leak("a/bc.send", family=Family.GOROUTINE, wait=WaitKind.CHAN_SEND))


def test_the_fix_of_a_known_leak_is_the_release_that_ended_it() -> None:
    site = Site(f"{NEW}.parseGoImpl", "parse.go", 128, "go/parser.ParseFile")
    message = finding_message(of_gopls("v0.10.1", f"{NEW}.parseGoImpl", site=site))
    assert message.endswith(
        "Fix: upgrade gopls to v0.11.0 or newer: this is golang/go#57222 "
        "(parsed files of earlier versions are kept after each edit)."
    )


def test_the_place_that_grows_in_a_real_gopls_with_a_known_leak_is_in_the_table() -> None:
    """gopls v0.10.1 after some hundred edits of one document."""
    heap = heap_from_bytes((GOPLS / "v0.10.1" / "heap.pb.gz").read_bytes(), 1 << 24)
    largest = max(heap.sites.values(), key=lambda use: use.inuse_bytes)
    found = known_leak(of_gopls("v0.10.1", largest.site.function))
    assert found is not None and found.issue == "golang/go#57222"
    assert largest.inuse_bytes > heap.live_bytes / 2


def test_each_row_of_the_table_leaks_for_a_while_and_shows_its_sources() -> None:
    assert len(known_leaks()) >= 4
    for row in known_leaks():
        assert row.affects(row.since) and not row.affects(row.fixed) and not row.affects(row.upgrade)
        number = row.issue.partition("#")[2]
        assert any(source.endswith(f"/issues/{number}") for source in row.sources), row.issue
        assert all(source.startswith("https://") for source in row.sources)


def test_the_page_lists_the_table() -> None:
    page = (Path(__file__).parents[2] / "docs" / "gopls.md").read_text()
    rows = re.findall(r"^\| (golang/\S+) \| (\S+) \| (\S+) \| ([^|]+) \|", page, re.MULTILINE)
    assert rows == [(row.issue, row.since, row.fixed, row.what) for row in known_leaks()]


@pytest.mark.parametrize("wrong", [{"fixed": "soon"}, {"functions": []}, {"sources": []}, {"sinc": "v0.1.0"}])
def test_a_row_that_is_wrong_is_refused(wrong: dict[str, Any]) -> None:
    row = known_leaks()[0].model_dump(by_alias=True) | wrong
    with pytest.raises(ValueError, match=next(iter(wrong))):
        KnownLeak.model_validate(row)


IN_ORDER = [
    "v0.9.1", "v0.9.2-1", "v0.9.2-pre", "v0.9.2-pre.1", "v0.9.2-pre.2", "v0.9.2-pre.10", "v0.9.2-pre1", "v0.9.2",
    "v0.10.0-pre.1", "v0.10.0", "v1.0.0",
]  # fmt: skip
"""By semver.org, precedence."""


def test_versions_are_ordered_as_semver_orders_them() -> None:
    versions = [version_of(text) for text in IN_ORDER]
    assert None not in versions
    assert versions == sorted(versions)  # type: ignore[type-var]
    assert version_of("v0.9.2+dirty") == version_of("v0.9.2")


@given(st.text(max_size=40))
def test_no_text_makes_a_version_raise(text: str) -> None:
    found = version_of(text)
    assert found is None or text.startswith("v")
