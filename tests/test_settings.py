"""Settings come from the environment once, and a bad one names its variable."""

from __future__ import annotations

import pytest

from leakwarden.errors import InvalidSpec
from leakwarden.settings import from_environment


def test_nothing_set_gives_a_usable_operator() -> None:
    settings = from_environment({})
    assert settings.watch_namespaces == ()
    assert (settings.listen_host, settings.listen_port) == ("127.0.0.1", 8085)


def test_the_reading_port_is_on_loopback_or_not_at_all() -> None:
    settings = from_environment({"LEAKWARDEN_INSPECT": "[::1]:9"})
    assert (settings.inspect_host, settings.inspect_port) == ("::1", 9)
    assert from_environment({"LEAKWARDEN_INSPECT": ""}).inspect == ""


def test_the_docs_are_where_somebody_says_or_nowhere() -> None:
    assert from_environment({"LEAKWARDEN_DOCS_URL": "https://example.org/docs/"}).docs_url == "https://example.org/docs"
    assert from_environment({"LEAKWARDEN_DOCS_URL": ""}).docs_url is None


def test_namespaces_are_split_at_commas() -> None:
    assert from_environment({"LEAKWARDEN_WATCH_NAMESPACES": "a, b,"}).watch_namespaces == ("a", "b")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LEAKWARDEN_LISTEN", "nowhere"),
        ("LEAKWARDEN_LISTEN", "host:70000"),
        ("LEAKWARDEN_INSPECT", "0.0.0.0:8086"),
        ("LEAKWARDEN_INSPECT", "10.0.0.1:8086"),
        ("LEAKWARDEN_INSPECT", "127.0.0.1"),
        ("LEAKWARDEN_LOG_LEVEL", "loud"),
        ("LEAKWARDEN_MAX_IN_FLIGHT", "0"),
        ("LEAKWARDEN_SAMPLES_PER_SECOND", "-1"),
        ("LEAKWARDEN_RECORD_MAX", "1Mi"),
        ("LEAKWARDEN_RECORD_MAX", "much"),
        ("LEAKWARDEN_DOCS_URL", "docs/patterns.md"),
        ("LEAKWARDEN_DOCS_URL", "https://example.org/a b"),
        ("LEAKWARDEN_DOCS_URL", "https://example.org/" + "a" * 160),
        ("LEAKWARDEN_LEADER_ELECTION", "perhaps"),
        ("LEAKWARDEN_LEASE_DURATION", "1"),
        ("LEAKWARDEN_LEASE_RENEW_DEADLINE", "12"),
        ("LEAKWARDEN_LEASE_RETRY", "6"),
    ],
)
def test_an_unusable_value_names_its_variable(variable: str, value: str) -> None:
    with pytest.raises(InvalidSpec, match=variable) as refused:
        from_environment({variable: value})
    assert "Value error" not in str(refused.value)


def test_times_of_the_lease_are_held_against_each_other() -> None:
    shorter = {"LEAKWARDEN_LEASE_DURATION": "4", "LEAKWARDEN_LEASE_RETRY": "0.5"}
    with pytest.raises(InvalidSpec, match=r"LEAKWARDEN_LEASE_RENEW_DEADLINE: .* LEAKWARDEN_LEASE_DURATION, 4 s"):
        from_environment({**shorter, "LEAKWARDEN_LEASE_RENEW_DEADLINE": "3.5"})
    assert from_environment({**shorter, "LEAKWARDEN_LEASE_RENEW_DEADLINE": "3"}).lease_renew_deadline == 3
    with pytest.raises(InvalidSpec, match="LEAKWARDEN_LEASE_RENEW_DEADLINE"):
        from_environment(shorter)


def test_other_variables_with_the_prefix_are_left_alone() -> None:
    assert from_environment({"LEAKWARDEN_CACHE": "x"}) == from_environment({})


def test_nothing_is_recorded_unless_a_directory_says_where() -> None:
    assert from_environment({"LEAKWARDEN_RECORD_DIR": ""}).record_dir is None
    assert str(from_environment({"LEAKWARDEN_RECORD_DIR": "/var/rec"}).record_dir) == "/var/rec"
    assert from_environment({"LEAKWARDEN_RECORD_MAX": "2Gi"}).record_max.value == 2 << 30
