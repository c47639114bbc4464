"""What the operator records: each sample that was judged, by policy and target, within a bound of bytes.

    ROOT/NAMESPACE/POLICY/POD-ENDPOINT-UID/<unix-ms>-<part>

One thread writes, behind a bounded queue, so that a slow disk never holds up sampling. What cannot be written is
dropped and said once; sampling and judging know nothing of it.
"""

from __future__ import annotations

import heapq
import logging
import re
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import Full, Queue

from leakwarden.adapters.recording_folder import FolderWriter
from leakwarden.core.recording import TARGET_FILE, file_name, group, milliseconds
from leakwarden.core.recording_target import RecordedTarget
from leakwarden.core.samples import SampleResult
from leakwarden.core.targets import PolicyKey
from leakwarden.errors import MalformedRecording

log = logging.getLogger(__name__)

WAITING = 256
"""Samples that may wait to be written."""
CLOSE_PATIENCE = 5.0
"""Seconds for what waits when the operator ends."""


@dataclass(frozen=True, slots=True)
class _Sample:
    at_ms: int
    size: int
    files: tuple[str, ...]


@dataclass(slots=True)
class _Kept:
    """One recording: its samples, the oldest first."""

    writer: FolderWriter
    samples: deque[_Sample] = field(default_factory=deque)


class RecordDir:
    """Implements `pipeline.ports.Recorder`. `most` bytes altogether; beyond that the oldest samples go first."""

    def __init__(self, root: Path, most: int) -> None:
        self._root = root
        self._most = most
        self._kept: dict[Path, _Kept] = {}
        self._oldest: list[tuple[int, Path]] = []
        self._bytes = 0
        self._queue: Queue[tuple[Path, SampleResult, RecordedTarget] | None] = Queue(WAITING)
        self._thread = threading.Thread(target=self._work, name="record", daemon=True)
        self._troubled = False

    def start(self) -> None:
        """Raises MalformedRecording where the directory can never be used."""
        try:
            self._root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MalformedRecording(f"cannot make {self._root}: {error.strerror}") from error
        self._thread.start()

    def record(self, policy: PolicyKey, target: RecordedTarget, result: SampleResult) -> None:
        """Returns at once."""
        name = f"{target.pod}-{target.endpoint}-{target.pod_uid}"
        folder = self._root / _safe(policy.namespace) / _safe(policy.name) / _safe(name)
        try:
            self._queue.put_nowait((folder, result, target))
        except Full:
            self._trouble(f"{WAITING} samples wait to be written below {self._root}")

    def close(self) -> None:
        """Writes what waits, for a moment."""
        try:
            self._queue.put(None, timeout=CLOSE_PATIENCE)
        except Full:
            return
        self._thread.join(CLOSE_PATIENCE)

    def _work(self) -> None:
        self._try(self._find)
        while (item := self._queue.get()) is not None:
            if self._try(partial(self._write, *item)) and self._try(self._make_room):
                self._troubled = False

    def _try(self, work: Callable[[], None]) -> bool:
        try:
            work()
        except (MalformedRecording, OSError) as error:
            self._trouble(str(error))
            return False
        except Exception:
            log.exception("recording a sample failed in a way that is a bug")
            return False
        return True

    def _trouble(self, what: str) -> None:
        """Once, until something can be written again."""
        if not self._troubled:
            log.warning("samples are not recorded: %s", what)
        self._troubled = True

    def _find(self) -> None:
        """What an earlier process has written counts, and goes first."""
        for folder in sorted(self._root.glob("*/*/*")):
            try:
                sizes = {path.name: path.lstat().st_size for path in folder.iterdir() if path.is_file()}
                kept = _Kept(FolderWriter(folder))
            except (OSError, MalformedRecording) as error:
                self._trouble(str(error))
                continue
            for sample in group(sizes)[0]:
                size = sum(sizes[name] for name in sample.names.values())
                self._keep(folder, kept, _Sample(sample.at_ms, size, tuple(sample.names)))

    def _write(self, folder: Path, result: SampleResult, target: RecordedTarget) -> None:
        kept = self._kept.get(folder) or _Kept(FolderWriter(folder))
        files = kept.writer.write(result, target)
        self._keep(folder, kept, _Sample(milliseconds(result.at), sum(map(len, files.values())), tuple(files)))

    def _keep(self, folder: Path, kept: _Kept, sample: _Sample) -> None:
        if not kept.samples:
            heapq.heappush(self._oldest, (sample.at_ms, folder))
        self._kept[folder] = kept
        kept.samples.append(sample)
        self._bytes += sample.size

    def _make_room(self) -> None:
        while self._bytes > self._most and self._oldest:
            _, folder = heapq.heappop(self._oldest)
            kept = self._kept[folder]
            sample = kept.samples.popleft()
            self._bytes -= sample.size
            self._remove(folder, kept, sample)
            if kept.samples:
                heapq.heappush(self._oldest, (kept.samples[0].at_ms, folder))
            else:
                del self._kept[folder]
                folder.rmdir()

    def _remove(self, folder: Path, kept: _Kept, sample: _Sample) -> None:
        """What was known of the pod stays known: target.json moves on to the next sample that has none."""
        following = kept.samples[0] if kept.samples else None
        for file in sample.files:
            path = folder / file_name(sample.at_ms, file)
            if file == TARGET_FILE and following is not None and TARGET_FILE not in following.files:
                size = path.stat().st_size
                path.replace(folder / file_name(following.at_ms, TARGET_FILE))
                moved = _Sample(following.at_ms, following.size + size, (*following.files, TARGET_FILE))
                kept.samples[0] = moved
                self._bytes += size
            else:
                path.unlink(missing_ok=True)


def _safe(name: str) -> str:
    """Names that the API server has checked are safe already."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".") or "_"
