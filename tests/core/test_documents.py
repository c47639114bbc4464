"""A look at what is open stands for some readings; of all that a pod runs the one that most holds it back counts."""

from __future__ import annotations

import pytest

from leakwarden.core.documents import Editing, editing, of_pod
from leakwarden.core.gopls_info import UNSEEN, GoplsContext
from leakwarden.core.gopls_pages import GoplsState
from leakwarden.pipeline.rounds import IDENTITY_EVERY


def gopls(documents: int | None, missed: int = 0) -> GoplsContext:
    return GoplsContext("v0.22.0", "go1.26.8", GoplsState(sessions=1, documents=documents), missed)


@pytest.mark.parametrize(
    ("told", "documents"),
    [
        (gopls(4), 4),
        (gopls(0, IDENTITY_EVERY), 0),
        (gopls(4, UNSEEN - 1), 4),
        (gopls(4, UNSEEN), None),
        (gopls(0, UNSEEN), None),
        (gopls(None), None),
        (GoplsContext("v0.22.0"), None),
    ],
)
def test_a_look_stands_until_the_next_was_missed(told: GoplsContext, documents: int | None) -> None:
    assert editing("gopls", told) == Editing("gopls", documents)


def test_a_process_that_is_no_gopls_has_no_documents_to_protect() -> None:
    assert editing("app", None) is None


NONE, UNKNOWN, SOME = Editing("a", 0), Editing("b", None), Editing("c", 2)


@pytest.mark.parametrize(
    ("found", "worst"),
    [([], None), ([NONE], NONE), ([NONE, UNKNOWN], UNKNOWN), ([SOME, NONE], SOME), ([UNKNOWN, SOME, NONE], SOME)],
)
def test_the_gopls_that_most_holds_its_pod_back_counts(found: list[Editing], worst: Editing | None) -> None:
    assert of_pod(found) == worst
