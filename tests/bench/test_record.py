"""Recording a program: what comes out, and that a program that fails is told and leaves nothing running."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from bench.verdicts.__main__ import main
from bench.verdicts.catalogue import CatalogueError, Entry, entries, read_truth, truths
from bench.verdicts.examine import BadRecording, examine, read
from bench.verdicts.record import PROGRAMS, Job, record, record_all
from bench.verdicts.recorder import RecordingError
from tests.bench.left_running import left_running

ENTRY = Entry(
    name="quick", program="renames", args=("-leak",), interval="50ms", samples=20, label="leaking", family="memory",
    functions=("main.add",), why="It is only here to be recorded.",
)  # fmt: skip
HEALTHY = ENTRY.model_copy(update={"name": "quiet", "args": (), "label": "healthy", "family": None, "functions": ()})


@pytest.fixture(scope="session")
def renames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    binary = tmp_path_factory.mktemp("programs") / "renames"
    subprocess.run(["go", "build", "-o", str(binary), "./tuned/renames"], cwd=PROGRAMS, check=True)
    return binary


def script(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "program"
    path.write_text(f"#!/bin/sh\necho $$ >> {tmp_path}/pids\n{text}\n")
    path.chmod(0o755)
    return path


def test_a_recording_holds_all_samples_and_its_truth(tmp_path: Path, renames: Path) -> None:
    """Recorded by the product, read by the product, examined by everybody."""
    assert asyncio.run(record_all([Job("tuned", HEALTHY, renames)], 1, tmp_path)) == []
    (truth,) = truths(tmp_path)
    assert (truth.set, truth.name, truth.label, truth.onset, truth.interval) == (
        "tuned",
        "quiet",
        "healthy",
        None,
        0.05,
    )
    assert len(read(truth)) == 20
    assert json.loads((tmp_path / "tuned" / "quiet.json").read_text())["go"].startswith("go1.")


def test_the_command_explains_a_recording_and_refuses_what_is_not_there(
    tmp_path: Path, renames: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = f"--recordings={tmp_path}"
    assert main([there]) == 2
    assert "no recordings in" in capsys.readouterr().err
    assert asyncio.run(record_all([Job("tuned", HEALTHY, renames)], 1, tmp_path)) == []
    truth = tmp_path / "tuned" / "quiet.json"
    truth.write_text(truth.read_text().replace('"50ms"', '"1s"'))  # no policy may sample as fast as this test does
    assert main([there, "--only", "quite"]) == 2
    assert "no such recording: quite" in capsys.readouterr().err
    assert main([there, "-v", f"--json={tmp_path}/all.json"]) == 0
    said = capsys.readouterr().out
    assert "tuned/quiet: healthy. It is only here to be recorded." in said
    assert "at the end: Learning" in said
    assert json.loads((tmp_path / "all.json").read_text())["recordings"][0]["verdict"] == "Learning"


def test_a_recording_that_is_cut_short_is_refused(tmp_path: Path, renames: Path) -> None:
    assert asyncio.run(record_all([Job("tuned", HEALTHY, renames)], 1, tmp_path)) == []
    said = tmp_path / "tuned" / "quiet.json"
    said.write_text(said.read_text().replace('"samples": 20', '"samples": 21'))
    with pytest.raises(BadRecording, match="quiet: 20 samples of 21"):
        examine(next(truths(tmp_path)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("echo no such flag; exit 2", "ended before it listened: no such flag"),
        ("echo listening 127.0.0.1:1; sleep 0.3; echo out of memory", "died while it was recorded: out of memory"),
    ],
)
def test_a_program_that_dies_is_an_error_that_says_its_last_words(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(RecordingError, match=said):
        asyncio.run(record(Job("tuned", ENTRY, script(tmp_path, text)), tmp_path))
    assert left_running(tmp_path) == []


def test_one_that_fails_does_not_stop_the_others(tmp_path: Path, renames: Path) -> None:
    bad = Job("tuned", ENTRY, script(tmp_path, "exit 1"))
    assert asyncio.run(record_all([bad, Job("tuned", HEALTHY, renames)], 2, tmp_path / "out")) == ["tuned/quick"]
    assert [truth.name for truth in truths(tmp_path / "out")] == ["quiet"]


def test_a_leaking_program_that_tells_no_onset_is_an_error(tmp_path: Path, renames: Path) -> None:
    job = Job("tuned", ENTRY.model_copy(update={"args": ()}), renames)
    with pytest.raises(RecordingError, match="did not say an onset"):
        asyncio.run(record(job, tmp_path))
    assert list(tmp_path.glob("*.tar.xz")) == []


def test_what_was_started_ends_when_the_recording_is_cancelled(tmp_path: Path) -> None:
    async def cancelled() -> None:
        program = script(tmp_path, f"sleep 600 & echo $! >> {tmp_path}/pids; echo listening 127.0.0.1:1; wait")
        work = asyncio.create_task(record_all([Job("tuned", ENTRY, program)], 1, tmp_path))
        async with asyncio.timeout(20):
            while not (tmp_path / "pids").exists():  # noqa: ASYNC110 (a shell script sets no Event)
                await asyncio.sleep(0.02)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(cancelled())
    assert left_running(tmp_path) == []


@pytest.mark.parametrize("set_name", ["tuned", "heldout"])
def test_every_entry_names_a_program_that_is_there(set_name: str) -> None:
    found = entries(set_name)
    assert found
    assert [e.program for e in found if not (PROGRAMS / set_name / e.program / "main.go").exists()] == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"label": "leaking"}, "wants family and functions"),
        ({"functions": ["main.f"]}, "neither family nor functions"),
        ({"interval": "soon"}, "interval"),
        ({"speed": 3}, "speed"),
        ({"name": "../up"}, "name"),
    ],
)
def test_an_entry_that_cannot_be_meant_is_refused_by_name(
    tmp_path: Path, change: dict[str, object], problem: str
) -> None:
    entry = {"name": "a", "program": "p", "interval": "1s", "samples": 100, "label": "healthy", "why": "Because of it."}
    (tmp_path / "tuned.yaml").write_text(json.dumps([{**entry, **change}]))
    with pytest.raises(CatalogueError, match=problem):
        entries("tuned", tmp_path)


def test_a_truth_without_its_recording_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "tuned").mkdir()
    (tmp_path / "tuned" / "alone.json").write_text("{}")
    with pytest.raises(CatalogueError, match="not both recording and truth: alone"):
        list(truths(tmp_path))


def test_a_healthy_truth_with_an_onset_is_an_error(tmp_path: Path) -> None:
    said = {
        "name": "x", "label": "healthy", "onset": 1, "family": None, "functions": [], "interval": "1s", "samples": 1,
        "why": "y",
    }  # fmt: skip
    (tmp_path / "x.json").write_text(json.dumps(said))
    with pytest.raises(CatalogueError, match="a healthy one has none"):
        read_truth("tuned", tmp_path / "x.tar.xz", tmp_path / "x.json")
