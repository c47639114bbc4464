"""Labels of goroutines in a profile: counted by value, to the goroutine, and bounded in number, length and letters."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakwarden.api.words import WaitKind
from leakwarden.core import reduce
from leakwarden.core.labels import KEYS, LONGEST, VALUES, merged, shown
from leakwarden.core.pprof.decode import MAX_LABELS
from leakwarden.core.readings import GoroutineReading, LabelledRun, LabelUse
from leakwarden.core.reduce import LABELLED, goroutines_from_bytes
from leakwarden.errors import ProfileTooLarge
from tests.core.recorded import labelled_goroutines
from tests.core.test_reduce import FOLDERS

Row = tuple[str, dict[str, str], int]
"""Function, labels, goroutines."""


def read(*rows: Row) -> GoroutineReading:
    return goroutines_from_bytes(labelled_goroutines(rows), 1 << 24)


def test_goroutines_are_counted_by_label_value_in_the_process_and_at_each_place() -> None:
    reading = read(
        ("main.send", {"doc_id": "a.go", "doc_mode": "edit"}, 90),
        ("main.send", {"doc_id": "b.go"}, 5),
        ("main.send", {}, 4),
        ("main.idle", {"doc_id": "b.go"}, 3),
        ("main.rest", {}, 2),
    )
    assert reading.labels == (LabelUse("doc_id", {"a.go": 90, "b.go": 8}), LabelUse("doc_mode", {"edit": 90}))
    assert {group.site.function: group.labels for group in reading.groups} == {
        "main.send": (LabelUse("doc_id", {"a.go": 90, "b.go": 5}), LabelUse("doc_mode", {"edit": 90})),
        "main.idle": (LabelUse("doc_id", {"b.go": 3}), LabelUse("doc_mode", {})),
        "main.rest": (),
    }


LABELS = st.dictionaries(st.sampled_from("abcd"), st.sampled_from("uvwxyz"), max_size=4)
ROWS = st.lists(st.tuples(st.sampled_from(["main.f", "main.g", "main.h"]), LABELS, st.integers(1, 50)), max_size=30)


@given(ROWS)
def test_counts_by_value_add_up_to_the_goroutines_that_carry_the_label(rows: list[Row]) -> None:
    reading = read(*rows)
    carried = Counter[str]()
    for _, labels, count in rows:
        carried.update(dict.fromkeys(labels, count))
    kept = sorted(sorted(carried, key=lambda key: (-carried[key], key))[:KEYS])
    assert {use.key: sum(use.values.values()) + use.others for use in reading.labels} == {k: carried[k] for k in kept}
    for group in reading.groups:
        for use in group.labels:
            here = [(labels, n) for name, labels, n in rows if name == group.site.function]
            mine = [(labels[use.key], n) for labels, n in here if use.key in labels]
            assert sum(use.values.values()) + use.others == sum(n for _, n in mine) <= group.count
            assert all(count == sum(n for value, n in mine if value == v) for v, count in use.values.items())
            assert len(use.values) <= VALUES
            assert not use.others or min(use.values.values()) >= 1
    assert reading.total == sum(group.count for group in reading.groups) == sum(count for _, _, count in rows)


@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_samples_which_go_changes_decides_nothing(rows: list[Row], random: Random) -> None:
    other = list(rows)
    random.shuffle(other)
    assert read(*rows) == read(*other)


def test_only_the_largest_labelled_groups_and_the_commonest_values_are_kept() -> None:
    rows: Sequence[Row] = [(f"main.f{n}", {"id": str(n % 9)}, 100 - n) for n in range(2 * LABELLED)]
    reading = read(*rows, *(("main.f0", {"id": f"x{n}"}, 1) for n in range(20)))
    assert [bool(group.labels) for group in reading.groups] == [True] * LABELLED + [False] * LABELLED
    (use,) = reading.groups[0].labels
    assert (next(iter(use.values)), len(use.values), use.others) == ("0", VALUES, 20 - (VALUES - 1))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("file:///a/b.go", "file:///a/b.go"),
        ("köln 京", "köln 京"),
        ("a\nb\x1b[2J", "a\\nb\\x1b[2J"),
        ("\u202etxt.og", "\\u202etxt.og"),
        ("\u2028", "\\u2028"),
        ("file:///home/user/project/" + "x" * 60 + "/end.go", "file:///home/user/pr…" + "x" * 36 + "/end.go"),
        ("\x01" * 1000 + "\x02" * 60 + "end", "\\x01" * 5 + "…" + "\\x02" * 10 + "end"),
    ],
)
def test_what_a_program_labels_with_is_kept_short_and_printable(text: str, kept: str) -> None:
    assert shown(text) == kept


@given(st.text(min_size=100, max_size=400))
def test_of_a_long_one_what_is_left_out_in_the_middle_changes_nothing(text: str) -> None:
    escaped = "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)
    assert shown(text) == escaped[:20] + "…" + escaped[-(LONGEST - 21) :]


def test_a_profile_of_long_unprintable_labels_is_read_like_any_other() -> None:
    """Each is looked at once, however many goroutines carry it: small profiles are decoded on the event loop."""
    rows: list[Row] = [("main.f", {"\x01" * 1024: "\x02" * 1024}, 1)] * 20_000
    (use,) = read(*rows).labels
    assert sum(use.values.values()) == 20_000


@given(st.text(max_size=200))
def test_whatever_it_is_it_is_short_printable_and_goes_into_json_and_utf8(text: str) -> None:
    assert len(shown(text)) <= LONGEST
    assert shown(text).isprintable()
    assert json.loads(json.dumps(shown(text)).encode()) == shown(text)


def test_of_a_profile_with_absurdly_many_labels_none_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reduce, "MAX_LABELS", 10)
    rows: list[Row] = [("main.f", {"id": str(n)}, 1) for n in range(11)]
    assert read(*rows[:10]).labels != ()
    assert (read(*rows).labels, read(*rows).total) == ((), 11)


def test_a_sample_with_absurdly_many_labels_is_refused() -> None:
    with pytest.raises(ProfileTooLarge, match=r"labels: sample 0 has more than 1000 labels"):
        read(("main.f", {f"k{n}": "v" for n in range(MAX_LABELS + 1)}, 1))


@pytest.mark.parametrize("folder", [f for f in FOLDERS if f.name.startswith("go1.")], ids=lambda folder: folder.name)
def test_labels_of_every_version_of_go_are_counted(folder: Path) -> None:
    reading = goroutines_from_bytes((folder / "goroutine.pb.gz").read_bytes(), 1 << 24)
    labelled = reading.labels[0].values["main.go"]
    assert reading.labels == (LabelUse("doc_id", {"main.go": labelled}), LabelUse("doc_mode", {"edit": labelled}))
    assert labelled >= 26


def test_labels_of_a_leaking_server_are_counted_where_its_goroutines_block() -> None:
    folder = next(f for f in FOLDERS if f.name == "leakserver")
    first = goroutines_from_bytes((folder / "goroutine.pb.gz").read_bytes(), 1 << 24).groups[0]
    by_document, by_mode = first.labels
    assert (first.wait, first.count) == (WaitKind.CHAN_SEND, by_mode.values["edit"])
    assert sum(by_document.values.values()) + by_document.others == first.count


def test_labelled_goroutines_are_counted_at_every_function_of_the_program_that_they_run_through() -> None:
    reading = read(("main.send", {"doc_id": "a.go"}, 9), ("main.send", {}, 4), ("main.rest", {}, 2))
    assert reading.through == {"main.send": LabelledRun(13, (LabelUse("doc_id", {"a.go": 9}),))}


@given(st.lists(st.dictionaries(st.sampled_from("uvwxyz"), st.integers(1, 9)), max_size=8))
def test_counts_of_several_readings_add_up(counts: list[dict[str, int]]) -> None:
    total: tuple[LabelUse, ...] = ()
    for values in counts:
        total = merged(total, (LabelUse("id", values),))
    for use in total:
        assert sum(use.values.values()) + use.others == sum(sum(values.values()) for values in counts)
        assert len(use.values) <= VALUES
