"""Durations and quantities: what the API accepts is what the models read, and means what Go and Kubernetes mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakwarden.api.duration import Duration
from leakwarden.api.quantity import Quantity


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("30s", 30), ("15m", 900), ("1h30m", 5400), ("1.5h", 5400), ("250ms", 0.25), ("1h1m1s1ms", 3661.001)],
)
def test_a_duration_means_what_go_says(text: str, seconds: float) -> None:
    assert Duration(text).seconds == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "1d", "30", "h", "-1s", "+1s", " 1s", "1s ", "1s\n", "1 day", "1us", ".5s", "1" * 30 + "s"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        Duration(text)


@given(st.integers(min_value=0, max_value=30 * 24 * 3600 * 1000))
def test_a_duration_made_from_seconds_means_those_seconds(milliseconds: int) -> None:
    assert Duration.of(milliseconds / 1000).seconds == pytest.approx(milliseconds / 1000)


def test_a_duration_is_written_as_people_write_it() -> None:
    assert [Duration.of(seconds) for seconds in (0, 60, 90, 7200, 5400.5)] == ["0s", "1m", "1m30s", "2h", "1h30m500ms"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("1000", 1000),
        ("64Mi", 64 * 2**20),
        ("1500Mi", 1500 * 2**20),
        ("1.5Gi", 1.5 * 2**30),
        ("64M", 64e6),
        ("5k", 5000),
        ("0.5", 0.5),
        ("2Pi", 2 * 2**50),
    ],
)
def test_a_quantity_means_what_kubernetes_says(text: str, value: float) -> None:
    assert Quantity(text).value == value


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "64MB", "64mi", "1e3", "1.", ".5", "Mi", "64 Mi", "64Mi\n", "64u", "64n", "9" * 30]
)
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        Quantity(text)


def test_thousandths_of_a_byte_are_refused_with_what_was_probably_meant() -> None:
    with pytest.raises(ValueError, match="did you mean 64M or 64Mi"):
        Quantity("64m")


@given(st.floats(min_value=0, max_value=2.0**50))
def test_bytes_are_written_within_a_twentieth_of_a_percent_or_half_a_byte(value: float) -> None:
    assert Quantity.bytes(value).value == pytest.approx(value, rel=0.06, abs=0.5)


def test_bytes_are_written_with_few_digits() -> None:
    assert [Quantity.bytes(value) for value in (0, 9999, 512 * 2**20, 1.5 * 2**30)] == ["0", "9999", "512Mi", "1536Mi"]
