"""Finding and ending a cluster's processes.

No pid files: a pid may have been given to another process since.  A cluster's first process is the one whose command
line names init.py and the cluster's own plan file, read from /proc at the moment it is needed.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hack.cluster.console import ClusterError

INIT = Path(__file__).resolve().with_name("init.py")


@dataclass(frozen=True, slots=True)
class Supervisor:
    """A process of `unshare … python3 init.py PLAN`: the wrapper, or the first process inside the namespace."""

    pid: int
    plan: Path
    inner: bool
    """Whether it is PID 1 of a namespace (the wrapper is not)."""


def command(plan: Path, python: str) -> list[str]:
    """The command line that starts a cluster's first process."""
    namespaces = ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child=SIGKILL", "--mount-proc"]
    return ["unshare", *namespaces, python, "-I", str(INIT), str(plan)]


def plan_of(argv: list[str]) -> Path | None:
    """The plan file that a command line names, None when it is not ours."""
    if len(argv) < 3 or not argv[-2].endswith("/hack/cluster/init.py") or not argv[-1].endswith("/plan.json"):
        return None
    return Path(argv[-1])


def supervisors() -> Iterator[Supervisor]:
    """Those of every cluster on this machine, whatever checkout they belong to."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            argv = (entry / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
            plan = plan_of(argv)
            if plan is None:
                continue
            status = (entry / "status").read_text()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it ended while we looked
        nested = re.search(r"^NSpid:(.*)$", status, re.MULTILINE)
        numbers = nested.group(1).split() if nested else []
        yield Supervisor(int(entry.name), plan, inner=len(numbers) > 1 and numbers[-1] == "1")


def find(plan: Path) -> list[Supervisor]:
    """The wrapper and the first process of the cluster with this plan; empty when it does not run."""
    return [supervisor for supervisor in supervisors() if supervisor.plan == plan]


def first_process(plan: Path) -> int | None:
    """Pid (as the host sees it) of the cluster's PID 1, None when the cluster does not run."""
    return next((supervisor.pid for supervisor in find(plan) if supervisor.inner), None)


def kill(plan: Path, deadline: float = 60) -> bool:
    """End a cluster: kill its PID 1 and wait until every process is gone.  False when nothing ran.

    The kernel ends the first process only after all others of its namespace, so when it is gone, all are.
    """
    end = time.monotonic() + deadline
    ran = False
    while found := find(plan):
        ran = True
        for supervisor in sorted(found, key=lambda one: not one.inner):
            try:
                os.kill(supervisor.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if time.monotonic() > end:
            raise ClusterError(f"processes {[one.pid for one in found]} of {plan.parent} do not end")
        time.sleep(0.05)
    return ran


def enter(pid: int) -> list[str]:
    """Words to put before a command that has to run among the cluster's processes (its mounts, its pids)."""
    return ["nsenter", f"--target={pid}", "--mount", "--pid", "--"]
