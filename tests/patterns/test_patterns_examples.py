"""The examples that `leakwarden patterns NAME` prints are Go, written as gofmt writes it."""

from __future__ import annotations

import re
import subprocess

import pytest

from leakwarden.core.patterns import Pattern, builtin_patterns


@pytest.mark.parametrize("pattern", builtin_patterns().patterns, ids=lambda pattern: pattern.name)
def test_an_example_shows_what_leaks_and_the_same_mended_as_gofmt_has_it(pattern: Pattern) -> None:
    assert "// leaks" in pattern.example and "// fixed" in pattern.example
    tabs = re.sub(r"(?m)^(    )+", lambda spaces: "\t" * (len(spaces[0]) // 4), pattern.example)
    lines = "\n".join(f"\t{line}" if line else "" for line in tabs.splitlines())
    source = f"package example\n\nfunc _() error {{\n{lines}\n}}\n"
    done = subprocess.run(["gofmt"], input=source, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout == source
