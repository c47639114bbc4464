"""What the operator is told from outside the cluster's API: one frozen model, read once from the environment.

Every setting is `LEAKWARDEN_` and the field's name in upper case. Passed in where needed, never imported as a global.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from leakwarden.api.quantity import Quantity, QuantityBetween
from leakwarden.errors import InvalidSpec

PREFIX = "LEAKWARDEN_"


class Settings(BaseModel):
    """Defaults are for a process beside a cluster; the chart sets what differs in one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state_dir: Path = Field(default=Path("leakwarden-state"), description="Series and findings live here (SQLite).")
    namespace: str = Field(default="leakwarden", description="The operator's own namespace: its journal is there.")
    watch_namespaces: tuple[str, ...] = Field(default=(), description="Comma-separated; empty means every namespace.")
    kubeconfig: Path | None = Field(default=None, description="Absent: $KUBECONFIG or ~/.kube/config, else in-cluster.")
    listen: str = Field(default="127.0.0.1:8085", description="host:port of /metrics, /healthz and /readyz.")
    listen_file: Path | None = Field(default=None, description="Where the addresses listened on are written.")
    inspect: str = Field(default="127.0.0.1:8086", description="Reading port for people; loopback only. Empty: none.")
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR.")
    max_in_flight: Annotated[int, Field(ge=1, le=256)] = Field(default=16, description="Samples under way at most.")
    samples_per_second: Annotated[float, Field(gt=0)] = Field(default=100.0, description="Pace that is never passed.")
    decode_workers: Annotated[int, Field(ge=1, le=32)] = Field(default=1, description="Processes for big profiles.")
    metrics_targets: Annotated[int, Field(ge=0, le=10000)] = Field(
        default=100, description="Targets that have metrics of their own at most; 0: none."
    )
    record_dir: Path | None = Field(default=None, description="Every judged sample is written below it; empty: off.")
    record_max: Annotated[Quantity, QuantityBetween("16Mi", "1Pi")] = Field(
        default=Quantity("1Gi"), description="Bytes below record_dir at most: the oldest samples go first."
    )
    docs_url: Annotated[str, Field(max_length=160)] | None = Field(
        default=None, description="Where the pages of docs/ are served, for links in messages; empty: nowhere."
    )
    status_interval: Annotated[float, Field(gt=0)] = Field(default=2.0, description="Seconds between status writes.")

    leader_election: bool = Field(default=False, description="Of several operators only the one with the Lease acts.")
    lease_name: Annotated[str, Field(min_length=1, max_length=253)] = Field(
        default="leakwarden", description="The Lease in the operator's own namespace."
    )
    lease_duration: Annotated[int, Field(ge=2, le=600)] = Field(
        default=15, description="Seconds without a sign of life after which another takes over."
    )
    lease_renew_deadline: Annotated[float, Field(gt=0)] = Field(
        default=10.0, validate_default=True, description="Seconds for which the leader acts on one renewal."
    )
    lease_retry: Annotated[float, Field(gt=0)] = Field(
        default=2.0, validate_default=True, description="Seconds between two tries."
    )

    @field_validator("watch_namespaces", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("record_dir", "docs_url", mode="before")
    @classmethod
    def _off(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("log_level")
    @classmethod
    def _level(cls, value: str) -> str:
        if value.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
        return value.upper()

    @field_validator("listen")
    @classmethod
    def _listen(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise ValueError("must be host:port, like 0.0.0.0:8085")
        return value

    @field_validator("docs_url")
    @classmethod
    def _docs_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not re.fullmatch(r"https?://[!-~]+", value):
            raise ValueError("must be a URL, like https://git.example.org/leakwarden/blob/main/docs")
        return value.rstrip("/")

    @field_validator("lease_renew_deadline")
    @classmethod
    def _before_others_take_over(cls, value: float, info: ValidationInfo) -> float:
        """A quarter is left for clocks that run at different speeds."""
        duration = info.data.get("lease_duration")
        if duration is not None and value > 0.75 * duration:
            raise ValueError(f"must be at most three quarters of LEAKWARDEN_LEASE_DURATION, {duration} s")
        return value

    @field_validator("lease_retry")
    @classmethod
    def _more_than_one_try(cls, value: float, info: ValidationInfo) -> float:
        deadline = info.data.get("lease_renew_deadline")
        if deadline is not None and value > deadline / 2:
            raise ValueError(f"must be at most half of LEAKWARDEN_LEASE_RENEW_DEADLINE, {deadline:g} s")
        return value

    @field_validator("inspect")
    @classmethod
    def _inspect(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if value and (host not in ("127.0.0.1", "[::1]") or not port.isdigit() or int(port) > 65535):
            raise ValueError("must be a port on loopback, like 127.0.0.1:8086: who may forward to it may read it")
        return value

    @property
    def listen_host(self) -> str:
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def listen_port(self) -> int:
        return int(self.listen.rpartition(":")[2])

    @property
    def inspect_host(self) -> str:
        """Empty: nothing is listened on."""
        return self.inspect.rpartition(":")[0].strip("[]")

    @property
    def inspect_port(self) -> int:
        return int(self.inspect.rpartition(":")[2])


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Settings from `LEAKWARDEN_*`. An unusable value is an `InvalidSpec` that names the variable; a variable that is
    no setting is left alone."""
    values = {
        name.removeprefix(PREFIX).lower(): text
        for name, text in environment.items()
        if name.startswith(PREFIX) and name.removeprefix(PREFIX).lower() in Settings.model_fields
    }
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        variable = PREFIX + ".".join(str(part) for part in first["loc"]).upper()
        raise InvalidSpec(variable, first["msg"].removeprefix("Value error, ")) from error
