"""From a recorded sample to what the judge is given: the very Attempt that the operator made of it, or would have."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from leakwarden.api.words import FailureReason
from leakwarden.core.gopls_info import GoplsInfo
from leakwarden.core.gopls_pages import GoplsState
from leakwarden.core.parts import GOROUTINE, GOROUTINE_LEAK, HEAP, HEAP_AFTER_GC, IDENTITY, MEMSTATS, PARTS
from leakwarden.core.readings import Attempt, Failure, PartFailure, ProcessIdentity, Reading
from leakwarden.core.recording import ERROR_FILE, Errors, json_object, parse_errors
from leakwarden.core.recording_target import RecordedTarget
from leakwarden.core.reduce import goroutines_from_bytes, heap_from_bytes, memstats_from_bytes
from leakwarden.errors import MalformedProfile, MalformedRecording, ProfileTooLarge

_DECODERS: Mapping[str, tuple[str, Callable[[bytes, int], Any]]] = {
    HEAP: ("heap", heap_from_bytes),
    GOROUTINE: ("goroutines", goroutines_from_bytes),
    MEMSTATS: ("memstats", memstats_from_bytes),
    GOROUTINE_LEAK: ("leaked", goroutines_from_bytes),
    HEAP_AFTER_GC: ("heap_after_gc", heap_from_bytes),
}
"""By part name: the field of a Reading, and what fills it."""
_COUNTS = ("sessions", "views", "documents", "cached_files", "largest_file", "memoized")
"""Fields of GoplsState."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """One sample. `damaged` says of each file that is broken, and was not known to be when it was recorded, why."""

    outcome: Reading | Failure
    info: GoplsInfo = field(default_factory=GoplsInfo)
    damaged: tuple[str, ...] = ()


def decoded(files: Mapping[str, bytes], max_bytes: int) -> Decoded | None:
    """`files` by their name without the time; None where they are no attempt at all. Raises MalformedRecording for
    an error.json or gopls.json that cannot be understood."""
    errors = parse_errors(files[ERROR_FILE]) if ERROR_FILE in files else Errors()
    info = _info(files.get(PARTS[IDENTITY].file_name))
    if errors.failure is not None:
        return Decoded(errors.failure, info)
    fields: dict[str, Any] = {}
    failures = dict(errors.parts)
    damaged: list[str] = []
    for part, (name, decode) in _DECODERS.items():
        data = files.get(PARTS[part].file_name)
        if data is None or part in errors.parts:
            continue
        try:
            fields[name] = decode(data, max_bytes)
        except (MalformedProfile, ProfileTooLarge) as error:
            large = isinstance(error, ProfileTooLarge)
            failures[part] = PartFailure(FailureReason.TOO_LARGE if large else FailureReason.MALFORMED, str(error))
            damaged.append(f"{PARTS[part].file_name}: {error}")
    if fields:
        reading = Reading(**fields, not_served=errors.not_served, failures=failures)
        return Decoded(reading, info, tuple(damaged))
    if not failures:
        return None
    first = next(iter(failures.values()))
    return Decoded(Failure(first.reason, first.message), info, tuple(damaged))


def attempt_of(sample: Decoded, at: float, target: RecordedTarget | None, interval: float, read_at: float) -> Attempt:
    """As the operator makes it of the pod. `read_at`: when it was last read with success, infinity before that."""
    container = target.container if target else None
    started = sample.info.started_at or (container.started_at if container else 0.0)
    if not started and target:
        started = target.process_started_at
    return Attempt(
        at=at,
        outcome=sample.outcome,
        process=ProcessIdentity(
            target.pod_uid if target else "", container.id if container else "", sample.info.pid, started
        ),
        interval=interval,
        memory_limit=container.memory_limit if container else 0,
        oom_killed=bool(container and container.last_oom_at >= read_at - 1.0),
        gopls=sample.info,
    )


def _info(data: bytes | None) -> GoplsInfo:
    if data is None:
        return GoplsInfo()
    what = PARTS[IDENTITY].file_name
    document = json_object(data, what)
    try:
        started_at = float(document.get("started_at", 0.0))
        if not math.isfinite(started_at):
            raise ValueError(f"started_at is {started_at}")
        return GoplsInfo(
            pid=int(document.get("pid", 0)),
            started_at=started_at,
            version=str(document.get("version", "")),
            go_version=str(document.get("go_version", "")),
            state=_state(document.get("state")),
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise MalformedRecording(f"{what}: {error}") from error


def _state(document: Any) -> GoplsState | None:
    """Recordings of before have none. Raises TypeError or ValueError."""
    if document is None:
        return None
    if not isinstance(document, Mapping):
        raise TypeError("state is no object")
    counts = {name: _count(name, document.get(name)) for name in _COUNTS}
    return GoplsState(**counts, fingerprint=str(document.get("fingerprint", "")))


def _count(name: str, value: Any) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise ValueError(f"state.{name} is {value!r}, and should be a count")
