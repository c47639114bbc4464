"""Recording gopls: what its editor answers, and that a gopls that fails is told and leaves nothing running."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from bench.verdicts.catalogue import CatalogueError, Entry, entries
from bench.verdicts.gopls import SET, arguments, record, record_all, wanted
from bench.verdicts.gopls_editor import Editor, EditorError
from bench.verdicts.gopls_loads import files
from tests.bench.left_running import left_running

ENTRY = Entry(
    name="quick", program="idle", interval="100ms", samples=20, label="healthy", why="It is only here to be recorded.",
)  # fmt: skip
SERVER = """#!{python}
import json, os, subprocess, sys
child = subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL)
with open("{folder}/pids", "a") as pids:
    print(os.getpid(), child.pid, file=pids)
def send(message):
    body = json.dumps(message).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\\r\\n\\r\\n" % len(body) + body)
    sys.stdout.buffer.flush()
def read():
    length = 0
    while (line := sys.stdin.buffer.readline()).strip():
        length = int(line.split(b":")[1])
    return json.loads(sys.stdin.buffer.read(length))
{text}
"""
ASKS = """
while True:
    message = read()
    if message.get("method") == "ask":
        send({"id": 7, "method": "workspace/configuration", "params": {"items": [{}, {}]}})
        send({"id": 8, "method": "window/workDoneProgress/create", "params": {}})
    elif "method" not in message:
        with open("FOLDER/answers", "a") as answers:
            print(json.dumps(message), file=answers)
    if message.get("method") and "id" in message:
        send({"id": message["id"], "result": None})
"""


def server(folder: Path, text: str) -> Path:
    path = folder / "gopls-of-the-test"
    filled = text.replace("FOLDER", str(folder))
    path.write_text(
        SERVER.replace("{python}", sys.executable).replace("{folder}", str(folder)).replace("{text}", filled)
    )
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(("silent", "ids"), [(False, [7, 8]), (True, [8])])
def test_an_editor_answers_all_that_gopls_asks_unless_it_is_silent_about_configuration(
    tmp_path: Path, silent: bool, ids: list[int]
) -> None:
    async def asked() -> None:
        editor = await Editor.start(server(tmp_path, ASKS), 1, [tmp_path], os.environ)
        editor.silent = silent
        await editor.notify("ask", {})
        for _ in range(2):  # gopls reads in order: by the second answer it has read ours to what it had asked
            await editor.request("anything", {})
        await editor.end()

    asyncio.run(asked())
    said = [json.loads(line) for line in (tmp_path / "answers").read_text().splitlines()]
    assert [answer["id"] for answer in said] == ids
    assert said[0]["result"] == (None if silent else [{}, {}])
    assert left_running(tmp_path) == []


def test_a_gopls_that_dies_is_an_error_and_takes_its_children_with_it(tmp_path: Path) -> None:
    gopls = server(tmp_path, "read(); sys.exit(3)")
    with ProcessPoolExecutor(1) as packers, pytest.raises(Exception, match="gopls has gone"):
        asyncio.run(record(ENTRY, gopls, tmp_path, packers))
    assert left_running(tmp_path) == []
    assert list(tmp_path.glob("*.json")) == []


def test_what_a_gopls_leaves_behind_that_ended_by_itself_ends_too(tmp_path: Path) -> None:
    async def left() -> None:
        editor = await Editor.start(server(tmp_path, "sys.exit(0)"), 1, [tmp_path], os.environ)
        await editor.process.wait()
        await editor.end()

    asyncio.run(left())
    assert left_running(tmp_path) == []


def test_a_gopls_that_dies_does_not_stop_the_others(tmp_path: Path) -> None:
    gopls = server(tmp_path, "sys.exit(3)")
    other = ENTRY.model_copy(update={"name": "other"})
    assert sorted(asyncio.run(record_all([ENTRY, other], gopls, 2, tmp_path))) == ["other", "quick"]


def test_what_was_started_ends_when_the_recording_is_cancelled(tmp_path: Path) -> None:
    async def cancelled() -> None:
        work = asyncio.create_task(record_all([ENTRY], server(tmp_path, "while read(): pass"), 1, tmp_path))
        async with asyncio.timeout(20):
            while not (tmp_path / "pids").exists() or not (tmp_path / "pids").read_text():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(cancelled())
    assert left_running(tmp_path) == []


def test_a_request_to_a_gopls_that_has_gone_is_an_error(tmp_path: Path) -> None:
    async def asked() -> None:
        editor = await Editor.start(server(tmp_path, "sys.exit(0)"), 1, [tmp_path], os.environ)
        try:
            await editor.process.wait()
            await editor.request("anything", {})
        finally:
            await editor.end()

    with pytest.raises(EditorError, match="gone"):
        asyncio.run(asked())


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"program": "sleep"}, "program sleep is none of"),
        ({"args": ("onset",)}, "'onset' is not NAME=NUMBER"),
        ({"args": ("onset=soon",)}, "'onset=soon' is not NAME=NUMBER"),
    ],
)
def test_an_entry_that_cannot_be_meant_is_refused_by_name(change: dict[str, object], problem: str) -> None:
    with pytest.raises(CatalogueError, match=f"quick: .*{problem}"):
        arguments(ENTRY.model_copy(update=change))


def test_every_entry_can_be_recorded() -> None:
    assert [entry.name for entry in wanted([], missing=False)] == [entry.name for entry in entries(SET)]


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(CatalogueError, match="has no nothing"):
        wanted(["nothing"], missing=False)


def test_files_come_from_many_packages_one_each(tmp_path: Path) -> None:
    for folder in ("vet", "cgo/a", "cgo/b"):
        (tmp_path / folder).mkdir(parents=True)
        for name, size in (("small.go", 3000), ("large.go", 4000), ("large_test.go", 9000)):
            (tmp_path / folder / name).write_text("/" * size)
    assert [str(path.relative_to(tmp_path)) for path in files(tmp_path)] == [
        "vet/large.go",
        "cgo/a/large.go",
        "cgo/b/large.go",
    ]
