"""What a difference counts, on profiles small enough to add up by head."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from leakwarden.core.diff.difference import By, Difference, difference
from leakwarden.core.diff.names import shown_binary, shown_file, shown_name
from leakwarden.core.diff.places import Opened, open_profile
from leakwarden.core.pprof import profile_pb2 as pb
from leakwarden.errors import IncomparableProfiles, InvalidSpec, MalformedProfile

SPACE = (("space", "bytes"),)
Rows = Sequence[tuple[str, int]]
"""Stacks as `leaf inlined<main`, innermost first, a blank before the call that one is inlined into; and a value."""


def opened(
    rows: Rows,
    kinds: Sequence[tuple[str, str]] = SPACE,
    drop: str = "",
    keep: str = "",
    period: tuple[str, str] = ("space", "bytes"),
) -> Opened:
    """A profile in which a line is written `function` or `function:line`; every sample type has the same value."""
    texts = [""]

    def text(value: str) -> int:
        if value not in texts:
            texts.append(value)
        return texts.index(value)

    lines = [*dict.fromkeys(line for stack, _ in rows for part in stack.split("<") for line in part.split())]
    parts = [*dict.fromkeys(part for stack, _ in rows for part in stack.split("<") if part)]
    message = pb.Profile(
        sample_type=[pb.ValueType(type=text(t), unit=text(u)).SerializeToString() for t, u in kinds],
        function=[
            pb.Function(
                id=number, name=text(line.split(":")[0]), system_name=text(line.split(":")[0]), filename=text("/f.go")
            ).SerializeToString()
            for number, line in enumerate(lines, 1)
        ],
        location=[
            pb.Location(
                id=number,
                line=[
                    pb.Line(
                        function_id=lines.index(line) + 1, line=int(line.partition(":")[2] or 1)
                    ).SerializeToString()
                    for line in part.split()
                ],
            ).SerializeToString()
            for number, part in enumerate(parts, 1)
        ],
        sample=[
            pb.Sample(
                location_id=[parts.index(part) + 1 for part in stack.split("<") if part], value=[value] * len(kinds)
            ).SerializeToString()
            for stack, value in rows
        ],
        drop_frames=text(drop),
        keep_frames=text(keep),
        period_type=[pb.ValueType(type=text(period[0]), unit=text(period[1])).SerializeToString()],
    )
    message.string_table[:] = [value.encode() for value in texts]
    return open_profile(message.SerializeToString(), 1 << 20)


def functions(found: Difference) -> dict[str, tuple[int, int]]:
    return {entry.function: (entry.flat, entry.cum) for entry in found.functions}


def lines(found: Difference) -> dict[str, tuple[int, int]]:
    return {f"{entry.function}:{entry.line}": (entry.flat, entry.cum) for entry in found.lines}


def test_growth_is_positive_and_shrinking_is_negative() -> None:
    found = difference(opened([("read<main", 10), ("parse<main", 7)]), opened([("read<main", 4), ("parse<main", 20)]))
    assert functions(found) == {"parse": (13, 13), "read": (-6, -6), "main": (0, 7)}


def test_what_only_one_of_the_two_has_counts_in_full() -> None:
    found = difference(opened([("old<main", 5)]), opened([("new<main", 9)]))
    assert functions(found) == {"new": (9, 9), "old": (-5, -5), "main": (0, 4)}


def test_recursion_counts_once_for_the_function_and_once_for_each_line() -> None:
    found = difference(opened([]), opened([("walk:3<walk:7<walk:3<walk:7<main", 8)]))
    assert functions(found) == {"walk": (8, 8), "main": (0, 8)}
    assert lines(found) == {"walk:3": (8, 8), "walk:7": (0, 8), "main:1": (0, 8)}


def test_an_inlined_call_has_what_it_allocates_and_its_caller_counts_it_cumulatively() -> None:
    found = difference(opened([]), opened([("leaf:2 caller:5<main", 8)]))
    assert functions(found) == {"leaf": (8, 8), "caller": (0, 8), "main": (0, 8)}


def test_entries_that_cancel_out_are_left_out() -> None:
    """Through two callers, one that grew by what the other shrank: the callee has not changed."""
    found = difference(opened([("read<a", 10), ("same<a", 1)]), opened([("read<b", 10), ("same<a", 1)]))
    assert functions(found) == {"a": (0, -10), "b": (0, 10)}


def test_lines_that_cancel_out_within_a_function_are_listed_though_the_function_is_not() -> None:
    found = difference(opened([("read:1", 10)]), opened([("read:2", 10)]))
    assert found.functions == ()
    assert lines(found) == {"read:1": (-10, -10), "read:2": (10, 10)}


def test_a_profile_less_itself_is_nothing() -> None:
    same = opened([("read<main", 10), ("", 3)])
    assert difference(same, same).functions == difference(same, same).lines == ()


def test_past_53_bits_the_base_is_subtracted_as_a_float() -> None:
    """As in pprof, which turns the base round by multiplying it."""
    found = difference(opened([("read", 2**53 + 1)]), opened([("read", 2**53 + 1)]))
    assert functions(found) == {"read": (1, 1)}


def test_amounts_are_of_64_bits() -> None:
    found = difference(opened([]), opened([("read", 2**63 - 1), ("read", 1)]))
    assert functions(found) == {"read": (-(2**63), -(2**63))}


def test_the_largest_change_comes_first_whatever_its_sign_then_the_other_amount_then_the_name() -> None:
    base, new = opened([("b", 50), ("q<z<q", 1)]), opened([("a", 20), ("c", 20), ("a<d<y", 0), ("e<d<y", 30)])
    assert [entry.function for entry in difference(base, new).functions] == ["b", "e", "a", "c", "q", "d", "y", "z"]
    by_cum = difference(base, new, by=By.CUM).functions
    assert [entry.function for entry in by_cum] == ["b", "e", "d", "y", "a", "c", "q", "z"]


@pytest.mark.parametrize(
    ("drop", "keep", "left"),
    [
        ("malloc|alloc", "", {"read": (8, 8), "main": (0, 8)}),
        ("alloc", "", {"read": (8, 8), "main": (0, 8)}),
        ("mal.*", "", {"alloc": (8, 8), "read": (0, 8), "main": (0, 8)}),
        ("mal|loc", "", {"malloc": (8, 8), "alloc": (0, 8), "read": (0, 8), "main": (0, 8)}),
        (".*alloc", "malloc", {"read": (8, 8), "main": (0, 8)}),
        ("malloc", "mal.*", {"malloc": (8, 8), "alloc": (0, 8), "read": (0, 8), "main": (0, 8)}),
        ("main", "", {"malloc": (8, 8), "alloc": (0, 8), "read": (0, 8), "main": (0, 8)}),
        (".*", "", {"malloc": (8, 8), "alloc": (0, 8), "read": (0, 8), "main": (0, 8)}),
        ("(", "", {"malloc": (8, 8), "alloc": (0, 8), "read": (0, 8), "main": (0, 8)}),
        ("malloc", "(", {"malloc": (8, 8), "alloc": (0, 8), "read": (0, 8), "main": (0, 8)}),
    ],
)
def test_frames_that_match_whole_are_dropped_with_all_below_and_never_the_whole_stack(
    drop: str, keep: str, left: dict[str, tuple[int, int]]
) -> None:
    found = difference(opened([]), opened([("malloc<alloc<read<main", 8)], drop=drop, keep=keep))
    assert functions(found) == left


@pytest.mark.parametrize("function", [".malloc", "malloc(int)", "malloc(a)(b)", ".malloc()"])
def test_a_leading_dot_and_arguments_do_not_count_in_a_name_that_is_dropped(function: str) -> None:
    found = difference(opened([]), opened([(f"{function}<main", 8)], drop="malloc"))
    assert functions(found) == {"main": (8, 8)}


def test_a_dropped_frame_that_is_inlined_takes_what_is_inlined_into_it_and_leaves_its_caller() -> None:
    found = difference(opened([]), opened([("deep<leaf malloc read<main", 8)], drop="malloc"))
    assert functions(found) == {"read": (8, 8), "main": (0, 8)}


def test_the_new_profile_says_what_is_dropped() -> None:
    found = difference(opened([("malloc<main", 1)], drop="malloc"), opened([("malloc<main", 9)]))
    assert functions(found) == {"malloc": (8, 8), "main": (0, 8)}


def test_an_expression_that_only_go_understands_is_said_and_not_guessed() -> None:
    with pytest.raises(MalformedProfile, match="drop_frames or keep_frames has flags"):
        difference(opened([]), opened([("malloc<main", 8)], drop="(?i)MALLOC"))


@pytest.mark.parametrize(
    ("sample_index", "kind"),
    [("", "inuse_space"), ("objects", "objects"), ("inuse_objects", "objects"), ("0", "objects"), ("1", "inuse_space")],
)
def test_the_sample_type_is_chosen_by_name_or_number_and_is_the_last_without(sample_index: str, kind: str) -> None:
    kinds = (("objects", "count"), ("inuse_space", "bytes"))
    assert difference(opened([], kinds), opened([], kinds), sample_index).kind.type == kind


@pytest.mark.parametrize("sample_index", ["goroutine", "2", "-1", "space"])
def test_a_sample_type_that_is_not_there_is_refused_with_those_that_are(sample_index: str) -> None:
    kinds = (("objects", "count"), ("inuse_space", "bytes"))
    with pytest.raises(InvalidSpec, match="--sample-index: must be one of objects, inuse_space"):
        difference(opened([], kinds), opened([], kinds), sample_index)


def test_profiles_that_share_some_sample_types_are_compared_by_those() -> None:
    found = difference(opened([("a", 3)], (("objects", "count"), *SPACE)), opened([("a", 5)]))
    assert (found.kind.type, functions(found)) == ("space", {"a": (2, 2)})


def test_the_order_of_the_new_profile_decides_and_the_first_stands_in_where_orders_differ() -> None:
    count = ("objects", "count")
    assert difference(opened([], (*SPACE, count)), opened([], (count, *SPACE))).kind.type == "objects"
    assert difference(opened([], (count, *SPACE)), opened([], (*SPACE, count))).kind.type == "space"


def test_units_that_convert_are_converted_to_the_finer() -> None:
    found = difference(opened([("a", 3)], (("space", "kilobytes"),)), opened([("a", 5000)]))
    assert (found.kind.unit, functions(found)) == ("bytes", {"a": (1928, 1928)})
    found = difference(opened([("a", 3)], (("space", "microgcu"),)), opened([], (("space", "nanogcu"),)))
    assert functions(found) == {"a": (-3000, -3000)}


@pytest.mark.parametrize(
    ("base", "new", "why"),
    [
        (opened([], (("delay", "ns"),)), opened([]), "no sample type in common: delay/ns against space/bytes"),
        (opened([], (("space", "pages"),)), opened([]), "units of space differ: pages against bytes"),
        (opened([], period=("cpu", "ns")), opened([]), "period types differ: cpu/ns against space/bytes"),
        (opened([], period=("space", "count")), opened([]), "period types differ: space/count against space/bytes"),
    ],
)
def test_profiles_of_different_things_are_refused_with_what_they_count(base: Opened, new: Opened, why: str) -> None:
    with pytest.raises(IncomparableProfiles, match=why):
        difference(base, new)


def test_names_of_more_than_a_kibibyte_are_kept_apart() -> None:
    """`core.pprof` cuts texts; type arguments of generic code get long."""
    name = "main.F[" + "go.shape.int," * 200
    found = difference(opened([]), opened([(name + "a]", 1), (name + "b]", 2)]))
    assert functions(found) == {name + "a]": (1, 1), name + "b]": (2, 2)}


@pytest.mark.parametrize(
    ("name", "system_name", "shown"),
    [
        ("main.(*T).Get", "main.(*T).Get", "main.(*T).Get"),
        ("main.Sum[go.shape.int]", "main.Sum[go.shape.int]", "main.Sum[go.shape.int]"),
        ("main.(*Map[...]).Get", "main.(*Map[...]).Get", "main.(*Map[...]).Get"),
        ("main.F[go.shape.func(int) bool]", "main.F[go.shape.func(int) bool]", "main.F[go.shape.func bool]"),
        ("f<a<b>>(c(d))::e", "f<a<b>>(c(d))::e", "f::e"),
        ("f<a", "f<a", "f<a"),
        ("(a)b)c<d>", "(a)b)c<d>", "b)c"),
        ("kept<int>", "_Zsomething", "kept<int>"),
        ("", "main.run", "main.run"),
    ],
)
def test_names_are_shown_as_pprof_shows_them(name: str, system_name: str, shown: str) -> None:
    assert shown_name(name, system_name) == shown


@pytest.mark.parametrize(
    ("file", "shown"),
    [
        ("/proc/self/cwd/a/b.go", "a/b.go"),
        ("/proc/self/cwd/./b.go", "b.go"),
        ("/proc/self/cwd/.//proc/self/cwd/b.go", "/proc/self/cwd/b.go"),
        ("/a/./b/../c.go", "/a/c.go"),
        ("//a//b.go", "/a/b.go"),
        ("<autogenerated>", "<autogenerated>"),
        ("", ""),
    ],
)
def test_files_are_shown_as_pprof_shows_them(file: str, shown: str) -> None:
    assert shown_file(file) == shown


def test_code_without_a_name_is_shown_by_its_binary() -> None:
    assert [shown_binary(file) for file in ("/bin/prog", "[vdso]", "")] == ["[prog]", "[[vdso]]", "<unknown>"]
