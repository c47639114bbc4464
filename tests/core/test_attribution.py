"""The state machine that walks packed stacks finds what a plain walk finds."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from leakwarden.core.attribution import Attribution, Found, walker
from leakwarden.core.pprof.locations import Lines, Locations
from leakwarden.core.pprof.profile import PackedStack, Profile, ValueType, pack

IDS = st.sampled_from([1, 2, 3, 127, 128, 129, 8_191, 8_192, 8_193, 16_382, 16_383, 16_384, 16_385, 2**21, 2**64 - 1])
STACKS = st.lists(IDS, max_size=12)


def profile_of(user: set[int], stacks: list[list[int]]) -> Profile:
    """Every location has one line; `user` are in the user's code, the others in Go's."""
    ids = sorted({location for stack in stacks for location in stack} | user)
    functions = {1: ("os.ReadFile", ""), 2: ("main.read", "")}
    called = [2 if location in user else 1 for location in ids]
    return Profile(
        sample_types=(ValueType("inuse_space", "bytes"),),
        default_sample_type="",
        period_type=ValueType("", ""),
        period=0,
        time_nanos=0,
        duration_nanos=0,
        mappings=(),
        functions=functions,
        locations=Locations(functions, ids, range(1, len(ids) + 1), Lines(ids, called, ids), {}),
        stacks=[pack(stack) for stack in stacks],
        columns=([1] * len(stacks),),
        labels=[],
    )


@given(st.sets(IDS), st.lists(STACKS, max_size=20))
def test_each_stack_is_put_down_to_its_innermost_user_location(user: set[int], stacks: list[list[int]]) -> None:
    profile = profile_of(user, stacks)
    counted: Attribution[list[PackedStack]] = Attribution(profile, list)
    for packed in profile.stacks:
        counted[packed].append(packed)
    # The line is the location's own number, so a frame tells the location; without user code it is the leaf.
    expected = {
        packed: next((location for location in stack if location in user), stack[0] if stack else 0)
        for packed, stack in zip(profile.stacks, stacks, strict=True)
    }
    assert {packed: frame.line for frame, taken in counted.counters() for packed in taken} == expected


@given(st.sets(IDS), STACKS)
def test_the_walk_ends_where_it_can_tell_or_says_that_it_cannot(wanted: set[int], stack: list[int]) -> None:
    state: Any = walker(wanted)
    for byte in pack(stack):
        state = state[byte]
        if not state:
            break
    first = next((location for location in stack if location in wanted or location >= 0x4000), 0)
    found = int(state) if isinstance(state, Found) else 0
    assert found == (-1 if first >= 0x4000 else first)


def test_numbers_in_more_bytes_than_they_need_are_known_too() -> None:
    state: Any = walker({5})
    for byte in b"\x81\x00\x85\x00":
        state = state[byte]
    assert isinstance(state, Found) and int(state) == 5


def test_stacks_of_one_line_share_a_counter_and_leaves_are_told_apart() -> None:
    profile = profile_of({9}, [[1, 9], [2, 9], [1, 2]])
    counted: Attribution[list[int]] = Attribution(profile, list)
    first, second, other = profile.stacks
    assert counted[first] is counted[second] is not counted[other]
    assert [counted.leaf(stack) for stack in (first, b"")] == ["os.ReadFile", "unknown"]
