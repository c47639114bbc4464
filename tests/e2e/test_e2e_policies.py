"""Policies that are edited, doubled and deleted, and an operator that is killed and started again: what it knew stays.

An operator of this module's own watches one pod, so that its counters speak of that pod alone.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hack.local_operator import LocalOperator
from tests.e2e.conftest import Stage
from tests.e2e.operators import operator
from tests.e2e.policies import QUICK, policy, quick_leak
from tests.e2e.scene import Scene
from tests.e2e.waiting import always
from workloads.manifests import Manifest, manifest

pytestmark = pytest.mark.e2e

NAMESPACE = "e2e-solo"
POD: Manifest = {"app": "solo"}
UNREACHED = {**QUICK, "above": "1000000"}
"""The same rule, asking for more than any pod has: judged all the time, met never."""
FUNCTION = "analyzeAndSend"
POINTS = 26
"""Samples, one a second, that fill the window."""
SPAN = 8.0
"""Seconds over which samples are counted."""


@pytest.fixture(scope="module")
def solo(
    stage: Stage, new_namespace: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalOperator]:
    new_namespace(NAMESPACE)
    directory: Path = tmp_path_factory.mktemp("solo")
    mine = operator(stage.cluster, directory, new_namespace("e2e-solo-operator"), [NAMESPACE])
    mine.start()
    try:
        yield mine
    finally:
        mine.kill()


@pytest.fixture(scope="module")
def scene(stage: Stage, solo: LocalOperator) -> Scene:
    scene = Scene(stage.cluster, NAMESPACE, solo)
    scene.apply(manifest(quick_leak(stage.images, "solo", NAMESPACE)), policy("first", POD, rules=[UNREACHED]))
    return scene


def test_an_edited_rule_takes_effect_at_once_on_the_series_that_are_there(scene: Scene) -> None:
    """A trend takes 19 s of points: a finding within 12 s of the edit rests on some from before it."""

    def judged() -> None:
        assert _samples(scene) >= POINTS, f"{_samples(scene)} samples"
        assert scene.targets("first")["healthy"] == 1, scene.targets("first")

    scene.eventually(judged, 90)
    edited = time.monotonic()
    scene.patch("leakpolicy", "first", {"spec": {"rules": [QUICK]}})
    found = scene.wait_finding("first", FUNCTION, 20)
    assert time.monotonic() - edited < 12, found
    assert (
        scene.status("first")["observedGeneration"] == scene.get("leakpolicy", "first")["metadata"]["generation"] == 2
    )


def test_two_policies_on_one_pod_sample_it_once_and_each_judges_it(scene: Scene) -> None:
    alone = _samples_in(scene, SPAN)
    scene.apply(policy("second", POD, rules=[QUICK]))
    scene.wait_finding("second", FUNCTION, 120)
    together = _samples_in(scene, SPAN)
    assert together <= 1.3 * alone, f"{together} samples in {SPAN:g} s under two policies, {alone} under one"
    assert scene.targets("first")["leaking"] == scene.targets("second")["leaking"] == 1


def test_after_sigkill_and_restart_series_and_findings_are_there_as_before(
    scene: Scene, solo: LocalOperator
) -> None:
    before = scene.findings("first")
    detected = scene.events("LeakDetected")
    solo.kill()
    solo.start()

    def as_before() -> None:
        verdicts = _verdicts(scene, "first")
        assert (verdicts["Leaking"], verdicts["Learning"]) == (1, 0), verdicts
        now = scene.findings("first")
        assert {signature: finding["since"] for signature, finding in now.items()} == {
            signature: finding["since"] for signature, finding in before.items()
        }
        assert scene.events("LeakDetected") == detected

    always(as_before, during=8)
    assert _samples_in(scene, 4) >= 2


def test_a_rule_that_is_edited_ends_its_findings_as_rule_changed(scene: Scene) -> None:
    scene.patch("leakpolicy", "first", {"spec": {"rules": [UNREACHED]}})

    def ended() -> None:
        resolved = scene.events("LeakResolved", "LeakPolicy", "first")
        assert ["RuleChanged" in event.note for event in resolved] == [True], resolved
        assert scene.findings("first") == {}

    scene.eventually(ended, 15)
    assert FUNCTION in "".join(scene.findings("second"))


def test_a_deleted_policy_samples_no_more(scene: Scene) -> None:
    scene.delete("leakpolicies", "first", "second")

    def gone() -> None:
        assert 'policy="first"' not in scene.operator.metrics()
        assert 'policy="second"' not in scene.operator.metrics()

    scene.eventually(gone, 15)
    assert _samples_in(scene, 5) == 0


def test_sigterm_ends_the_operator_cleanly_and_soon(solo: LocalOperator) -> None:
    started = time.monotonic()
    assert solo.stop() == 0
    assert time.monotonic() - started < 20


def _samples_in(scene: Scene, seconds: float) -> float:
    before = _samples(scene)
    time.sleep(seconds)
    return _samples(scene) - before


def _samples(scene: Scene) -> float:
    return sum(map(float, re.findall(r"^leakwarden_samples_total\{[^}]*\} (\S+)$", scene.operator.metrics(), re.M)))


def _verdicts(scene: Scene, policy_name: str) -> dict[str, float]:
    pattern = rf'^leakwarden_targets\{{policy="{policy_name}",policy_namespace="{NAMESPACE}",verdict="(\w+)"\}} (\S+)$'
    return {verdict: float(count) for verdict, count in re.findall(pattern, scene.operator.metrics(), re.M)}
