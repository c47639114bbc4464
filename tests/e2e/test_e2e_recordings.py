"""A recording that the operator wrote replays to what it said; memory is evicted for only after a forced collection.

An operator of this module's own, which records, watches one pod that keeps every document in memory.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.conftest import Stage
from tests.e2e.operators import operator
from tests.e2e.policies import policy
from tests.e2e.scene import Scene, uid
from workloads.manifests import leakserver, manifest

pytestmark = pytest.mark.e2e

NAMESPACE = "e2e-recorded"
HEAP = {
    "name": "live-heap",
    "signal": "LiveHeap",
    "growth": {"atLeast": "24Mi", "window": "24s"},
    "for": "3s",
    "severity": "Critical",
}
EVICT: dict[str, Any] = {"mode": "Evict", "stormPercent": 100, "minReadyPeers": 0, "budget": {"actions": 1}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recorded")


@pytest.fixture(scope="module")
def scene(stage: Stage, new_namespace: Callable[[str], str], folder: Path) -> Iterator[Scene]:
    new_namespace(NAMESPACE)
    mine = operator(stage.cluster, folder / "operator", new_namespace("e2e-recorded-operator"), [NAMESPACE])
    mine.environment = {**mine.environment, "LEAKWARDEN_RECORD_DIR": str(folder / "recordings")}
    scene = Scene(stage.cluster, NAMESPACE, mine)
    hoarder = replace(leakserver(stage.images, "ast-cache"), name="hoarder", namespace=NAMESPACE, memory_limit=8192)
    scene.apply(manifest(hoarder), policy("recorded", {"app": "hoarder"}, rules=[HEAP], **EVICT))
    mine.start()
    try:
        yield scene
    finally:
        mine.kill()
        scene.kubectl("delete", "deployments", "--all", "--wait=false")


@pytest.fixture(scope="module")
def said(scene: Scene, folder: Path) -> dict[str, Any]:
    """The first finding of the pod, as the operator's store has it, and the UID of the pod."""
    pod = scene.wait_ready("hoarder", 1)[0]

    def found() -> dict[str, Any]:
        findings = [f for report in _reports(folder) if report["pod_uid"] == uid(pod) for f in report["findings"]]
        assert findings, "nothing found yet"
        return {**findings[0], "uid": uid(pod)}

    return scene.eventually(found, 120)


def _reports(folder: Path) -> list[dict[str, Any]]:
    path = folder / "operator" / "state" / "leakwarden.sqlite3"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
        return [json.loads(row[0]) for row in store.execute("SELECT report FROM target")]


def test_a_pod_that_leaks_memory_is_evicted_once_a_forced_collection_has_confirmed_it(
    scene: Scene, said: dict[str, Any], folder: Path
) -> None:
    def evicted() -> list[str]:
        found = [request.uid for request in scene.real_evictions()]
        assert found, f"decisions: {scene.decisions('recorded')}"
        return found

    assert scene.eventually(evicted, 60) == [said["uid"]]
    forced = list((folder / "recordings").rglob("*-heap-gc.pb.gz"))
    assert forced, "no heap after a forced collection was recorded"


def test_what_the_operator_recorded_replays_to_the_same_rule_place_and_time(
    scene: Scene, said: dict[str, Any], folder: Path
) -> None:
    recordings = sorted(path for path in (folder / "recordings").rglob("*") if list(path.glob("*-target.json")))
    mine = [path for path in recordings if said["uid"] in _target(path)]
    assert len(mine) == 1, recordings
    document = scene.get("leakpolicy", "recorded")
    policy_file = folder / "policy.yaml"
    policy_file.write_text(yaml.safe_dump({key: document[key] for key in ("apiVersion", "kind", "metadata", "spec")}))
    command = [sys.executable, "-m", "leakwarden", "replay", "-f", str(policy_file), "-o", "json", str(mine[0])]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 1, ran.stderr
    replayed = next(one for one in json.loads(ran.stdout)[0]["findings"] if one["signature"] == said["signature"])
    assert replayed["rules"] == said["rules"] == ["live-heap"]
    assert replayed["site"]["function"] == said["site"]["function"]
    assert _seconds(replayed["firstSeen"]) == pytest.approx(said["first_seen"], abs=0.001)
    assert _seconds(replayed["since"]) == pytest.approx(said["since"], abs=0.001)


def _target(folder: Path) -> str:
    return "".join(path.read_text() for path in folder.glob("*-target.json"))


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
