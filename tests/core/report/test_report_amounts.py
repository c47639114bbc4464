"""Numbers, times and names as sentences have them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakwarden.api.words import Unit
from leakwarden.core.report.amounts import amount, clip, dates_once, minute, quantity, rate
from leakwarden.core.report.names import short_function
from tests.core.report.samples import MIB, NOW


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, Unit.BYTES, "0 B"),
        (1023, Unit.BYTES, "1020 B"),
        (1023.9 * 1024, Unit.BYTES, "1 MiB"),
        (1536 * MIB, Unit.BYTES, "1.5 GiB"),
        (1000 * MIB, Unit.BYTES, "1000 MiB"),
        (-5 * MIB, Unit.BYTES, "-5 MiB"),
        (30013, Unit.COUNT, "30,000"),
        (0.25, Unit.COUNT, "0.25"),
        (92.04, Unit.PERCENT, "92 %"),
        (2.113, Unit.SECONDS, "2.11 s"),
    ],
)
def test_amounts_have_few_digits_and_a_unit(value: float, unit: Unit, text: str) -> None:
    assert amount(value, unit) == text


def test_rates_have_two_significant_digits() -> None:
    assert rate(96.7 * MIB, Unit.BYTES) == "97 MiB/h"
    assert rate(1234, Unit.COUNT) == "1,200/h"


@given(st.floats(min_value=-1e6, max_value=2.0**50), st.sampled_from(Unit))
def test_a_status_quantity_is_near_the_number_and_never_negative(value: float, unit: Unit) -> None:
    assert quantity(value, unit).value == pytest.approx(max(0.0, value), rel=0.06, abs=0.5)


def test_times_are_rounded_to_the_minute() -> None:
    assert minute(NOW + 29) == "2026-11-23T14:00Z"
    assert minute(NOW + 31) == "2026-11-23T14:01Z"


def test_a_function_is_short_without_its_import_path() -> None:
    assert short_function("golang.org/x/tools/internal/cache.(*memoizedFS).ReadFile") == "cache.(*memoizedFS).ReadFile"
    assert short_function("main.run") == "main.run"
    assert short_function("a/b.F[go.shape.struct{c/d.E}]") == "b.F[go.shape.struct{c/d.E}]"


def test_cutting_is_visible_and_exact() -> None:
    assert clip("abcdef", 6) == "abcdef"
    assert clip("abcdefg", 6) == "abcde…"


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        (["a 2026-11-23T10:00Z", "b 2026-11-23T11:00Z."], ["a 2026-11-23T10:00Z", "b 11:00Z."]),
        (["a 2026-11-24T01:00Z, 2026-11-23T14:00Z", "2026-11-23T10:00Z"],
         ["a 2026-11-24T01:00Z, 2026-11-23T14:00Z", "2026-11-23T10:00Z"]),
        (['a 2026-11-23T10:00Z of x=" 2026-11-23T10:00Z"', "by 2026-11-23T10:05Z"],
         ['a 2026-11-23T10:00Z of x=" 2026-11-23T10:00Z"', "by 10:05Z"]),
    ],
)  # fmt: skip
def test_a_date_is_written_once(shown: list[str], told: list[str]) -> None:
    assert dates_once(shown) == told
