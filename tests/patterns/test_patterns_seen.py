"""Every pattern is named on a small Go program that has it, and on none that was fixed: real profiles, really sampled.

docs/patterns.md has the table of what was seen: `python3 -m tests.patterns.seen` prints it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from leakwarden.api.words import FindingType
from leakwarden.core.findings import Finding
from leakwarden.core.patterns import builtin_patterns, named
from tests.adapters.servers import FIXTURES
from tests.patterns.fixture import FIXTURES_BY_PATTERN, Fixture, all_fixtures, run
from workloads.gobuild import build_binary, build_renamed

MODULE = FIXTURES / "patterns"
RENAMED = {
    "analyse": "mutexLock", "reports": "timeAfterFunc", "parsed": "load", "syntaxTrees": "sleepers",
    "paths": "watchers", "remember": "contextWithCancel", "status": "goParser", "fetches": "chanSend",
    "open": "tick", "onHighlight": "append2", "view": "readLoop", "highlights": "fsnotify2",
    "route": "newTicker", "routes": "waitGroups",
}  # fmt: skip
"""Each by something that points elsewhere."""
UNDER_OTHER_NAMES = ("ast-cache", "blocked-senders", "body-not-closed", "handlers", "map", "sync-map")


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_binary(MODULE, ".", tmp_path_factory.mktemp("patterns") / "patterns")


@pytest.fixture(scope="session")
def renamed_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_renamed(MODULE, RENAMED, tmp_path_factory.mktemp("renamed") / "patterns")


def leaks(findings: tuple[Finding, ...]) -> list[Finding]:
    return [one for one in named(findings, builtin_patterns()) if one.type is FindingType.LEAK]


def names(findings: tuple[Finding, ...]) -> set[str]:
    """Of the patterns of all leaks; one without a pattern is named by its signature."""
    return {one.pattern.name if one.pattern else one.signature for one in leaks(findings)}


async def found_in(program: Path, pattern: str, fixture: Fixture) -> tuple[Finding, ...]:
    """Of a run that names it right; else the worse of two more. A heap profile is a sample, and its sizes decide some
    names: one run in some hundreds has a second name by chance, and what is wrong by more than chance is so again."""
    first = (await run(program, fixture, fixed=False)).findings
    if names(first) == {pattern}:
        return first
    more = [(await run(program, fixture, fixed=False)).findings for _ in range(2)]
    return next((one for one in more if names(one) != {pattern}), more[0])


def test_every_pattern_that_the_issue_of_a_leak_can_have_has_a_program() -> None:
    without = {"file-contents", "whole-buffers"}
    assert set(FIXTURES_BY_PATTERN) == {pattern.name for pattern in builtin_patterns().patterns} - without


@pytest.mark.parametrize(("pattern", "fixture"), all_fixtures(), ids=[f.leak for _, f in all_fixtures()])
async def test_a_leaking_program_is_named_right_and_only_so(program: Path, pattern: str, fixture: Fixture) -> None:
    assert names(await found_in(program, pattern, fixture)) == {pattern}


async def test_entries_of_a_sync_map_are_counted_where_they_are_stored(program: Path) -> None:
    (fixture,) = FIXTURES_BY_PATTERN["sync-map-grows"]
    by_rule = {rule: one for one in (await run(program, fixture, fixed=False)).findings for rule in one.rules}
    assert by_rule["map-entries"].signature == "memory/main.remember"


@pytest.mark.parametrize("fixture", [fixture for _, fixture in all_fixtures()], ids=lambda fixture: fixture.leak)
async def test_nothing_is_named_on_the_fixed_program(program: Path, fixture: Fixture) -> None:
    judgement = await run(program, fixture, fixed=True)
    assert leaks(judgement.findings) == []


@pytest.mark.parametrize(
    ("pattern", "fixture"), [one for one in all_fixtures() if one[1].leak in UNDER_OTHER_NAMES], ids=UNDER_OTHER_NAMES
)
async def test_other_names_in_the_program_change_nothing(
    renamed_program: Path, pattern: str, fixture: Fixture
) -> None:  # fmt: skip
    found = await found_in(renamed_program, pattern, fixture)
    assert names(found) == {pattern}
    assert any(new in one.signature for one in leaks(found) for new in RENAMED.values())
