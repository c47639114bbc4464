"""Asking an API server over HTTPS as administrator, and waiting for an answer with a deadline."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hack.cluster.console import ClusterError


def get(kubeconfig: Path, path: str, timeout: float = 3) -> tuple[int, str]:
    """Status and body of a GET with the certificate in a kubeconfig (ours are JSON); OSError without an answer."""
    content: dict[str, Any] = json.loads(kubeconfig.read_text())
    cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    with tempfile.NamedTemporaryFile("wb") as pem:  # the ssl module reads client certificates from files alone
        pem.write(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
        pem.flush()
        context.load_cert_chain(pem.name)
    address = urlsplit(cluster["server"])
    connection = http.client.HTTPSConnection(str(address.hostname), address.port, timeout=timeout, context=context)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except http.client.HTTPException as error:
        raise ConnectionError(str(error)) from error
    finally:
        connection.close()


def api_ready(kubeconfig: Path) -> str:
    """Empty when the API server says it is ready, else what it says instead."""
    try:
        status, body = get(kubeconfig, "/readyz")
    except (OSError, ValueError, KeyError) as error:
        return f"API server: {error}"
    return "" if status == 200 else f"API server: {status} {body.strip().splitlines()[0] if body.strip() else ''}"


def node_ready(kubeconfig: Path, node: str) -> str:
    """Empty when the node's Ready condition is True, else the reason why not."""
    try:
        status, body = get(kubeconfig, f"/api/v1/nodes/{node}")
    except (OSError, ValueError, KeyError) as error:
        return f"node: {error}"
    if status != 200:
        return "node: not registered yet"
    conditions = json.loads(body).get("status", {}).get("conditions", [])
    ready = next((condition for condition in conditions if condition["type"] == "Ready"), None)
    if ready is None or ready["status"] != "True":
        return f"node: {ready['message'] if ready else 'no Ready condition yet'}"
    return ""


def exists(kubeconfig: Path, path: str) -> str:
    """Empty when a GET of `path` answers 200, else that it is missing."""
    try:
        status, _ = get(kubeconfig, path)
    except (OSError, ValueError, KeyError) as error:
        return f"{path}: {error}"
    return "" if status == 200 else f"{path}: {status}"


def wait(check: Callable[[], str], alive: Callable[[], bool], seconds: float, pause: float = 0.1) -> None:
    """Return when `check` gives an empty text; ClusterError with its last text after `seconds` or without `alive`."""
    end = time.monotonic() + seconds
    while said := check():
        if not alive():
            raise ClusterError(f"the cluster's first process ended while waiting ({said})")
        if time.monotonic() > end:
            raise ClusterError(f"not ready after {seconds:.0f} s: {said}")
        time.sleep(pause)
