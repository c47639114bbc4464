"""The operator's own connection, in the form that kopf wants it: one place says where the API is and who we are."""

from __future__ import annotations

import kopf

from leakwarden.adapters.kube_config import KubeConnection


async def kopf_login(connection: KubeConnection) -> kopf.ConnectionInfo:
    """Asked at start, and again when the API server no longer takes the credential. Raises ApiError."""
    authorization = (await connection.headers()).get("Authorization", "")
    scheme, _, token = authorization.partition(" ")
    config = connection.config
    return kopf.ConnectionInfo(
        server=connection.server,
        ca_path=config.ssl_ca_cert,
        insecure=not config.verify_ssl,
        scheme=scheme or None,
        token=token or None,
        certificate_path=config.cert_file,
        private_key_path=config.key_file,
    )
