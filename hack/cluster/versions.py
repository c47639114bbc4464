"""Which versions the local cluster is made of, and the key under which their binaries are cached."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

KUBERNETES = "v1.35.4"
ETCD = "v3.6.8"
KIND = "v0.33.0"
HELM = "v3.20.2"

GOMODS = Path(__file__).resolve().parent.parent / "gomods"

_VERSION_PACKAGES = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")


@dataclass(frozen=True, slots=True)
class Module:
    """One Go module below hack/gomods and the binaries it gives (binary name -> package)."""

    name: str
    binaries: dict[str, str]
    ldflags: str = "-s -w"
    root: Path = GOMODS

    @property
    def directory(self) -> Path:
        return self.root / self.name

    def key(self) -> str:
        """Eight hex digits over everything that decides the binaries: the module's files and the link flags."""
        digest = hashlib.sha256(f"{self.ldflags} {sorted(self.binaries.items())}".encode())
        for path in sorted(self.directory.iterdir()):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()[:8]


def _kubernetes_ldflags(version: str) -> str:
    """Without these the binaries call themselves v0.0.0 and clients and kubelet refuse each other."""
    major, minor, _ = version.removeprefix("v").split(".")
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    flags = [f"-X {package}.{name}={value}" for package in _VERSION_PACKAGES for name, value in values.items()]
    return " ".join(["-s", "-w", *flags])


def _helm_ldflags(version: str, kubernetes: str) -> str:
    """`helm template` and `helm lint` believe in the Kubernetes that they were linked with, 1.20 if nobody says so."""
    major, minor, _ = kubernetes.removeprefix("v").split(".")
    flags = [f"-X helm.sh/helm/v3/internal/version.version={version}"]
    for package in ("pkg/lint/rules", "pkg/chartutil"):
        flags += [f"-X helm.sh/helm/v3/{package}.k8sVersion{part}" for part in (f"Major={major}", f"Minor={minor}")]
    return " ".join(["-s", "-w", *flags])


CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kubectl")
NODE = ("kube-scheduler", "kubelet", "kube-proxy")

KUBERNETES_MODULE = Module(
    "kubernetes",
    {name: f"k8s.io/kubernetes/cmd/{name}" for name in (*CONTROL_PLANE, *NODE)},
    _kubernetes_ldflags(KUBERNETES),
)
ETCD_MODULE = Module("etcd", {"etcd": "go.etcd.io/etcd/server/v3"})
PAUSE_MODULE = Module("pause", {"pause": "."})
KIND_MODULE = Module("kind", {"kind": "sigs.k8s.io/kind"})
HELM_MODULE = Module("helm", {"helm": "helm.sh/helm/v3/cmd/helm"}, _helm_ldflags(HELM, KUBERNETES))


def cache_directory() -> Path:
    """Where built binaries are kept between runs: $LEAKWARDEN_CACHE, else ~/.cache/leakwarden."""
    return Path(os.environ.get("LEAKWARDEN_CACHE") or Path.home() / ".cache" / "leakwarden").absolute()


def bin_directory(module: Module) -> Path:
    """The directory of one module's binaries; a changed version, go.sum or flag gives another one."""
    version = {"kubernetes": KUBERNETES, "etcd": ETCD, "kind": KIND, "helm": HELM}.get(module.name, "")
    return cache_directory() / "bin" / "-".join(part for part in (module.name, version, module.key()) if part)
