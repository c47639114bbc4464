"""Pieces of the local cluster that need no cluster: version keys, process marks, kernel texts, records, plans."""

from __future__ import annotations

import ipaddress
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hack.cluster import control_plane, kernel, kind, model, node, packages, processes, tools, versions
from hack.cluster.console import ClusterError
from hack.cluster.control_plane import ControlPlane, Ports
from hack.cluster.layout import Layout, Network
from hack.cluster.model import Cluster

REPOSITORY = Path(__file__).resolve().parent.parent.parent
MOUNTS_V1 = (
    "cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0\n"
    "cgroup /sys/fs/cgroup/pids cgroup rw,relatime,pids 0 0\n"
    "cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0\n"
)
MOUNTS_V2 = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n/dev/sda1 / ext4 rw 0 0\n"


def _module(tmp_path: Path, go_mod: str, ldflags: str = "-s -w") -> versions.Module:
    (tmp_path / "thing").mkdir(exist_ok=True)
    (tmp_path / "thing" / "go.mod").write_text(go_mod)
    return versions.Module("thing", {"thing": "example.org/thing"}, ldflags, tmp_path)


def test_the_cache_key_changes_with_the_modules_files_and_with_the_link_flags(tmp_path: Path) -> None:
    go_mod = "module x\n\ngo 1.26.0\n"
    key = _module(tmp_path, go_mod).key()
    assert key == _module(tmp_path, go_mod).key()
    assert key != _module(tmp_path, go_mod, "-s").key()
    assert key != _module(tmp_path, go_mod.replace("26", "27")).key()


def test_the_pinned_module_and_the_version_the_binaries_say_are_the_same() -> None:
    go_mod = (versions.KUBERNETES_MODULE.directory / "go.mod").read_text()
    assert f"k8s.io/kubernetes {versions.KUBERNETES}" in go_mod
    staging = versions.KUBERNETES.replace("v1.", "v0.")
    replaced = [line.split() for line in go_mod.splitlines() if "=> k8s.io/" in line]
    assert len(replaced) == 31
    assert all(words[0] == words[2] and words[3] == staging for words in replaced)
    assert f"gitVersion={versions.KUBERNETES}" in versions.KUBERNETES_MODULE.ldflags
    assert f"server/v3 {versions.ETCD}" in (versions.ETCD_MODULE.directory / "go.mod").read_text()
    assert f"sigs.k8s.io/kind {versions.KIND}" in (versions.KIND_MODULE.directory / "go.mod").read_text()
    assert f"helm.sh/helm/v3 {versions.HELM}" in (versions.HELM_MODULE.directory / "go.mod").read_text()


def test_every_binary_is_a_tool_of_its_module() -> None:
    for module in (versions.KUBERNETES_MODULE, versions.ETCD_MODULE, versions.KIND_MODULE, versions.HELM_MODULE):
        go_mod = (module.directory / "go.mod").read_text()
        for package in module.binaries.values():
            assert package in go_mod.partition("tool")[2]


def test_too_old_a_go_is_refused_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = _module(tmp_path, "module x\n\ngo 1.99.0\n")
    monkeypatch.setenv("GOTOOLCHAIN", "local")
    with pytest.raises(ClusterError, match=r"Go 1\.99\.0 or newer.*GOTOOLCHAIN=auto"):
        tools.check_go(module)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ClusterError, match="no `go` is on PATH"):
        tools.check_go(module)


def test_without_any_program_every_package_is_missing_and_the_nodes_own_only_for_a_node(tmp_path: Path) -> None:
    def missing(control_plane_only: bool) -> list[str]:
        return packages.missing_packages(
            control_plane_only=control_plane_only, find=lambda _: None, cni_directories=[tmp_path]
        )

    assert missing(control_plane_only=True) == ["mount", "openssl", "util-linux"]
    assert {"containerd", "runc", "containernetworking-plugins", "openssl"} <= set(missing(control_plane_only=False))


def test_what_is_there_is_not_installed_again() -> None:
    assert packages.missing_packages(control_plane_only=True, find=lambda program: f"/usr/bin/{program}") == []


def test_a_cluster_is_known_by_the_plan_its_command_line_names_and_by_nothing_less() -> None:
    plan = Path("/x/.state/clusters/e2e/plan.json")
    assert processes.plan_of(processes.command(plan, sys.executable)) == plan
    assert processes.plan_of([sys.executable, "-I", str(processes.INIT), str(plan)]) == plan
    assert processes.plan_of(["vim", str(processes.INIT), "/x/notes.txt"]) is None
    assert processes.plan_of(["less", str(plan)]) is None
    assert processes.plan_of([""]) is None


def test_killing_a_cluster_that_does_not_run_says_so() -> None:
    assert processes.kill(Path("/nowhere/clusters/none/plan.json")) is False


def test_pods_go_into_the_first_versions_hierarchies_and_the_sweep_sees_both() -> None:
    v1 = [Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup/pids")]
    assert kernel.cgroup_mounts(MOUNTS_V1) == v1
    assert kernel.cgroup_mounts(MOUNTS_V1, every=True) == [*v1, Path("/sys/fs/cgroup/unified")]
    assert kernel.cgroup_mounts(MOUNTS_V2) == [Path("/sys/fs/cgroup")]


def test_mounts_below_a_directory_are_found_innermost_first_and_neighbours_are_not() -> None:
    mounts = (
        "tmpfs /s/a tmpfs rw 0 0\ntmpfs /s/a/b\\040c tmpfs rw 0 0\ntmpfs /sibling tmpfs rw 0 0\ntmpfs /s tmpfs rw 0 0\n"
    )
    assert kernel.mounts_below(Path("/s"), mounts) == ["/s/a/b c", "/s/a"]


def test_the_record_of_a_cluster_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    cluster = Cluster(
        "e2e", "local", False, tmp_path / "k", "https://10.1.1.1:1", "10.1.1.2", tmp_path / "a", tmp_path, tmp_path
    )
    model.save(cluster, tmp_path / "cluster.json")
    assert model.load(tmp_path / "cluster.json") == cluster


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "x"}'])
def test_a_record_that_was_cut_short_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "cluster.json").write_text(text)
    assert model.load(tmp_path / "cluster.json") is None


def _plane(tmp_path: Path, network: Network | None, *, with_controllers: bool) -> ControlPlane:
    names = [*versions.CONTROL_PLANE, *versions.NODE, "etcd"]
    for name in names:
        (tmp_path / name).touch()
    return ControlPlane(
        Layout("e2e", tmp_path / "clusters" / "e2e"),
        tools.Tools((tmp_path,)),
        Ports(20001, 20002, 20003, 20004, 20005),
        network,
        with_controllers,
    )


def test_a_control_plane_alone_stays_on_loopback_and_runs_two_programs(tmp_path: Path) -> None:
    services = control_plane.services(_plane(tmp_path, None, with_controllers=False))
    assert [service["name"] for service in services] == ["etcd", "kube-apiserver"]
    assert "--bind-address=127.0.0.1" in services[1]["argv"]
    assert "--disable-admission-plugins=ServiceAccount" in services[1]["argv"]


def test_a_node_keeps_its_addresses_to_its_own_block(tmp_path: Path) -> None:
    network = Network(ipaddress.IPv4Network("10.130.0.0/16"))
    plane = _plane(tmp_path, network, with_controllers=True)
    names = [service["name"] for service in control_plane.services(plane) + node.services(plane, network)]
    assert names == [
        "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "containerd", "kubelet", "kube-proxy",
    ]  # fmt: skip
    kubelet = node.kubelet_config(plane.layout, network)
    assert kubelet["address"] == "10.130.255.2"
    assert kubelet["cgroupRoot"] == plane.layout.cgroup


def test_the_first_process_starts_services_again_waits_for_what_they_need_and_ends_without_its_plan(
    tmp_path: Path,
) -> None:
    plan, marks = tmp_path / "plan.json", tmp_path / "marks"
    marks.mkdir()
    services = [
        {"name": "once", "argv": ["sh", "-c", f"mktemp {marks}/once.XXXXXX; exit 3"]},
        {"name": "never", "argv": ["sh", "-c", f"mktemp {marks}/never.XXXXXX"], "after": "127.0.0.1:1"},
    ]
    setup = [["mkdir", str(tmp_path / "made")]]
    plan.write_text(json.dumps({"setup": setup, "services": services, "logs": str(tmp_path / "logs")}))
    with subprocess.Popen([sys.executable, "-I", processes.INIT, plan], stdout=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 20
        while len(list(marks.glob("once.*"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        plan.unlink()
        said, _ = process.communicate(timeout=20)
    assert (tmp_path / "made").is_dir()
    assert len(list(marks.glob("once.*"))) >= 2
    assert list(marks.glob("never.*")) == []
    assert "once ended (3), starting it again" in said
    assert process.returncode == 0


def test_a_setup_command_that_fails_ends_the_first_process_with_its_message(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(
        json.dumps({"setup": [["sh", "-c", "echo no room >&2; exit 1"]], "services": [], "logs": str(tmp_path)})
    )
    done = subprocess.run([sys.executable, "-I", processes.INIT, plan], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no room" in done.stdout


def test_kinds_configuration_gets_the_audit_files_of_the_cluster(tmp_path: Path) -> None:
    layout = Layout("e2e", tmp_path / "clusters" / "e2e")
    rendered = kind.render_config((REPOSITORY / "kind-config.yaml").read_text(), layout)
    assert str(layout.logs) in rendered
    assert "./" not in "".join(line for line in rendered.splitlines() if "hostPath" in line)
    with pytest.raises(ClusterError, match="no longer mounts"):
        kind.render_config("kind: Cluster", layout)
