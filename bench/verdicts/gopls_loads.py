"""What an editor does with gopls while it is recorded. Each load works until it is cancelled.

A load gets ready, says `begin` to have the recording start, and counts time in ticks (intervals) from there. All work
in Go's own `cmd` tree, some five hundred packages that every machine with Go has; nothing in it is written to.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.verdicts.gopls_editor import CREATED, DELETED, Editor

FOLDERS: Final = ("compile/internal", "link/internal", "go/internal", "internal/obj", "asm/internal", "vet", "cgo")
"""Folders below `cmd` whose files are opened, in turn."""
QUIET: Final = 0.1
"""Share of one core below which a gopls has nothing to do."""
LOADING: Final = 300.0
"""Seconds that the first load may take."""
QUESTIONS: Final = (
    "textDocument/hover",
    "textDocument/completion",
    "textDocument/documentSymbol",
    "textDocument/documentHighlight",
    "textDocument/definition",
    "textDocument/signatureHelp",
)
MIB: Final = 1 << 20


class LoadError(Exception):
    """The load could not do what it is to do."""


@dataclass(slots=True)
class Desk:
    """One editor at work. `cmd` and `scratch` are folders, `taken` is the one that samples appear in; `interval` in
    seconds."""

    gopls: Path
    port: int
    env: Mapping[str, str]
    cmd: Path
    scratch: Path
    taken: Path
    interval: float
    editor: Editor = field(init=False)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    onset_ms: int | None = None
    _began: float = 0.0

    async def start(self) -> None:
        """A gopls on the same port as the one before, if there was one. It is not spoken to yet."""
        self.editor = await Editor.start(self.gopls, self.port, [self.cmd, self.restored], self.env)

    @property
    def restored(self) -> Path:
        """The second folder of the workspace: a small module that is all ours."""
        return self.scratch / "restored"

    async def loaded(self) -> None:
        """Waits for the end of the initial load, all background work included."""
        await self.editor.initialize()
        for path in itertools.islice(files(self.cmd), 4):
            await self.editor.open(path)
        await self.editor.ask("textDocument/hover", self.editor.open_documents[0], 0)
        await self.quiet()

    async def quiet(self) -> None:
        """Returns once gopls has used hardly any processor time for four seconds."""
        deadline, still = time.monotonic() + LOADING, 0
        before = _processor_seconds(self.editor.process.pid)
        while still < 4:
            if time.monotonic() > deadline:
                raise LoadError(f"gopls is still at work after {LOADING:.0f} s")
            await asyncio.sleep(1.0)
            now = _processor_seconds(self.editor.process.pid)
            still = still + 1 if now - before < QUIET else 0
            before = now

    def begin(self) -> None:
        self._began = time.monotonic()
        self.begun.set()

    @property
    def tick(self) -> float:
        return (time.monotonic() - self._began) / self.interval

    async def until(self, tick: float) -> None:
        await asyncio.sleep(max(0.0, (tick - self.tick) * self.interval))

    @property
    def samples(self) -> int:
        """Taken so far: where gopls is slow to answer, fewer than ticks."""
        return sum(1 for _ in self.taken.glob("*-heap.pb.gz"))

    async def sampled(self, count: int) -> None:
        """Returns once so many samples have been taken."""
        while self.samples < count:  # noqa: ASYNC110 (another process writes them)
            await asyncio.sleep(self.interval / 4)

    def leaks_now(self) -> None:
        """It leaks from this moment on."""
        self.onset_ms = int(time.time() * 1000)


Arguments = Mapping[str, float]
Load = Callable[[Desk, Arguments], Coroutine[None, None, None]]


async def steady(desk: Desk, told: Arguments) -> None:
    """Edits and asks all the time. `cold`: the recording begins before gopls is spoken to; `restart`: at this tick
    gopls is killed and started again, as an editor does whose server has crashed."""
    if told.get("cold"):
        desk.begin()
        await desk.until(told["cold"])
        await desk.editor.initialize()
        for path in itertools.islice(files(desk.cmd), 4):
            await desk.editor.open(path)
    else:
        await desk.loaded()
        desk.begin()
    restart = told.get("restart")
    if restart is not None:
        await _work(desk, told, lambda tick: tick < restart)
        await desk.editor.end()
        await desk.start()
        await desk.editor.initialize()
        for path in itertools.islice(files(desk.cmd), 4):
            await desk.editor.open(path)
    await _work(desk, told)


async def idle(desk: Desk, told: Arguments) -> None:
    """A few documents are open and nobody touches them."""
    await desk.loaded()
    desk.begin()
    await asyncio.Event().wait()


async def breaks(desk: Desk, told: Arguments) -> None:
    """Works, and pauses for `pause` ticks after every `work` ticks."""
    await desk.loaded()
    desk.begin()
    cycle = told["work"] + told["pause"]
    while True:
        base = desk.tick
        await _work(desk, told, lambda tick, end=base + told["work"]: tick < end)  # type: ignore[misc]
        await desk.until(base + cycle)


async def storms(desk: Desk, told: Arguments) -> None:
    """`rate` edits a tick of one large document for `storm` ticks, then a pause of `pause` ticks, again and again."""
    await desk.loaded()
    path = desk.editor.open_documents[0]
    desk.begin()
    edits = itertools.count()
    while True:
        base = desk.tick
        while desk.tick < base + told["storm"]:
            await desk.editor.edit(path, f"storm {next(edits)}")
            await asyncio.sleep(desk.interval / told["rate"])
        await desk.until(base + told["storm"] + told["pause"])


async def bursts(desk: Desk, told: Arguments) -> None:
    """Every `every` ticks `files` files of other packages are opened at once; those of the last `kept` times stay."""
    await desk.loaded()
    shown = iter(files(desk.cmd, skip=4))
    times: list[list[Path]] = []
    desk.begin()
    for burst in itertools.count():
        await desk.until(told["first"] + burst * told["every"])
        times.append(list(itertools.islice(shown, int(told["files"]))))
        for turn, path in enumerate(times[-1]):
            await desk.editor.open(path)
            await desk.editor.ask("textDocument/documentSymbol", path, turn)
            await desk.editor.ask("textDocument/completion", path, turn)
        if len(times) > told["kept"]:
            for path in times.pop(0):
                await desk.editor.close(path)


async def closed(desk: Desk, told: Arguments) -> None:
    """From tick `first` on a file of another package is opened and worked in every tick, `files` in all; at tick
    `close` all of them are closed, and nothing is done any more."""
    await desk.loaded()
    shown = list(itertools.islice(files(desk.cmd, skip=4), int(told["files"])))
    desk.begin()
    for turn, path in enumerate(shown):
        await desk.until(told["first"] + turn)
        await desk.editor.open(path)
        await desk.editor.ask("textDocument/documentSymbol", path, turn)
        await desk.editor.edit(path, f"edit {turn}")
        await desk.editor.ask("textDocument/completion", path, turn)
    await desk.until(told["close"])
    for path in shown:
        await desk.editor.close(path)
    await asyncio.Event().wait()


async def unanswered(desk: Desk, told: Arguments) -> None:
    """Ordinary work; after `onset` samples the editor no longer answers what gopls asks of its configuration, and goes
    on asking `rate` times a tick."""
    await desk.loaded()
    desk.begin()
    await _work(desk, told, lambda _: desk.samples < told["onset"])
    path = desk.editor.open_documents[0]
    desk.editor.silent = True
    await desk.editor.notify("workspace/didChangeConfiguration", {"settings": {}})
    desk.leaks_now()
    for turn in itertools.count():
        await desk.editor.request_only(QUESTIONS[turn % 2], desk.editor.asked(path, turn))
        await asyncio.sleep(desk.interval / told["rate"])


async def restored_files(desk: Desk, told: Arguments) -> None:
    """Ordinary work; after `onset` samples, every `every` ticks, `files` files of 1 MiB come into the workspace and go
    again, as generated files do: gopls keeps what it has read of each."""
    await desk.loaded()
    away = desk.scratch / "away"
    away.mkdir()
    desk.begin()
    async with asyncio.TaskGroup() as group:
        group.create_task(_work(desk, told))
        await desk.sampled(int(told["onset"]))
        desk.leaks_now()
        for turn in itertools.count():
            begun = desk.tick
            await _come_and_go(desk, away, turn, int(told["files"]))
            await desk.until(begun + told["every"])


LOADS: Final[Mapping[str, Load]] = {
    "steady": steady,
    "idle": idle,
    "breaks": breaks,
    "storms": storms,
    "bursts": bursts,
    "closed": closed,
    "unanswered": unanswered,
    "restored-files": restored_files,
}


async def _work(desk: Desk, told: Arguments, while_: Callable[[float], bool] = lambda _: True) -> None:
    """One edit and one question a tick (`pace` of them), in four open documents; every `turn` ticks the one that has
    been open longest is closed and another opened."""
    editor, others = desk.editor, itertools.cycle(list(itertools.islice(files(desk.cmd), 40)))
    for step in itertools.count():
        at = desk.tick
        if not while_(at):
            return
        documents = editor.open_documents
        if step and step % int(told.get("turn", 12)) == 0:
            await editor.open(next(path for path in others if path not in documents))
            await editor.close(documents[0])
            documents = editor.open_documents
        path = documents[step % len(documents)]
        # Every tenth text comes again, as after undoing: gopls caches by content.
        await editor.edit(path, f"edit {step // len(documents) % 10}")
        await editor.ask(QUESTIONS[step % len(QUESTIONS)], path, step)
        await desk.until(at + 1 / told.get("pace", 1.0))


async def _come_and_go(desk: Desk, away: Path, turn: int, count: int) -> None:
    line = "// " + "0123456789abcdef" * 5 + "\n"
    text = f"//go:build restored\n\npackage restored\n\nconst n = {turn}\n\n" + line * (MIB // len(line))
    paths = [desk.restored / f"batch{turn}_{number}.go" for number in range(count)]
    # gopls keeps only what was written a while ago.
    old = time.time() - 3600
    for path in paths:
        path.write_text(text)
        os.utime(path, (old, old))
    await desk.editor.watched(paths, CREATED)
    gone = [path.rename(away / path.name) for path in paths]
    await desk.editor.watched(paths, DELETED)
    for path in gone:
        # They stay, emptied: the next files would get their inodes, and gopls would overwrite what it kept of these.
        os.truncate(path, 0)


def files(cmd: Path, skip: int = 0) -> Iterator[Path]:
    """Sources, the largest of each package, the folders taken in turn; `skip` leaves out the first."""
    columns = [[max(package, key=_size) for package in _packages(cmd / folder)] for folder in FOLDERS]
    for column in columns:
        column.sort(key=lambda path: (-_size(path), path))
    rows = itertools.chain.from_iterable(itertools.zip_longest(*columns))
    return itertools.islice((path for path in rows if path is not None), skip, None)


def _packages(folder: Path) -> list[Sequence[Path]]:
    found: dict[Path, list[Path]] = {}
    for path in folder.rglob("*.go"):
        if not path.name.endswith("_test.go") and "testdata" not in path.parts and 2_000 < _size(path) < 200_000:
            found.setdefault(path.parent, []).append(path)
    return list(found.values())


def _size(path: Path) -> int:
    return path.stat().st_size


def _processor_seconds(pid: int) -> float:
    """Of a process and those of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
