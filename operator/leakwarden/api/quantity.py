"""Quantities as they stand in a policy: Kubernetes' syntax (`64Mi`, `1500M`, `0.5`, `1000`), no sign, no exponent.

The sub-unit suffixes (`m`, `u`, `n`) are left out on purpose: `64m` bytes is 0.064 bytes, and never what was meant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

MAX_LENGTH = 20
PATTERN = r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?$"

_TEXT = re.compile(r"([0-9]+(?:\.[0-9]+)?)(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?")
_FACTORS = {"": 1}
_FACTORS.update({suffix: 1000**power for power, suffix in enumerate("kMGTP", start=1)})
_FACTORS.update({f"{prefix}i": 1024**power for power, prefix in enumerate("KMGTP", start=1)})


class Quantity(str):
    """The text as written; `value` is what it means. Raises ValueError on anything else."""

    __slots__ = ()

    def __new__(cls, text: str) -> Quantity:
        if len(text) > MAX_LENGTH or _TEXT.fullmatch(text) is None:
            raise ValueError(f"{text!r} is not a quantity such as 64Mi, 1500M or 1000{_hint(text)}")
        return super().__new__(cls, text)

    @property
    def value(self) -> float:
        match = _TEXT.fullmatch(self)
        assert match is not None  # noqa: S101 (__new__ made sure)
        return float(Decimal(match[1]) * _FACTORS[match[2] or ""])

    @classmethod
    def bytes(cls, value: float) -> Quantity:
        """A whole number below 10,000 of the smallest fitting binary unit: `bytes(1.5 * 2**30)` is `1536Mi`."""
        amount, suffix = max(0.0, value), ""
        for bigger in ("Ki", "Mi", "Gi", "Ti", "Pi"):
            if amount < 10_000:
                break
            amount, suffix = amount / 1024, bigger
        return cls(f"{round(amount)}{suffix}")

    @classmethod
    def _validate(cls, value: Any) -> Quantity:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise ValueError("must be an integer or a string such as 64Mi")  # noqa: TRY004 (pydantic wants ValueError)
        return cls(value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {
            "x-kubernetes-int-or-string": True,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "minimum": 0,
            "maxLength": MAX_LENGTH,
            "pattern": PATTERN,
        }


def _hint(text: str) -> str:
    if re.fullmatch(r"[0-9.]+m", text):
        return f" (m is a thousandth: did you mean {text[:-1]}M or {text[:-1]}Mi?)"
    return ""


@dataclass(frozen=True, slots=True)
class QuantityBetween:
    """An annotation that bounds a Quantity, in Python and, as a CEL rule with a plain message, in the CRD."""

    low: str
    high: str

    @property
    def message(self) -> str:
        return f"must be from {self.low} to {self.high}"

    def _check(self, value: Quantity) -> Quantity:
        if not Quantity(self.low).value <= value.value <= Quantity(self.high).value:
            raise ValueError(f"{value}: {self.message}")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        value = "quantity(string(self))"
        rule = f"{value}.compareTo(quantity('{self.low}')) >= 0 && {value}.compareTo(quantity('{self.high}')) <= 0"
        return {**handler(schema), "x-kubernetes-validations": [{"rule": rule, "message": self.message}]}
