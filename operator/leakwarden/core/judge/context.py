"""What is known around an open finding: it decides nothing, and helps whoever reads the finding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from leakwarden.api.words import Family, FindingType
from leakwarden.core.findings import Finding, LabelShare
from leakwarden.core.judge import labels, parking, strain
from leakwarden.core.judge.course import Now
from leakwarden.core.judge.intake import place_of
from leakwarden.core.judge.series import Series
from leakwarden.core.judge.values import OpenFinding, Segment, TargetState, Track, Tracks
from leakwarden.core.readings import Reading


def told(one: OpenFinding, now: Now, *, hide_labels: bool) -> OpenFinding:
    """The finding with what this sample tells of its surroundings."""
    reading = now.attempt.outcome
    if not isinstance(reading, Reading):
        return one
    finding = replace(one.finding, strain=strain.seen(one.finding.strain, now))
    if finding.type is not FindingType.LEAK:
        return replace(one, finding=finding)
    if finding.family is Family.GOROUTINE:
        finding = replace(parking.seen(finding, reading), labels=_whose_goroutines(finding, now.segment))
        return replace(one, finding=finding)
    # Of values that are not remembered nobody would know, at the next sample, whether they are the same.
    sightings = None if hide_labels else labels.sighted(one.sightings, finding, reading)
    return replace(one, sightings=sightings, finding=replace(finding, labels=labels.sighted_shares(sightings)))


def _whose_goroutines(finding: Finding, segment: Segment) -> tuple[LabelShare, ...]:
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
    findings = tuple(replace(one, sightings=None, finding=replace(one.finding, labels=())) for one in state.findings)
    return replace(state, segment=segment, findings=findings)


def _without(tracks: Tracks) -> Tracks:
    followed: Mapping[str, Track] = {key: replace(track, labels=()) for key, track in tracks.followed.items()}
    return replace(tracks, followed=followed)
