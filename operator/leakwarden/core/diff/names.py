"""How pprof shows names and files."""

from __future__ import annotations

import posixpath
from typing import Final

_BUILD_DIRECTORIES: Final = ("/proc/self/cwd/./", "/proc/self/cwd/")
"""Where sandboxed builds see their sources; pprof takes the first that fits off a path."""


def shown_name(name: str, system_name: str) -> str:
    """The name that a function goes by.

    Where the linker's name is the only one, it is taken for C++ when it has angle or square brackets: whatever stands
    in round or angle brackets then goes. Methods of generic types, `main.(*Map[go.shape.int]).Get`, are exempt, but
    some generic functions of Go lose a part: `main.Each[go.shape.func(int) bool]` becomes
    `main.Each[go.shape.func bool]`.
    """
    if name and name != system_name:
        return name
    if ".<" in system_name or "])." in system_name:
        return system_name
    if "::" in system_name or any(bracket in system_name for bracket in "<>[]"):
        return _without(_without(system_name, "()"), "<>")
    return system_name


def _without(text: str, brackets: str) -> str:
    """The text without what stands in these brackets, however deep; where one is closed too often, only as far as
    that."""
    opening, closing = brackets[0], brackets[1]
    kept: list[str] = []
    depth = start = 0
    for place, letter in enumerate(text):
        if letter == opening:
            if depth == 0:
                kept.append(text[start:place])
                start = place
            depth += 1
        elif letter == closing:
            depth -= 1
            if depth < 0:
                break
            if depth == 0:
                start = place + 1
    return "".join(kept) + text[start:]


def shown_file(file: str) -> str:
    """The path that a file goes by; empty stays empty."""
    for directory in _BUILD_DIRECTORIES:
        if file.startswith(directory):
            file = file.removeprefix(directory)
            break
    if not file:
        return ""
    cleaned = posixpath.normpath(file)
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def shown_binary(file: str) -> str:
    """What stands for a function whose name is unknown: the binary that it is in."""
    return f"[{posixpath.basename(file.rstrip('/')) or '/'}]" if file else "<unknown>"
