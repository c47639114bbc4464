"""What `--url` means: a process that is reached directly."""

from __future__ import annotations

from urllib.parse import urlsplit

from leakwarden.api.words import Scheme, Transport
from leakwarden.core.targets import EndpointSpec, Target, TargetKey
from leakwarden.errors import InvalidSpec

PPROF = "/debug/pprof"


def parse_url(url: str, timeout: float, max_bytes: int) -> Target:
    """The target behind `http://host:port/debug/pprof`. Seconds for an attempt, bytes of a body. Raises InvalidSpec."""
    try:
        parts = urlsplit(url if "//" in url else f"//{url}", scheme="http")
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError) as error:
        raise InvalidSpec("--url", f"{url!r} is no http or https URL such as http://127.0.0.1:6060{PPROF}") from error
    if not parts.hostname or parts.query or parts.username:
        raise InvalidSpec("--url", f"{url!r}: wants host, port and path, such as http://127.0.0.1:6060{PPROF}")
    endpoint = EndpointSpec("pprof", port, parts.path.rstrip("/") or PPROF, Scheme(parts.scheme.upper()), None)
    key = TargetKey("", endpoint.name)
    return Target(key, "", parts.hostname, parts.hostname, endpoint, Transport.POD_IP, timeout, max_bytes)
