"""Writing a recording: into a folder while it grows, and into one packed file at the end. docs/recordings.md."""

from __future__ import annotations

import lzma
import tarfile
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import IO

from leakwarden.core.pprof.unpack import unpack
from leakwarden.core.recording import FILES, TARGET_FILE, file_name, files_of, milliseconds, split_name
from leakwarden.core.recording_target import RecordedTarget, target_json
from leakwarden.core.samples import SampleResult
from leakwarden.errors import MalformedProfile, MalformedRecording, ProfileTooLarge

PACKED = (".tar.gz", ".tar.xz")
MAX_FILE = 1 << 30
"""Bytes that one file may unpack to when it is packed; the sampler's own cap is far below."""
_DICTIONARY = 16 << 20
"""Bytes in which xz looks back: several profiles of a large process, so that it finds what they have in common."""


class FolderWriter:
    """Writes samples into one folder, which is made here. Raises MalformedRecording where that cannot be."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._target: bytes | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MalformedRecording(f"cannot make {folder}: {error.strerror}") from error

    def write(self, result: SampleResult, target: RecordedTarget) -> dict[str, bytes]:
        """One attempt, target.json with it where that changed: what was written. Raises MalformedRecording."""
        files = files_of(result)
        facts = target_json(target)
        if facts != self._target:
            files[TARGET_FILE] = facts
        self._write(milliseconds(result.at), files)
        self._target = facts
        return files

    def _write(self, at_ms: int, files: Mapping[str, bytes]) -> None:
        for file, data in files.items():
            path = self.folder / file_name(at_ms, file)
            unfinished = self.folder / f".{path.name}.unfinished"
            try:
                unfinished.write_bytes(data)
                unfinished.replace(path)
            except OSError as error:
                raise MalformedRecording(f"cannot write {path}: {error.strerror}") from error


def is_packed(path: Path) -> bool:
    return path.name.endswith(PACKED)


def pack(folder: Path, packed: Path) -> None:
    """The folder as one .tar.gz or .tar.xz, its own name as the leading directory. Raises MalformedRecording.

    xz gets unpacked profiles, each kind of file by itself in the order of time: what follows each other is alike then.
    """
    unfinished = packed.with_name(f".{packed.name}.unfinished")
    try:
        with unfinished.open("wb") as file:
            if packed.name.endswith(".tar.xz"):
                filters = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": _DICTIONARY}]
                with lzma.LZMAFile(file, "wb", filters=filters) as stream:
                    _pack_into(stream, "w|", folder, plain=True)
            else:
                _pack_into(file, "w|gz", folder, plain=False)
        unfinished.replace(packed)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise MalformedRecording(f"cannot write {packed}: {error.strerror}; the samples are in {folder}") from error


def remove(folder: Path) -> None:
    """A folder of samples, now packed: its files and nothing else."""
    for path in folder.iterdir():
        if split_name(path.name):
            path.unlink()
    folder.rmdir()


def _pack_into(file: IO[bytes], mode: str, folder: Path, *, plain: bool) -> None:
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
        for name in _by_part_and_time(path.name for path in folder.iterdir()):
            data = (folder / name).read_bytes()
            data = _plain(data) if plain else data
            member = tarfile.TarInfo(f"{folder.name}/{name}")
            member.size, member.mode = len(data), 0o644
            member.mtime = int(name.split("-", 1)[0]) // 1000
            archive.addfile(member, BytesIO(data))


def _by_part_and_time(names: Iterable[str]) -> list[str]:
    split = [(found, name) for name in names if (found := split_name(name))]
    return [name for _, name in sorted(split, key=lambda one: (FILES.index(one[0][1]), one[0][0]))]


def _plain(data: bytes) -> bytes:
    try:
        return unpack(data, MAX_FILE)
    except (MalformedProfile, ProfileTooLarge):
        return data  # as it came: what is wrong with it is part of what was recorded
