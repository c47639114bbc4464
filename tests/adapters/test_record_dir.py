"""What the operator records replays to what the operator said, stays within its bound, and never gets in the way."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from leakwarden.adapters.record_dir import RecordDir
from leakwarden.adapters.recordings import open_recording
from leakwarden.adapters.store import SqliteStore
from leakwarden.api.words import FailureReason, Resolution, Verdict
from leakwarden.core.findings import Finding
from leakwarden.core.gopls_info import GoplsInfo
from leakwarden.core.judge import TransitionKind
from leakwarden.core.patterns import builtin_patterns, named
from leakwarden.core.readings import Failure, Reading
from leakwarden.core.recording_replay import Replay, replay
from leakwarden.core.recording_target import RecordedTarget
from leakwarden.core.reduce import goroutines_from_bytes, heap_from_bytes
from leakwarden.core.samples import SampleResult
from leakwarden.core.targets import PodFacts, PolicyKey
from leakwarden.errors import MalformedRecording
from leakwarden.pipeline.fleet import Fleet, Watch
from leakwarden.pipeline.judging import Judging
from tests.core.recorded import MI, leaking
from tests.pipeline.build import INTERVAL, oom_killed, pod, policy
from tests.pipeline.fakes import HandClock

GOPLS = policy("gopls")
KEY = PolicyKey("demo", "gopls")
POD = RecordedTarget(namespace="demo", pod="ws-1", pod_uid="uid-1", endpoint="pprof")


@contextmanager
def recording(root: Path, most: int = 1 << 30) -> Iterator[RecordDir]:
    recorder = RecordDir(root, most)
    recorder.start()
    yield recorder
    recorder.close()


def sample(at: float, number: int, info: GoplsInfo | None = None) -> SampleResult:
    files = leaking(number)
    heap, count = files["heap.pb.gz"], files["goroutine.pb.gz"]
    parts = {"heap": heap, "goroutine": count}
    if info:
        parts["gopls"] = b'{"pid": %d, "started_at": %f}' % (info.pid, info.started_at)
    outcome = Reading(heap_from_bytes(heap, 32 * MI), goroutines_from_bytes(count, 32 * MI))
    return SampleResult(at, 0.1, outcome, parts=parts, info=info or GoplsInfo())


def refused(at: float) -> SampleResult:
    return SampleResult(at, 0.1, Failure(FailureReason.CONNECTION_REFUSED, "nothing listens"))


# -- replay equals live -----------------------------------------------------------------------------------------------


class Operator:
    """Judging over a real store, recording; a second one goes on where the first stood."""

    def __init__(self, store: SqliteStore, recorder: RecordDir, at: float) -> None:
        self.clock = HandClock(at)
        self.fleet = Fleet()
        self.judging = Judging(self.fleet, store, self.clock, lambda _: None, recorder)
        self.said: list[tuple[float, Verdict, tuple[Finding, ...]]] = []

    async def put(self, facts: PodFacts) -> Watch:
        self.fleet.remembered[GOPLS.key] = await self.judging.restore(GOPLS)
        self.fleet.put_policy(GOPLS, [facts])
        (watch,) = self.fleet.watches(GOPLS.key)
        return watch

    async def give(self, watch: Watch, make: Callable[[float], SampleResult]) -> None:
        (point,) = self.fleet.points.values()
        await self.judging.on_sample(point, make(self.clock.at))
        assert watch.report is not None
        self.said.append((self.clock.at, watch.report.verdict, watch.report.findings))
        self.clock.at = round(self.clock.at + INTERVAL + 0.123, 3)


def steps(found: Replay) -> list[tuple[float, Verdict, tuple[Finding, ...]]]:
    """As a report has it: the open findings and those that this very step resolved, by the names of their patterns."""
    table = builtin_patterns()
    return [
        (
            step.at,
            step.verdict,
            named((*step.open, *(t.finding for t in step.transitions if t.kind is TransitionKind.RESOLVED)), table),
        )
        for step in found.steps
    ]


async def test_a_recording_replays_to_the_very_findings_of_the_live_operator(tmp_path: Path) -> None:
    """Through a leak, an OOM kill, the leak's return, an operator that is restarted, and an editor that is closed."""
    facts = pod("ws-1")
    store = SqliteStore(tmp_path / "state")
    await store.open()
    gopls = GoplsInfo(7, 1_789_000_000.0)
    with recording(tmp_path / "recordings") as recorder:
        first = Operator(store, recorder, 1_790_000_000.25)
        watch = await first.put(facts)
        for n in range(16):
            await first.give(watch, lambda at, n=n: sample(at, n, gopls if n % 5 == 0 else None))  # type: ignore[misc]
        watch.pod = oom_killed(facts, first.clock.at - 3.0)
        for n in range(4):
            await first.give(watch, lambda at, n=n: sample(at, n))  # type: ignore[misc]
    with recording(tmp_path / "recordings") as recorder:
        second = Operator(store, recorder, first.clock.at)
        again = await second.put(watch.pod)
        for n in range(4, 20):
            await second.give(again, lambda at, n=n: sample(at, n))  # type: ignore[misc]
        for _ in range(3):
            await second.give(again, refused)
    await store.close()
    (folder,) = (tmp_path / "recordings").glob("*/*/*")
    assert folder.relative_to(tmp_path / "recordings") == Path(f"demo/gopls/ws-1-pprof-{facts.uid}")
    found = replay(open_recording(folder), GOPLS.rules, GOPLS.interval)
    assert steps(found) == first.said + second.said
    assert [finding.resolution for finding in found.findings] == [Resolution.OOM_KILLED, Resolution.PROCESS_ENDED]


# -- its bound --------------------------------------------------------------------------------------------------------


def kept(root: Path) -> dict[str, list[int]]:
    return {
        folder.name: [sample.at_ms // 1000 for sample in open_recording(folder).samples]
        for folder in sorted(root.glob("*/*/*"))
    }


def test_the_oldest_samples_go_first_whoever_they_are_of(tmp_path: Path) -> None:
    size = sum(map(len, leaking(0).values()))
    with recording(tmp_path, most=int(6.9 * size)) as recorder:
        for n in range(8):
            name = "a" if n < 4 else "b"
            recorder.record(KEY, replace_pod(name), sample(1000.0 + n, 0))
    found = kept(tmp_path)
    left = sorted(at for times in found.values() for at in times)
    assert left == list(range(1008 - len(left), 1008))
    assert 4 < len(left) < 7
    total = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert total <= 6.9 * size


def replace_pod(name: str) -> RecordedTarget:
    return POD.model_copy(update={"pod": name})


def test_what_was_known_of_the_pod_stays_when_the_first_sample_goes(tmp_path: Path) -> None:
    size = sum(map(len, leaking(0).values()))
    with recording(tmp_path, most=3 * size) as recorder:
        for n in range(9):
            recorder.record(KEY, POD, sample(1000.0 + n, 0))
    (folder,) = tmp_path.glob("*/*/*")
    first, *others = open_recording(folder).samples
    assert "target.json" in first.names
    assert not any("target.json" in sample.names for sample in others)


def test_a_recording_that_has_gone_altogether_leaves_no_folder(tmp_path: Path) -> None:
    size = sum(map(len, leaking(0).values()))
    with recording(tmp_path, most=2 * size) as recorder:
        recorder.record(KEY, replace_pod("a"), sample(1000.0, 0))
        for n in range(3):
            recorder.record(KEY, replace_pod("b"), sample(1001.0 + n, 0))
    assert list(kept(tmp_path)) == ["b-pprof-uid-1"]


def test_what_an_earlier_process_wrote_counts_and_goes_first(tmp_path: Path) -> None:
    size = sum(map(len, leaking(0).values()))
    for start in (1000.0, 2000.0):
        with recording(tmp_path, most=int(3.9 * size)) as recorder:
            for n in range(3):
                recorder.record(KEY, POD, sample(start + n, 0))
    (times,) = kept(tmp_path).values()
    assert times == [2000, 2001, 2002]


# -- trouble ----------------------------------------------------------------------------------------------------------


def test_what_cannot_be_written_is_logged_once_and_raises_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), recording(tmp_path) as recorder:
        (tmp_path / "demo").write_text("in the way")
        for n in range(5):
            recorder.record(KEY, POD, sample(1000.0 + n, 0))
    (line,) = caplog.messages
    assert line.startswith(f"samples are not recorded: cannot make {tmp_path}/demo/gopls/")


def test_a_directory_that_can_never_be_used_is_told_at_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MalformedRecording, match="cannot make"):
        RecordDir(tmp_path / "file" / "below", 1 << 30).start()


def test_names_never_lead_out_of_the_directory(tmp_path: Path) -> None:
    with recording(tmp_path / "in") as recorder:
        recorder.record(PolicyKey("..", "../x"), replace_pod("../../../y"), sample(1000.0, 0))
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert len(list((tmp_path / "in").glob("*/*/*"))) == 1
