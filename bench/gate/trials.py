"""The gate on small programs that leak, and on the same programs fixed: each trial on a fresh process."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leakwarden.cli.gate import Job, gate
from leakwarden.core.gate.document import document
from leakwarden.core.gate.values import Plan
from leakwarden.core.patterns import builtin_patterns
from leakwarden.errors import NotMeasured
from workloads.build import LEAKSERVER
from workloads.gobuild import build_binary, cache_dir, digest

REPO = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
"""Seconds until a program answers."""
DRIVE = Path(__file__).with_name("drive.py")
PATTERNS = REPO / "tests" / "fixtures" / "patterns"


@dataclass(frozen=True, slots=True)
class Program:
    """A Go program, and what makes it leak."""

    name: str
    module: Path
    arguments: Sequence[str]
    """`{address}` is replaced by one that is free; without it the program prints its port on its first line."""
    fixed: Sequence[str]
    """What is added for it not to leak."""
    work: str
    """What drive.py is told."""
    grows: str
    """The check that must fail: `heap` or `goroutines`; other checks may."""
    place: str
    """Part of the name of the function that must be named."""
    pattern: str = ""
    """What its shape must be called; empty: no pattern must fit."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of the gate."""

    code: int
    """With which the command would exit."""
    seconds: float
    found: Mapping[str, Any]
    """The JSON document; empty where it was not measured."""
    said: str
    """Why it was not."""

    def outcome(self, check: str) -> str:
        return next((one["outcome"] for one in self.found.get("checks", ()) if one["check"] == check), "not measured")

    def names(self, program: Program) -> bool:
        """Whether the right check failed, with the right place and pattern among those that it names."""
        checks = [one for one in self.found.get("checks", ()) if one["check"] == program.grows]
        places = [place for one in checks if one["outcome"] == "leak" for place in one["places"]]
        return any(
            program.place in place["function"] and place["pattern"] == (program.pattern or None) for place in places
        )


def _leakserver(shape: str, grows: str, place: str, pattern: str) -> Program:
    quiet = ("-addr", "{address}", "-rate", "0.000001", "-documents", "1", "-document-bytes", "1024")
    return Program(shape, LEAKSERVER, ("-shape", shape, *quiet), ("-fixed",), shape, grows, place, pattern)


def _fixture(leak: str, events: int, grows: str, place: str, pattern: str) -> Program:
    """`events` in each run of the command."""
    work = f"/advance?events={events}"
    return Program(f"fixture {leak}", PATTERNS, ("-leak", leak), ("-fixed",), work, grows, place, pattern)


PROGRAMS = (
    _leakserver("ast-cache", "heap", "astcache.(*Cache).parseAndKeep", "syntax-cache"),
    _leakserver("did-change", "goroutines", "analysis.(*Service).analyzeAndSend", "blocked-senders"),
    _leakserver("sync-map", "heap", "typeindex.(*Index).checkAndStore", "syntax-cache"),
    _fixture("ast-cache", 12, "heap", "main.", "syntax-cache"),
    _fixture("blocked-receivers", 10, "goroutines", "main.deliver", "blocked-receivers"),
    _fixture("blocked-senders", 10, "goroutines", "main.analyse", "blocked-senders"),
    _fixture("body-not-closed", 10, "goroutines", "net/http.(*persistConn).readLoop", "body-not-closed"),
    _fixture("boxed-values", 4000, "heap", "main.tally", "boxed-values"),
    _fixture("buffered-senders", 10, "goroutines", "main.produce", "blocked-senders"),
    _fixture("context", 3000, "heap", "main.", "context-not-cancelled"),
    _fixture("context-goroutine", 10, "goroutines", "context.(*cancelCtx).", "context-not-cancelled"),
    _fixture("file-set", 120, "heap", "main.", "syntax-cache"),
    _fixture("goroutine-per-edit", 10, "goroutines", "main.follow", "goroutine-without-end"),
    _fixture("goroutine-polling", 10, "goroutines", "main.poll", "goroutine-without-end"),
    _fixture("handlers", 6000, "heap", "main.", "handlers-not-released"),
    _fixture("lock", 10, "goroutines", "main.withdraw", "lock-not-released"),
    _fixture("map", 5000, "heap", "main.", "map-grows"),
    _fixture("read-lock", 10, "goroutines", "main.look", "lock-not-released"),
    _fixture("sync-map", 4000, "heap", "main.", "sync-map-grows"),
    _fixture("ticker", 100, "goroutines", "main.beat", "timer-not-stopped"),
    _fixture("timer", 6000, "heap", "main.guard", "timer-not-stopped"),
    _fixture("wait-group", 10, "goroutines", "main.await", "wait-group-not-done"),
    _fixture("watcher", 5, "goroutines", "fsnotify.", "watcher-not-closed"),
)


def built(program: Program) -> Path:
    """Raises BuildError."""
    name = f"{program.module.name}-{digest([program.module])}"
    return build_binary(program.module, ".", cache_dir() / "gate" / name)


def trial(program: Program, *, leaking: bool) -> Trial:
    """The gate on a process of its own, run as the command does but without its start, which would cost most."""
    with _running(built(program), [*program.arguments, *(() if leaking else program.fixed)]) as port:
        url = f"http://127.0.0.1:{port}/debug/pprof"
        words = [sys.executable, "-S", "-E", str(DRIVE), str(port), program.work]
        began = time.monotonic()
        try:
            report = asyncio.run(gate(Job(words, url, PATIENCE, Plan(), True, builtin_patterns()), lambda _: None))
        except NotMeasured as error:
            return Trial(2, time.monotonic() - began, {}, str(error))
    return Trial(1 if report.leaks else 0, report.seconds, document(report), "")


@contextmanager
def _running(binary: Path, arguments: Sequence[str]) -> Iterator[int]:
    """The process's port. The gate itself waits until it answers."""
    address = _free() if "{address}" in arguments else ""
    words = [str(binary), *(address if word == "{address}" else word for word in arguments)]
    environment = {**os.environ, "GODEBUG": "memprofilerate=4096"}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as process:
        try:
            if address:
                yield int(address.rpartition(":")[2])
            else:
                assert process.stdout is not None
                yield int(process.stdout.readline())
        finally:
            process.kill()


def _free() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"127.0.0.1:{taken.getsockname()[1]}"
