"""Which frame each stack of a profile is put down to, for thousands of stacks at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Generic, TypeAlias, TypeVar

from leakwarden.core.frames import Code, attributed_frame, code_of, goroot_of
from leakwarden.core.pprof.locations import Frame, Functions
from leakwarden.core.pprof.profile import PackedStack, Profile, location_ids

UNKNOWN = Frame("unknown", "", 0)
"""What an empty stack is put down to."""

_T = TypeVar("_T")


class Attribution(dict[PackedStack, _T], Generic[_T]):
    """What is counted for the place of a stack: `self[stack]` is the counter of the frame it is put down to.

    The rule is that of `frames.attributed`. Frames are told apart once a location, not once a stack; a stack is
    walked when it is first asked for, and only until the first location with a frame of the user's code. `new` makes
    a counter; stacks that are put down to one line share it.
    """

    def __init__(self, profile: Profile, new: Callable[[], _T]) -> None:
        super().__init__()
        self._profile = profile
        self._goroot = goroot_of(profile.functions.values())
        self._user = profile.locations.calling(_user_functions(profile.functions, self._goroot))
        """The innermost line of the user's code, by location."""
        self._new = new
        self._counters: dict[int, _T] = {}
        self._others: dict[Frame, _T] = {}
        self._walk = walker(self._user)

    def __missing__(self, stack: PackedStack) -> _T:
        # Written out here and not in a method of the walker: this loop sees more bytes than any other.
        state: Any = self._walk
        for byte in stack:
            state = state[byte]
            if not state:
                break
        location = 0 if state else int(state)
        if location < 0:
            location = next((number for number in location_ids(stack) if number in self._user), 0)
        counter = self._counters.get(location)
        if counter is None:
            counter = self._counter(stack, location)
        self[stack] = counter
        return counter

    def _counter(self, stack: PackedStack, location: int) -> _T:
        """A new one, or for a stack without user code perhaps one that is there."""
        if location:
            return self._counters.setdefault(location, self._new())
        frames = self._profile.frames(stack)
        frame = attributed_frame(frames, self._goroot) if frames else UNKNOWN
        return self._others.setdefault(frame, self._new())

    def counters(self) -> Iterator[tuple[Frame, _T]]:
        """Every frame that something was put down to. A frame may come twice, where a line was compiled twice."""
        for location, counter in self._counters.items():
            yield self._profile.locations.frame(self._user[location]), counter
        yield from self._others.items()

    def leaf(self, stack: PackedStack) -> str:
        """The innermost function of a stack."""
        location = next(location_ids(stack), 0)
        return self._profile.locations[location][0].function if location else UNKNOWN.function


def _user_functions(functions: Functions, goroot: str) -> set[int]:
    return {number for number, (name, file) in functions.items() if code_of(name, file, goroot) is Code.USER}


class Found(int):
    """Where a walk ends: the location that was met. It is false, so that one cheap test tells it from a state."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False


State: TypeAlias = "list[State | Found]"
"""The next state for each byte that may follow, or where the walk ends."""

FOUND: Final = tuple(map(Found, range(0x4000)))
"""All that two bytes can say, made once: a thousand a profile would be most of what a walker costs."""

WIDE: Final = Found(-1)
"""Where a walk ends that met a number of three bytes or more: only a slower look can tell."""


def walker(wanted: Iterable[int]) -> State:
    """The start of a state machine that reads packed stacks byte by byte until it meets a wanted location.

    It knows numbers of up to two bytes, as nearly all are; in any longer one it ends as WIDE.
    """
    start: State = []
    following: State = [start] * 0x80 + [WIDE] * 0x80
    longer = [following[:] for _ in range(0x80)]
    start += [start] * 0x80 + longer
    for location in wanted:
        if location < len(FOUND):
            longer[location & 0x7F][location >> 7] = found = FOUND[location]
            if location < 0x80:
                start[location] = found
    return start
