"""The parts of a sample: what each is called, where a process serves it, and the file that a recording keeps it in."""

from __future__ import annotations

from dataclasses import dataclass

HEAP = "heap"
GOROUTINE = "goroutine"
MEMSTATS = "memstats"
GOROUTINE_LEAK = "goroutineleak"
HEAP_AFTER_GC = "heap-gc"
IDENTITY = "gopls"
"""Who a gopls is and what it does, from its pages, `/info` first. Read only where the profiles show that it is one."""

PROTO = "application/octet-stream"
TEXT = "text/plain"
HTML = "text/html"


@dataclass(frozen=True, slots=True)
class Part:
    """`path` is appended to the endpoint's path (`/debug/pprof`), unless `from_root`. `content_type` is what must
    come."""

    name: str
    path: str
    content_type: str
    file_name: str
    from_root: bool = False
    optional: bool = False
    """Not every process has it: 404 says so, and is no failure."""


PARTS: dict[str, Part] = {
    part.name: part
    for part in (
        Part(HEAP, "/heap", PROTO, "heap.pb.gz"),
        Part(GOROUTINE, "/goroutine", PROTO, "goroutine.pb.gz"),
        Part(MEMSTATS, "/heap?debug=1", TEXT, "memstats.txt"),
        Part(GOROUTINE_LEAK, "/goroutineleak", PROTO, "goroutineleak.pb.gz", optional=True),
        Part(HEAP_AFTER_GC, "/heap?gc=1", PROTO, "heap-gc.pb.gz"),
        Part(IDENTITY, "/info", HTML, "gopls.json", from_root=True),
    )
}
"""In the order in which one connection asks for them: cheap and telling first, what forces a GC last."""

ROUTINE = frozenset({HEAP, GOROUTINE})
"""What every round takes."""
