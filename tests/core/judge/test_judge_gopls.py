"""What a gopls does is followed beside its growth, process by process, and decides nothing about it."""

from __future__ import annotations

from dataclasses import replace

from leakwarden.api.words import FailureReason, Resolution
from leakwarden.core import judge
from leakwarden.core.findings import Finding
from leakwarden.core.gopls_info import UNSEEN, GoplsInfo
from leakwarden.core.gopls_pages import GoplsState
from leakwarden.core.judge import codec
from leakwarden.core.readings import Attempt, Failure, ProcessIdentity, Reading
from tests.core.judge.builders import MI, T0, heap, rules

FIRST = ProcessIdentity("pod", "c0", 1, T0 - 100)
VERSION = "golang.org/x/tools/gopls v0.22.0"


def state(files: int, documents: int = 4, contents: str = "a") -> GoplsState:
    return GoplsState(sessions=1, views=1, documents=documents, cached_files=files, memoized=1, fingerprint=contents)


def attempt(number: int, look: GoplsState | None = None, *, told: bool = True, live: float = 0.0) -> Attempt:
    """The first ten are flat, then the heap grows by 8 MiB each."""
    grown = max(0, number - 10) * 8.0
    reading = Reading(
        heap=heap((200 + grown + live) * MI, {"x.Keep": grown * MI}, alloc=number * 64 * MI, mark=str(number))
    )
    info = GoplsInfo(1, T0 - 100, VERSION, "go1.26.8", look) if told else GoplsInfo()
    return Attempt(T0 + 30.0 * number, reading, FIRST, 30.0, gopls=info)


def lived(attempts: list[Attempt]) -> judge.Judgement:
    judged = judge.step(judge.start(rules()), attempts[0], rules())
    for one in attempts[1:]:
        stored = codec.from_json(codec.to_json(judged.state))
        judged = judge.step(stored, one, rules())
    return judged


def leaking(*, looks: bool = True) -> list[Attempt]:
    return [
        attempt(n, state(400 + 30 * max(0, n - 10)) if looks and n % 5 == 0 else None, told=n % 5 == 0)
        for n in range(41)
    ]


def test_a_finding_says_what_its_gopls_was_like_at_the_onset_and_is_now() -> None:
    [finding] = lived(leaking()).findings
    assert finding.gopls is not None and finding.gopls.before is not None
    assert (finding.gopls.version, finding.gopls.go_version) == ("v0.22.0", "go1.26.8")
    assert finding.gopls.before == GoplsState(documents=4, cached_files=400, memoized=1)
    assert finding.gopls.state == state(1300)
    assert finding.gopls.missed == 0


def test_what_the_pages_tell_changes_neither_verdict_nor_finding() -> None:
    with_pages, without = lived(leaking()), lived([replace(one, gopls=GoplsInfo()) for one in leaking()])
    assert [replace(f, gopls=None) for f in with_pages.findings] == list(without.findings)
    assert (with_pages.verdict, with_pages.reason, with_pages.rules) == (without.verdict, without.reason, without.rules)


def test_a_process_that_never_said_so_is_no_gopls() -> None:
    judged = lived([replace(one, gopls=GoplsInfo()) for one in leaking()])
    assert judge.gopls_of(judged.state) is None
    assert [finding.gopls for finding in judged.findings] == [None]


def test_pages_that_break_leave_what_was_last_known_for_some_readings() -> None:
    known = judge.gopls_of(lived([attempt(0, state(400)), attempt(1), attempt(2, told=False)]).state)
    assert known is not None
    assert (known.state, known.missed) == (state(400), 2)


def test_after_a_gap_what_was_known_is_old_however_few_readings_there_were() -> None:
    late = replace(attempt(1, told=False), at=T0 + 30.0 * 6)
    known = judge.gopls_of(lived([attempt(0, state(400)), late]).state)
    assert known is not None and known.missed == UNSEEN
    known = judge.gopls_of(lived([attempt(0, state(400)), late, replace(attempt(8, state(410)))]).state)
    assert known is not None and known.missed == 0


def test_work_on_the_open_documents_is_seen_from_one_look_to_the_next() -> None:
    looks = [state(400), state(410), state(410, contents="b"), state(410, contents="b")]
    known = judge.gopls_of(lived([attempt(n, look) for n, look in enumerate(looks)]).state)
    assert known is not None and known.edited_at == T0 + 60.0


def test_the_first_look_shows_no_work() -> None:
    known = judge.gopls_of(lived([attempt(0), attempt(1, state(400))]).state)
    assert known is not None and known.edited_at is None


def test_what_one_process_did_is_not_told_of_the_next() -> None:
    later = replace(attempt(2), process=ProcessIdentity("pod", "c1", 1, T0 + 55), gopls=GoplsInfo())
    assert judge.gopls_of(lived([attempt(0, state(400)), attempt(1), later]).state) is None


def test_a_clock_set_back_moves_the_times_of_the_looks_along() -> None:
    judged = lived(
        [*(attempt(n, state(400 + n, contents=str(n))) for n in range(3)), replace(attempt(2), at=T0 - 3600.0)]
    )
    known = judge.gopls_of(judged.state)
    assert known is not None and known.edited_at is not None
    assert known.edited_at <= T0 - 3600.0


def test_a_gap_after_the_clock_was_set_back_is_still_a_gap() -> None:
    failed = replace(attempt(2), at=T0 - 3600.0, outcome=Failure(FailureReason.TIMEOUT, "x"))
    late = replace(attempt(3, told=False), at=T0 - 3600.0 + 30.0 * 10)
    known = judge.gopls_of(lived([attempt(0, state(400)), attempt(1), failed, late]).state)
    assert known is not None and known.missed == UNSEEN


def test_a_finding_that_ends_keeps_what_was_known() -> None:
    ended = judge.end(lived(leaking()).state, T0 + 1300.0, Resolution.TARGET_GONE).findings
    assert [_version(finding) for finding in ended] == ["v0.22.0"]


def _version(finding: Finding) -> str:
    return finding.gopls.version if finding.gopls else ""
