"""Every leaking shape, and both leaks of the real gopls: found, with the function, in status and in Events."""

from __future__ import annotations

import re

import pytest

from leakwarden.core.report.names import short_function
from tests.e2e.conftest import RENAMED, Fleet
from tests.e2e.policies import FLEET_RULES, policy
from workloads.manifests import LEAKS

pytestmark = pytest.mark.e2e

FOUND: dict[str, tuple[str, str]] = {
    **LEAKS,
    "ast-cache-renamed": ("memory", LEAKS["ast-cache-leaking"][1].replace("parseAndKeep", RENAMED["parseAndKeep"])),
}
"""By workload: the family of its leak, and the function to blame."""
RIPE = 240
"""Seconds after the fleet was Ready by which each must be told: a window of 60 s, a hold of 8 s, and a busy machine."""
RIPE_BY_BUILT_IN_RULES = 600
"""The same under the built-in rules: goroutines that grow from the start on take 180 intervals of 2 s."""


@pytest.mark.parametrize("workload", FOUND)
def test_the_leak_is_found_with_the_right_function_named(fleet: Fleet, workload: str) -> None:
    family, function = FOUND[workload]
    pod = fleet.scene.pod(workload)["metadata"]["name"]

    def found() -> None:
        for signature, finding in fleet.scene.findings("leaks").items():
            if pod in finding["pods"] and signature.startswith(family) and function in signature:
                assert finding["type"] == "Leak"
                return
        raise AssertionError(f"no {family} finding of {pod} names {function}: {fleet.scene.findings('leaks').keys()}")

    fleet.scene.eventually(found, RIPE, every=2)


def test_renaming_the_leaking_function_changes_the_finding_and_nothing_else(fleet: Fleet) -> None:
    by_pod = {
        pod.rsplit("-", 2)[0]: signature for signature, found in fleet.scene.findings("leaks").items()
        for pod in found["pods"] if pod.startswith("ast-cache")
    }  # fmt: skip
    assert by_pod["ast-cache-renamed"] == by_pod["ast-cache-leaking"].replace("parseAndKeep", RENAMED["parseAndKeep"])


def test_the_built_in_rules_find_the_same_leaks(fleet: Fleet) -> None:
    def found() -> None:
        assert fleet.scene.targets("builtin")["leaking"] == len(FOUND)
        assert set(fleet.scene.findings("builtin")) == set(fleet.scene.findings("leaks"))

    fleet.scene.eventually(found, RIPE_BY_BUILT_IN_RULES, every=2)


def test_kubectl_describe_tells_what_leaks_where_how_fast_since_when_and_when_the_limit_comes(fleet: Fleet) -> None:
    text = fleet.scene.kubectl("describe", "leakpolicy", "leaks")
    assert re.search(
        r"Message: +Out of memory about \d{4}-\d\d-\d\dT\d\d:\d\dZ at this pace: pod e2e-fleet/ast-cache-leaking-\S+ "
        r"\(Deployment/ast-cache-leaking, container \S+\), uses [\d.]+ [MG]iB of its 2 GiB limit as of \S+Z"
        r"( and grows [\d.]+ [MG]iB/h)?\. "
        r"Now: save a profile \(kubectl leakwarden profile ast-cache-leaking-\S+ -n e2e-fleet\)\. "
        r"At the limit the container is killed, and unsaved work may be lost: have the user save, then "
        r"restart the process in its container \(.+ emptyDir, too\) before \S+Z(; not urgent yet)?\. "
        r"(This policy only watches, it touches no pod\. )?"
        r"Evidence: live heap of (leakserver/internal/)?astcache\.\(\*Cache\)\.parseAndKeep "
        r"\(astcache\.go:\d+(, leaf \S+)?\) grew [\d.]+ [MG]iB since \S+Z( \(process up since \S+Z\))?, "
        r"(now )?[\d.]+ [MG]iB/h \(growth: \w+ confidence[^;]*; rules? [\w, -]+\)\. "
        r"(.+\. )?(Cause not recognised\. Next|Fix), for the code's owner: ",
        text,
    ), text
    for wanted in (
        r"Growth: +\d+",
        r"Growth Per Hour: +\d+",
        r"Limit At: +\d{4}-",
        r"Since: +\d{4}-",
        r"Severity: +Critical",
    ):
        assert re.search(wanted, text), f"{wanted} in\n{text}"


def test_a_leak_of_gopls_comes_with_its_version_and_with_what_its_editor_and_its_cache_do(fleet: Fleet) -> None:
    told = {
        "gopls-file-cache": r"1 session: cached files grew from [\d,]+ to [\d,]+ while open documents (stayed|went)",
        "gopls-unanswered-config": r"1 session, no workspace loaded",
    }

    def found() -> None:
        messages = [finding["message"] for finding in fleet.scene.findings("leaks").values()]
        for pod, says in told.items():
            who = rf": pod e2e-fleet/{pod}-\S+ .*\)\. .*gopls v0\.22\.0 \(go1\.[\d.]+\), "
            pattern = rf"{who}{says}.*\. Next: this is in gopls v0\.22\.0 "
            assert any(re.search(pattern, message) for message in messages), f"{pattern} in\n" + "\n".join(messages)

    fleet.scene.eventually(found, RIPE, every=2)


def test_a_gopls_in_which_documents_are_open_is_not_evicted(fleet: Fleet) -> None:
    evicting = {"mode": "Evict", "execution": "DryRun", "minReadyPeers": 0, "stormPercent": 100}
    here = {"app": "gopls-file-cache"}
    fleet.scene.apply(policy("editors", here, interval="2s", grace="5s", timeout="10s", rules=FLEET_RULES, **evicting))
    try:
        refused = fleet.scene.wait_decision("editors", "OpenDocuments", RIPE)
        assert "documents are open in the gopls of pod e2e-fleet/gopls-file-cache-" in refused["message"]
    finally:
        fleet.scene.kubectl("delete", "leakpolicy", "editors")


def test_kubectl_describe_tells_why_nothing_was_done(fleet: Fleet) -> None:
    refused = fleet.scene.wait_decision("leaks", "ObserveOnly", 10)
    assert refused["count"] >= len(FOUND)
    assert "only observes" in refused["message"]
    assert "ObserveOnly" in fleet.scene.kubectl("describe", "leakpolicy", "leaks")


def test_conditions_and_columns_tell_the_same_in_short(fleet: Fleet) -> None:
    leaking, ready = fleet.scene.condition("leaks", "Leaking"), fleet.scene.condition("leaks", "Ready")
    assert (leaking["status"], leaking["reason"]) == ("True", "LeakFound")
    assert (ready["status"], ready["reason"]) == ("True", "Sampling")
    header, *rows = fleet.scene.kubectl("get", "lp").splitlines()
    columns = "NAME MODE MATCHED HEALTHY LEARNING LEAKING UNREACHABLE TOP LEAK READY AGE"
    assert " ".join(header.split()) == columns
    row = next(row for row in rows if row.startswith("leaks"))
    counts = rf"{len(FOUND)} +0 +0 +{len(FOUND)} +0"
    assert re.match(rf"leaks +Observe +{counts} +\S+ \+\S+( goroutines)?/h \(\d+ pods?\) +True ", row), row


@pytest.mark.parametrize("workload", FOUND)
def test_an_event_on_the_pod_and_one_on_the_policy_tell_of_the_leak_once(fleet: Fleet, workload: str) -> None:
    family, function = FOUND[workload]
    pod = fleet.scene.pod(workload)["metadata"]["name"]
    on_pod = [
        event for event in fleet.scene.events("LeakDetected", "Pod", pod)
        if "LeakPolicy e2e-fleet/leaks)" in event.note and short_function(function) in event.note
    ]  # fmt: skip
    on_policy = [
        event for event in fleet.scene.events("LeakDetected", "LeakPolicy", "leaks")
        if f"pod e2e-fleet/{pod} " in event.note and short_function(function) in event.note
    ]  # fmt: skip
    assert [(event.type, event.count) for event in on_pod] == [("Warning", 1)]
    assert [(event.type, event.count) for event in on_policy] == [("Warning", 1)]
    assert ("goroutines" if family == "goroutine" else "heap") in on_pod[0].note


def test_kubectl_describe_of_a_leaking_pod_shows_its_leak(fleet: Fleet) -> None:
    text = fleet.scene.kubectl("describe", "pod", "-l", "app=sync-map-leaking")
    assert "LeakDetected" in text
    assert "checkAndStore" in text


def test_observing_writes_nothing_onto_pods_and_evicts_none(fleet: Fleet) -> None:
    assert fleet.scene.evictions() == []
    for pod in fleet.scene.get("pods")["items"]:
        assert not [key for key in pod["metadata"].get("annotations", {}) if "leakwarden" in key], pod["metadata"]
