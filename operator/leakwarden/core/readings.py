"""What one sampling attempt brought back, reduced to what the judge needs.

Profiles themselves are large and leave the operator's memory as soon as they are reduced; readings are small, immutable
and picklable, so that decoding and reducing can happen in a worker process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from leakwarden.api.words import FailureReason, WaitKind
from leakwarden.core.gopls_info import GoplsInfo


@dataclass(frozen=True, slots=True, order=True)
class Site:
    """A place in the code: the first frame outside runtime and standard library, and the leaf it was reached through.

    `function` as the linker names it (`golang.org/x/tools/gopls/internal/cache.(*memoizedFS).ReadFile`), `file` as
    recorded, `line` 1-based (0 unknown), `leaf` the innermost function (`os.readFileContents`).
    """

    function: str
    file: str
    line: int
    leaf: str


POOLED = Site("(other functions)", "", 0, "")
"""Where a reading adds up what it does not keep one by one. It is no place in the code: no finding may name it."""


@dataclass(frozen=True, slots=True)
class SiteUse:
    """What one function (all its lines together) holds and has ever allocated, in bytes and objects."""

    site: Site
    """The line and leaf that hold most at this moment, to show."""
    inuse_bytes: int
    inuse_objects: int
    alloc_bytes: int
    alloc_objects: int


Calls: TypeAlias = tuple[str, ...]
"""Function names of a stack, innermost call first, as `frames.normalised` writes them; its innermost 32."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a function holds by one way of allocating it. A heap profile hides the runtime's own innermost frames."""

    calls: Calls
    """The stack through which most of it was allocated; callers beyond `inner` may differ in the rest."""
    inner: int
    """How many of `calls`, from the innermost on, lead up to the function that it is put down to, which is the last;
    all of them where none is the program's own."""
    bytes: int
    objects: int
    size: int
    """Bytes an object, by the profile's label `bytes`; 0 unknown."""


@dataclass(frozen=True, slots=True)
class MapEntries:
    """Live entries of sync.Maps, all of them together, as the sampled objects tell."""

    count: int
    each: float
    """Entries that one sampled object stands for; 1 where every object is sampled. `count` is an estimate with a
    variance of about `count * each`."""
    site: Site | None
    """The place that stores most of them."""


@dataclass(frozen=True, slots=True)
class HeapReading:
    """A heap profile as of the last completed GC, scaled by the proto's own sampling rate."""

    live_bytes: int
    """Sum of inuse_space, known ballast taken out (facts: gopls's `cache.init` holds 95 MiB)."""
    ballast_bytes: int
    alloc_bytes: int
    """Sum of alloc_space: cumulative in one process, so a fall means a new process."""
    fingerprint: str
    """A short hash of the sample table: the same twice means that no GC ran in between, so no new point."""
    sites: Mapping[str, SiteUse]
    """By function name."""
    kept: Mapping[str, tuple[Kept, ...]] = field(default_factory=dict)
    """By function name, of those that hold most: what each holds, most bytes first. For naming, not for judging."""
    entries: MapEntries | None = None


@dataclass(frozen=True, slots=True)
class LabelUse:
    """Goroutines that carry one label, by its value: the commonest values, and how many have any other.

    Key and values are capped and escaped (`leakwarden.core.labels`): they are data of the program's users.
    """

    key: str
    values: Mapping[str, int]
    others: int = 0


@dataclass(frozen=True, slots=True)
class GoroutineGroup:
    """Goroutines that stand at one function in one kind of wait. `wait` tells what ends it."""

    site: Site
    wait: WaitKind
    count: int
    labels: tuple[LabelUse, ...] = ()
    """Of the largest groups that carry any: one entry for each of the labels that are counted in this process."""


@dataclass(frozen=True, slots=True)
class LabelledRun:
    """Goroutines that run through one function at this moment, on whatever line of whatever stack."""

    count: int
    """All of them, those without labels too."""
    labels: tuple[LabelUse, ...]


def group_key(function: str, wait: WaitKind) -> str:
    return f"{function}|{wait.value}"


@dataclass(frozen=True, slots=True)
class GoroutineReading:
    total: int
    groups: tuple[GoroutineGroup, ...]
    """Grouped by (site.function, wait), largest first; all of them."""
    labels: tuple[LabelUse, ...] = ()
    """Of the whole process: those that most of its goroutines carry."""
    through: Mapping[str, LabelledRun] = field(default_factory=dict)
    """By function of the program, those that most labelled goroutines run through."""
    calls: Mapping[str, Calls] = field(default_factory=dict)
    """Of the largest groups, by function and wait as `group_key` joins them: the stack on which most of it stands."""


@dataclass(frozen=True, slots=True)
class MemStats:
    """The runtime.MemStats block at the end of `heap?debug=1`: bytes, counts and nanoseconds, at request time."""

    heap_alloc: int
    heap_inuse: int
    heap_sys: int
    heap_idle: int
    heap_released: int
    sys: int
    total_alloc: int
    mallocs: int
    frees: int
    next_gc: int
    num_gc: int
    gc_cpu_fraction: float
    pause_ns: tuple[int, ...] = ()
    """The ring of the last 256 pauses, oldest first where NumGC tells the order."""

    @property
    def water_level(self) -> float:
        """Heap in use over sys, in percent (the article's water level)."""
        return 100.0 * self.heap_inuse / self.sys if self.sys else 0.0

    @property
    def container_estimate(self) -> int:
        """Sys - HeapReleased: what the process holds of the machine, where metrics.k8s.io is not served."""
        return self.sys - self.heap_released


@dataclass(frozen=True, slots=True)
class PartFailure:
    """A part that was asked for and could not be had."""

    reason: FailureReason
    message: str


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """What makes a segment: one process. Empty strings and zeros are unknown, and then do not tell processes apart."""

    pod_uid: str
    container_id: str = ""
    pid: int = 0
    started_at: float = 0.0
    """Unix seconds of the process start where `/info` gives it, else of the container; 0 unknown."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A sample: the parts that one attempt fetched. A part is present, absent (None, no failure) or failed."""

    heap: HeapReading | None = None
    goroutines: GoroutineReading | None = None
    memstats: MemStats | None = None
    leaked: GoroutineReading | None = None
    """Goroutines that the runtime proves leaked (the `goroutineleak` profile)."""
    not_served: frozenset[str] = frozenset()
    """Parts that were asked for and that this process does not have, by name: absent, and no failure."""
    failures: Mapping[str, PartFailure] = field(default_factory=dict)
    """By part name: `heap`, `goroutine`, `memstats`, `goroutineleak`, `heap-gc`."""
    heap_after_gc: HeapReading | None = None
    """The heap after a collection that was forced (`heap?gc=1`), taken after `heap`. Evidence for open findings; it
    adds no point to any series."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The whole attempt failed: nothing was read."""

    reason: FailureReason
    message: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sampling attempt, success or failure. `at` is the operator's clock at request start, unix seconds."""

    at: float
    outcome: Reading | Failure
    process: ProcessIdentity
    interval: float
    """Seconds: the policy's `sampling.interval`, the unit in which holds and gaps are counted."""
    memory_limit: int = 0
    """Bytes: the container's memory limit, 0 without one."""
    oom_killed: bool = False
    """The container was OOM-killed (reason OOMKilled, or Error with exit code 137) since the last reading."""
    gopls: GoplsInfo = field(default_factory=GoplsInfo)
    """What its pages told in this attempt, where it is a gopls and was asked."""
