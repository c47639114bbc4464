"""How old what is known of a target may be, for something to be done about it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from leakwarden.api.words import Verdict
from leakwarden.core.documents import Editing, editing, of_pod
from leakwarden.core.gopls_info import GoplsContext
from leakwarden.core.judge.intake import GAP
from leakwarden.core.report.values import TargetReport
from leakwarden.pipeline.fleet import Watch

ROUNDED = 1.0
"""Seconds: times of attempts are whole milliseconds, so that one may lie ahead by a hair."""


def is_fresh(report: TargetReport, now: float) -> bool:
    """A verdict is of now when no gap has followed it (docs/leakpolicy.md), in intervals as reached. One that an
    earlier process left behind is not acted on, nor one from a time yet to come: the clock was set back since."""
    return -ROUNDED <= now - report.last_attempt <= GAP * report.interval


def editing_in(watches: Iterable[Watch], now: float) -> dict[str, Editing]:
    """What people have open, by pod UID, over all processes of the pod: an eviction takes them all. What the latest
    reading did not tell is not known: somebody may have opened a document since."""
    found: dict[str, list[Editing]] = defaultdict(list)
    for watch in watches:
        report = watch.report
        gopls = None if report is None else report.gopls or _taken_for_one(watch, report)
        if report is None or gopls is None:
            continue
        seen = gopls.missed == 0 and is_fresh(report, now) and report.verdict is not Verdict.UNREACHABLE
        if (told := editing(report.endpoint, gopls, seen=seen)) is not None:
            found[watch.key.pod_uid].append(told)
    return {uid: worst for uid, told in found.items() if (worst := of_pod(told)) is not None}


def _taken_for_one(watch: Watch, report: TargetReport) -> GoplsContext | None:
    """Where a gopls was, a new process that has not told yet is taken for one."""
    return GoplsContext() if watch.gopls and report.verdict is not Verdict.NOT_RUNNING else None
