"""What several of these tests share: the Go process to sample, built once."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.adapters.servers import FIXTURES


@pytest.fixture(scope="session")
def pprof_server(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The binary of tests/fixtures/pprofserver."""
    binary = tmp_path_factory.mktemp("bin") / "pprofserver"
    subprocess.run(["go", "build", "-o", str(binary), "."], cwd=FIXTURES / "pprofserver", check=True)
    return binary
