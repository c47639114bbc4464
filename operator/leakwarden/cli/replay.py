"""`leakwarden replay`: what the operator would have said and done, from recordings, any number at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import yaml
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from leakwarden.adapters.recordings import open_recording
from leakwarden.api import GROUP, VERSION
from leakwarden.api.words import FindingType, Verdict
from leakwarden.cli.output import drawn
from leakwarden.core.findings import Finding
from leakwarden.core.gopls_pages import GoplsState
from leakwarden.core.judge import say
from leakwarden.core.known_leaks import known_leak
from leakwarden.core.patterns import builtin_patterns, named
from leakwarden.core.policy import Policy, mutes_of, parse_policy, remediation_of
from leakwarden.core.recording_plan import Planned, planned
from leakwarden.core.recording_replay import Replay, replay
from leakwarden.core.report.message import finding_message
from leakwarden.core.report.scene import Scene
from leakwarden.errors import InvalidSpec, LeakwardenError, UnreadableFile

_ENOUGH = 8
"""Samples from which on the time between two of them is believed."""
_OFF = 1.5
"""Times the interval, or a part of it: farther off is another interval, not a slow round."""
_NARROW = 100
"""Columns below which the reasons stand under the table, not in it."""
_COLOURS = {Verdict.LEAKING: "red", Verdict.HEALTHY: "green", Verdict.UNREACHABLE: "yellow"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one recording; `error` where it could not be judged."""

    recording: str
    replayed: Replay | None = None
    plan: tuple[Planned, ...] = ()
    error: str = ""


def builtin_policy(interval: str) -> Policy:
    """The smallest policy: built-in rules, nothing done. Raises InvalidSpec."""
    selector = {"matchLabels": {"replayed": "true"}}
    return _policy("replay", {"target": {"selector": selector}, "sampling": {"interval": interval}}, "--interval")


def load_policy(path: Path) -> Policy:
    """The LeakPolicy in a YAML file. Raises UnreadableFile, or InvalidSpec naming the field as the operator would."""
    try:
        documents = [one for one in yaml.safe_load_all(path.read_text()) if one is not None]
    except OSError as error:
        raise UnreadableFile(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UnreadableFile(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    found = [one for one in documents if isinstance(one, dict) and one.get("kind") == "LeakPolicy"]
    if len(found) != 1:
        raise InvalidSpec(str(path), f"wants exactly one object of kind LeakPolicy, has {len(found)}")
    body = found[0]
    if body.get("apiVersion") != f"{GROUP}/{VERSION}":
        raise InvalidSpec(f"{path}: apiVersion", f"is {body.get('apiVersion')!r}, must be {GROUP}/{VERSION}")
    spec = body.get("spec")
    if not isinstance(spec, dict):
        raise InvalidSpec(f"{path}: spec", "required")
    metadata = body.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return _policy(str(name or path.stem), spec, str(path))


def _policy(name: str, spec: Mapping[str, Any], where: str) -> Policy:
    policy = parse_policy(
        {
            "metadata": {
                "namespace": "replay", "name": name, "uid": "replay", "creationTimestamp": "1970-01-01T00:00:00Z",
            },
            "spec": spec,
        }
    )  # fmt: skip
    if policy.problems:
        problem = policy.problems[0]
        raise InvalidSpec(f"{where}: {problem.path}", problem.problem)
    return policy


def replay_path(path: str, policy: Policy) -> Outcome:
    """Raises nothing for what a recording holds."""
    spec = policy.usable
    try:
        if spec is None:
            raise policy.problems[0]
        size = int(spec.sampling.max_profile_size.value)
        replayed = replay(open_recording(Path(path)), policy.rules, policy.interval, max_bytes=size)
        replayed = replace(replayed, findings=named(replayed.findings, builtin_patterns()))
        replayed = replace(replayed, notes=(*replayed.notes, *_other_beat(replayed, policy.interval)))
        mutes = mutes_of(policy, float("-inf")).values()
        return Outcome(path, replayed, planned(replayed, remediation_of(policy), mutes))
    except LeakwardenError as error:
        return Outcome(path, error=f"{path}: {error}")
    except Exception as error:
        # Somebody else's files have found a mistake of ours: that must not take the other recordings along.
        return Outcome(path, error=f"{path}: judging it failed in a way that is a bug: {type(error).__name__}: {error}")


def _other_beat(replayed: Replay, interval: float) -> list[str]:
    """What to know where the samples were taken at another interval (seconds) than they are judged at."""
    between = [two.at - one.at for one, two in pairwise(replayed.steps) if one.readable and two.readable]
    if len(between) < _ENOUGH:
        return []
    apart = median(between)
    if interval / _OFF < apart < interval * _OFF:
        return []
    taken = f"{apart * 1000:.0f} ms" if apart < 1 else say.duration(apart)
    return [
        f"samples are {taken} apart, judged as if every {say.duration(interval)}: "
        "replay at the interval at which they were taken"
    ]


def replay_all(paths: Sequence[str], policy: Policy, jobs: int) -> Iterator[Outcome]:
    """In the order given, `jobs` at a time. A recording that ends its process is an outcome with an error."""
    if jobs == 1 or len(paths) == 1:
        yield from (replay_path(path, policy) for path in paths)
        return
    with ProcessPoolExecutor(min(jobs, len(paths))) as pool:
        futures = [_handed_in(pool, path, policy) for path in paths]
        for path, future in zip(paths, futures, strict=True):
            try:
                yield _alone(path, policy) if future is None else future.result()
            except BrokenProcessPool:
                yield _alone(path, policy)


def _handed_in(pool: ProcessPoolExecutor, path: str, policy: Policy) -> Future[Outcome] | None:
    """None where one that was handed in before has ended the processes already."""
    try:
        return pool.submit(replay_path, path, policy)
    except BrokenProcessPool:
        return None


def _alone(path: str, policy: Policy) -> Outcome:
    """One recording in a process of its own, after some other one, or this one, has ended the shared processes."""
    with ProcessPoolExecutor(1) as pool:
        try:
            return pool.submit(replay_path, path, policy).result()
        except BrokenProcessPool:
            return Outcome(path, error=f"{path}: judging it ended its process (memory?)")


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """2 where anything could not be judged (or a process never answered), else 1 where any leak was found, else 0."""
    if any(one.replayed is None or not any(step.readable for step in one.replayed.steps) for one in outcomes):
        return 2
    return 1 if any(one.replayed and one.replayed.leaks for one in outcomes) else 0


def as_json(outcomes: Sequence[Outcome]) -> str:
    return json.dumps([_entry(one) for one in outcomes], indent=2, ensure_ascii=False)


def _entry(one: Outcome) -> dict[str, Any]:
    replayed = one.replayed
    if replayed is None:
        return {"recording": one.recording, "verdict": None, "findings": [], "plan": [], "error": one.error}
    limit = _memory_limit(replayed)
    steps = replayed.steps
    return {
        "recording": one.recording,
        "verdict": replayed.verdict.value,
        "message": replayed.reason,
        "attempts": len(steps),
        "failedAttempts": sum(1 for step in steps if not step.readable),
        "from": timestamp(steps[0].at),
        "to": timestamp(steps[-1].at),
        "findings": [finding_json(finding, limit) for finding in replayed.findings],
        "plan": [_plan_json(planned) for planned in one.plan],
        "notes": list(replayed.notes),
        "error": None,
    }


def finding_json(finding: Finding, memory_limit: int) -> dict[str, Any]:
    """Times RFC 3339 in UTC with milliseconds; amounts in the unit of the signal; what is not known is null."""
    site = finding.site
    return {
        "type": finding.type.value,
        "family": finding.family.value,
        "rules": list(finding.rules),
        "signal": finding.signal.value,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "signature": finding.signature,
        "site": {"function": site.function, "file": site.file, "line": site.line, "leaf": site.leaf} if site else None,
        "wait": finding.wait.value if finding.wait else None,
        "pattern": finding.pattern.name if finding.pattern else None,
        "since": timestamp(finding.since),
        "firstSeen": timestamp(finding.first_seen),
        "lastSeen": timestamp(finding.last_seen),
        "resolvedAt": timestamp(finding.resolved_at),
        "resolution": finding.resolution.value if finding.resolution else None,
        "baseline": finding.baseline,
        "value": finding.value,
        "growthPerHour": finding.growth_per_hour,
        "limitAt": timestamp(finding.limit_at),
        "labels": [
            {
                "key": one.key,
                "value": one.value or None,
                "share": round(one.share, 4),
                "exact": one.exact,
                "function": one.function or None,
            }
            for one in finding.labels
        ],
        "gopls": _gopls_json(finding),
        "message": finding_message(finding, Scene(memory_limit=memory_limit)),
    }


def _gopls_json(finding: Finding) -> dict[str, Any] | None:
    told, known = finding.gopls, known_leak(finding)
    if told is None:
        return None
    state = told.state or GoplsState()
    return {
        "version": told.version or None,
        "goVersion": told.go_version or None,
        "sessions": state.sessions,
        "documents": state.documents,
        "cachedFiles": state.cached_files,
        "knownIssue": known.issue if known else None,
        "upgradeTo": known.upgrade if known else None,
    }


def timestamp(at: float | None) -> str | None:
    """`2026-11-24T15:04:05.123Z`; None stays None, and so does a time that no calendar has."""
    if at is None:
        return None
    try:
        moment = datetime.fromtimestamp(round(at, 3), UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plan_json(one: Planned) -> dict[str, Any]:
    return {
        "at": timestamp(one.at),
        "signature": one.signature,
        "action": one.action.value if one.action else None,
        "refusal": one.refusal.value if one.refusal else None,
        "notEvaluated": [refusal.value for refusal in one.not_evaluated],
        "message": one.message,
    }


def _memory_limit(replayed: Replay) -> int:
    container = replayed.target.container if replayed.target else None
    return container.memory_limit if container else 0


def print_tables(outcomes: Sequence[Outcome]) -> None:
    """A row a recording, and then what was found in each, as sentences."""
    drawn(lambda console: _print(console, outcomes))


def _print(console: Console, outcomes: Sequence[Outcome]) -> None:
    narrow = console.width < _NARROW
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    table.add_column("recording", overflow="fold")
    table.add_column("attempts", justify="right", no_wrap=True)
    table.add_column("failed", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    if not narrow:
        table.add_column("why", overflow="fold")
    for one in outcomes:
        table.add_row(*_row(one), *([] if narrow else [_why(one)]))
    console.print(table)
    console.print()
    for one in outcomes if narrow else ():
        console.print(Text(f"{one.recording}: {_why(one)}"))
        console.print()
    for one in outcomes:
        if one.replayed is not None:
            _print_findings(console, one, one.replayed)


def _row(one: Outcome) -> tuple[Text, ...]:
    replayed = one.replayed
    if replayed is None:
        return Text(one.recording), Text(""), Text(""), Text("error", style="bold red")
    failed = sum(1 for step in replayed.steps if not step.readable)
    verdict = Text(replayed.verdict.value, style=_COLOURS.get(replayed.verdict, ""))
    return Text(one.recording), Text(str(len(replayed.steps))), Text(str(failed)), verdict


def _why(one: Outcome) -> Text:
    return Text(one.replayed.reason if one.replayed else one.error.removeprefix(f"{one.recording}: "))


def _print_findings(console: Console, one: Outcome, replayed: Replay) -> None:
    if not replayed.findings and not replayed.notes:
        return
    console.print(Text(one.recording, style="bold"))
    plans = {(plan.signature): plan for plan in one.plan}
    for finding in replayed.findings:
        style = "red" if finding.type is FindingType.LEAK and finding.open else ""
        ended = f"; {finding.resolution} {timestamp(finding.resolved_at)}" if finding.resolution else ""
        console.print(Text(f"  {finding.type} {finding.severity}, said {timestamp(finding.first_seen)}{ended}", style))
        console.print(Text(f"    {finding_message(finding, Scene(memory_limit=_memory_limit(replayed)))}"))
        if plan := plans.get(finding.signature):
            console.print(Text(f"    Plan at {timestamp(plan.at)}: {plan.message}"))
    for note in replayed.notes:
        console.print(Text(f"  note: {note}", style="dim"))
    console.print()
