"""What Leakwarden's rules saw at each sample of a recording, for whoever tunes them."""

from __future__ import annotations

from collections.abc import Iterator

from bench.verdicts.catalogue import Truth
from bench.verdicts.examine import judged, read, rules_at
from leakwarden.core.judge import Judgement, RuleEvaluation
from leakwarden.core.readings import Attempt, Reading

MIB = 1 << 20
EVERY = 5
"""Samples after which a rule that sees growth is told again."""
ABSENT = "was not taken in this round"
"""Said of memory statistics three times out of four: no news."""


def explained(truth: Truth) -> Iterator[str]:
    """A line a sample, and below it the rules that have changed their state or see growth; all of them at the end."""
    found = read(truth)
    said = judged(found, rules_at(truth.interval))
    yield f"{truth.id}: {truth.label}. {truth.why}"
    before: dict[str, str] = {}
    begin, onset = found[0].at, truth.onset
    for index, (attempt, judgement) in enumerate(zip(found, said, strict=True)):
        if onset is not None and onset <= attempt.at and (index == 0 or found[index - 1].at < onset):
            yield f"      onset, {(onset - begin) / truth.interval:.1f} intervals after the first sample"
        yield f"{index:4d}  {_values(attempt)}  {judgement.verdict}"
        for evaluation in judgement.rules:
            if evaluation.why.endswith(ABSENT) and index < len(found) - 1:
                continue
            now = f"{evaluation.state} {evaluation.site.function if evaluation.site else ''}"
            told = index % EVERY == 0 and evaluation.growth is not None
            if told or before.get(evaluation.rule) != now or index == len(found) - 1:
                yield f"        {_evaluation(evaluation)}"
            before[evaluation.rule] = now
        yield from _transitions(judgement)
    yield f"at the end: {said[-1].verdict}: {said[-1].reason}"


def _values(attempt: Attempt) -> str:
    reading = attempt.outcome
    if not isinstance(reading, Reading):
        return f"failed: {reading.reason}"
    heap = f"{reading.heap.live_bytes / MIB:8.1f} MiB {reading.heap.fingerprint[:4]}" if reading.heap else "no heap"
    goroutines = f"{reading.goroutines.total:6d} goroutines" if reading.goroutines else "no goroutines"
    return f"{heap} {goroutines}"


def _evaluation(one: RuleEvaluation) -> str:
    where = f" at {one.site.function}" if one.site else ""
    return f"{one.rule}: {one.state}, held {one.held:.0f} s{where}: {one.why}"


def _transitions(judgement: Judgement) -> Iterator[str]:
    for one in judgement.transitions:
        finding = one.finding
        ended = f" ({finding.resolution})" if finding.resolution else ""
        yield f"   ***  {one.kind} {finding.type} {finding.signature} by {', '.join(finding.rules)}{ended}"
