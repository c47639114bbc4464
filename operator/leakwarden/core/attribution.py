"""Which frame each stack of a profile is put down to, for thousands of stacks at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from leakwarden.core.frames import Code, attributed_frame, code_of, goroot_of
from leakwarden.core.pprof.profile import Frame, PackedStack, Profile, location_ids

UNKNOWN = Frame("unknown", "", 0)
"""What an empty stack is put down to."""


class Place(NamedTuple):
    """Where a stack is put down, and the innermost function it went on to."""

    frame: Frame
    leaf: str


def places(profile: Profile) -> dict[PackedStack, Place]:
    """The place of every different stack of the profile, by the rule of `frames.attributed`.

    Frames are told apart once a location, not once a stack; a stack is then walked only until the first location with
    a frame of the user's code.
    """
    goroot = goroot_of(frame for frames in profile.locations.values() for frame in frames)
    user = _user_frames(profile, goroot)
    found: dict[PackedStack, Place] = {}
    for stack in dict.fromkeys(profile.stacks):
        location = first_of(stack, user)
        if location:
            leaf = profile.locations[next(location_ids(stack))][0]
            found[stack] = Place(user[location], leaf.function)
        else:
            found[stack] = _without_user_code(profile, stack, goroot)
    return found


def _user_frames(profile: Profile, goroot: str) -> dict[int, Frame]:
    """By location id: the innermost frame of the user's code, for locations that have one."""
    user: dict[int, Frame] = {}
    for location, frames in profile.locations.items():
        for frame in frames:
            if code_of(frame.function, frame.file, goroot) is Code.USER:
                user[location] = frame
                break
    return user


def first_of(stack: PackedStack, wanted: Mapping[int, object]) -> int:
    """The leaf-most location of the stack that is wanted; 0, which no location has, when there is none."""
    for location in location_ids(stack):
        if location in wanted:
            return location
    return 0


def _without_user_code(profile: Profile, stack: PackedStack, goroot: str) -> Place:
    frames = profile.frames(stack) or (UNKNOWN,)
    return Place(attributed_frame(frames, goroot), frames[0].function)
