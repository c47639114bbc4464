"""Whether what a test's programs started has ended: a signal is sent at once, and takes a moment to end a process."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

DEADLINE = 20.0


def left_running(folder: Path) -> list[int]:
    """Of the pids in `folder`/pids, those that still run after DEADLINE seconds; they are killed then.

    One that is dead and not yet reaped by init does not run.
    """
    pids = [int(pid) for pid in (folder / "pids").read_text().split()]
    end = time.monotonic() + DEADLINE
    while (left := [pid for pid in pids if _runs(pid)]) and time.monotonic() < end:
        time.sleep(0.02)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    return left


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
