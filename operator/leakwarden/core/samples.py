"""What one attempt at one target brought back, whole: the reading, the raw bytes it came from, and who answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from leakwarden.core.gopls_info import GoplsInfo
from leakwarden.core.readings import Failure, Reading


@dataclass(frozen=True, slots=True)
class SampleResult:
    """`at` is the operator's clock (unix seconds) at request start, `latency` seconds from there to the end."""

    at: float
    latency: float
    outcome: Reading | Failure
    opening: float = 0.0
    """Seconds until the connection stood, 0 if it never did: the share of API server and node, whatever the process."""
    decoding: float = 0.0
    """Seconds of `latency` from the last byte until all was decoded, waiting for a worker process included."""
    parts: Mapping[str, bytes] = field(default_factory=dict)
    """Raw bytes by part name (`leakwarden.core.parts`), for recordings and evidence; drop them once recorded."""
    info: GoplsInfo = field(default_factory=GoplsInfo)
    """Who the process says it is, where it is gopls and IDENTITY was wanted."""
