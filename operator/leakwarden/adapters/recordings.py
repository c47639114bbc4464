"""Reading a recording: a folder, or one packed file. Nothing is unpacked to disk, no link is followed, all is capped.

A recording may come from anywhere. What is not named like a file of a recording is left alone and noted.
"""

from __future__ import annotations

import gzip
import io
import lzma
import os
import stat
import tarfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from leakwarden.core.recording import SampleFiles, group, split_name
from leakwarden.errors import MalformedRecording

MAX_FILES = 200_000
"""Files; a week at 30 s is 60,000."""
MAX_FILE = 256 << 20
"""Bytes of one file."""
MAX_UNPACKED = 16 << 30
"""Bytes that a packed recording may unpack to altogether."""
MAX_HELD = 1 << 30
"""Bytes of a packed recording that are held in memory, compressed."""
MAX_XZ = 256 << 20
"""Bytes of memory for unpacking xz; `xz -9` takes 65 MiB."""
MAX_HEADER = 64 << 10
"""Bytes of one header that says more of a file, such as a long name: tarfile holds it whole before anybody can look."""
MAX_HEADERS = 64 << 20
"""Bytes of all those headers."""
NOTES = 5
"""Names that are listed one by one."""


@dataclass(frozen=True, slots=True)
class FolderRecording:
    """Files are read when they are asked for."""

    folder: Path
    samples: Sequence[SampleFiles]
    notes: Sequence[str]

    def read(self, name: str) -> bytes:
        path = self.folder / name
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(handle, "rb") as file:
                status = os.fstat(handle)
                if not stat.S_ISREG(status.st_mode):
                    raise MalformedRecording(f"{name} is no plain file")
                if status.st_size > MAX_FILE:
                    raise MalformedRecording(f"{name} has {status.st_size} bytes, more than the {MAX_FILE} allowed")
                return file.read(MAX_FILE)
        except OSError as error:
            raise MalformedRecording(f"{name} cannot be read: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class PackedRecording:
    """Everything is in memory, lightly compressed."""

    samples: Sequence[SampleFiles]
    notes: Sequence[str]
    held: Mapping[str, bytes] = field(repr=False)

    def read(self, name: str) -> bytes:
        return zlib.decompress(self.held[name])


_FURTHER = frozenset(
    {
        tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE,
    }
)  # fmt: skip
"""Headers with something to be read that belongs to the next one."""
_ODD = (RecursionError, ValueError, OverflowError)
"""What tarfile raises, its own errors apart, for headers upon headers and for numbers that are none."""


class _Header(tarfile.TarInfo):
    """Looked at before more is read of it. `_proc_member` is what tarfile offers subclasses for that."""

    def _proc_member(self, archive: _Archive) -> tarfile.TarInfo:
        if self.type in _FURTHER:
            archive.headers += max(0, self.size)
            for size, most in ((self.size, MAX_HEADER), (archive.headers, MAX_HEADERS)):
                if size > most:
                    raise MalformedRecording(f"names and other headers have {size} bytes, more than the {most} allowed")
        if self.type == tarfile.GNUTYPE_SPARSE:
            self._with_holes()
        found: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc]
        return found

    def _with_holes(self, *_: object) -> None:
        raise MalformedRecording("has files with holes, whose maps may be of any size: pack it without --sparse")

    _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10 = _with_holes


class _Archive(tarfile.TarFile):
    tarinfo = _Header
    headers = 0
    """Bytes of further headers so far."""

    def forget(self) -> None:
        """The members so far, which tarfile keeps with all that their headers say."""
        self.members.clear()  # type: ignore[attr-defined]


def open_recording(path: Path) -> FolderRecording | PackedRecording:
    """Raises MalformedRecording where it is not there, cannot be read, or passes a cap."""
    try:
        if path.is_dir():
            return _open_folder(path)
        if not path.exists():
            raise MalformedRecording("there is no such file or folder")
        return _open_packed(path)
    except OSError as error:
        raise MalformedRecording(f"cannot be read: {error.strerror or error}") from error


def _open_folder(path: Path) -> FolderRecording:
    names: list[str] = []
    links: list[str] = []
    with os.scandir(path) as entries:
        for entry in entries:
            if len(names) >= MAX_FILES:
                raise MalformedRecording(f"more than {MAX_FILES} files")
            (names if entry.is_file(follow_symlinks=False) else links).append(entry.name)
    samples, strange = group(names)
    return FolderRecording(path, samples, _notes([*strange, *links]))


def _open_packed(path: Path) -> PackedRecording:
    held: dict[str, bytes] = {}
    ignored: list[str] = []
    try:
        with _unpacked(path) as stream:
            with _Archive.open(fileobj=stream, mode="r|") as archive:
                _take(archive, held, ignored)
            _drain(stream)
    except (tarfile.TarError, lzma.LZMAError, zlib.error, gzip.BadGzipFile, EOFError, *_ODD) as error:
        raise MalformedRecording(f"is no folder and no readable .tar.gz or .tar.xz: {error}") from error
    samples, strange = group(held)
    return PackedRecording(samples, _notes([*ignored, *strange]), held)


def _unpacked(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        magic = file.read(6)
    if magic[:2] == b"\x1f\x8b":
        return gzip.open(path)  # type: ignore[return-value]
    if magic == b"\xfd7zXZ\0":
        return io.BufferedReader(_Xz(path.open("rb")), 1 << 16)  # type: ignore[type-var]
    raise tarfile.ReadError("it is neither gzip nor xz")


class _Xz(io.RawIOBase):
    """What `lzma.open` reads, within MAX_XZ: there the file says how much memory it takes, up to 4 GiB."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, MAX_XZ)

    def readable(self) -> bool:
        return True

    def readinto(self, into: bytearray) -> int:  # type: ignore[override]
        """One stream after the other, zeros between them. Raises lzma.LZMAError and EOFError."""
        data = b""
        while not data:
            if self._stream.eof:
                more = self._stream.unused_data.lstrip(b"\0") or self._file.read(1 << 16).lstrip(b"\0")
                if not more:
                    return 0
                self._stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, MAX_XZ)
            else:
                more = self._file.read(1 << 16) if self._stream.needs_input else b""
                if self._stream.needs_input and not more:
                    raise EOFError("it is cut short")
            data = self._stream.decompress(more, len(into))
        into[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def _drain(stream: IO[bytes]) -> None:
    """Reads on behind the archive's end: only there stand the checksums, and a file cut short shows."""
    left = MAX_UNPACKED
    while left > 0 and (data := stream.read(1 << 20)):
        left -= len(data)


def _take(archive: _Archive, held: dict[str, bytes], ignored: list[str]) -> None:
    unpacked = kept = 0
    folders = set()
    for count, member in enumerate(archive):
        archive.forget()
        unpacked += member.size
        if count >= MAX_FILES:
            raise MalformedRecording(f"more than {MAX_FILES} files")
        if unpacked > MAX_UNPACKED:
            raise MalformedRecording(f"unpacks to more than the {MAX_UNPACKED} bytes allowed")
        if member.isdir():
            continue
        place = PurePosixPath(member.name)
        name = place.name
        if not member.isreg() or split_name(name) is None or name in held:
            ignored.append(member.name)
            continue
        if member.size > MAX_FILE:
            raise MalformedRecording(f"{name} has {member.size} bytes, more than the {MAX_FILE} allowed")
        folders.add(place.parent)
        if len(folders) > 1:
            raise MalformedRecording(
                f"has samples in several folders ({', '.join(sorted(map(str, folders)))}): unpack it"
            )
        file = archive.extractfile(member)
        held[name] = zlib.compress(file.read(MAX_FILE) if file else b"", 1)
        kept += len(held[name])
        if kept > MAX_HELD:
            raise MalformedRecording(f"needs more than {MAX_HELD >> 20} MiB of memory: unpack it and give the folder")


def _notes(names: Iterable[str]) -> list[str]:
    strange = sorted(name[:100] for name in names)
    listed = [f"{name!r} is no file of a recording: ignored" for name in strange[:NOTES]]
    return listed + ([f"{len(strange) - NOTES} more are ignored"] if len(strange) > NOTES else [])
