"""A recording as values: what its files are called, how they group into samples, and what the small JSON files say.

docs/recordings.md has the format. A sample is all files with one prefix, the milliseconds since 1970 at which it was
asked for; what a sample holds is by file name without that prefix (`heap.pb.gz`, `error.json`).
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from leakwarden.api.words import FailureReason
from leakwarden.core.parts import PARTS
from leakwarden.core.readings import Failure, PartFailure
from leakwarden.core.samples import SampleResult
from leakwarden.errors import MalformedRecording

TARGET_FILE = "target.json"
ERROR_FILE = "error.json"
PART_FILES: Mapping[str, str] = {part.file_name: part.name for part in PARTS.values()}
"""Part names by file name."""
FILES = (*PART_FILES, TARGET_FILE, ERROR_FILE)

LATEST = 253_402_300_799_000
"""Milliseconds: the last second of the year 9999, beyond which calendars end."""

MAX_JSON = 1 << 20
"""Bytes of error.json, gopls.json or target.json, a few hundred usually: as objects they take many times that."""

_NAME = re.compile(r"(\d{1,15})-(.+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class SampleFiles:
    """Which files a sample has. `at_ms` is unix milliseconds; `names` maps `heap.pb.gz` to the file's whole name."""

    at_ms: int
    names: Mapping[str, str]

    @property
    def at(self) -> float:
        """Unix seconds, exactly as the sampler said them."""
        return self.at_ms / 1000.0


@dataclass(frozen=True, slots=True)
class Errors:
    """What error.json says: that the whole attempt failed, or which parts of it did."""

    failure: Failure | None = None
    parts: Mapping[str, PartFailure] = field(default_factory=dict)
    not_served: frozenset[str] = frozenset()
    """Parts that were asked for and that the process does not have."""

    def __bool__(self) -> bool:
        return self.failure is not None or bool(self.parts) or bool(self.not_served)


def milliseconds(at: float) -> int:
    return round(at * 1000)


def file_name(at_ms: int, file: str) -> str:
    return f"{at_ms:013d}-{file}"


def split_name(name: str) -> tuple[int, str] | None:
    """Milliseconds and file of `1764000000000-heap.pb.gz`; None for a name that is no file of a recording."""
    match = _NAME.fullmatch(name)
    if match is None or match[2] not in FILES or int(match[1]) > LATEST:
        return None
    return int(match[1]), match[2]


def group(names: Iterable[str]) -> tuple[list[SampleFiles], list[str]]:
    """The samples in the order of time, and the names that belong to none."""
    samples: dict[int, dict[str, str]] = defaultdict(dict)
    strange: list[str] = []
    for name in sorted(names):
        split = split_name(name)
        if split is None or split[1] in samples[split[0]]:
            strange.append(name)
        else:
            samples[split[0]][split[1]] = name
    return [SampleFiles(at_ms, files) for at_ms, files in sorted(samples.items()) if files], strange


def files_of(result: SampleResult) -> dict[str, bytes]:
    """What is written of one attempt, by file. A part that came and could not be decoded is kept as it came, and
    error.json says so: replay believes that and does not try again."""
    files = {PARTS[name].file_name: data for name, data in result.parts.items() if name in PARTS}
    errors = errors_of(result)
    if errors:
        files[ERROR_FILE] = errors_json(errors)
    return files


def errors_of(result: SampleResult) -> Errors:
    if isinstance(result.outcome, Failure):
        return Errors(failure=result.outcome)
    return Errors(parts=result.outcome.failures, not_served=result.outcome.not_served)


def errors_json(errors: Errors) -> bytes:
    document: dict[str, Any] = {}
    if errors.failure is not None:
        document = {"reason": errors.failure.reason.value, "message": errors.failure.message}
    if errors.parts:
        document["parts"] = {
            name: {"reason": failure.reason.value, "message": failure.message} for name, failure in errors.parts.items()
        }
    if errors.not_served:
        document["notServed"] = sorted(errors.not_served)
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"


def parse_errors(data: bytes) -> Errors:
    """Raises MalformedRecording."""
    document = json_object(data, ERROR_FILE)
    failure = Failure(*_reason(document, ERROR_FILE)) if "reason" in document else None
    parts, not_served = document.get("parts", {}), document.get("notServed", [])
    if not isinstance(parts, dict) or not isinstance(not_served, list):
        raise MalformedRecording(f"{ERROR_FILE}: parts must be an object and notServed a list")
    failures = {name: PartFailure(*_reason(said, f"{ERROR_FILE}: {name}")) for name, said in parts.items()}
    return Errors(failure, failures, frozenset(map(str, not_served)))


def json_object(data: bytes, what: str) -> dict[str, Any]:
    """Raises MalformedRecording, with `what` before the problem."""
    check_json_size(data, what)
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise MalformedRecording(f"{what} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise MalformedRecording(f"{what}: not an object")
    return document


def check_json_size(data: bytes, what: str) -> None:
    """Raises MalformedRecording where `data` is too large to be parsed."""
    if len(data) > MAX_JSON:
        raise MalformedRecording(f"{what} has {len(data)} bytes, more than the {MAX_JSON} allowed")


def _reason(document: object, what: str) -> tuple[FailureReason, str]:
    if not isinstance(document, dict):
        raise MalformedRecording(f"{what}: not an object")
    try:
        reason = FailureReason(str(document.get("reason")))
    except ValueError as error:
        known = ", ".join(FailureReason)
        raise MalformedRecording(f"{what}: reason is {document.get('reason')!r}, none of {known}") from error
    return reason, str(document.get("message", ""))
