"""What is known around an open finding: it decides nothing, and helps whoever reads the finding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from leakwarden.api.words import Family, FindingType
from leakwarden.core.findings import Finding, LabelShare
from leakwarden.core.judge import labels, strain
from leakwarden.core.judge.course import Now
from leakwarden.core.judge.intake import place_of
from leakwarden.core.judge.series import Series
from leakwarden.core.judge.values import OpenFinding, Segment, TargetState, Track, Tracks


def told(one: OpenFinding, now: Now) -> OpenFinding:
    """The finding with what this sample tells of its surroundings."""
    finding = replace(
        one.finding, labels=_labels(one.finding, now.segment), strain=strain.seen(one.finding.strain, now)
    )
    return one if finding == one.finding else replace(one, finding=finding)


def _labels(finding: Finding, segment: Segment) -> tuple[LabelShare, ...]:
    """Of goroutines; Pressure has no growth that could belong to anyone."""
    if finding.family is not Family.GOROUTINE or finding.type is not FindingType.LEAK:
        return ()
    key = place_of(finding)
    if not key:
        return labels.shares(segment.labels, finding.since, _at(segment.goroutines, finding.since))
    track = segment.groups.followed.get(key)
    return labels.shares(track.labels, finding.since, _at(track.series, finding.since)) if track else ()


def _at(series: Series, moment: float) -> float:
    return series.at(moment) if len(series) else 0.0


def without_labels(state: TargetState) -> TargetState:
    """The state as if no label had ever been read: a policy that hides values means those of before, too."""
    segment = state.segment
    if segment is not None:
        segment = replace(
            segment, labels=(), sites=_without(segment.sites), groups=_without(segment.groups)
        )  # fmt: skip
    findings = tuple(replace(one, finding=replace(one.finding, labels=())) for one in state.findings)
    return replace(state, segment=segment, findings=findings)


def _without(tracks: Tracks) -> Tracks:
    followed: Mapping[str, Track] = {key: replace(track, labels=()) for key, track in tracks.followed.items()}
    return replace(tracks, followed=followed)
