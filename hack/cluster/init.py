"""The first process of a cluster: PID 1 of its own PID namespace, in its own mount namespace.

    unshare --mount --pid --fork --mount-proc … python3 init.py STATE/plan.json

Every process of the cluster, each container too, lives below this one, and every mount they make is theirs alone.  So
the kernel cleans up: when this process ends, for whatever reason, all the others are killed and all mounts go with
them; nothing can be left behind by a run that was killed.  It imports nothing of the package and reads its orders from
the plan:

    {"setup": [[argv…], …],                       commands run once, in order; a failing one ends the cluster
     "services": [{"name", "argv", "after"?}, …],  kept running; `after` is "address:port" that must answer first
     "logs": directory for NAME.log}

Services that end are started again (half a second later, then 1, 2, at most 4 while they keep ending at once).  When
the plan file goes away, because somebody deleted the checkout, the cluster ends by itself.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SETTLED_SECONDS = 10.0
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.5, 4.0


@dataclass(slots=True)
class Service:
    """One long-running program and when it may start (again)."""

    name: str
    argv: list[str]
    after: str | None
    pid: int = 0
    started: float = 0.0
    due: float = 0.0
    pause: float = _SHORTEST_PAUSE


def main(plan_path: Path) -> int:
    plan: dict[str, Any] = json.loads(plan_path.read_text())
    logs = Path(plan["logs"])
    logs.mkdir(parents=True, exist_ok=True)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, signal.SIGTERM})
    for argv in plan["setup"]:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            report(f"setup failed: {' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")
            return 1
    services = [Service(entry["name"], entry["argv"], entry.get("after")) for entry in plan["services"]]
    while plan_path.exists():
        start_due(services, logs)
        waiting = any(service.pid == 0 for service in services)
        received = signal.sigtimedwait({signal.SIGCHLD, signal.SIGTERM}, 0.05 if waiting else 2.0)
        if received is not None and received.si_signo == signal.SIGTERM:
            break
        reap(services)
    report("ending, and all processes of the cluster with it")
    return 0


def start_due(services: list[Service], logs: Path) -> None:
    for service in services:
        if service.pid == 0 and time.monotonic() >= service.due and answers(service.after):
            service.pid, service.started = spawn(service.argv, logs / f"{service.name}.log"), time.monotonic()


def spawn(argv: list[str], log: Path) -> int:
    """Start a program with its output appended to `log`; its signal mask is empty (ours would be inherited)."""
    files = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawnp(argv[0], argv, os.environ, file_actions=files, setsigmask=[], setpgroup=0)


def answers(after: str | None) -> bool:
    if after is None:
        return True
    address, _, port = after.rpartition(":")
    try:
        socket.create_connection((address, int(port)), timeout=0.5).close()
    except OSError:
        return False
    return True


def reap(services: list[Service]) -> None:
    """Collect every ended child: services, and orphans that the kernel gave to the first process."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        for service in services:
            if service.pid == pid:
                ended(service, status)


def ended(service: Service, status: int) -> None:
    now = time.monotonic()
    if now - service.started > _SETTLED_SECONDS:
        service.pause = _SHORTEST_PAUSE
    service.pid, service.due = 0, now + service.pause
    service.pause = min(service.pause * 2, _LONGEST_PAUSE)
    report(f"{service.name} ended ({os.waitstatus_to_exitcode(status)}), starting it again")


def report(text: str) -> None:
    print(time.strftime("%H:%M:%S"), text, flush=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
