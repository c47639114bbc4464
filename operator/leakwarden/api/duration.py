"""Durations as they stand in a policy: Go's syntax (`90s`, `1h30m`, `1.5h`), units h, m, s and ms; there is no day."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

MAX_LENGTH = 20
PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"
"""The schema's pattern; format `duration` alone would let `1 day` pass."""

_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class Duration(str):
    """The text as written; `seconds` is what it means. Raises ValueError on anything else."""

    __slots__ = ()

    def __new__(cls, text: str) -> Duration:
        if len(text) > MAX_LENGTH or re.fullmatch(PATTERN[1:-1], text) is None:
            raise ValueError(f"{text!r} is not a duration such as 90s, 15m or 1h30m (units h, m, s, ms)")
        return super().__new__(cls, text)

    @property
    def seconds(self) -> float:
        return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(self))

    @classmethod
    def of(cls, seconds: float) -> Duration:
        """The shortest usual form, in whole milliseconds: `of(5400)` is `1h30m`."""
        left = round(seconds * 1000)
        text = ""
        for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
            count, left = divmod(left, size)
            if count:
                text += f"{count}{unit}"
        return cls(text or "0s")

    @classmethod
    def _validate(cls, value: Any) -> Duration:
        if not isinstance(value, str):
            raise ValueError("must be a string such as 90s, 15m or 1h30m")  # noqa: TRY004 (pydantic wants ValueError)
        return cls(value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "format": "duration", "maxLength": MAX_LENGTH, "pattern": PATTERN}


@dataclass(frozen=True, slots=True)
class DurationBetween:
    """An annotation that bounds a Duration, in Python and, as a CEL rule with a plain message, in the CRD."""

    low: str
    high: str

    @property
    def message(self) -> str:
        return f"must be from {self.low} to {self.high}"

    def _check(self, value: Duration) -> Duration:
        if not Duration(self.low).seconds <= value.seconds <= Duration(self.high).seconds:
            raise ValueError(f"{value}: {self.message}")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        rule = f"self >= duration('{self.low}') && self <= duration('{self.high}')"
        return {**handler(schema), "x-kubernetes-validations": [{"rule": rule, "message": self.message}]}
