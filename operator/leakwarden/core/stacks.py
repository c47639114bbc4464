"""The stacks behind the largest places of a profile, few enough to be carried along. Names come of them, no verdicts.

A reading goes through a pipe from a worker process, and the traces of an open finding are stored with each sample, so
all of it is bounded: functions, stacks a function, calls a stack.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from leakwarden.api.words import WaitKind
from leakwarden.core.frames import is_std, normalised
from leakwarden.core.pprof.locations import Frame
from leakwarden.core.pprof.profile import PackedStack, Profile
from leakwarden.core.readings import Calls, Kept, group_key

FUNCTIONS: Final = 40
"""Functions of a heap profile whose stacks are kept, those that hold most; groups of a goroutine profile too."""
SAMPLES: Final = 12
"""Heap samples a function that are looked at, those that hold most."""
WAYS: Final = 4
"""Ways of allocating that are told apart, a function."""
CALLS: Final = 32
"""Innermost calls of a stack."""

HeapSample: TypeAlias = tuple[int, int]
"""Bytes in use, and the number of the sample in its profile."""


def calls_of(frames: Iterable[Frame]) -> Calls:
    """The innermost CALLS function names."""
    return tuple(normalised(frame.function) for frame, _ in zip(frames, range(CALLS), strict=False))


def kept(
    profile: Profile, objects: Sequence[int], samples: Mapping[str, list[HeapSample]]
) -> dict[str, tuple[Kept, ...]]:
    """What each of the FUNCTIONS that hold most holds. `objects`: of every sample, in use. `samples`: by function."""
    largest = sorted(samples, key=lambda name: (-sum(held for held, _ in samples[name]), name))[:FUNCTIONS]
    return {name: tuple(_ways(profile, objects, name, samples[name])) for name in largest}


def _ways(profile: Profile, objects: Sequence[int], function: str, samples: list[HeapSample]) -> Iterator[Kept]:
    """Samples that agree from the leaf to the function and in the size of their objects are one way of allocating."""
    found: dict[tuple[Calls, int], Kept] = {}
    largest = [(-held, calls_of(profile.frames(profile.stacks[n])), n) for held, n in sorted(samples)[-SAMPLES:]]
    for minus, calls, number in sorted(largest):
        inner = calls.index(function) + 1 if function in calls and not is_std(function) else len(calls)
        size = _size(profile, number)
        before = found.get((calls[:inner], size)) or Kept(calls, inner, 0, 0, size)
        found[calls[:inner], size] = Kept(
            before.calls, inner, before.bytes - minus, before.objects + objects[number], size
        )  # fmt: skip
    yield from sorted(found.values(), key=lambda way: (-way.bytes, way.calls, way.size))[:WAYS]


def _size(profile: Profile, number: int) -> int:
    values = profile.labels[number].numeric.get("bytes", ())
    return values[0].value if values else 0


def group_calls(
    profile: Profile, groups: Iterable[tuple[str, WaitKind, Mapping[PackedStack, int]]]
) -> dict[str, Calls]:  # fmt: skip
    """Of the FUNCTIONS largest groups: the stack on which most goroutines stand."""
    counted = [(-sum(counts.values()), group_key(function, wait), counts) for function, wait, counts in groups]
    largest = sorted(counted, key=lambda one: one[:2])[:FUNCTIONS]
    return {key: _commonest(profile, counts) for _, key, counts in largest}


def _commonest(profile: Profile, counts: Mapping[PackedStack, int]) -> Calls:
    most = max(counts.values())
    return min(calls_of(profile.frames(stack)) for stack, count in counts.items() if count == most)


class Through(dict[PackedStack, Calls]):
    """Which functions of the program a stack runs through, each once; and how many goroutines run through each."""

    def __init__(self, profile: Profile) -> None:
        super().__init__()
        self._profile = profile
        self.counts: dict[str, int] = {}

    def __missing__(self, stack: PackedStack) -> Calls:
        names = dict.fromkeys(normalised(frame.function) for frame in self._profile.frames(stack))
        found = self[stack] = tuple(name for name in names if not is_std(name))
        return found

    def add(self, stack: PackedStack, count: int) -> None:
        for name in self[stack]:
            self.counts[name] = self.counts.get(name, 0) + count
