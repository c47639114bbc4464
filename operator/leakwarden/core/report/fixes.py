"""What to change in the code, told from where the memory is kept or what the goroutines wait for."""

from __future__ import annotations

from leakwarden.api.words import Family, FindingType, WaitKind
from leakwarden.core.findings import Finding
from leakwarden.core.known_leaks import known_leak
from leakwarden.core.readings import Site

_WAITS: dict[WaitKind, str] = {
    WaitKind.CHAN_SEND: "nobody receives any more: let the sender select on ctx.Done() too, or buffer its one result",
    WaitKind.CHAN_RECEIVE: "nobody sends any more: close the channel when the producer ends, or select on ctx.Done()",
    WaitKind.SELECT: "no case ever fires: add ctx.Done(), and cancel the context when the document or session closes",
    WaitKind.MUTEX: "the lock is not given back: unlock by defer, and hold it across no blocking call",
    WaitKind.WAIT_GROUP: "Done is not called on every path: defer it as the goroutine's first statement",
    WaitKind.COND: "nobody signals any more: broadcast on shutdown, and let the waiters check for it",
    WaitKind.SEMAPHORE: "the semaphore is not given back: release it by defer, and acquire it with a context",
    WaitKind.SLEEP: "the loop has no end: replace the sleep by a timer in a select with ctx.Done()",
    WaitKind.IO: "the peer never answers: set a deadline, and close the connection when the session ends",
}
_WAIT_DEFAULT = "the goroutines have no end: give each a context, and cancel it when the document or session closes"

_MEMORY: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("sync.(*Map).", "internal/sync.", "internal/runtime/maps.", "runtime.mapassign"),
        "the map only grows: delete the old key when a file is renamed or closed, or bound the map",
    ),
    (
        ("os.readFileContents", "os.ReadFile"),
        "file contents are kept: evict them from the cache when the file is deleted or its document closes",
    ),
    (
        ("io.ReadAll", "bytes.growSlice", "bytes.(*Buffer)."),
        "whole buffers are kept: drop them when their document or session closes, or copy out the part that is needed",
    ),
    (("time.NewTimer", "time.NewTicker", "time.After"), "stop each timer and ticker that is no longer read"),
)
"""By how the leaf begins, and only where what was allocated there is itself what is kept. An allocation in go/parser
or go/types does not tell whether a tree, its types or a token.FileSet holds it: that gets the general text."""
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
    if finding.family is Family.GOROUTINE:
        return goroutine_fix(finding.wait)
    return memory_fix(finding.site)


def goroutine_fix(wait: WaitKind | None) -> str:
    """For goroutines that stay, by what they wait for."""
    return _WAITS.get(wait, _WAIT_DEFAULT) if wait else _WAIT_DEFAULT


def memory_fix(site: Site | None) -> str:
    """For memory that stays, by where it was allocated; None: no one place is known."""
    if site is None:
        return _UNATTRIBUTED
    leaf = site.leaf or site.function
    return next((text for beginnings, text in _MEMORY if leaf.startswith(beginnings)), _MEMORY_DEFAULT)
