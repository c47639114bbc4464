"""Container images written as plain tar files: static binaries in, a `docker load`-able archive out, no builder needed.

An image made here has one layer, no shell and no base.  The same input always gives the same bytes (sorted entries, no
times, no owners), so an unchanged image is imported by containerd in no time.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

Content = bytes | Path
"""What a file holds: the bytes themselves, or a path on this machine to copy from."""


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """How a container of the image starts.

    `user` is `uid[:gid]` or a name from the image's own /etc/passwd; empty means root.
    """

    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    workdir: str = "/"
    labels: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The `config` object of the image format; PATH is always set."""
        env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", **self.env}
        return {
            "Entrypoint": list(self.entrypoint) or None,
            "Cmd": list(self.cmd) or None,
            "Env": [f"{name}={value}" for name, value in sorted(env.items())],
            "User": self.user,
            "WorkingDir": self.workdir,
            "Labels": dict(sorted(self.labels.items())) or None,
        }


def tree(source: Path, under: str) -> dict[str, tuple[Content, int]]:
    """Every regular file below `source`, keyed by its path in the image below `under`, for `docker_archive(files=…)`.

    Modes are kept; symbolic links are followed, so that the image never points outside itself.
    """
    found: dict[str, tuple[Content, int]] = {}
    for directory, _, names in os.walk(source, followlinks=True):
        for name in names:
            path = Path(directory, name)
            target = str(PurePosixPath(under) / path.relative_to(source).as_posix())
            found[target] = (path, stat.S_IMODE(path.stat().st_mode))
    return found


def tree_as_it_is(source: Path) -> tuple[dict[str, tuple[Content, int]], dict[str, str], dict[str, int]]:
    """A root directory as `docker_archive`'s files, symlinks and directories, links kept as links."""
    files: dict[str, tuple[Content, int]] = {}
    links: dict[str, str] = {}
    directories: dict[str, int] = {}
    for path in source.rglob("*"):
        target, mode = f"/{path.relative_to(source)}", stat.S_IMODE(path.lstat().st_mode)
        if path.is_symlink():
            links[target] = str(path.readlink())
        elif path.is_dir():
            directories[target] = mode
        elif path.is_file():
            files[target] = (path, mode)
    return files, links, directories


def docker_archive(
    out: Path,
    name: str,
    files: Mapping[str, tuple[Content, int]],
    config: ImageConfig,
    *,
    symlinks: Mapping[str, str] | None = None,
    directories: Mapping[str, int] | None = None,
) -> str:
    """Write the image `name` (`repository:tag`) to `out` as a docker-archive; return its id, `sha256:…` of its config.

    `files` maps an absolute path in the image to (content, mode); `symlinks` a path to what it points at;
    `directories` a path to its mode (parents that nobody names are made with 0755; /tmp with 1777 always).
    `out` is replaced at once, never left half-written.  Raises ValueError for a name without a tag or a relative path.
    """
    if ":" not in name.rpartition("/")[2]:
        raise ValueError(f"image name {name!r} has no tag")
    out.parent.mkdir(parents=True, exist_ok=True)
    layer = out.with_name(f".{out.name}.{os.getpid()}.layer")
    archive = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        with layer.open("wb") as stream:
            _write_layer(stream, files, symlinks or {}, {"/tmp": 0o1777, **(directories or {})})
        diff_id = _sha256(layer)
        body = json.dumps(_image_json(config, diff_id), sort_keys=True).encode()
        image_id = hashlib.sha256(body).hexdigest()
        manifest = [{"Config": f"{image_id}.json", "RepoTags": [name], "Layers": [f"{diff_id}/layer.tar"]}]
        with tarfile.open(archive, "w", format=tarfile.GNU_FORMAT) as tar:
            _add_file(tar, f"{image_id}.json", body, 0o644)
            _add_directory(tar, diff_id, 0o755)
            _add_file(tar, f"{diff_id}/layer.tar", layer, 0o644)
            _add_file(tar, "manifest.json", json.dumps(manifest).encode(), 0o644)
        archive.replace(out)
    finally:
        layer.unlink(missing_ok=True)
        archive.unlink(missing_ok=True)
    return f"sha256:{image_id}"


def _image_json(config: ImageConfig, diff_id: str) -> dict[str, Any]:
    return {
        "architecture": _architecture(),
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": config.as_json(),
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff_id}"]},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "leakwarden hack/images.py"}],
    }


def _architecture() -> str:
    machine = os.uname().machine
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def _write_layer(
    stream: IO[bytes],
    files: Mapping[str, tuple[Content, int]],
    symlinks: Mapping[str, str],
    directories: Mapping[str, int],
) -> None:
    made = {_relative(path): mode for path, mode in directories.items()}
    for path in [*files, *symlinks, *directories]:
        for parent in PurePosixPath(_relative(path)).parents:
            if parent.name:
                made.setdefault(str(parent), 0o755)
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted(made):  # a parent sorts before what is in it
            _add_directory(tar, path, made[path])
        for path, (content, mode) in sorted(files.items()):
            _add_file(tar, _relative(path), content, mode)
        for path, target in sorted(symlinks.items()):
            info = tarfile.TarInfo(_relative(path))
            info.type, info.linkname, info.mode = tarfile.SYMTYPE, target, 0o777
            tar.addfile(info)


def _relative(path: str) -> str:
    pure = PurePosixPath(path)
    if not pure.is_absolute() or ".." in pure.parts or not pure.name:
        raise ValueError(f"path in the image must be absolute: {path!r}")
    return str(pure.relative_to("/"))


def _add_directory(tar: tarfile.TarFile, path: str, mode: int) -> None:
    info = tarfile.TarInfo(path)
    info.type, info.mode = tarfile.DIRTYPE, mode
    tar.addfile(info)


def _add_file(tar: tarfile.TarFile, path: str, content: Content, mode: int) -> None:
    info = tarfile.TarInfo(path)
    info.mode = mode
    if isinstance(content, bytes):
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
        return
    with content.open("rb") as stream:
        info.size = os.fstat(stream.fileno()).st_size
        tar.addfile(info, stream)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
