"""The gate on small programs that leak, and on the same programs fixed: each trial a fresh process, a real command."""

from __future__ import annotations

import json
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

from workloads.build import LEAKSERVER
from workloads.gobuild import build_binary, cache_dir, digest

REPO = Path(__file__).resolve().parents[2]
DRIVE = Path(__file__).with_name("drive.py")
PATIENCE = 60.0


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


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of the gate."""

    code: int
    seconds: float
    found: Mapping[str, Any]
    """The JSON document; empty where there is none."""
    said: str

    def outcome(self, check: str) -> str:
        return next((one["outcome"] for one in self.found.get("checks", ()) if one["check"] == check), "not measured")

    def names(self, program: Program) -> bool:
        """Whether the right check failed, with the right place among those that it names."""
        checks = [one for one in self.found.get("checks", ()) if one["check"] == program.grows]
        return any(
            one["outcome"] == "leak" and any(program.place in place["function"] for place in one["places"])
            for one in checks
        )  # fmt: skip


def _leakserver(shape: str, grows: str, place: str) -> Program:
    quiet = ("-addr", "{address}", "-rate", "0.000001", "-documents", "1", "-document-bytes", "1024")
    return Program(shape, LEAKSERVER, ("-shape", shape, *quiet), ("-fixed",), shape, grows, place)


PROGRAMS = (
    _leakserver("ast-cache", "heap", "astcache.(*Cache).parseAndKeep"),
    _leakserver("did-change", "goroutines", "analysis.(*Service).analyzeAndSend"),
    _leakserver("sync-map", "heap", "typeindex.(*Index).checkAndStore"),
)


def built(program: Program) -> Path:
    """Raises BuildError."""
    name = f"{program.module.name}-{digest([program.module])}"
    return build_binary(program.module, ".", cache_dir() / "gate" / name)


def trial(program: Program, *, leaking: bool) -> Trial:
    """The gate as a user runs it, on a process of its own."""
    arguments = [*program.arguments, *(() if leaking else program.fixed)]
    with _running(built(program), arguments) as port:
        words = [
            sys.executable, "-m", "leakwarden", "gate", "-o", "json", "--url", f"http://127.0.0.1:{port}/debug/pprof",
            "--", sys.executable, "-S", "-E", str(DRIVE), str(port), program.work,
        ]  # fmt: skip
        environment = {**os.environ, "PYTHONPATH": str(REPO / "operator")}
        for ours in ("GITHUB_STEP_SUMMARY", "MEM_LEAK_TOLERANCE_KB"):
            environment.pop(ours, None)
        began = time.monotonic()
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout) if done.stdout else {}
    return Trial(done.returncode, time.monotonic() - began, found, done.stderr)


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
