"""What to change in the code, or where nothing tells that: what to look at, or whom to tell."""

from __future__ import annotations

from leakwarden.api.words import Family, FindingType, WaitKind
from leakwarden.core.findings import Finding
from leakwarden.core.gopls_info import of_gopls
from leakwarden.core.known_leaks import known_leak
from leakwarden.core.readings import Site
from leakwarden.core.report import pattern
from leakwarden.core.report.amounts import clip
from leakwarden.core.report.names import short_function

_NAME = 80
"""Characters of a function's name in an advice."""
ISSUES = "github.com/golang/go/issues"

_WAITS: dict[WaitKind, str] = {
    WaitKind.COND: (
        "they wait on a sync.Cond that nobody has signalled yet: look who should, and let shutdown broadcast while "
        "the waiters check for it"
    ),
    WaitKind.SEMAPHORE: (
        "they wait for a semaphore: look who holds it, release it by defer, and acquire it with a context"
    ),
    WaitKind.IO: "they wait for a peer: set a deadline, and close the connection when what it served ends",
}
_WAIT_DEFAULT = "look what should end these goroutines: give each a context, and cancel it when what it works for ends"

_UNATTRIBUTED = {
    Family.MEMORY: "compare two heap profiles (go tool pprof -diff_base) to see which allocations stay",
    Family.GOROUTINE: "compare two goroutine profiles (go tool pprof -diff_base) to see which stacks become more",
}
_PRESSURE = (
    "none needed while it does not grow: raise the memory limit, or the rule's threshold, if the work needs this much"
)


def advice(finding: Finding) -> str:
    """The end of a message, without its full stop: a fix is called one only where the cause is recognised."""
    if finding.type is FindingType.PRESSURE:
        return f"Fix: {_PRESSURE}"
    if (leak := known_leak(finding)) is not None:
        return f"Fix: upgrade gopls to {leak.upgrade} or newer: this is {leak.issue} ({leak.what})"
    if _is_of_gopls(finding):
        return f"Next: {_of_gopls(finding)}"
    if finding.pattern is not None:
        return f"Fix, for the code's owner: {finding.pattern.fix}"
    looked = general_fix(finding.family, finding.site, finding.wait)
    return f"Cause not recognised. Next, for the code's owner: {looked}"


def more(finding: Finding, command: str) -> str:
    """Where to read more about the fix, to follow it; nothing where whoever reads it cannot change the code."""
    return "" if known_leak(finding) or _is_of_gopls(finding) else pattern.more(finding.pattern, command)


def _is_of_gopls(finding: Finding) -> bool:
    return of_gopls(finding.gopls, finding.site.function if finding.site else "")


def _of_gopls(finding: Finding) -> str:
    version = f" {finding.gopls.version}" if finding.gopls and finding.gopls.version else ""
    return (
        f"this is in gopls{version} (the editor may set it off): try the newest; if it leaks too, report it with the "
        f"profile at {ISSUES}"
    )


def general_fix(family: Family, site: Site | None, wait: WaitKind | None) -> str:
    """One clause. Where no pattern is known: by what goroutines wait for, or how to find what keeps the memory."""
    if site is None:
        return _UNATTRIBUTED[family]
    if family is Family.GOROUTINE:
        return _WAITS.get(wait, _WAIT_DEFAULT) if wait else _WAIT_DEFAULT
    return (
        "a heap profile shows where memory is allocated, not who keeps it: look in "
        f"{clip(short_function(site.function), _NAME)} and its callers for a cache, map, slice or token.FileSet that "
        "only grows"
    )
