"""What the API server says to a spec that cannot be meant, with the CRD as users apply it."""

from __future__ import annotations

import json
import re

import pytest

from hack.cluster import ClusterError
from tests.e2e.conftest import POLICIES, Stage
from tests.e2e.policies import policy
from workloads.manifests import Manifest

pytestmark = pytest.mark.e2e

GROWTH = {"atLeast": "64Mi", "window": "15m"}
RULE = {"name": "heap", "signal": "LiveHeap"}

BAD: dict[str, tuple[Manifest, str]] = {
    "an empty selector": ({"target": {"selector": {}}}, "spec.target.selector"),
    "a rule without above and growth": ({"rules": [RULE]}, "spec.rules[0]"),
    "a hold longer than its window": ({"rules": [{**RULE, "growth": GROWTH, "for": "16m"}]}, "spec.rules[0].for"),
    "a mode that there is not": ({"remediation": {"mode": "Restart"}}, "spec.remediation.mode"),
    "an interval too short": ({"sampling": {"interval": "100ms"}}, "spec.sampling.interval"),
    "a field that there is not": ({"remediation": {"dryRun": True}}, "spec.remediation.dryRun"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_spec_is_refused_by_kubectl_apply_with_the_field_named(stage: Stage, case: str) -> None:
    change, field = BAD[case]
    document = policy("bad", {"app": "x"})
    document["spec"] |= change
    with pytest.raises(ClusterError) as refused:
        stage.cluster.kubectl("apply", "-n", POLICIES, "-f", "-", stdin=json.dumps(document))
    assert re.search(rf"{re.escape(field)}[:\"]", str(refused.value)), refused.value


def test_what_only_the_operator_can_see_becomes_a_condition_that_begins_with_the_field(stage: Stage) -> None:
    scene = stage.scene(POLICIES)
    short = {**RULE, "growth": {"atLeast": "64Mi", "window": "20s"}}
    scene.apply(policy("too-short", {"app": "x"}, interval="30s", rules=[short]))

    def told() -> None:
        ready = scene.condition("too-short", "Ready")
        assert (ready["status"], ready["reason"]) == ("False", "InvalidSpec"), ready
        assert ready["message"].startswith("spec.rules[0].growth.window"), ready

    scene.eventually(told, 20)
    scene.delete("leakpolicy", "too-short")
