"""The state directory belongs to one process, and gives it its name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from leakwarden.adapters.state_dir import StateDir
from leakwarden.core.lease import home_of
from leakwarden.errors import StoreError

HOLDER = """
import sys
from pathlib import Path
from leakwarden.adapters.state_dir import StateDir
home = StateDir(Path(sys.argv[1]))
home.hold()
print(home.identity, flush=True)
sys.stdin.read()
"""


def held(directory: Path) -> StateDir:
    home = StateDir(directory)
    home.hold()
    return home


def test_a_directory_is_a_home_that_stays_and_each_process_has_a_name_of_its_own(tmp_path: Path) -> None:
    first = held(tmp_path / "a")
    first.release()
    second = held(tmp_path / "a")
    assert home_of(second.identity) == home_of(first.identity)
    assert second.identity != first.identity
    assert home_of(held(tmp_path / "b").identity) != home_of(first.identity)


def test_a_second_process_is_refused_until_the_first_is_gone_however_it_went(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        identity = holder.stdout.readline().strip()
        with pytest.raises(StoreError, match=r"leakwarden\.lock: another process has this state directory"):
            held(tmp_path)
    finally:
        holder.kill()
        holder.communicate()
    assert home_of(held(tmp_path).identity) == home_of(identity)


def test_a_home_that_somebody_spoiled_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "leakwarden.lock").write_text("hello, this is no home\n")
    home = held(tmp_path)
    digits = home_of(home.identity)
    assert (len(digits), (tmp_path / "leakwarden.lock").read_text()) == (8, f"{digits}\n")


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"file.*is the state directory writable"):
        held(tmp_path / "file")
