"""A recording judged: the operator's own fold, fed from files. Pure but for what `read` does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from leakwarden.api.words import FindingType, Verdict
from leakwarden.core import judge
from leakwarden.core.documents import Editing, editing
from leakwarden.core.findings import Finding
from leakwarden.core.judge import Judgement
from leakwarden.core.parts import HEAP_AFTER_GC, PARTS
from leakwarden.core.readings import Attempt, Failure
from leakwarden.core.recording import TARGET_FILE, SampleFiles
from leakwarden.core.recording_attempt import attempt_of, decoded
from leakwarden.core.recording_target import RecordedTarget, parse_target
from leakwarden.core.rules import RuleSet
from leakwarden.errors import MalformedRecording

MAX_BYTES = 32 << 20
"""What a profile may unpack to where no policy says: the default of sampling.maxProfileSize."""


class Recording(Protocol):
    """`leakwarden.adapters.recordings.open_recording` gives one."""

    @property
    def samples(self) -> Sequence[SampleFiles]: ...

    @property
    def notes(self) -> Sequence[str]:
        """What was found in it that is no part of a recording."""
        ...

    def read(self, name: str) -> bytes:
        """A whole file, by its whole name. Raises MalformedRecording."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """What was known after one attempt. `open` holds the findings that were open, Leak and Pressure."""

    at: float
    verdict: Verdict
    open: tuple[Finding, ...]
    transitions: tuple[judge.Transition, ...]
    target: RecordedTarget | None
    readable: bool
    """Whether the attempt was a success."""
    editing: Editing | None = None
    """What people had open, where it is a gopls."""

    @property
    def open_leaks(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.open if finding.type is FindingType.LEAK)


@dataclass(frozen=True, slots=True)
class Replay:
    """`verdict` and `reason` (a sentence) are those after the last attempt."""

    verdict: Verdict
    reason: str
    steps: tuple[Step, ...]
    findings: tuple[Finding, ...]
    """All there ever were, as last seen, in the order in which they were said; resolved ones too."""
    target: RecordedTarget | None
    notes: tuple[str, ...]
    confirmable: bool = False
    """Whether the process was asked for its heap after a forced collection, ever."""

    @property
    def leaks(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.type is FindingType.LEAK)


def replay(recording: Recording, rules: RuleSet, interval: float, *, max_bytes: int = MAX_BYTES) -> Replay:
    """What the operator would have said. `interval` in seconds is the policy's `sampling.interval`.

    Raises MalformedRecording where there is nothing to judge. A damaged file in a readable recording is a failed part,
    as it is for the operator, and is named in `notes`.
    """
    damage: list[str] = []
    steps: list[Step] = []
    resolved: list[Finding] = []
    judgement: Judgement | None = None
    state, target = judge.start(rules), None
    for attempt, target in attempts(recording, interval, max_bytes, damage):
        judgement = judge.step(state, attempt, rules)
        state = judgement.state
        resolved += [finding for finding in judgement.findings if not finding.open]
        open_now = tuple(finding for finding in judgement.findings if finding.open)
        readable = not isinstance(attempt.outcome, Failure)
        opened = editing(target.endpoint if target else "", judge.gopls_of(state))
        steps.append(Step(attempt.at, judgement.verdict, open_now, judgement.transitions, target, readable, opened))
    if judgement is None:
        raise MalformedRecording(f"no samples{_because([*damage, *recording.notes])}")
    if damage and not any(step.readable for step in steps):
        raise MalformedRecording(f"no sample can be read{_because(damage)}")
    findings = sorted((*resolved, *steps[-1].open), key=lambda finding: finding.first_seen)
    forced = any(PARTS[HEAP_AFTER_GC].file_name in sample.names for sample in recording.samples)
    return Replay(
        judgement.verdict, judgement.reason, tuple(steps), tuple(findings), target, (*damage, *recording.notes), forced
    )  # fmt: skip


def attempts(
    recording: Recording, interval: float, max_bytes: int, damage: list[str]
) -> Iterator[tuple[Attempt, RecordedTarget | None]]:
    """Each recorded attempt in the order of time, with what was known of the pod. Adds to `damage`."""
    target: RecordedTarget | None = None
    read_at = float("inf")
    for sample in recording.samples:
        try:
            files = _read(recording, sample)
            if TARGET_FILE in files:
                target = parse_target(files[TARGET_FILE])
            found = decoded(files, max_bytes)
        except MalformedRecording as error:
            damage.append(f"{sample.at_ms}: skipped, {error}")
            continue
        if found is None:
            damage.append(f"{sample.at_ms}: skipped, it has no profile and no error.json")
            continue
        damage += [f"{sample.at_ms}-{what}" for what in found.damaged]
        yield attempt_of(found, sample.at, target, interval, read_at), target
        if not isinstance(found.outcome, Failure):
            read_at = sample.at


def _read(recording: Recording, sample: SampleFiles) -> Mapping[str, bytes]:
    return {file: recording.read(name) for file, name in sample.names.items()}


def _because(notes: Sequence[str]) -> str:
    return f": {notes[0]}" + (f" (and {len(notes) - 1} more)" if len(notes) > 1 else "") if notes else ""
