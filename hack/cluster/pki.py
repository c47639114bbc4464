"""A throw-away certificate authority and the certificates of one cluster, made by the openssl program."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from hack.cluster.console import run

_DAYS = "3650"


@dataclass(frozen=True, slots=True)
class Certificate:
    """What one certificate says: common name (the user), organisation (the group), and names it serves under."""

    file: str
    common_name: str
    organisation: str = ""
    names: tuple[str, ...] = ()
    """`DNS:…` and `IP:…` entries; empty for a certificate that only a client shows."""

    @property
    def subject(self) -> str:
        group = f"/O={self.organisation}" if self.organisation else ""
        return f"{group}/CN={self.common_name}"


def make(directory: Path, certificates: list[Certificate]) -> None:
    """Write ca.crt, ca.key, the service account keys sa.key and sa.pub, and FILE.crt, FILE.key for each certificate."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    authority = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"]
    run([*_request(directory, "ca"), "-subj", "/CN=leakwarden-local-ca", *authority])
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(_sign, directory, certificate) for certificate in certificates]
        jobs.append(pool.submit(_service_account_key, directory))
        for job in jobs:
            job.result()


def _request(directory: Path, file: str) -> list[str]:
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-sha256", "-days", _DAYS]
    # The machine's own openssl.cnf may add extensions: use none.
    out = ["-keyout", str(directory / f"{file}.key"), "-out", str(directory / f"{file}.crt")]
    return ["openssl", "req", "-x509", "-config", str(_empty_config(directory)), *curve, *out]


def _sign(directory: Path, certificate: Certificate) -> None:
    usage = "clientAuth,serverAuth" if certificate.names else "clientAuth"
    extensions = [
        "basicConstraints=critical,CA:FALSE",
        f"extendedKeyUsage={usage}",
        "keyUsage=critical,digitalSignature",
    ]
    if certificate.names:
        extensions.append("subjectAltName=" + ",".join(certificate.names))
    signer = ["-CA", str(directory / "ca.crt"), "-CAkey", str(directory / "ca.key")]
    added = [word for extension in extensions for word in ("-addext", extension)]
    run([*_request(directory, certificate.file), "-subj", certificate.subject, *signer, *added])


def _service_account_key(directory: Path) -> None:
    key, public = directory / "sa.key", directory / "sa.pub"
    run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-out", key])
    run(["openssl", "pkey", "-in", key, "-pubout", "-out", public])


def _empty_config(directory: Path) -> Path:
    path = directory / "openssl.cnf"
    if not path.exists():
        path.write_text("[req]\ndistinguished_name = subject\nprompt = no\n[subject]\n")
    return path


def write_kubeconfig(out: Path, server: str, pki: Path, file: str) -> None:
    """A kubeconfig that needs no other file, for the client certificate FILE; mode 0600."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "leakwarden",
        "contexts": [{"name": "leakwarden", "context": {"cluster": "leakwarden", "user": file}}],
        "clusters": [
            {"name": "leakwarden", "cluster": {"server": server, "certificate-authority-data": _inline(pki / "ca.crt")}}
        ],
        "users": [
            {
                "name": file,
                "user": {
                    "client-certificate-data": _inline(pki / f"{file}.crt"),
                    "client-key-data": _inline(pki / f"{file}.key"),
                },
            }
        ],
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.touch(mode=0o600)
    out.write_text(json.dumps(content, indent=2))  # JSON is YAML


def _inline(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
