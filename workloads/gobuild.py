"""Go programs built once: static binaries, cached by what they are made from."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class BuildError(Exception):
    """A workload cannot be built; the message says which and why."""


def cache_dir() -> Path:
    """Where builds are kept between runs: $LEAKWARDEN_CACHE, else leakwarden below the user's cache directory."""
    named = os.environ.get("LEAKWARDEN_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "leakwarden"


def go(*args: str, cwd: Path | None = None) -> str:
    """Run the go command and return its output without the last newline. Raises BuildError with what it printed."""
    env = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-buildvcs=false"}
    try:
        done = subprocess.run(["go", *args], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise BuildError("there is no go command: install Go 1.26 or newer") from None
    if done.returncode != 0:
        raise BuildError(f"go {' '.join(args)}: {done.stderr.strip()[-2000:] or done.returncode}")
    return done.stdout.rstrip("\n")


def digest(paths: Iterable[Path], *more: str) -> str:
    """A hash, 16 hex digits, over files (named by their last two path elements), directories of them, and more words.

    Test sources count too: simpler than to guess what a build reads.
    """
    total = hashlib.sha256()
    for word in more:
        total.update(f"{word}\0".encode())
    for top in paths:
        for path in sorted(p for p in top.rglob("*") if p.is_file()) if top.is_dir() else [top]:
            if "__pycache__" in path.parts:
                continue
            name = f"{top.name}/{path.relative_to(top) if top.is_dir() else ''}"
            total.update(f"{name}\0{path.stat().st_size}\0".encode())
            total.update(path.read_bytes())
    return total.hexdigest()[:16]


def build_binary(module: Path, package: str, out: Path) -> Path:
    """Build one main package of a module to `out`, unless it is there already; `out` appears whole or not at all."""
    if out.exists():
        return out
    out.parent.mkdir(parents=True, exist_ok=True)
    made = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        go("build", "-mod=readonly", "-trimpath", "-ldflags=-s -w", "-o", str(made), package, cwd=module)
        made.replace(out)
    finally:
        made.unlink(missing_ok=True)
    return out


def renamed_copy(module: Path, rename: Mapping[str, str], into: Path) -> Path:
    """Copy a Go module and rename identifiers in its sources (whole words, comments too); return the copy's root.

    So a test can give the leaking function any name. Raises BuildError when an old name is nowhere in the module, or
    a new one is no identifier or is taken.
    """
    copy = into / module.name
    shutil.copytree(module, copy, ignore=shutil.ignore_patterns("*_test.go"))
    sources = {path: path.read_text() for path in sorted(copy.rglob("*.go"))}
    for old, new in rename.items():
        if not _IDENTIFIER.fullmatch(new):
            raise BuildError(f"{new!r} is no identifier")
        if any(_word(new).search(text) for text in sources.values()):
            raise BuildError(f"{new} is taken in {module.name}")
        if not any(_word(old).search(text) for text in sources.values()):
            raise BuildError(f"{old} is nowhere in {module.name}")
        sources = {path: _word(old).sub(new, text) for path, text in sources.items()}
    for path, text in sources.items():
        path.write_text(text)
    return copy


def build_renamed(module: Path, rename: Mapping[str, str], out: Path) -> Path:
    """`build_binary` of the module's root package with identifiers renamed as `renamed_copy` does."""
    if out.exists():
        return out
    with tempfile.TemporaryDirectory(prefix="leakwarden-") as scratch:
        return build_binary(renamed_copy(module, rename, Path(scratch)), ".", out)


def _word(name: str) -> re.Pattern[str]:
    return re.compile(rf"\b{re.escape(name)}\b")
