"""`drop_frames` and `keep_frames`: expressions by which a profile's writer asks for its own frames to be left out.

Go writes none; profiles of C and C++ heaps name their allocator there. Everything below a frame whose function matches
goes as well, down to the leaf: its caller is then the leaf. Frames that a stack begins with at the root stay, so that
nothing is dropped whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from leakwarden.errors import MalformedProfile

_ARGUMENTS: Final = re.compile(r"\(anonymous namespace\)|operator\(\)|\(")
_CLASSES: Final = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "ascii": r"\x00-\x7F", "blank": r"\t ", "cntrl": r"\x00-\x1F\x7F",
    "digit": "0-9", "graph": "!-~", "lower": "a-z", "print": " -~", "punct": r"!-/:-@\[-`{-~", "space": r"\t\n\v\f\r ",
    "upper": "A-Z", "word": r"0-9A-Za-z_", "xdigit": "0-9A-Fa-f",
}  # fmt: skip
_TOKEN: Final = re.compile(r"\\Q(?P<quoted>.*?)(?:\\E|$)|\[:(?P<name>\w+):\]|\\(?P<escaped>.)|\(\?(?P<group>\W?)", re.S)


class Location(NamedTuple):
    """What is left of a location: its kept lines, and whether a stack is cut at it, above it (`whole`) or not."""

    kept: slice
    cut: bool
    whole: bool


UNTOUCHED: Final = Location(slice(None), cut=False, whole=False)


def dropping(drop_frames: str, keep_frames: str) -> Callable[[str], bool] | None:
    """Whether frames of a function are dropped; None when none are.

    As in pprof nothing is dropped where an expression is wrong. Raises MalformedProfile for one that Python cannot
    read as Go does.
    """
    if not drop_frames:
        return None
    try:
        drop = _compiled(drop_frames)
        keep = _compiled(keep_frames) if keep_frames else None
    except re.error:
        return None
    known: dict[str, bool] = {}

    def dropped(function: str) -> bool:
        if not function:
            return False
        if function not in known:
            name = _without_arguments(function)
            known[function] = drop.match(name) is not None and not (keep is not None and keep.match(name))
        return known[function]

    return dropped


def _compiled(expression: str) -> re.Pattern[str]:
    """A Go expression that matches the whole name. Raises re.error where Go refuses it."""
    return re.compile(f"^({_TOKEN.sub(_translated, expression)})\\Z", re.ASCII)


def _translated(token: re.Match[str]) -> str:
    """The same in Python's syntax."""
    if token["quoted"] is not None:
        return re.escape(token["quoted"])
    if token["name"] is not None:
        if token["name"] not in _CLASSES:
            raise re.error(f"no class {token['name']}")
        return _CLASSES[token["name"]]
    if token["escaped"] is not None:
        return _translated_escape(token["escaped"])
    if token["group"] in {"=", "!", "<"}:
        raise re.error("Go has no lookaround")
    if token["group"] != ":":
        raise _unreadable("flags or a group with a name")
    return token[0]


def _translated_escape(letter: str) -> str:
    if letter in "123456789Zk":
        raise re.error(f"Go has no \\{letter}")
    if letter in "pPC":
        raise _unreadable(f"\\{letter}")
    return {"z": r"\Z", "s": r"[\t\n\f\r ]", "S": r"[^\t\n\f\r ]"}.get(letter, f"\\{letter}")


def _unreadable(what: str) -> MalformedProfile:
    return MalformedProfile(f"frames: drop_frames or keep_frames has {what}, which only pprof itself can apply")


def _without_arguments(function: str) -> str:
    name = function.removeprefix(".")
    for found in _ARGUMENTS.finditer(name):
        if found[0] == "(":
            return name[: found.start()]
    return name


def examined(functions: Sequence[str], dropped: Callable[[str], bool]) -> Location:
    """A location by the functions of its lines, innermost first."""
    for number in range(len(functions) - 1, -1, -1):
        if dropped(functions[number]):
            whole = number == len(functions) - 1
            return Location(slice(None) if whole else slice(number + 1, None), cut=True, whole=whole)
    return UNTOUCHED


def cut(stack: Sequence[int], locations: Mapping[int, Location]) -> Sequence[int]:
    """The location ids, leaf first, that are left of a stack."""
    user_code = False
    for number in range(len(stack) - 1, -1, -1):
        location = locations[stack[number]]
        if not location.cut:
            user_code = True
        elif user_code:
            return stack[number + 1 :] if location.whole else stack[number:]
    return stack
