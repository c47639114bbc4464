"""Value sets that the chart is rendered with, as a user would write them, and what Helm makes of them."""

from __future__ import annotations

from typing import Any

import yaml

from hack import helm

EVERYTHING: dict[str, Any] = {
    "image": {"repository": "registry.example/leakwarden", "digest": "sha256:" + "0" * 64, "pullPolicy": "Always"},
    "imagePullSecrets": ["registry"],
    "commonLabels": {"team": "platform"},
    "actions": {"annotate": True, "evict": True},
    "rbac": {"aggregate": True},
    "serviceAccount": {"annotations": {"example.com/role": "leakwarden"}},
    "replicas": 3,
    "leaderElection": {"duration": 30, "renewDeadline": 20.5, "retry": 4},
    "settings": {"logLevel": "DEBUG", "listenHost": "::", "statusInterval": 0.5, "samplesPerSecond": 50},
    "persistence": {"enabled": True, "storageClass": "fast", "size": "10Gi"},
    "service": {"port": 9000, "annotations": {"example.com/scrape": "true"}},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "prometheusRule": {"enabled": True, "levels": True, "labels": {"release": "prometheus"}},
    "dashboard": {"enabled": True, "annotations": {"grafana_folder": "Go"}},
    "networkPolicy": {
        "enabled": True,
        "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
        "extraEgress": [{"ports": [{"port": 6060, "protocol": "TCP"}]}],
    },
    "podDisruptionBudget": {"maxUnavailable": "50%"},
    "priorityClassName": "system-cluster-critical",
    "podLabels": {"tier": "infrastructure"},
    "podAnnotations": {"example.com/note": "text"},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "infra", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]}]}]}}},
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway"}
    ],
    "extraEnv": [{"name": "LEAKWARDEN_RECORD_DIR", "value": "/recordings"}],
    "extraVolumes": [{"name": "recordings", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "recordings", "mountPath": "/recordings"}],
}  # fmt: skip

SETS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "everything": EVERYTHING,
    "by namespace": {"watchNamespaces": ["team-a", "team-b"], "actions": {"annotate": True, "evict": True}},
    "an existing claim": {"replicas": 1, "persistence": {"enabled": True, "existingClaim": "old-state"}},
    "accounts and roles by others": {
        "rbac": {"create": False},
        "serviceAccount": {"create": False, "name": "ours"},
        "crds": {"install": False},
    },
    "names that look like numbers": {
        "watchNamespaces": ["123", "1e3", "null", "true"],
        "actions": {"annotate": True},
        "imagePullSecrets": ["42"],
        "image": {"repository": "123", "tag": "10"},
        "serviceAccount": {"name": "7"},
        "persistence": {"enabled": True, "storageClass": "1"},
        "commonLabels": {"cost": "0x10"},
    },
    "nothing optional": {
        "podDisruptionBudget": {"enabled": False},
        "resources": {"requests": None, "limits": None},
        "podSecurityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None},
        "crds": {"keep": False},
        "fullnameOverride": "watcher",
    },
}

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a misspelt value": ({"replica": 1}, "replica"),
    "a misspelt value inside": ({"actions": {"evicts": True}}, "evicts"),
    "text for a switch": ({"actions": {"evict": "yes"}}, "/actions/evict"),
    "too many replicas": ({"replicas": 10}, "/replicas"),
    "one claim for two replicas": ({"persistence": {"enabled": True, "existingClaim": "x"}}, "existingClaim"),
    "a Lease for nobody": ({"leaderElection": {"duration": 0}}, "/leaderElection/duration"),
    "a namespace that cannot be": ({"watchNamespaces": ["Team_A"]}, "/watchNamespaces/0"),
    "the same namespace twice": ({"watchNamespaces": ["a", "a"]}, "/watchNamespaces"),
    "more namespaces than are watched one by one": (
        {"watchNamespaces": [f"n{n}" for n in range(21)]}, "/watchNamespaces",
    ),
    "an unknown pull policy": ({"image": {"pullPolicy": "Sometimes"}}, "/image/pullPolicy"),
    "a digest that is none": ({"image": {"digest": "latest"}}, "/image/digest"),
    "no repository": ({"image": {"repository": ""}}, "/image/repository"),
    "a log level that is none": ({"settings": {"logLevel": "loud"}}, "/settings/logLevel"),
    "a reading port for everybody": ({"settings": {"inspect": "0.0.0.0:8086"}}, "/settings/inspect"),
    "no samples in flight": ({"settings": {"maxInFlight": 0}}, "/settings/maxInFlight"),
    "a pace of nothing": ({"settings": {"samplesPerSecond": 0}}, "/settings/samplesPerSecond"),
    "a port out of range": ({"service": {"port": 70000}}, "/service/port"),
    "a size in words": ({"persistence": {"size": "big"}}, "/persistence/size"),
    "a Lease that is renewed too late": (
        {"leaderElection": {"renewDeadline": 12}}, "leaderElection.renewDeadline must be at most three quarters",
    ),
    "a Lease that is tried for once": ({"leaderElection": {"retry": 6}}, "leaderElection.retry must be at most half"),
    "one port for two": ({"service": {"port": 8086}}, "service.port and settings.inspect"),
    "a reading port out of range": ({"settings": {"inspect": "127.0.0.1:70000"}}, "/settings/inspect"),
    "a setting beside its value": (
        {"extraEnv": [{"name": "LEAKWARDEN_LEADER_ELECTION", "value": "false"}]}, "LEAKWARDEN_LEADER_ELECTION",
    ),
    "a Lease without rights": (
        {"extraEnv": [{"name": "LEAKWARDEN_LEASE_NAME", "value": "x"}]}, "LEAKWARDEN_LEASE_NAME",
    ),
    "a label that selects": ({"podLabels": {"app.kubernetes.io/instance": "x"}}, "app.kubernetes.io/instance"),
    "a repository on two lines": ({"image": {"repository": "a\nb: c"}}, "/image/repository"),
    "a name that no Service has": ({"fullnameOverride": "1st"}, "cannot be named 1st"),
    "a name that is too long": ({"fullnameOverride": "x" * 63}, "/fullnameOverride"),
    "an account of nobody": ({"serviceAccount": {"create": False}}, "/serviceAccount/name"),
    "a scrape interval without a unit": ({"serviceMonitor": {"interval": 30}}, "/serviceMonitor/interval"),
}  # fmt: skip
"""Values, and what Helm's refusal must name."""


def rendered(values: dict[str, Any], *flags: str) -> list[dict[str, Any]]:
    """Every object of the chart, hooks and tests included."""
    return [document for document in yaml.safe_load_all(helm.template(values, *flags)) if document]


def resident(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is there as long as the release is: no hooks, no tests."""
    return [each for each in documents if "helm.sh/hook" not in each["metadata"].get("annotations", {})]


def of_kind(documents: list[dict[str, Any]], *kinds: str) -> list[dict[str, Any]]:
    return [document for document in documents if document["kind"] in kinds]
