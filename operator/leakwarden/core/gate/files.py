"""Where a source file that a profile names lies in the repository that is checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath


def in_repository(file: str, root: str, exists: Callable[[str], bool]) -> str | None:
    """The path of `file` relative to `root`, None where it is not there: Go's own code, or another module's.

    A binary has absolute paths, or built with -trimpath those of packages (`example.com/app/store/store.go`): then the
    longest end of it that exists is the file. `exists` is asked for paths relative to the root.
    """
    path = PurePosixPath(file)
    if path.is_absolute():
        below = PurePosixPath(root)
        inside = str(path.relative_to(below)) if path.is_relative_to(below) else ""
        return inside if inside and exists(inside) else None
    if not file or "@" in file:
        return None  # `module@version`: from the module cache
    ends = ("/".join(path.parts[number:]) for number in range(len(path.parts)))
    return next((end for end in ends if exists(end)), None)
