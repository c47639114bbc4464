"""What to change in the code, told from where the memory is kept or what the goroutines wait for."""

from __future__ import annotations

from leakwarden.api.words import Family, FindingType, WaitKind
from leakwarden.core.findings import Finding

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
        ("go/parser.", "go/ast.", "go/token.", "go/scanner."),
        "drop syntax trees when their document closes; a token.FileSet keeps every file ever parsed into it, so remove "
        "the file or use a new set",
    ),
    (("go/types.",), "drop the type information of a package when its last document closes"),
    (
        ("sync.(*Map).", "internal/sync.", "internal/runtime/maps.", "runtime.mapassign"),
        "the map only grows: delete the old key when a file is renamed or closed, or bound the map",
    ),
    (
        ("os.readFileContents", "os.ReadFile", "io.ReadAll", "bytes.growSlice", "bytes.(*Buffer)."),
        "file contents are kept: evict them from the cache when the file is deleted or its document closes",
    ),
    (("time.NewTimer", "time.NewTicker", "time.After"), "stop each timer and ticker that is no longer read"),
    (("fsnotify",), "close the watcher when its session ends"),
)
"""By how the leaf or the function begins; the first that fits."""
_MEMORY_DEFAULT = (
    "find the cache, map or slice that keeps these objects and only grows; remove entries when their document or "
    "session closes"
)
_UNATTRIBUTED = "compare two heap profiles (go tool pprof -diff_base) to see which allocations stay"
_PRESSURE = "none needed while it does not grow: raise the memory limit if the workspace really needs this much"


def fix(finding: Finding) -> str:
    """One clause, without a full stop."""
    if finding.type is FindingType.PRESSURE:
        return _PRESSURE
    if finding.family is Family.GOROUTINE:
        return _WAITS.get(finding.wait, _WAIT_DEFAULT) if finding.wait else _WAIT_DEFAULT
    if finding.site is None:
        return _UNATTRIBUTED
    places = (finding.site.leaf, finding.site.function)
    for beginnings, text in _MEMORY:
        if any(place.startswith(beginnings) or f"/{beginnings[0]}" in place for place in places):
            return text
    return _MEMORY_DEFAULT
