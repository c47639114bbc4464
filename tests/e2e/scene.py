"""One namespace of the cluster under test with the operator that watches it: what tests look at, in their words."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from hack.cluster import Cluster
from hack.local_operator import apply, get
from tests.e2e import audit, waiting
from tests.e2e.operators import Operator
from workloads.manifests import Manifest

OURS = "reportingController=leakwarden.io/operator"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Event:
    """One Event that the operator wrote. `count` is 1 until it was counted again."""

    reason: str
    type: str
    kind: str
    name: str
    uid: str
    note: str
    at: str
    count: int


@dataclass(frozen=True, slots=True)
class Scene:
    cluster: Cluster
    namespace: str
    operator: Operator

    # -- doing

    def apply(self, *documents: Manifest) -> None:
        apply(self.cluster, *documents, namespace=self.namespace)

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return self.cluster.kubectl("-n", self.namespace, *arguments, stdin=stdin)

    def delete(self, kind: str, *names: str) -> None:
        """Without waiting: who needs it gone waits for that."""
        self.kubectl("delete", kind, *names, "--ignore-not-found", "--wait=false")

    def patch(self, kind: str, name: str, change: Manifest) -> None:
        self.kubectl("patch", kind, name, "--type=merge", "-p", json.dumps(change))

    # -- looking

    def get(self, *what: str) -> dict[str, Any]:
        return get(self.cluster, *what, "-n", self.namespace)

    def status(self, policy: str) -> dict[str, Any]:
        """Empty before the operator has said anything."""
        found: dict[str, Any] = self.get("leakpolicy", policy).get("status") or {}
        return found

    def targets(self, policy: str) -> dict[str, Any]:
        """The counts of targets by verdict, and the pace."""
        status = self.status(policy)
        assert "targets" in status, f"nothing is said of {policy} yet"
        return dict(status["targets"])

    def actions(self, policy: str) -> list[dict[str, Any]]:
        """The newest first."""
        return list(self.status(policy).get("actions", []))

    def condition(self, policy: str, kind: str) -> dict[str, Any]:
        for condition in self.status(policy).get("conditions", []):
            if condition["type"] == kind:
                return dict(condition)
        raise AssertionError(f"{policy} has no condition {kind}")

    def findings(self, policy: str) -> dict[str, dict[str, Any]]:
        """By signature."""
        return {finding["signature"]: finding for finding in self.status(policy).get("findings", [])}

    def decisions(self, policy: str) -> dict[str, dict[str, Any]]:
        """By reason."""
        return {decision["reason"]: decision for decision in self.status(policy).get("decisions", [])}

    def pods(self, app: str) -> list[dict[str, Any]]:
        """Of one workload, terminating ones too, the oldest first."""
        found = self.get("pods", "-l", f"app={app}")["items"]
        return sorted(found, key=lambda pod: (pod["metadata"]["creationTimestamp"], pod["metadata"]["name"]))

    def pod(self, app: str) -> dict[str, Any]:
        """The one pod of a workload."""
        found = self.pods(app)
        assert len(found) == 1, f"{app} has {len(found)} pods"
        return found[0]

    def events(self, reason: str = "", kind: str = "", name: str = "") -> list[Event]:
        """Those that the operator wrote and that fit."""
        found = self.get("events.events.k8s.io", "--field-selector", OURS)["items"]
        events = [_event(item) for item in found]
        return [e for e in events if reason in ("", e.reason) and kind in ("", e.kind) and name in ("", e.name)]

    def real_evictions(self) -> list[audit.Request]:
        return audit.real_evictions(self.cluster.audit_log, self.namespace)

    def evictions(self) -> list[audit.Request]:
        return audit.evictions(self.cluster.audit_log, self.namespace)

    # -- waiting

    def eventually(self, check: Callable[[], T], deadline: float, every: float = 1.0) -> T:
        return waiting.eventually(check, deadline, every, self.explain)

    def wait_ready(self, app: str, count: int, deadline: float = 90) -> list[dict[str, Any]]:
        """Until so many pods of a workload are Ready; they are returned."""

        def enough() -> list[dict[str, Any]]:
            ready = [pod for pod in self.pods(app) if is_ready(pod)]
            assert len(ready) >= count, f"{len(ready)} of {count} pods of {app} are Ready"
            return ready

        return self.eventually(enough, deadline)

    def wait_finding(self, policy: str, function: str, deadline: float = 90) -> dict[str, Any]:
        """Until a finding of the policy names the function; it is returned."""

        def found() -> dict[str, Any]:
            findings = self.findings(policy)
            hits = [finding for signature, finding in findings.items() if function in signature]
            assert hits, f"no finding of {policy} names {function}: {sorted(findings)}"
            return hits[0]

        return self.eventually(found, deadline)

    def wait_decision(self, policy: str, reason: str, deadline: float = 90) -> dict[str, Any]:
        """Until status says that reason; its row is returned."""

        def said() -> dict[str, Any]:
            decisions = self.decisions(policy)
            assert reason in decisions, f"{policy} decided {sorted(decisions)}, not {reason}"
            return decisions[reason]

        return self.eventually(said, deadline)

    def explain(self) -> str:
        """What a person would look at next."""
        commands = (("describe", "leakpolicies"), ("get", "pods", "-o", "wide"), ("get", "events.events.k8s.io"))
        parts = [f"$ kubectl -n {self.namespace} {' '.join(command)}\n{self._try(*command)}" for command in commands]
        return "\n".join([*parts, f"the end of {self.operator.log}:\n{self.operator.tail()}"])

    def _try(self, *command: str) -> str:
        try:
            return self.kubectl(*command)
        except Exception as error:  # it only adds to a failure that is being told already
            return str(error)


def is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def uid(thing: dict[str, Any]) -> str:
    return str(thing["metadata"]["uid"])


def name(thing: dict[str, Any]) -> str:
    return str(thing["metadata"]["name"])


def annotation(pod: dict[str, Any], key: str = "leakwarden.io/leak") -> str | None:
    value = pod["metadata"].get("annotations", {}).get(key)
    return None if value is None else str(value)


def _event(item: dict[str, Any]) -> Event:
    regarding = item.get("regarding", {})
    return Event(
        reason=item["reason"],
        type=item["type"],
        kind=regarding.get("kind", ""),
        name=regarding.get("name", ""),
        uid=regarding.get("uid", ""),
        note=item.get("note", ""),
        at=item["eventTime"],
        count=int((item.get("series") or {}).get("count", 1)),
    )
