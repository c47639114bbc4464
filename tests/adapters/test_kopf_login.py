"""kopf is told where the API is and who we are by the same connection that everything else uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from leakwarden.adapters.kopf_login import kopf_login
from leakwarden.adapters.kube_config import load_connection
from leakwarden.errors import ApiError

CONFIG = """
apiVersion: v1
kind: Config
current-context: here
contexts: [{{name: here, context: {{cluster: here, user: me}}}}]
clusters: [{{name: here, cluster: {{server: "{scheme}://127.0.0.1:6443/", {cluster}}}}}]
users: [{{name: me, user: {{{user}}}}}]
"""


def kubeconfig(directory: Path, user: str, cluster: str = "", scheme: str = "http") -> str:
    path = directory / "config"
    path.write_text(CONFIG.format(user=user, cluster=cluster, scheme=scheme))
    return str(path)


async def test_a_token_is_handed_on_with_its_scheme(tmp_path: Path) -> None:
    info = await kopf_login(await load_connection(kubeconfig(tmp_path, "token: abc")))
    assert (info.server, info.scheme, info.token) == ("http://127.0.0.1:6443", "Bearer", "abc")
    assert not info.insecure


async def test_without_a_token_there_is_none(tmp_path: Path) -> None:
    info = await kopf_login(await load_connection(kubeconfig(tmp_path, "")))
    assert (info.scheme, info.token) == (None, None)


async def test_tls_that_is_not_to_be_verified_is_not(tmp_path: Path) -> None:
    info = await kopf_login(await load_connection(kubeconfig(tmp_path, "token: a", "insecure-skip-tls-verify: true")))
    assert info.insecure


async def test_client_certificates_are_handed_on_as_files(tmp_path: Path) -> None:
    connection = await load_connection(kubeconfig(tmp_path, ""))
    connection.config.cert_file, connection.config.key_file = "/pki/cert", "/pki/key"
    connection.config.ssl_ca_cert = "/pki/ca"
    info = await kopf_login(connection)
    assert (info.certificate_path, info.private_key_path, info.ca_path) == ("/pki/cert", "/pki/key", "/pki/ca")


async def test_a_certificate_that_is_none_is_an_api_error_that_names_the_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "ca").write_text("no certificate")
    path = kubeconfig(tmp_path, "token: a", f"certificate-authority: {tmp_path / 'ca'}", "https")
    with pytest.raises(ApiError, match=r"cannot load .*config"):
        await load_connection(path)


async def test_a_token_file_is_read_anew_when_kopf_asks_again(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first\n")
    connection = await load_connection(kubeconfig(tmp_path, f"tokenFile: {token}"))
    assert (await kopf_login(connection)).token == "first"


async def test_a_credential_that_cannot_be_had_is_an_api_error(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, f"tokenFile: {tmp_path / 'absent'}")
    with pytest.raises(ApiError, match=r"cannot (read|load)"):
        await kopf_login(await load_connection(path))
