"""`kubectl leakwarden` on the fleet, as a person types it: kubectl finds the plugin, and each command tells what is so.

top and explain find the operator that Helm installed, and ask it by a port-forward of their own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hack.demo import to_look_with
from hack.local_operator import REPO
from tests.e2e.conftest import Fleet
from tests.e2e.policies import FLEET_RULES, policy
from tests.e2e.scene import annotation

pytestmark = pytest.mark.e2e

APP, LEAVES = "did-change-leaking", "analysis.(*Service).analyzeAndSend"
"""The workload whose leak is told first, and the function whose goroutines it leaves behind."""
RIPE = 240


@dataclass(frozen=True)
class Person:
    """Somebody with what `hack.cluster env` prints: the cluster's kubeconfig, kubectl and the plugin on the PATH."""

    fleet: Fleet

    def types(self, *arguments: str, cwd: Path | None = None) -> str:
        environment = {**os.environ, **self.fleet.scene.cluster.environment()}
        ran = subprocess.run(
            ["kubectl", "leakwarden", *arguments, "-n", self.fleet.scene.namespace],
            env=environment, cwd=cwd, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
        return ran.stdout


@pytest.fixture(scope="module")
def person(fleet: Fleet) -> Person:
    """When the leak is there to be asked about."""
    fleet.scene.eventually(lambda: _shown(fleet), RIPE, every=2)
    return Person(fleet)


def _shown(fleet: Fleet) -> None:
    assert any(LEAVES in signature for signature in fleet.scene.findings("leaks")), "the leak is not found yet"


def test_findings_has_the_leak_with_its_function_and_what_was_decided(person: Person) -> None:
    head, *lines = person.types("findings", "leaks").splitlines()
    assert head.split()[:4] == ["POLICY", "SEVERITY", "PODS", "FUNCTION"]
    (line,) = [line for line in lines if f" {LEAVES} (chan send) " in line]
    assert line.split()[:2] == ["leaks", "Critical"]
    assert line.split()[-1] == "ObserveOnly"


def test_the_commands_that_the_demo_ends_with_work_as_they_are_printed(person: Person) -> None:
    scene = person.fleet.scene
    lines = [command for command, _ in to_look_with(scene.cluster.name, scene.namespace, "leaks")]
    ran = subprocess.run(
        ["bash", "-euc", "\n".join(lines)], cwd=REPO, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr
    described, found, top = re.split(r"^(?:POLICY +SEVERITY|POD +POLICY) ", ran.stdout, flags=re.MULTILINE)
    assert f"goroutine/leakserver/internal/{LEAVES}/chan-send" in described
    assert LEAVES in found
    assert APP in top


def test_top_has_what_grows_before_what_does_not(person: Person) -> None:
    rows = json.loads(person.types("top", "--rows", "100", "-o", "json"))
    judged = [row for row in rows if row["policy"] in ("leaks", "twins")]
    paces = {row["pod"].rsplit("-", 2)[0]: row.get("goroutinesPerHour", 0.0) for row in judged}
    assert paces[APP] > 1000
    places = [row["pod"].rsplit("-", 2)[0] for row in judged]
    assert places.index(APP) < places.index("did-change-healthy")
    assert APP in person.types("top", "-p", "leaks", "--once")


def test_explain_says_which_rule_fires_what_holds_an_action_back_and_what_is_behind_that(person: Person) -> None:
    pod = person.fleet.scene.pod(APP)["metadata"]["name"]

    def firing() -> dict[str, Any]:
        """Of a busy machine a sample may be missed: a finding outlives that, a rule waits for the next one."""
        (target,) = [one for one in explained(person, pod) if one["row"]["policy"] == "leaks"]
        assert target["row"]["verdict"] == "Leaking"
        assert "blocked" in {rule["name"] for rule in target["rules"] if rule["state"] == "Firing"}
        return dict(target)

    target = person.fleet.scene.eventually(firing, 60)
    finding = next(one for one in target["findings"] if LEAVES in one["signature"])
    assert [one["reason"] for one in finding["obstacles"]] == ["ObserveOnly", "StormBrake", "MinReadyPeers"]
    page = person.types("explain", pod)
    for wanted in (f"Pod e2e-fleet/{pod} of ReplicaSet/", "Decision: ObserveOnly: ", "Behind it: StormBrake: "):
        assert wanted in page


def explained(person: Person, pod: str) -> list[dict[str, Any]]:
    return list(json.loads(person.types("explain", pod, "-o", "json")))


def test_profile_fetches_what_go_tool_pprof_reads(person: Person, tmp_path: Path) -> None:
    pod = person.fleet.scene.pod(APP)["metadata"]["name"]
    said = person.types("profile", pod, "--type", "goroutine", "-f", "stacks.pb.gz", cwd=tmp_path)
    (command,) = [line.partition(": ")[2] for line in said.splitlines() if line.startswith("Look at it: ")]
    assert command == "go tool pprof stacks.pb.gz"
    arguments = command.split()
    top = subprocess.run(
        [*arguments[:3], "-top", "-cum", *arguments[3:]],
        cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert LEAVES in top.stdout


@pytest.fixture
def annotating(person: Person) -> Iterator[Person]:
    """A policy that notes the leak on its pod, once it has."""
    scene = person.fleet.scene
    scene.apply(policy("noted", {"app": APP}, interval="2s", grace="5s", rules=FLEET_RULES, mode="Annotate"))
    scene.eventually(lambda: _annotated(person, True), RIPE)
    yield person
    scene.delete("leakpolicy", "noted")


def _annotated(person: Person, wanted: bool) -> None:
    found = annotation(person.fleet.scene.pod(APP))
    assert (found is not None) == wanted, found


def test_a_muted_leak_is_left_alone_and_shown_as_muted_until_it_is_unmuted(annotating: Person) -> None:
    scene = annotating.fleet.scene
    (leak, *_) = [one for one in scene.findings("noted") if LEAVES in one]
    said = annotating.types("mute", LEAVES, "-p", "noted", "--until", "1h", "--reason", "known")
    assert said.startswith(f"e2e-fleet/noted mutes {leak} until ")
    scene.eventually(lambda: _annotated(annotating, False), 60)
    assert scene.wait_decision("noted", "Muted")["count"] == 1
    assert scene.findings("noted")[leak]["muted"].endswith(": known")
    assert "no open leak but" in scene.condition("noted", "Leaking")["message"]
    assert scene.targets("noted")["leaking"] == 1

    assert annotating.types("unmute", LEAVES) == f"e2e-fleet/noted no longer mutes {leak}\n"
    scene.eventually(lambda: _annotated(annotating, True), 60)


def test_a_pause_suspends_and_resume_ends_that(annotating: Person) -> None:
    scene = annotating.fleet.scene

    def suspended(reason: str) -> None:
        assert scene.condition("noted", "Suspended")["reason"] == reason

    assert annotating.types("pause", "noted", "--until", "1h").startswith("e2e-fleet/noted is paused until ")
    scene.eventually(lambda: suspended("Paused"), 60)
    assert annotating.types("resume", "noted") == "e2e-fleet/noted goes on, in mode Annotate\n"
    scene.eventually(lambda: suspended("NotSuspended"), 60)
