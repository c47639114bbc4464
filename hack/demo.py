"""The main job, from nothing: a real cluster, language servers that leak beside healthy ones, the operator by Helm.

    python3 -m hack.demo          set everything up, wait for the findings, print what kubectl shows
    python3 -m hack.demo --stop   stop the cluster

Every step may be repeated: what stands already is kept, and what a killed run left half done is made anew.
"""

from __future__ import annotations

import argparse
import sys
import time

from hack import cluster, helm, operator_image
from hack.cluster import Cluster
from hack.helm_operator import HelmOperator
from hack.local_operator import REPO, apply, get
from workloads import build, manifests

NAME = "demo"
NAMESPACE = "leakwarden-demo"
FINDINGS_DEADLINE = 600.0
OUR_EVENTS = "reportingController=leakwarden.io/operator"
EXPECTED_LEAKS = 5
"""The three shapes of the leak server and the two leaks of gopls."""


def say(text: str) -> None:
    print(f"==> {text}", flush=True)


def start() -> None:
    say("cluster: a real single-node Kubernetes (the first time its programs are built: about 6 minutes on 2 cores)")
    up = cluster.up(NAME)
    say("workloads: gopls and the leak server, built and loaded into the cluster (the first time about 3 minutes)")
    images = build.build(["leakserver", "gopls"])
    for image in images.values():
        cluster.load(image.tar, NAME)
    say("operator: its image, built and loaded, and the chart (the first time about 3 minutes, Helm included)")
    operator = HelmOperator(up, operator_image.build())
    operator.install()
    say(f"helm install leakwarden charts/leakwarden -n {helm.NAMESPACE}: {len(operator.pods())} replicas are ready")
    say(f"namespace {NAMESPACE}: leaking and healthy language servers")
    apply(up, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    again = up.kubectl("get", "deployments", "-n", NAMESPACE, "-o", "name").split()
    apply(up, *manifests.demo(images, NAMESPACE), namespace=NAMESPACE)
    if again:  # a second run: leaks that stopped at their bound start anew
        up.kubectl("rollout", "restart", "-n", NAMESPACE, *again)
    for deployment in up.kubectl("get", "deployments", "-n", NAMESPACE, "-o", "name").split():
        up.kubectl("rollout", "status", "-n", NAMESPACE, deployment, "--timeout=180s", timeout=200)
    say("kubectl apply -f leakpolicy.yaml")
    up.kubectl("apply", "-f", str(REPO / "leakpolicy.yaml"))
    wait_for_findings(up, operator)
    show(up)


def wait_for_findings(up: Cluster, operator: HelmOperator) -> None:
    """Say how far it is until every leak is found. The rules ask for 80 to 160 intervals of 1 s, and a hold of 20."""
    started, last = time.monotonic(), ""
    pods = {pod["metadata"]["name"] for pod in get(up, "pods", "-n", NAMESPACE)["items"]}
    while time.monotonic() - started < FINDINGS_DEADLINE:
        policy = get(up, "leakpolicy", "gopls", "-n", NAMESPACE)
        status = policy.get("status", {})
        targets = status.get("targets", {})
        line = ", ".join(f"{targets.get(verdict, 0)} {verdict}" for verdict in ("learning", "leaking", "healthy"))
        if line != last:
            say(f"{time.monotonic() - started:4.0f} s: {line}")
            last = line
        named = {pod for finding in status.get("findings", ()) for pod in finding.get("pods", ())}
        if targets.get("leaking", 0) >= EXPECTED_LEAKS and named <= pods:
            return
        time.sleep(3)
    raise SystemExit(f"after {FINDINGS_DEADLINE:.0f} s not every leak is found; the operator's log: {operator.log}")


def show(up: Cluster) -> None:
    for command in (
        ("get", "leakpolicies", "-n", NAMESPACE),
        ("describe", "leakpolicy", "gopls", "-n", NAMESPACE),
        ("get", "events.events.k8s.io", "-n", NAMESPACE, "--field-selector", OUR_EVENTS),
    ):
        say(f"kubectl {' '.join(command)}")
        print(up.kubectl(*command), flush=True)
    say("it keeps running. To look around:")
    for line, meaning in to_look_with(NAME, NAMESPACE, "gopls"):
        print(f"    {line:60} # {meaning}")
    print("make clean stops everything.")


def to_look_with(name: str, namespace: str, policy: str) -> list[tuple[str, str]]:
    """The shell commands, in this order, each with what it is for. Commands that end: `top` is drawn once in a pipe."""
    return [
        (f'eval "$(python3 -m hack.cluster env --name {name})"', "sets KUBECONFIG and PATH"),
        (f"kubectl describe leakpolicy {policy} -n {namespace}", "what leaks, where, since when"),
        (f"kubectl leakwarden findings -n {namespace}", "one line a bug, the worst first"),
        (f"kubectl leakwarden top -n {namespace}", "pods by what they grow"),
    ]


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python3 -m hack.demo", description=__doc__)
    parser.add_argument("--stop", action="store_true", help="stop the demo cluster")
    options = parser.parse_args(arguments)
    if options.stop:
        cluster.down(NAME)
    else:
        start()


if __name__ == "__main__":
    main(sys.argv[1:])
