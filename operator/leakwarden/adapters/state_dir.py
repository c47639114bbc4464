"""The state directory: held by one process at a time, and the name that goes with it."""

from __future__ import annotations

import fcntl
import os
import platform
import secrets
from pathlib import Path
from typing import IO

from leakwarden.errors import StoreError


class StateDir:
    """`hold` before anything in it is opened. The lock goes with the process, however that ends."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock: IO[str] | None = None
        self.identity = ""
        """`<host>_<home>_<process>`: in a cluster the host is the pod, home are 8 hex digits that stay with the
        directory, process are 8 that are made anew. So no two processes have the same, and a restarted one knows the
        name of the one before (`core.lease.home_of`)."""

    def hold(self) -> None:
        """Make it where it is missing, and lock it. StoreError where that fails, or another process has it."""
        path = self._directory / "leakwarden.lock"
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._lock = path.open("a+")
            # A record lock: unlike flock's it is not inherited by worker processes, which may outlive a SIGKILL.
            fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.identity = f"{platform.node()}_{_home(self._lock)}_{secrets.token_hex(4)}"
        except BlockingIOError as error:
            self.release()
            raise StoreError(f"{path}: another process has this state directory; give each its own") from error
        except OSError as error:
            self.release()
            raise StoreError(f"{path}: {error}; is the state directory writable, and not full?") from error

    def release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _home(lock: IO[str]) -> str:
    """What the lock file has, else new ones, written there for good."""
    lock.seek(0)
    kept = lock.read().strip()
    if len(kept) == 8 and set(kept) <= set("0123456789abcdef"):
        return kept
    made = secrets.token_hex(4)
    lock.truncate(0)
    lock.write(f"{made}\n")
    lock.flush()
    os.fsync(lock.fileno())
    return made
