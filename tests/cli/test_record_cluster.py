"""`leakwarden record --pod` and `--policy`: by port-forward through the API server, with what is known of the pod."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from leakwarden.adapters.recordings import open_recording
from leakwarden.cli.record import Plan, Recorded, record_pod, record_policy
from leakwarden.core.recording_target import RecordedTarget, parse_target
from leakwarden.errors import ApiNotFound, InvalidSpec
from tests.adapters.servers import answer, forward, http_server, status, web_app
from tests.cli.api_server import kubeconfig
from tests.core.recorded import goroutines, heap

OCTETS = "application/octet-stream"
GOOD = {"/debug/pprof/heap": heap({"main.keep": 1 << 20}, 5), "/debug/pprof/goroutine": goroutines(7)}


def answers(path: str) -> bytes:
    return answer(GOOD[path], OCTETS) if path in GOOD else answer(b"", "text/plain", "404 Not Found")


def pod(name: str, app: str = "gopls", **more: Any) -> dict[str, Any]:
    owner = {"kind": "ReplicaSet", "name": "ws", "uid": "uid-ws", "controller": True}
    metadata = {
        "namespace": "demo",
        "name": name,
        "uid": f"uid-{name}",
        "labels": {"app": app},
        "ownerReferences": [owner],
    }
    running = {
        "name": "dev",
        "containerID": "containerd://1",
        "state": {"running": {"startedAt": "2026-11-24T08:00:00Z"}},
    }
    return {
        "metadata": metadata,
        "spec": {"containers": [{"name": "dev", "resources": {"limits": {"memory": "1Gi"}}}], **more},
        "status": {"phase": "Running", "containerStatuses": [running]},
    }


class Api:
    """Pods and one policy; `asked` is called with the number of times that a pod was read."""

    def __init__(self, *pods: dict[str, Any]) -> None:
        self.pods = {one["metadata"]["name"]: one for one in pods}
        self.policy: dict[str, Any] = {}
        self.read = 0
        self.on_read: Callable[[int], None] = lambda _: None

    def app(self) -> web.Application:
        app = web.Application()
        root = "/api/v1/namespaces/demo/pods"
        app.router.add_get(root, self._list)
        app.router.add_get(root + "/{name}", self._pod)
        app.router.add_get(root + "/{name}/portforward", forward)
        app.router.add_get("/apis/leakwarden.io/v1alpha1/namespaces/demo/leakpolicies/gopls", self._policy)
        return app

    async def _list(self, _: web.Request) -> web.Response:
        return web.json_response({"metadata": {}, "items": list(self.pods.values())})

    async def _pod(self, request: web.Request) -> web.Response:
        self.read += 1
        self.on_read(self.read)
        found = self.pods.get(request.match_info["name"])
        return web.json_response(found) if found else status(404, "not found")

    async def _policy(self, _: web.Request) -> web.Response:
        return web.json_response(self.policy)


@asynccontextmanager
async def cluster(api: Api, directory: Path) -> AsyncIterator[tuple[str, int]]:
    """The path of a kubeconfig, and the port that every pod serves pprof on."""
    async with http_server(answers) as (port, _), web_app(api.app()) as connection:
        yield str(kubeconfig(directory, int(connection.server.rpartition(":")[2]))), port


def known(folder: Path) -> list[RecordedTarget]:
    """Each target.json, in the order of time."""
    recording = open_recording(folder)
    names = [sample.names["target.json"] for sample in recording.samples if "target.json" in sample.names]
    return [parse_target(recording.read(name)) for name in names]


def show(_: Recorded) -> None:
    pass


async def test_a_pod_is_recorded_with_all_that_judge_and_rails_ask_of_it(tmp_path: Path) -> None:
    async with cluster(Api(pod("ws-1")), tmp_path) as (config, port):
        plan = Plan(0.02, 3, output=tmp_path / "made")
        (one,) = await record_pod("demo", "ws-1", port, config, plan, show)
    assert (one.good, one.failed) == (3, 0)
    (target,) = known(tmp_path / "made")
    assert (target.namespace, target.pod, target.pod_uid, target.endpoint) == ("demo", "ws-1", "uid-ws-1", "pprof")
    assert target.owner is not None
    assert target.container is not None
    assert (target.owner.name, target.container.memory_limit) == ("ws", 1 << 30)
    assert target.container.started_at == 1_795_507_200.0
    assert target.rails is not None


async def test_a_container_that_is_killed_meanwhile_shows_in_the_recording(tmp_path: Path) -> None:
    api = Api(pod("ws-1"))

    def kill(read: int) -> None:
        if read == 3:
            killed = {"terminated": {"reason": "OOMKilled", "finishedAt": "2026-11-24T09:00:00Z"}}
            api.pods["ws-1"]["status"]["containerStatuses"][0] |= {"containerID": "containerd://2", "lastState": killed}

    api.on_read = kill
    async with cluster(api, tmp_path) as (config, port):
        await record_pod("demo", "ws-1", port, config, Plan(0.02, 4, output=tmp_path / "made"), show)
    containers = [target.container for target in known(tmp_path / "made")]
    assert [one.id for one in containers if one] == ["containerd://1", "containerd://2"]
    assert [one.last_oom_at for one in containers if one] == [0.0, 1_795_510_800.0]


async def test_every_pod_that_a_policy_matches_is_a_recording_of_its_own(tmp_path: Path) -> None:
    api = Api(pod("ws-1"), pod("ws-2"), pod("other", app="else"))
    async with cluster(api, tmp_path) as (config, port):
        api.policy = {
            "metadata": {"namespace": "demo", "name": "gopls", "uid": "u", "creationTimestamp": "2026-11-24T08:00:00Z"},
            "spec": {
                "target": {"selector": {"matchLabels": {"app": "gopls"}}, "endpoints": [{"name": "lsp", "port": port}]}
            },
        }
        made = await record_policy("demo", "gopls", config, Plan(0.02, 2, output=tmp_path / "made.tar.gz"), show)
        assert [one.wanted for one in made] == [2, 2]
        api.pods = {}
        with pytest.raises(InvalidSpec, match="demo/gopls matches 0 pods"):
            await record_policy("demo", "gopls", config, Plan(0.02, 2, output=tmp_path / "none"), show)
    assert sorted(name for name in os.listdir(tmp_path) if name.startswith("made")) == [  # noqa: PTH208
        "made-ws-1-lsp.tar.gz",
        "made-ws-2-lsp.tar.gz",
    ]
    assert [target.pod for target in known(tmp_path / "made-ws-2-lsp.tar.gz")] == ["ws-2"]


async def test_a_pod_that_is_not_there_or_may_not_be_sampled_is_refused(tmp_path: Path) -> None:
    api = Api(pod("node-agent", hostNetwork=True))
    async with cluster(api, tmp_path) as (config, port):
        with pytest.raises(ApiNotFound, match="there is no pod demo/none"):
            await record_pod("demo", "none", port, config, Plan(0.02, 1, output=tmp_path / "made"), show)
        with pytest.raises(InvalidSpec, match="--pod: node-agent is on the host network"):
            await record_pod("demo", "node-agent", port, config, Plan(0.02, 1, output=tmp_path / "made"), show)
    assert not (tmp_path / "made").exists()


async def test_a_pod_that_goes_meanwhile_is_a_failed_attempt(tmp_path: Path) -> None:
    """And one of the same name that comes after it is another process, which this recording never shows."""
    api = Api(pod("ws-1"))

    def replaced(read: int) -> None:
        if read == 3:
            api.pods["ws-1"]["metadata"]["uid"] = "uid-of-the-next"

    api.on_read = replaced
    async with cluster(api, tmp_path) as (config, port):
        (one,) = await record_pod("demo", "ws-1", port, config, Plan(0.02, 4, output=tmp_path / "made"), show)
    assert (one.good, one.failed) == (1, 3)
    recording = open_recording(tmp_path / "made")
    said = json.loads(recording.read(recording.samples[-1].names["error.json"]))
    assert said["reason"] == "PodGone"
