"""Which frame each stack of a profile is put down to, for thousands of stacks at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeAlias, TypeVar

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
        state = self._walk
        for byte in stack:
            state = state[byte]
            if not state:
                break
        location = state.location if isinstance(state, Found) else 0
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


class Found(list["State"]):
    """Where a walk ends: an empty list, so that one test tells it from a state."""

    __slots__ = ("location",)
    location: int
    """-1: only a slower look can tell."""


State: TypeAlias = "list[State]"
"""The next state for each byte that may follow."""


def walker(wanted: Iterable[int]) -> State:
    """The start of a state machine that reads packed stacks byte by byte until it meets a wanted location.

    It knows numbers of up to two bytes, as nearly all are; in any longer one it ends with -1.
    """
    start: State = []
    wide = _found(-1)
    longer: list[State] = [[start] * 0x80 + [wide] * 0x80 for _ in range(0x80)]
    start += [start] * 0x80 + longer
    for location in wanted:
        if location < 0x80:
            start[location] = _found(location)
        if location < 0x4000:
            longer[location & 0x7F][location >> 7] = _found(location)
    return start


def _found(location: int) -> Found:
    found = Found()
    found.location = location
    return found
