"""What a finding tells of its gopls: the version, who works with it, and caches that grow on their own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from leakwarden.api.words import Family, FindingType
from leakwarden.core.gopls_info import GoplsContext
from leakwarden.core.gopls_pages import GoplsState
from leakwarden.core.report.gopls import gopls_remark
from leakwarden.core.report.message import finding_message
from tests.core.decide.fleets import leak

NOW = GoplsState(sessions=1, views=1, documents=4, cached_files=1583, memoized=1)
TOLD = GoplsContext("v0.22.0", "go1.26.8", NOW, before=GoplsState(documents=4, cached_files=383, memoized=1))


def changed(**changes: Any) -> GoplsContext:
    return replace(TOLD, **changes)


SAYS = [
    (TOLD, "gopls v0.22.0 (go1.26.8), 1 session: cached files grew from 383 to 1,580 while open documents stayed 4."),
    (
        changed(state=replace(NOW, documents=12, sessions=3)),
        "gopls v0.22.0 (go1.26.8), 3 sessions: cached files grew from 383 to 1,580 while open documents went from 4 to "
        "12.",
    ),
    (
        changed(state=replace(NOW, documents=None, sessions=None)),
        "gopls v0.22.0 (go1.26.8): cached files grew from 383 to 1,580.",
    ),
    (
        changed(version="v0.10.1", state=GoplsState(1, 1, 1, None, None, 402), before=GoplsState(memoized=29)),
        "gopls v0.10.1 (go1.26.8), 1 session: memoized results grew from 29 to 402, 1 document open.",
    ),
    (
        changed(edited_at=1_795_439_100.0),
        "gopls v0.22.0 (go1.26.8), 1 session: cached files grew from 383 to 1,580 while open documents stayed 4; a "
        "document was edited at 2026-11-23T13:05Z.",
    ),
    (
        changed(edited_at=1_795_439_100.0, state=replace(NOW, documents=0, cached_files=0)),
        "gopls v0.22.0 (go1.26.8), 1 session, 0 documents open.",
    ),
    (
        changed(state=GoplsState(sessions=1, views=0), before=None),
        "gopls v0.22.0 (go1.26.8), 1 session, no workspace loaded.",
    ),
    (changed(before=None), "gopls v0.22.0 (go1.26.8), 1 session, 4 documents open."),
    (
        changed(state=replace(NOW, cached_files=21), before=GoplsState(documents=4, cached_files=12)),
        "gopls v0.22.0 (go1.26.8), 1 session, 4 documents open.",
    ),
    (changed(state=replace(NOW, cached_files=400)), "gopls v0.22.0 (go1.26.8), 1 session, 4 documents open."),
    (changed(state=None, before=None), "gopls v0.22.0 (go1.26.8)."),
    (changed(version="", go_version=""), "gopls, 1 session: cached files grew from 383 to 1,580 while open documents "
     "stayed 4."),
    (GoplsContext(), ""),
]  # fmt: skip


@pytest.mark.parametrize(("told", "says"), SAYS)
def test_the_remark_says_what_is_known_and_no_more(told: GoplsContext, says: str) -> None:
    assert gopls_remark(leak(gopls=told)) == says


@pytest.mark.parametrize("changes", [{"family": Family.GOROUTINE}, {"type": FindingType.PRESSURE}])
def test_caches_are_no_context_of_goroutines_or_pressure(changes: dict[str, Any]) -> None:
    told = changed(edited_at=1.0) if "type" in changes else TOLD
    assert gopls_remark(leak(gopls=told, **changes)) == "gopls v0.22.0 (go1.26.8), 1 session, 4 documents open."


def test_a_process_that_is_no_gopls_has_no_remark() -> None:
    assert gopls_remark(leak()) == ""


def test_the_remark_stands_between_evidence_and_fix() -> None:
    message = finding_message(leak(gopls=TOLD))
    assert (
        message.index(", confirmed by a forced collection; ") < message.index("gopls v0.22.0") < message.index("Next, ")
    )
