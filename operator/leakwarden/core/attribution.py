"""Which frame each stack of a profile is put down to, for thousands of stacks at once."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from leakwarden.core.frames import Code, attributed_frame, code_of, goroot_of
from leakwarden.core.pprof.locations import Frame, Functions
from leakwarden.core.pprof.profile import PackedStack, Profile, location_ids

_NOWHERE = Frame("unknown", "", 0)
"""What an empty stack is put down to."""


class Place(NamedTuple):
    """Where a stack is put down, and the innermost function that it went on to."""

    frame: Frame
    leaf: str


class Attribution(dict[PackedStack, int]):
    """The place of each stack of a profile, by the rule of `frames.attributed`: `places[self[stack]]`.

    Frames are told apart once a location, not once a stack; a stack is walked when it is first asked for, and only
    until the first location with a frame of the user's code. That location and the leaf make the place. (Two places
    may be equal, and then mean the same.)
    """

    def __init__(self, profile: Profile) -> None:
        super().__init__()
        self.places: list[Place] = []
        self._profile = profile
        self._goroot = goroot_of(profile.functions.values())
        self._user = profile.locations.calling(_user_functions(profile.functions, self._goroot))
        """The innermost line of the user's code, by location."""
        self._first = FirstOf(self._user)
        self._known: dict[tuple[int, int], int] = {}

    def __missing__(self, stack: PackedStack) -> int:
        location = self._first(stack)
        key = location, _leaf(stack) if location else len(self.places)
        number = self._known.get(key)
        if number is None:
            number = self._known[key] = len(self.places)
            self.places.append(self._place(stack, location))
        self[stack] = number
        return number

    def _place(self, stack: PackedStack, location: int) -> Place:
        if location:
            return Place(
                self._profile.locations.frame(self._user[location]), self._profile.locations[_leaf(stack)][0].function
            )
        frames = self._profile.frames(stack) or (_NOWHERE,)
        return Place(attributed_frame(frames, self._goroot), frames[0].function)


def _user_functions(functions: Functions, goroot: str) -> set[int]:
    return {number for number, (name, file) in functions.items() if code_of(name, file, goroot) is Code.USER}


class FirstOf:
    """Called with a packed stack: its leaf-most location that is wanted, or 0, which no location has.

    No other loop sees as many bytes. So numbers of up to two bytes, as nearly all are, are not computed but looked up:
    the second byte among those that make a wanted number with the first. A second byte that says that a third follows
    is in every such set, and sends the stack the slow way.
    """

    __slots__ = ("_longer", "_short", "_wanted")

    def __init__(self, wanted: Collection[int]) -> None:
        self._wanted = wanted
        self._short = {number for number in wanted if number < 0x80}
        self._longer = {first: set(range(0x80, 0x100)) for first in range(0x80, 0x100)}
        for number in wanted:
            if number < 0x4000:
                self._longer[number & 0x7F | 0x80].add(number >> 7)

    def __call__(self, stack: PackedStack) -> int:
        short, longer = self._short, self._longer
        following = iter(stack)
        for byte in following:
            if byte < 0x80:
                if byte in short:
                    return byte
            elif (second := next(following)) in longer[byte]:
                if second < 0x80:
                    return byte & 0x7F | second << 7
                return next((location for location in location_ids(stack) if location in self._wanted), 0)
        return 0


def _leaf(stack: PackedStack) -> int:
    if stack[0] < 0x80:
        return stack[0]
    if stack[1] < 0x80:
        return stack[0] & 0x7F | stack[1] << 7
    return next(location_ids(stack))
