"""One recording before all detectors: decoded once, judged by Leakwarden with its built-in rules and by every rival."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from bench.verdicts.catalogue import Truth
from bench.verdicts.rivals import RIVALS
from bench.verdicts.score import Case, Outcome, Saying, outcome
from bench.verdicts.series import SampleSeries, series_of
from leakwarden.adapters.recordings import open_recording
from leakwarden.api.duration import Duration
from leakwarden.api.spec import LeakPolicySpec
from leakwarden.api.words import FindingType, Verdict
from leakwarden.core import judge
from leakwarden.core.findings import Finding
from leakwarden.core.judge import Judgement, codec
from leakwarden.core.readings import Attempt
from leakwarden.core.recording_replay import MAX_BYTES, attempts
from leakwarden.core.rules import RuleSet
from leakwarden.core.rules_from_spec import rule_set

LEAKWARDEN = "Leakwarden"
GRACE = 4
"""Intervals of startupGrace: the programs begin when they are recorded."""
PROCESSES = 2
MOST_DAMAGE = 0.05
"""Share of the attempts that may have failed before a recording is no evidence."""


class BadRecording(Exception):
    """A recording that proves nothing; says which and why."""


@dataclass(frozen=True, slots=True)
class Examined:
    """`outcomes` by detector, Leakwarden's and the rivals'. `verdict` is Leakwarden's after the last sample."""

    truth: Truth
    series: SampleSeries
    outcomes: Mapping[str, Outcome]
    sayings: Sequence[Saying]
    """Leakwarden's."""
    verdict: Verdict
    reason: str


def read(truth: Truth) -> list[Attempt]:
    """Raises BadRecording for one that is damaged, cut short, or holds hardly a reading."""
    notes: list[str] = []
    found = [attempt for attempt, _ in attempts(open_recording(truth.path), truth.interval, MAX_BYTES, notes)]
    if notes:
        raise BadRecording(f"{truth.id}: {notes[0]}")
    if len(found) < truth.samples:
        raise BadRecording(f"{truth.id}: {len(found)} samples of {truth.samples}")
    readings = len(series_of(found).samples)
    if len(found) - readings > MOST_DAMAGE * len(found):
        raise BadRecording(f"{truth.id}: {len(found) - readings} of {len(found)} attempts failed")
    return found


def rules_at(interval: float) -> RuleSet:
    """The built-in rules of a policy that has this `sampling.interval` (seconds) and none of its own."""
    sampling = {"interval": str(Duration.of(interval)), "startupGrace": str(Duration.of(GRACE * interval))}
    target = {"selector": {"matchLabels": {"app": "recorded"}}}
    return rule_set(LeakPolicySpec.model_validate({"target": target, "sampling": sampling}))


def judged(
    found: Iterable[Attempt],
    rules: RuleSet,
    between: Callable[[int, judge.TargetState], judge.TargetState] | None = None,
) -> list[Judgement]:
    """What Leakwarden says after each attempt. `between` may put the state through something after attempt `index`."""
    state, said = judge.start(rules), []
    for index, attempt in enumerate(found):
        judgement = judge.step(state, attempt, rules)
        state = judgement.state if between is None else between(index, judgement.state)
        said.append(judgement)
    return said


def cut_at_random_places(seed: str, share: float = 0.1) -> Callable[[int, judge.TargetState], judge.TargetState]:
    """Stores the state after about this share of the attempts and goes on from what was stored."""
    chance = random.Random(seed)

    def between(_: int, state: judge.TargetState) -> judge.TargetState:
        return codec.from_json(codec.to_json(state)) if chance.random() < share else state

    return between


def sayings_of(said: Sequence[Judgement], found: Sequence[Attempt], rules: RuleSet) -> list[Saying]:
    """Every Leak from when it was first said until it was taken back."""
    patience = {rule.name: (rule.growth.window if rule.growth else 0.0, rule.hold) for rule in rules.rules}
    interval = found[0].interval
    standing: dict[str, tuple[float, Finding]] = {}
    done: list[Saying] = []

    def put_down(signature: str, until: float | None) -> None:
        at, finding = standing.pop(signature)
        window, hold = patience[finding.rules[0]]
        function = finding.site.function if finding.site else ""
        done.append(Saying(at, " ".join(finding.rules), function, window / interval, hold / interval, until))

    for judgement, attempt in zip(said, found, strict=True):
        leaks = {f.signature: f for f in judgement.findings if f.open and f.type is FindingType.LEAK}
        for signature in standing.keys() - leaks.keys():
            put_down(signature, attempt.at)
        for signature, finding in leaks.items():
            standing.setdefault(signature, (attempt.at, finding))
    for signature in list(standing):
        put_down(signature, None)
    return sorted(done, key=lambda one: one.at)


def case_of(truth: Truth) -> Case:
    return Case(truth.id, truth.set, truth.interval, truth.onset, truth.functions)


def examine(truth: Truth) -> Examined:
    """All detectors on one recording. Raises BadRecording, and MalformedRecording where it cannot be read."""
    found = read(truth)
    return _examined(truth, found, judged(found, rules_at(truth.interval)))


def examine_and_cut(truth: Truth) -> tuple[Examined, bool]:
    """The same, going on from stored states at random places, and whether each came back as it was.

    To the value, and to the text, which tells the order of rows, too: then what follows is what it would have been.
    """
    found, same = read(truth), []
    cut = cut_at_random_places(truth.id)

    def between(index: int, state: judge.TargetState) -> judge.TargetState:
        resumed = cut(index, state)
        if resumed is not state:
            same.append(resumed == state and codec.to_json(resumed) == codec.to_json(state))
        return resumed

    said = judged(found, rules_at(truth.interval), between)
    return _examined(truth, found, said), bool(same) and all(same)


def _examined(truth: Truth, found: Sequence[Attempt], said: Sequence[Judgement]) -> Examined:
    series, case = series_of(found), case_of(truth)
    ours = sayings_of(said, found, rules_at(truth.interval))
    outcomes = {LEAKWARDEN: outcome(case, ours)}
    for rival in RIVALS:
        alarms = [(series.samples[alarm.index].at, alarm.why) for alarm in rival.alarms(series)]
        outcomes[rival.name] = outcome(case, [Saying(at, why, until=at) for at, why in alarms])
    return Examined(truth, series, outcomes, ours, said[-1].verdict, said[-1].reason)


def examine_all(truths: Sequence[Truth], processes: int = PROCESSES) -> list[Examined]:
    """In the order of `truths`."""
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(examine, truths))
