"""The closed vocabularies of the API. What each word means is decided in docs/leakpolicy.md."""

from __future__ import annotations

from enum import StrEnum


class Signal(StrEnum):
    """What a rule looks at. Bytes, counts, percent or seconds: see `UNITS`."""

    LIVE_HEAP = "LiveHeap"
    HEAP_INUSE = "HeapInuse"
    SYS = "Sys"
    SITE_BYTES = "SiteBytes"
    CONTAINER_MEMORY = "ContainerMemory"
    GOROUTINES = "Goroutines"
    BLOCKED_GOROUTINES = "BlockedGoroutines"
    LEAKED_GOROUTINES = "LeakedGoroutines"
    MAP_ENTRIES = "MapEntries"
    WATER_LEVEL = "WaterLevel"
    GC_PAUSE = "GCPause"


class Unit(StrEnum):
    BYTES = "bytes"
    COUNT = "count"
    PERCENT = "percent"
    SECONDS = "seconds"


UNITS: dict[Signal, Unit] = {
    Signal.LIVE_HEAP: Unit.BYTES,
    Signal.HEAP_INUSE: Unit.BYTES,
    Signal.SYS: Unit.BYTES,
    Signal.SITE_BYTES: Unit.BYTES,
    Signal.CONTAINER_MEMORY: Unit.BYTES,
    Signal.GOROUTINES: Unit.COUNT,
    Signal.BLOCKED_GOROUTINES: Unit.COUNT,
    Signal.LEAKED_GOROUTINES: Unit.COUNT,
    Signal.MAP_ENTRIES: Unit.COUNT,
    Signal.WATER_LEVEL: Unit.PERCENT,
    Signal.GC_PAUSE: Unit.SECONDS,
}

MEMSTATS = frozenset({Signal.HEAP_INUSE, Signal.SYS, Signal.CONTAINER_MEMORY, Signal.WATER_LEVEL, Signal.GC_PAUSE})
"""Signals that need the memstats part."""

GOROUTINE_FAMILY = frozenset({Signal.GOROUTINES, Signal.BLOCKED_GOROUTINES, Signal.LEAKED_GOROUTINES})


class Family(StrEnum):
    """The first word of a signature."""

    MEMORY = "memory"
    GOROUTINE = "goroutine"


class Severity(StrEnum):
    WARNING = "Warning"
    CRITICAL = "Critical"


class Confidence(StrEnum):
    HIGH = "High"
    MEDIUM = "Medium"
    LOW = "Low"


class FindingType(StrEnum):
    LEAK = "Leak"
    PRESSURE = "Pressure"


class Verdict(StrEnum):
    """Of a target; in `judge` the first that fits, in this order."""

    UNREACHABLE = "Unreachable"
    NOT_RUNNING = "NotRunning"
    LEAKING = "Leaking"
    LEARNING = "Learning"
    INCONCLUSIVE = "Inconclusive"
    HEALTHY = "Healthy"


class Resolution(StrEnum):
    """Why a finding ended."""

    SUBSIDED = "Subsided"
    SATURATED = "Saturated"
    PROCESS_ENDED = "ProcessEnded"
    OOM_KILLED = "OOMKilled"
    TARGET_GONE = "TargetGone"
    RULE_CHANGED = "RuleChanged"


class WaitKind(StrEnum):
    """What a parked goroutine waits for, told from its leaf frames; RUNNING when it does not wait."""

    CHAN_SEND = "chan send"
    CHAN_RECEIVE = "chan receive"
    SELECT = "select"
    MUTEX = "sync.Mutex"
    WAIT_GROUP = "sync.WaitGroup"
    COND = "sync.Cond"
    SEMAPHORE = "semacquire"
    SLEEP = "sleep"
    IO = "IO wait"
    SYSCALL = "syscall"
    PARKED = "parked"
    RUNNING = "running"


BLOCKED = frozenset(
    {
        WaitKind.CHAN_SEND, WaitKind.CHAN_RECEIVE, WaitKind.SELECT, WaitKind.MUTEX, WaitKind.WAIT_GROUP,
        WaitKind.COND, WaitKind.SEMAPHORE,
    }
)  # fmt: skip
"""Waits that only another goroutine can end: what BlockedGoroutines counts."""


class FailureReason(StrEnum):
    """Why an attempt at a target, or one part of a sample, failed."""

    CONNECTION_REFUSED = "ConnectionRefused"
    TIMEOUT = "Timeout"
    NOT_PPROF = "NotPprof"
    REDIRECTED = "Redirected"
    HTTP_STATUS = "HTTPStatus"
    TOO_LARGE = "TooLarge"
    MALFORMED = "Malformed"
    FORBIDDEN = "Forbidden"
    POD_GONE = "PodGone"
    CONNECTION_LOST = "ConnectionLost"
    HOST_NETWORK = "HostNetwork"
    INVALID_PORT = "InvalidPort"
    INTERNAL = "Internal"


class Transport(StrEnum):
    PORT_FORWARD = "PortForward"
    POD_IP = "PodIP"


class Scheme(StrEnum):
    HTTP = "HTTP"
    HTTPS = "HTTPS"


class Cadence(StrEnum):
    ADAPTIVE = "Adaptive"
    FIXED = "Fixed"


class ConfirmedBy(StrEnum):
    """What a memory leak needs besides its finding before it may lead to an action on its pod."""

    FORCED_GC = "ForcedGC"
    NOTHING = "Nothing"


class LabelValues(StrEnum):
    """Whether findings may name values of pprof labels, which are data of the program's users."""

    SHOW = "Show"
    HIDE = "Hide"


class OpenDocuments(StrEnum):
    """What documents that people have open in a gopls mean for an eviction of its pod."""

    PROTECT = "Protect"
    IGNORE = "Ignore"


class Mode(StrEnum):
    OBSERVE = "Observe"
    ANNOTATE = "Annotate"
    EVICT = "Evict"


class Execution(StrEnum):
    LIVE = "Live"
    DRY_RUN = "DryRun"


class Outcome(StrEnum):
    """What became of an action, told from the replacement's samples."""

    PENDING = "Pending"
    HELPED = "Helped"
    CAME_BACK = "CameBack"
    UNKNOWN = "Unknown"
