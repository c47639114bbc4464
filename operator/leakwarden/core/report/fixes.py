"""What to change in the code, where no pattern (docs/patterns.md) tells it better."""

from __future__ import annotations

from leakwarden.api.words import Family, FindingType, WaitKind
from leakwarden.core.findings import Finding
from leakwarden.core.known_leaks import known_leak
from leakwarden.core.readings import Site

_WAITS: dict[WaitKind, str] = {
    WaitKind.COND: "nobody signals any more: broadcast on shutdown, and let the waiters check for it",
    WaitKind.SEMAPHORE: "the semaphore is not given back: release it by defer, and acquire it with a context",
    WaitKind.IO: "the peer never answers: set a deadline, and close the connection when the session ends",
}
_WAIT_DEFAULT = "the goroutines have no end: give each a context, and cancel it when the document or session closes"

_MEMORY_DEFAULT = (
    "find what keeps these objects and only grows (a cache, a map keyed by path or version, a token.FileSet, a slice); "
    "remove entries when their document or session closes"
)
_UNATTRIBUTED = "compare two heap profiles (go tool pprof -diff_base) to see which allocations stay"
_PRESSURE = "none needed while it does not grow: raise the memory limit if the workspace really needs this much"


def fix(finding: Finding) -> str:
    """One clause, without a full stop."""
    if finding.type is FindingType.PRESSURE:
        return _PRESSURE
    if (leak := known_leak(finding)) is not None:
        return f"upgrade gopls to {leak.upgrade} or newer: this is {leak.issue} ({leak.what})"
    if finding.pattern is not None:
        return finding.pattern.fix
    return general_fix(finding.family, finding.site, finding.wait)


def for_whom(finding: Finding) -> str:
    """Who is meant, where it is not whoever reads it: `, for the code's owner`."""
    owners = finding.type is FindingType.LEAK and known_leak(finding) is None
    return ", for the code's owner" if owners else ""


def general_fix(family: Family, site: Site | None, wait: WaitKind | None) -> str:
    """Where no pattern is known: by what goroutines wait for, or how to find what keeps the memory."""
    if family is Family.GOROUTINE:
        return _WAITS.get(wait, _WAIT_DEFAULT) if wait else _WAIT_DEFAULT
    return _MEMORY_DEFAULT if site else _UNATTRIBUTED
