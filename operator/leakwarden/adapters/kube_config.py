"""Where the API server is and who we are there: from a kubeconfig, else from the pod's ServiceAccount.

Loading and credential plugins are those of the Kubernetes client; tokens from files are read again every minute, since
kubelet rotates them.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yaml import YAMLError

from leakwarden.adapters.kube_errors import cap
from leakwarden.errors import ApiError

TOKEN_PERIOD = 60.0
"""Seconds between looks at a token file or a credential plugin (which has its own expiry inside)."""

_OF_THE_POD = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(slots=True)
class KubeConnection:
    """`server` without a trailing slash. `headers()` carries the credential that holds at this moment."""

    server: str
    ssl_context: ssl.SSLContext | None
    proxy: str | None = None
    server_hostname: str | None = None
    """For TLS, where the kubeconfig names another (`tls-server-name`)."""
    config: Any = None
    """The client's own Configuration: where the certificate files are."""
    _loader: Any = None
    _token_file: Path | None = None
    _token: str = ""
    _checked_at: float = field(default=0.0)

    async def headers(self) -> dict[str, str]:
        """Authorization, fresh. Raises ApiError when a credential can no longer be had."""
        now = time.monotonic()
        if now - self._checked_at >= TOKEN_PERIOD:
            self._checked_at = now
            await self._refresh()
        return {"Authorization": self._token} if self._token else {}

    async def _refresh(self) -> None:
        try:
            if self._token_file is not None:
                self._token = f"Bearer {self._token_file.read_text().strip()}"
            elif self._loader is not None:
                await _refresh_plugin(self._loader)
                self._token = getattr(self._loader, "token", "") or ""
        except Exception as error:
            # Whatever a credential plugin raises, an earlier token may still be good: the API server is the judge.
            if not self._token:
                raise ApiError(f"cannot read the API credential: {cap(str(error))}") from error


async def _refresh_plugin(loader: Any) -> None:
    """Only what expires: exec plugins and auth providers keep their own expiry and do nothing while it is far."""
    user = loader._user.value if loader._user is not None else {}
    if "exec" in user or "auth-provider" in user:
        await asyncio.wait_for(loader._load_authentication(), 60)


async def load_connection(kubeconfig: str | None = None, context: str | None = None) -> KubeConnection:
    """By `kubeconfig` or $KUBECONFIG or ~/.kube/config where one exists, else in the cluster. Raises ApiError."""
    from kubernetes.aio import config
    from kubernetes.aio.client import Configuration

    configuration = Configuration()
    loader: Any
    token_file: Path | None
    path = _where(kubeconfig)
    in_cluster = not kubeconfig and "KUBERNETES_SERVICE_HOST" in os.environ and not _any_exists(path)
    if not in_cluster and not _any_exists(path):
        raise ApiError(f"cannot load {path}: there is no such file")
    try:
        if in_cluster:
            config.load_incluster_config(configuration, try_refresh_token=False)  # type: ignore[no-untyped-call]
            loader, token_file = None, Path(config.incluster_config.SERVICE_TOKEN_FILENAME)
        else:
            loader = await config.load_kube_config(  # type: ignore[no-untyped-call]
                path, context=context, client_configuration=configuration, persist_config=False
            )
            token_file = _token_file_of(loader, path)
        ssl_context = _ssl_context(configuration)
    except (config.ConfigException, OSError, TypeError, AttributeError, ValueError, YAMLError) as error:
        raise ApiError(f"cannot load {'the ServiceAccount' if in_cluster else path}: {_why(error)}") from error
    return KubeConnection(
        server=configuration.host.rstrip("/"),
        ssl_context=ssl_context,
        proxy=configuration.proxy,
        server_hostname=configuration.tls_server_name,
        config=configuration,
        _loader=loader,
        _token_file=token_file,
        _token=configuration.api_key.get("BearerToken", ""),
    )


def context_namespace(kubeconfig: str | None = None, context: str | None = None) -> str:
    """The namespace that a command means when it is told none: the context's, else that of the pod, else `default`.

    Raises ApiError.
    """
    path = _where(kubeconfig)
    if not _any_exists(path):
        try:
            return _OF_THE_POD.read_text().strip() or "default"
        except OSError:
            return "default"
    contexts, current = _contexts(path)
    found = next((one for one in contexts if one["name"] == (context or current)), {})
    return str((found.get("context") or {}).get("namespace") or "default")


def context_names(kubeconfig: str | None = None) -> list[str]:
    """Of the contexts that `context` may name. Raises ApiError."""
    return [str(one["name"]) for one in _contexts(_where(kubeconfig))[0]]


def _contexts(path: str) -> tuple[list[dict[str, Any]], str]:
    """All there are, and the name of the current one."""
    from kubernetes.aio import config

    try:
        contexts, current = config.list_kube_config_contexts(path)  # type: ignore[no-untyped-call]
    except (config.ConfigException, OSError, TypeError, AttributeError, ValueError, YAMLError) as error:
        raise ApiError(f"cannot load {path}: {_why(error)}") from error
    return contexts, str((current or {}).get("name") or "")


def _why(error: Exception) -> str:
    """The client library walks through whatever the YAML holds: an empty file, a list, another form of file."""
    what = "it is no kubeconfig: " if isinstance(error, TypeError | AttributeError | YAMLError) else ""
    return what + cap(str(error))


def _where(kubeconfig: str | None) -> str:
    return kubeconfig or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")


def _any_exists(paths: str) -> bool:
    return any(Path(path).expanduser().exists() for path in paths.split(os.pathsep) if path)


def _token_file_of(loader: Any, kubeconfig: str) -> Path | None:
    user = loader._user.value if loader._user is not None else {}
    if user.get("token") or not user.get("tokenFile"):
        return None
    return Path(kubeconfig.split(os.pathsep, maxsplit=1)[0]).parent / str(user["tokenFile"])


def _ssl_context(configuration: Any) -> ssl.SSLContext | None:
    if not configuration.host.startswith("https"):
        return None
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    # Cluster CAs are often made by tools that leave out extensions which strict mode (Python 3.13's default) asks for.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
