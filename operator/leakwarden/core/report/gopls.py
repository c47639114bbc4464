"""What is told of a gopls beside its leak: its version, who works with it, and whether its caches grow on their own."""

from __future__ import annotations

from leakwarden.api.words import Family, FindingType, Unit
from leakwarden.core.findings import Finding
from leakwarden.core.gopls_pages import GoplsState
from leakwarden.core.report.amounts import amount, minute, plural

GREW = 1.1
"""Times what it was: less is no growth worth a word."""
GREW_BY = 10


def gopls_remark(finding: Finding) -> str:
    """E.g. `gopls v0.22.0 (go1.26.8), 1 session: cached files grew from 383 to 1,580 while open documents stayed 4,
    a document was edited at 2026-11-23T14:05Z.`"""
    told = finding.gopls
    if told is None or (told.state is None and not told.version):
        return ""
    head = " ".join(word for word in ("gopls", told.version, f"({told.go_version})" if told.go_version else "") if word)
    if told.state is None:
        return f"{head}."
    leak = finding.type is FindingType.LEAK
    grown = _grown(told.before, told.state) if leak and finding.family is Family.MEMORY else ""
    sessions = "" if told.state.sessions is None else f", {plural(told.state.sessions, 'session')}"
    # Pressure has no number that would let a new time into the status: it would be written anew at each look.
    edited = (
        f"; a document was edited at {minute(told.edited_at)}"
        if leak and told.edited_at and told.state.documents
        else ""
    )
    return f"{head}{sessions}{grown or _open(told.state)}{edited}."


def _open(state: GoplsState) -> str:
    if state.sessions and state.views == 0:
        return ", no workspace loaded"
    return "" if state.documents is None else f", {plural(state.documents, 'document')} open"


def _grown(before: GoplsState | None, state: GoplsState) -> str:
    """The first that grew on its own; empty where none did."""
    if before is None:
        return ""
    for name, then, now in (
        ("cached files", before.cached_files, state.cached_files),
        ("memoized results", before.memoized, state.memoized),
    ):
        if then is not None and now is not None and now >= GREW * then and now - then >= GREW_BY:
            return f": {name} grew from {_count(then)} to {_count(now)}{_meanwhile(before.documents, state.documents)}"
    return ""


def _meanwhile(then: int | None, now: int | None) -> str:
    if now is None or then is None:
        return "" if now is None else f", {plural(now, 'document')} open"
    went = f"stayed {_count(now)}" if then == now else f"went from {_count(then)} to {_count(now)}"
    return f" while open documents {went}"


def _count(number: int) -> str:
    return amount(number, Unit.COUNT)
