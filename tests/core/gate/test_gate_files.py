"""From the file that a profile names to the one in the repository."""

from __future__ import annotations

import pytest

from leakwarden.core.gate.files import in_repository

THERE = {"store/store.go", "cmd/app/main.go", "main.go"}


@pytest.mark.parametrize(
    ("file", "found"),
    [
        ("/src/app/store/store.go", "store/store.go"),
        ("/src/app/store/gone.go", None),
        ("/src/application/store/store.go", None),
        ("/usr/local/go/src/net/http/server.go", None),
        ("example.com/app/store/store.go", "store/store.go"),
        ("example.com/app/cmd/app/main.go", "cmd/app/main.go"),
        ("example.com/other@v1.2.3/store/store.go", None),
        ("net/http/server.go", None),
        ("", None),
        ("/", None),
        ("/src/app", None),
    ],
)
def test_a_file_is_found_by_its_path_or_by_that_of_its_package(file: str, found: str | None) -> None:
    assert in_repository(file, "/src/app", THERE.__contains__) == found
