"""What several of these tests share: the Go process to sample, built once; a certificate."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest

from tests.adapters.servers import FIXTURES


@pytest.fixture(scope="session")
def pprof_server(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The binary of tests/fixtures/pprofserver."""
    binary = tmp_path_factory.mktemp("bin") / "pprofserver"
    subprocess.run(["go", "build", "-o", str(binary), "."], cwd=FIXTURES / "pprofserver", check=True)
    return binary


@pytest.fixture
def certificate(tmp_path: Path) -> ssl.SSLContext:
    """A server's, for a name that nobody asks for."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = ("-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    files = ("-subj", "/CN=somebody", "-keyout", str(key), "-out", str(cert))
    subprocess.run(["openssl", "req", *made, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context
