"""The files of `leakwarden gate`, where they meet a file system."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from leakwarden.cli.gate_reports import Reports
from leakwarden.core.gate.values import Kind, Outcome
from tests.core.gate.made import FLAT, MEMORY, STEADY, check, report


def uri(root: Path, file: str) -> str:
    """Where the SARIF file says that a place in `file` is."""
    (grower,) = MEMORY.checks[0].growers
    grown = replace(grower, site=replace(grower.site, file=file))
    found = report(check(Kind.HEAP, Outcome.LEAK, STEADY, grown), check(Kind.GOROUTINES, Outcome.PASSED, FLAT))
    written = root / "out.sarif"
    Reports(None, written, None, root).write(found)
    (result,) = json.loads(written.read_text())["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert isinstance(place, str)
    return place


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A checkout, and a link to it beside it."""
    (tmp_path / "checkout" / "app").mkdir(parents=True)
    (tmp_path / "checkout" / "app" / "go.mod").touch()
    (tmp_path / "checkout" / "app" / "store.go").touch()
    (tmp_path / "link").symlink_to(tmp_path / "checkout")
    return tmp_path


@pytest.mark.parametrize("root", ["checkout", "link"])
@pytest.mark.parametrize("built", ["checkout", "link"])
def test_a_file_is_found_by_whichever_way_the_build_and_the_gate_came_to_it(
    repository: Path, root: str, built: str
) -> None:
    assert uri(repository / root, str(repository / built / "app" / "store.go")) == "app/store.go"


@pytest.mark.parametrize("file", ["/usr/local/go/src/net/http/transport.go", "", "/\0", "/\udfff.go"])
@pytest.mark.parametrize(("here", "module"), [("app", "app/go.mod"), (".", "go.mod")])
def test_a_place_outside_of_the_repository_is_shown_at_the_nearest_module(
    repository: Path, monkeypatch: pytest.MonkeyPatch, file: str, here: str, module: str
) -> None:
    monkeypatch.chdir(repository / "checkout" / here)
    assert uri(repository / "checkout", file) == module


def test_elsewhere_than_in_the_repository_it_is_that_at_its_root(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    assert uri(repository / "checkout" / "app", "/gone.go") == "go.mod"
