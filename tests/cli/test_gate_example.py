"""The worked example: every command of its workflow, run as GitHub would, on the code with and without its leak."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

REPO = Path(__file__).resolve().parents[2]
WORKFLOW = yaml.safe_load((REPO / "examples" / "gate" / "workflow.yaml").read_text())
STEPS = [step for step in WORKFLOW["jobs"]["leaks"]["steps"] if "run" in step]


class Runner:
    """Runs steps one after another as `shell: bash` does, with the files by which they speak to GitHub."""

    def __init__(self, temp: Path, **changed: str) -> None:
        self.summary, self._path = temp / "summary.md", temp / "path"
        self.summary.touch()
        self._path.touch()
        self._environment = {
            **os.environ, **{name: str(value) for name, value in WORKFLOW["env"].items()}, **changed,
            "RUNNER_TEMP": str(temp), "GITHUB_WORKSPACE": str(REPO),
            "GITHUB_STEP_SUMMARY": str(self.summary), "GITHUB_PATH": str(self._path),
        }  # fmt: skip

    def run(self, step: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        path = [*reversed(self._path.read_text().splitlines()), self._environment["PATH"]]
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=REPO / step.get("working-directory", "."), env={**self._environment, "PATH": os.pathsep.join(path)},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip


def free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"127.0.0.1:{taken.getsockname()[1]}"


def test_the_workflow_has_the_gate_beside_the_benchmarks() -> None:
    assert [step["name"] for step in STEPS] == [
        "Leakwarden", "Benchmarks", "Leak gate on the tests", "Leak gate on the server",
    ]  # fmt: skip
    assert "-benchmem" in STEPS[1]["run"]


def test_each_sarif_file_is_uploaded_by_itself_into_a_category_of_its_own() -> None:
    """GitHub refuses an upload that has two runs of one tool in one category."""
    uploads = [step for step in WORKFLOW["jobs"]["leaks"]["steps"] if "upload-sarif" in step.get("uses", "")]
    files = [upload["with"]["sarif_file"].removeprefix("${{ runner.temp }}/") for upload in uploads]
    assert files == ["gate-tests.sarif", "gate-server.sarif"]
    assert all(f'--sarif "$RUNNER_TEMP/{file}"' in step["run"] for file, step in zip(files, STEPS[2:], strict=True))
    assert len({upload["with"]["category"] for upload in uploads}) == len(uploads)
    ids = [step.get("id") for step in STEPS[2:]]
    assert all(f"steps.{name}.outcome" in upload["if"] for name, upload in zip(ids, uploads, strict=True))


@pytest.mark.parametrize("leaky", [False, True], ids=["as it is", "with the leak"])
def test_every_step_does_what_the_page_says(tmp_path: Path, leaky: bool) -> None:
    flags = "-tags=leaky" if leaky else ""
    runner = Runner(tmp_path, SERVER=free_address(), GOFLAGS=flags, PYTHONPATH=str(REPO / "operator"))
    done = {step["name"]: runner.run(step) for step in STEPS}
    said = {name: one.stdout + one.stderr for name, one in done.items()}
    gates = int(leaky)
    assert {name: one.returncode for name, one in done.items()} == {
        "Leakwarden": 0, "Benchmarks": 0, "Leak gate on the tests": gates, "Leak gate on the server": gates,
    }, said  # fmt: skip
    assert "allocs/op" in said["Benchmarks"]
    for name in ("Leak gate on the tests", "Leak gate on the server"):
        assert ("Leak gate: leak: live heap, goroutines" if leaky else "Leak gate: passed") in said[name]
        assert ("example.com/editor/sessions.(*session).apply (sessions.go:" in said[name]) is leaky
    assert runner.summary.read_text().count("### Leak gate: ") == 2
    reports = {path.name for path in tmp_path.glob("gate-*")}
    assert reports == {"gate-tests.xml", "gate-tests.sarif", "gate-server.xml", "gate-server.sarif"}
    found = "examples/gate/sessions/sessions.go" in (tmp_path / "gate-server.sarif").read_text()
    assert found is leaky
