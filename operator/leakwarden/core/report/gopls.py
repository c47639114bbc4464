"""What is told of a gopls beside its leak: its version, who works with it, and whether its caches grow on their own."""

from __future__ import annotations

from leakwarden.api.words import Family, FindingType, Unit
from leakwarden.core.findings import Finding
from leakwarden.core.gopls_info import GoplsContext
from leakwarden.core.gopls_pages import GoplsState
from leakwarden.core.report.amounts import amount, plural

GREW = 1.1
"""Times what it was: less is no growth worth a word."""
GREW_BY = 10


def gopls_remark(finding: Finding) -> str:
    """E.g. `gopls v0.22.0 (go1.26.8), 1 session: cached files grew from 383 to 1,580 while open documents stayed 4.`"""
    told = finding.gopls
    if told is None:
        return ""
    head = " ".join(
        ["gopls", *([told.version] if told.version else []), *([f"({told.go_version})"] if told.go_version else [])]
    )
    state = told.state
    if state is None:
        return f"{head}." if told.version else ""
    grown = _grown(told, state) if finding.family is Family.MEMORY and finding.type is FindingType.LEAK else ""
    parts = [head]
    if state.sessions is not None:
        parts.append(plural(state.sessions, "session"))
    if state.documents is not None and not grown:
        parts.append(f"{plural(state.documents, 'document')} open")
    return f"{', '.join(parts)}{grown}."


def _grown(told: GoplsContext, state: GoplsState) -> str:
    before = told.before
    if before is None:
        return ""
    for name, then, now in (
        ("cached files", before.cached_files, state.cached_files),
        ("memoized results", before.memoized, state.memoized),
    ):
        if then is not None and now is not None and now >= GREW * then and now - then >= GREW_BY:
            return f": {name} grew from {_count(then)} to {_count(now)}{_documents(before, state)}"
    return ""


def _documents(before: GoplsState, state: GoplsState) -> str:
    then, now = before.documents, state.documents
    if now is None:
        return ""
    if then is None or then == now:
        return f" while open documents stayed {_count(now)}" if then == now else f", {plural(now, 'document')} open"
    return f" while open documents went from {_count(then)} to {_count(now)}"


def _count(number: int) -> str:
    return amount(number, Unit.COUNT)
