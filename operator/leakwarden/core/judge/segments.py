"""One process, one segment: when a new one begins, and how the last one ended."""

from __future__ import annotations

from dataclasses import replace

from leakwarden.api.words import Resolution
from leakwarden.core.judge import gopls, labels
from leakwarden.core.judge.series import Series, shifted
from leakwarden.core.judge.values import Coverage, LeakProfile, Segment, TargetState, Track, Tracks
from leakwarden.core.readings import Attempt, ProcessIdentity, Reading

START_TOLERANCE = 1.0
"""Seconds: two statements of one process start may differ by rounding."""


def begun(attempt: Attempt) -> Segment:
    """A segment that begins with this attempt."""
    return Segment(process=attempt.process, began=attempt.at, oom_flag=attempt.oom_killed)


def is_new_process(segment: Segment, attempt: Attempt) -> bool:
    """By identity where known on both sides, else because cumulative allocations fell."""
    return segment.over or _differs(segment.process, attempt.process) or _allocations_fell(segment, attempt)


def _differs(old: ProcessIdentity, new: ProcessIdentity) -> bool:
    if old.pod_uid and new.pod_uid and old.pod_uid != new.pod_uid:
        return True
    if old.container_id and new.container_id and old.container_id != new.container_id:
        return True
    if bool(old.pid) != bool(new.pid):
        return False  # one start is the process's, the other the container's: they do not compare
    if old.pid != new.pid:
        return True
    return bool(old.started_at and new.started_at) and abs(old.started_at - new.started_at) > START_TOLERANCE


def _allocations_fell(segment: Segment, attempt: Attempt) -> bool:
    reading = attempt.outcome
    if not isinstance(reading, Reading):
        return False
    if reading.heap is not None and reading.heap.alloc_bytes < segment.alloc_bytes:
        return True
    return reading.memstats is not None and reading.memstats.total_alloc < segment.total_alloc


def how_it_ended(segment: Segment, attempt: Attempt) -> Resolution:
    """OOMKilled where an OOM kill ended this very container; the flag that an older kill left behind proves nothing."""
    old, new = segment.process.container_id, attempt.process.container_id
    replaced = bool(old and new) and old != new
    fresh = replaced or not segment.oom_flag
    return Resolution.OOM_KILLED if attempt.oom_killed and fresh else Resolution.PROCESS_ENDED


def known_identity(old: ProcessIdentity, new: ProcessIdentity) -> ProcessIdentity:
    """What both statements of one process know together; the process's own start goes before the container's."""
    own = new if new.pid or not old.pid else old
    return ProcessIdentity(
        pod_uid=new.pod_uid or old.pod_uid,
        container_id=new.container_id or old.container_id,
        pid=own.pid,
        started_at=own.started_at or old.started_at or new.started_at,
    )


def grace_left(segment: Segment, grace: float, now: float) -> float:
    """Seconds until points are judged; counted from the process start, where that is unknown from the first attempt."""
    started = segment.process.started_at or segment.began
    return min(started, segment.began) + grace - now


def with_clock_set_back(state: TargetState, by: float) -> TargetState:
    """The wall clock went back by `by` seconds: what is remembered moves along, so that no distance becomes negative.

    Findings keep the times that were said. The step itself counts as a gap.
    """
    segment = state.segment
    if segment is None:
        return state
    moved = replace(
        segment,
        began=segment.began - by,
        heap_read=_coverage_shifted(segment.heap_read, -by),
        live=shifted(segment.live, -by),
        alloc=shifted(segment.alloc, -by),
        entries=shifted(segment.entries, -by),
        heap_inuse=shifted(segment.heap_inuse, -by),
        sys=shifted(segment.sys, -by),
        container=shifted(segment.container, -by),
        water=shifted(segment.water, -by),
        goroutines=shifted(segment.goroutines, -by),
        gc_pause=shifted(segment.gc_pause, -by),
        gc_cpu=Series(),  # counted from the process start, which does not move
        pauses=segment.pauses and replace(segment.pauses, total=shifted(segment.pauses.total, -by)),
        leaked=shifted(segment.leaked, -by),
        leaks=_asked_earlier(segment.leaks, by),
        sites=_tracks_shifted(segment.sites, -by),
        groups=_tracks_shifted(segment.groups, -by),
        gopls=segment.gopls and gopls.shifted(segment.gopls, -by),
        labels=labels.shifted(segment.labels, -by),
    )
    holds = {key: replace(hold, met_at=None) for key, hold in state.holds.items()}
    clear_at = {rule: at - by for rule, at in state.clear_at.items()}
    return replace(state, segment=moved, holds=holds, clear_at=clear_at)


def _asked_earlier(profile: LeakProfile, by: float) -> LeakProfile:
    return profile if profile.asked_at is None else replace(profile, asked_at=profile.asked_at - by)


def _coverage_shifted(coverage: Coverage | None, by: float) -> Coverage | None:
    return None if coverage is None else Coverage(coverage.since + by, coverage.last + by, coverage.count)


def _track_shifted(track: Track, by: float) -> Track:
    return replace(track, series=shifted(track.series, by), labels=labels.shifted(track.labels, by))


def _tracks_shifted(tracks: Tracks, by: float) -> Tracks:
    followed = {key: _track_shifted(track, by) for key, track in tracks.followed.items()}
    parked = {k: replace(p, at=p.at + by) for k, p in tracks.parked.items()}
    return Tracks(followed, parked)
