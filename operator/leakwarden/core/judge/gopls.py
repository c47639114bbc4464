"""What a gopls does, followed as far as a finding and the rails ask for it. It decides nothing about growth."""

from __future__ import annotations

from dataclasses import replace

from leakwarden.core.gopls_info import PACKAGE, UNSEEN, GoplsContext, GoplsInfo
from leakwarden.core.gopls_pages import GoplsState
from leakwarden.core.judge.series import Series, append
from leakwarden.core.judge.series import shifted as series_shifted
from leakwarden.core.judge.values import GoplsWatch, TargetState

REACH = 48 * 3600.0
"""Seconds: as far back as the process's own series reach at least."""
DETAIL = 8
"""Thinning: old points lie age/8 apart. They only say what things were like around an onset."""


def looked(watch: GoplsWatch | None, at: float, info: GoplsInfo, gap: float) -> GoplsWatch | None:
    """With what one reading's pages told; what they did not tell stays as it was last known. `gap` in seconds: a longer
    distance to the reading before is one."""
    if watch is None and not info.told:
        return None
    watch = watch or GoplsWatch(GoplsContext(), at)
    before, state = watch.latest, info.state
    missed = UNSEEN if at - watch.read_at > gap else min(UNSEEN, before.missed + 1)
    latest = replace(
        before,
        version=info.version.removeprefix(PACKAGE).strip() or before.version,
        go_version=info.go_version or before.go_version,
        missed=missed,
    )
    if state is None:
        return replace(watch, latest=latest, read_at=at)
    edited = at if _edited(before.state, state) else before.edited_at
    return GoplsWatch(
        replace(latest, state=state, missed=0, edited_at=edited),
        at,
        documents=_more(watch.documents, at, state.documents),
        cached_files=_more(watch.cached_files, at, state.cached_files),
        memoized=_more(watch.memoized, at, state.memoized),
    )


def context(watch: GoplsWatch | None, since: float) -> GoplsContext | None:
    """What is known now, beside what it was like around `since`; None where it is no gopls."""
    if watch is None:
        return None
    before = GoplsState(
        documents=_at(watch.documents, since),
        cached_files=_at(watch.cached_files, since),
        memoized=_at(watch.memoized, since),
    )
    return replace(watch.latest, before=None if before == GoplsState() else before)


def gopls_of(state: TargetState) -> GoplsContext | None:
    """What is known now of the process that a target is; None where it is no gopls."""
    watch = state.segment.gopls if state.segment else None
    return watch.latest if watch else None


def shifted(watch: GoplsWatch, by: float) -> GoplsWatch:
    """All times moved by `by` seconds: the wall clock was set."""
    edited = None if watch.latest.edited_at is None else watch.latest.edited_at + by
    return GoplsWatch(
        replace(watch.latest, edited_at=edited),
        watch.read_at + by,
        documents=series_shifted(watch.documents, by),
        cached_files=series_shifted(watch.cached_files, by),
        memoized=series_shifted(watch.memoized, by),
    )


def _edited(before: GoplsState | None, now: GoplsState) -> bool:
    """Documents that are opened or closed are work as well."""
    known = before is not None and before.documents is not None and now.documents is not None
    return known and before is not None and before.fingerprint != now.fingerprint


def _more(series: Series, at: float, value: int | None) -> Series:
    return series if value is None else append(series, at, value, REACH, DETAIL)


def _at(series: Series, since: float) -> int | None:
    return int(series.at(since)) if len(series) else None
