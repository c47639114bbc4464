"""What the operator must be allowed, and what it must never be: asked of a real API server with its real token."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hack.cluster import Cluster


@dataclass(frozen=True, slots=True)
class Question:
    """Whether one verb is allowed on a resource; `at_home`: needed in the operator's own namespace alone."""

    verb: str
    resource: str
    group: str = ""
    name: str = ""
    at_home: bool = False

    def __str__(self) -> str:
        return " ".join(part for part in (self.verb, self.resource, self.name) if part)

    def review(self, namespace: str) -> dict[str, Any]:
        """What `kubectl auth can-i` sends. An empty namespace is all of them."""
        resource, _, subresource = self.resource.partition("/")
        asked = {
            "namespace": namespace, "verb": self.verb, "group": self.group, "resource": resource,
            "subresource": subresource, "name": self.name,
        }  # fmt: skip
        kind = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
        return {**kind, "spec": {"resourceAttributes": asked}}


def allowed(cluster: Cluster, questions: Iterable[Question], namespace: str) -> set[Question]:
    """Those that whoever the cluster's kubeconfig names may do in a namespace; asked all at once."""
    listed = list(questions)
    body = {"apiVersion": "v1", "kind": "List", "items": [question.review(namespace) for question in listed]}
    answers = cluster.kubectl("create", "-f", "-", "-o", 'jsonpath={.status.allowed}{"\\n"}', stdin=json.dumps(body))
    return {question for question, answer in zip(listed, answers.split(), strict=True) if answer == "true"}


_POLICIES, _EVENTS, _LEASES = "leakwarden.io", "events.k8s.io", "coordination.k8s.io"

NEEDED = [
    *(Question(verb, "leakpolicies", _POLICIES) for verb in ("get", "list", "watch")),
    Question("patch", "leakpolicies/status", _POLICIES),
    *(Question(verb, "pods") for verb in ("get", "list", "watch")),
    *(Question(verb, "pods/portforward") for verb in ("get", "create")),
    *(Question(verb, "events", _EVENTS) for verb in ("get", "create", "patch")),
    Question("patch", "pods"),
    Question("create", "pods/eviction"),
    *(Question(verb, "configmaps", at_home=True) for verb in ("create", "list")),
    *(Question(verb, "configmaps", name="leakwarden-journal", at_home=True) for verb in ("get", "update")),
    Question("create", "leases", _LEASES, at_home=True),
    *(Question(verb, "leases", _LEASES, name="leakwarden", at_home=True) for verb in ("get", "update")),
]
"""With both actions switched on."""

ACTIONS = [Question("patch", "pods"), Question("create", "pods/eviction")]

FORBIDDEN = [
    *(Question(verb, "secrets") for verb in ("get", "list", "watch", "create", "update", "delete")),
    *(Question(verb, "pods/exec") for verb in ("get", "create")),
    *(Question(verb, "pods/attach") for verb in ("get", "create")),
    *(Question(verb, "pods/proxy") for verb in ("get", "create")),
    Question("get", "pods/log"),
    *(Question(verb, "pods") for verb in ("create", "update", "delete", "deletecollection")),
    *(Question(verb, "configmaps", name="anybodys") for verb in ("get", "update", "patch", "delete")),
    Question("watch", "configmaps"),
    Question("delete", "configmaps", name="leakwarden-journal"),
    *(Question(verb, "leases", _LEASES, name="anybodys") for verb in ("get", "update", "delete")),
    *(Question(verb, "leakpolicies", _POLICIES) for verb in ("create", "update", "patch", "delete")),
    *(Question(verb, "deployments", "apps") for verb in ("get", "list", "patch", "update", "delete")),
    *(Question(verb, "nodes") for verb in ("get", "list", "patch")),
    Question("list", "namespaces"),
    Question("create", "serviceaccounts/token"),
    *(Question(verb, "clusterroles", "rbac.authorization.k8s.io") for verb in ("get", "bind", "escalate")),
    Question("impersonate", "users"),
    Question("*", "*", "*"),
]
